//! Calls of `kanban` in commands that are not run: read by the same parser as the real ones.

use clap::Parser as _;
use clap::error::ErrorKind;
use kanband::cli::Arguments;

/// Words that end a command.
const ENDS: [&str; 6] = ["|", "||", "&&", ";", "&", "do"];

/// What may stand before a command.
const BEFORE: [&str; 5] = ["sudo", "if", "then", "!", "exec"];

/// The calls that the parser refuses, with what it says.
pub fn wrong_calls(text: &str) -> Vec<String> {
    let joined = text.replace("\\\n", " ");
    let mut wrong = Vec::new();
    for line in joined.lines() {
        for call in calls(line) {
            match Arguments::try_parse_from(&call) {
                Ok(_) => {}
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
                    ) => {}
                Err(error) => wrong.push(format!("{}: {error}", call.join(" "))),
            }
        }
    }
    wrong
}

/// The calls of `kanban` in a line.
fn calls(line: &str) -> Vec<Vec<String>> {
    let words = shlex::split(line).unwrap_or_default();
    let is_end = |word: &String| ENDS.contains(&word.as_str());
    words.split(is_end).filter_map(call).collect()
}

fn call(words: &[String]) -> Option<Vec<String>> {
    let mut words = words.iter().map(String::as_str).peekable();
    loop {
        let word = words.peek()?;
        if BEFORE.contains(word) || (word.contains('=') && !word.starts_with('-')) {
            words.next();
        } else if *word == "-u" {
            // Of sudo.
            words.nth(1);
        } else {
            break;
        }
    }
    let is_redirection =
        |word: &&str| word.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with(['>', '<']);
    let taken: Vec<String> =
        words.take_while(|word| !is_redirection(word)).map(str::to_owned).collect();
    (taken.first()? == "kanban").then_some(taken)
}

#[test]
fn calls_are_found_wherever_they_stand_in_a_line() {
    for (line, expected) in [
        ("kanban list | head", &[&["kanban", "list"][..]][..]),
        (
            "sudo -u kanband kanban list && kanban stats > x",
            &[&["kanban", "list"], &["kanban", "stats"]],
        ),
        ("A=1 kanban show t_1 # what", &[&["kanban", "show", "t_1"]]),
        ("echo kanban list", &[]),
        ("systemctl status kanband", &[]),
    ] {
        assert_eq!(calls(line), expected, "{line}");
    }
    assert_eq!(
        wrong_calls("kanban list --status ready\nkanban gc \\\n --dry-run\n"),
        [] as [String; 0]
    );
    assert_eq!(wrong_calls("kanban lsit\nkanban list --stat ready\n").len(), 2);
}
