//! The front page's first task, pasted into an interactive shell: all lines at once, as a terminal sends them, without a pause.

use crate::blocks::{Kind, blocks, page};
use crate::harness::pasted;

/// Interactive shells, and how each is asked for.
const SHELLS: &[&[&str]] = &[&["bash", "--noprofile", "--norc", "-i"], &["dash", "-i"]];

/// The first block of a page that is to be copied.
fn first_block(path: &str) -> String {
    let found = blocks(&page(path)).unwrap();
    found.into_iter().find(|block| block.kind == Kind::Commands).unwrap().text
}

/// Words that the front page has at most.
const FRONT_PAGE_WORDS_MAX: usize = 600;

#[test]
fn the_front_page_is_read_in_three_minutes() {
    let words = page("README.md").split_whitespace().count();
    assert!(words <= FRONT_PAGE_WORDS_MAX, "{words} words");
}

#[test]
fn the_first_task_of_the_front_page_is_done_when_its_lines_are_pasted_at_once() {
    let block = first_block("README.md");
    assert_eq!(block.lines().count(), 5, "{block}");
    for shell in SHELLS {
        // The line as it is typed differs from what it prints.
        let end = "kill \"$(cat \"$KANBAN_HOME/lock\")\"; echo ended:$?\n";
        let text = format!("{block}echo over:$?\n{end}");
        let shown = pasted(shell, &text, "ended:0")
            .unwrap_or_else(|shown| panic!("{shell:?} did not come to the end:\n{shown}"));
        assert!(shown.contains("\nover:0\n"), "{shell:?}: {shown}");
        for wrong in ["error: ", "not found", "unexpected", "No such file", "Which?"] {
            assert!(!shown.contains(wrong), "{shell:?}: {wrong}: {shown}");
        }
        let is_done = shown.lines().any(|line| line.starts_with("t_") && line.ends_with(" done"));
        assert!(is_done && shown.contains("A haiku is in haiku.txt"), "{shell:?}: {shown}");
        assert!(shown.contains("kanband runs in the background"), "{shell:?}: {shown}");
    }
}

#[test]
fn a_daemon_in_the_background_is_not_stopped_for_what_it_logs_to_its_terminal() {
    // The terminal stops jobs of the background that write to it.
    let text = "stty tostop\nkanban init </dev/null\nkanband &\nkanban create t\nkill $!; wait $!; echo ended:$?\n";
    let shown = pasted(SHELLS[0], text, "ended:0")
        .unwrap_or_else(|shown| panic!("it did not come to the end:\n{shown}"));
    assert!(shown.contains("Created t_") && shown.contains("kanband is ready"), "{shown}");
}
