//! `--body-file`: bodies and comments that are in a file.

use serde_json::Value;

use crate::harness::{Board, Said};

/// Most bytes of a body.
const BODY_BYTES_MAX: usize = kanband::kernel::limits::BODY_BYTES_MAX;

fn comment_of(board: &Board, id: &str) -> Value {
    let mut shown = board.say(["show", id, "--json"]).json();
    shown["comments"].as_array_mut().unwrap().pop().unwrap()["body"].take()
}

#[test]
fn a_body_and_a_comment_are_read_from_a_file_or_from_stdin() {
    let board = Board::quiet();
    let file = board.path("brief.md").display().to_string();
    std::fs::write(&file, "# Brief\n\nGrüße\n").unwrap();
    let id = board.create("t", &["--body-file", &file]);
    assert_eq!(board.task(&id)["body"], "# Brief\n\nGrüße\n", "as create --body - takes it");
    board.say_from(b"from a pipe\n", &["edit", &id, "--body-file", "-"]).ok();
    assert_eq!(board.task(&id)["body"], "from a pipe\n");
    let other = board.create("other", &[]);
    board.say(["comment", &id, &other, "--body-file", &file]).ok();
    for id in [&id, &other] {
        assert_eq!(comment_of(&board, id), "# Brief\n\nGrüße");
    }
    board.say_from(b"a line\n", &["comment", &id, "--body-file", "-"]).ok();
    assert_eq!(comment_of(&board, &id), "a line");
    std::fs::write(&file, "-").unwrap();
    board.say(["comment", &id, "--body-file", &file]).ok();
    assert_eq!(comment_of(&board, &id), "-", "a file is not read as a word");
    let add = ["schedules", "add", "s", "--cron", "@daily", "--title", "t", "--body-file", &file];
    board.say(add).ok();
    assert_eq!(
        board.say(["schedules", "show", "s", "--json"]).json()["schedule"]["task"]["body"],
        "-"
    );
}

#[test]
fn a_file_that_is_no_body_is_refused_in_one_line_and_changes_nothing() {
    let board = Board::quiet();
    let id = board.create("t", &["--body", "before"]);
    let path = |name: &str| board.path(name).display().to_string();
    let (missing, folder, bytes, long) =
        (path("missing"), path("folder"), path("bytes"), path("long"));
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(&bytes, b"ab\xff").unwrap();
    std::fs::write(&long, "x".repeat(BODY_BYTES_MAX + 1)).unwrap();
    for (file, code, expected) in [
        (&missing, 2, format!("--body-file: cannot read {missing}: No such file or directory")),
        (&folder, 2, format!("--body-file: cannot read {folder}: Is a directory")),
        (&bytes, 2, format!("--body-file: {bytes} is not valid UTF-8 (byte 2)")),
        (&long, 1, format!("body is too large: more than {BODY_BYTES_MAX} bytes in {long}")),
    ] {
        for verb in [&["create", "t"][..], &["edit", &id], &["comment", &id]] {
            let words: Vec<&str> = verb.iter().copied().chain(["--body-file", file]).collect();
            let message = board.say(&words).failed(code);
            assert!(message.contains(&expected), "{verb:?}: {message}");
        }
    }
    for verb in [&["create", "t"][..], &["edit", &id], &["comment", &id]] {
        let words = verb.iter().copied().chain(["--body-file", "x", "--body", "y"]);
        assert!(board.say(words).failed(2).contains("cannot be used with"), "{verb:?}");
    }
    let said: Said = board.say_from(b"{}", &["create", "--from-jsonl", "-", "--body-file", "x"]);
    assert!(said.failed(2).contains("cannot be used with"));
    assert_eq!(board.task(&id)["body"], "before");
    assert_eq!(board.say(["list", "--json"]).json().as_array().unwrap().len(), 1);
    std::fs::write(&long, "x".repeat(BODY_BYTES_MAX)).unwrap();
    board.say(["edit", &id, "--body-file", &long]).ok();
    assert_eq!(board.task(&id)["body"].as_str().unwrap().len(), BODY_BYTES_MAX);
}

#[test]
fn a_chat_has_no_files() {
    let board = Board::quiet();
    let id = board.create("t", &[]);
    for words in [&["create", "t"][..], &["edit", &id], &["comment", &id]] {
        let words = [words, &["--body-file", "/etc/hostname"]].concat().join(" ");
        let said = board.say(["slash", &words]);
        let text = format!("{}{}", said.out, said.err);
        assert!(text.contains("it reads or writes local files"), "{words}: {text}");
    }
}
