//! The front page's first board, pasted into an interactive shell: all lines at once, as a terminal sends them, without a pause.

use crate::blocks::{Kind, blocks, page};
use crate::harness::pasted;

/// Interactive shells, and how each is asked for.
const SHELLS: &[&[&str]] = &[&["bash", "--noprofile", "--norc", "-i"], &["dash", "-i"]];

/// The first block of a page that is to be copied.
fn first_block(path: &str) -> String {
    let found = blocks(&page(path)).unwrap();
    found.into_iter().find(|block| block.kind == Kind::Commands).unwrap().text
}

#[test]
fn the_first_board_of_the_front_page_works_when_it_is_pasted_at_once() {
    let block = first_block("README.md");
    for shell in SHELLS {
        // The line as it is typed differs from what it prints.
        let text = format!("{block}echo over:$?\nkill $!; wait $!; echo ended:$?\n");
        let shown = pasted(shell, &text, "ended:0")
            .unwrap_or_else(|shown| panic!("{shell:?} did not come to the end:\n{shown}"));
        assert!(shown.contains("\nover:0\n"), "{shell:?}: {shown}");
        for wrong in ["error: ", "not found", "unexpected", "No such file"] {
            assert!(!shown.contains(wrong), "{shell:?}: {wrong}: {shown}");
        }
        let is_done = shown.lines().any(|line| line.starts_with("t_") && line.ends_with(" done"));
        assert!(is_done && shown.contains("completed"), "{shell:?}: {shown}");
        let entries = std::fs::read_dir("/").unwrap().map(|entry| entry.unwrap().file_name());
        let count = entries.filter(|name| !name.as_encoded_bytes().starts_with(b".")).count();
        let count = count.to_string();
        assert!(shown.lines().any(|line| line.trim() == count), "{shell:?}, {count}: {shown}");
    }
}

#[test]
fn a_daemon_in_the_background_is_not_stopped_for_what_it_logs_to_its_terminal() {
    let block = first_block("README.md");
    // The terminal stops jobs of the background that write to it.
    let text = format!("stty tostop\n{block}kill $!; wait $!; echo ended:$?\n");
    let shown = pasted(SHELLS[0], &text, "ended:0")
        .unwrap_or_else(|shown| panic!("it did not come to the end:\n{shown}"));
    assert!(shown.contains("completed") && shown.contains("kanband is ready"), "{shown}");
}
