//! A newer daemon may have statuses, outcomes, kinds of events and reasons that this program does not know: they are shown as they are.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};

use crate::harness::Board;

/// What the daemon says, and what is made of it on its way; each pair has one length, so that the reply keeps its own.
const INVENTED: [(&str, &str); 4] = [
    ("\"status\":\"ready\"", "\"status\":\"raked\""),
    ("\"outcome\":\"completed\"", "\"outcome\":\"perfected\""),
    ("\"kind\":\"created\"", "\"kind\":\"baffled\""),
    ("\"reason\":\"unassigned\"", "\"reason\":\"moonstruck\""),
];

/// Replaces the words in a reply, chunk by chunk: no word is split, because a small reply is one chunk.
fn carry(mut from: UnixStream, mut to: UnixStream, invents: bool) {
    let mut buffer = vec![0; 1 << 20];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let mut text = buffer[..count].to_vec();
        for (word, other) in INVENTED.iter().filter(|_| invents) {
            assert_eq!(word.len(), other.len());
            let found: Vec<usize> =
                (0..text.len()).filter(|at| text[*at..].starts_with(word.as_bytes())).collect();
            for at in found {
                text[at..at + word.len()].copy_from_slice(other.as_bytes());
            }
        }
        if to.write_all(&text).is_err() {
            break;
        }
    }
    drop(to.shutdown(Shutdown::Both));
}

/// A socket behind which the daemon of the board speaks with invented words.
fn newer_daemon(board: &Board) -> String {
    let path = board.path("newer.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let real = board.home().join("kanband.sock");
    std::thread::spawn(move || {
        for caller in listener.incoming().flatten() {
            let daemon = UnixStream::connect(&real).unwrap();
            let (up, down) = (caller.try_clone().unwrap(), daemon.try_clone().unwrap());
            std::thread::spawn(move || carry(up, daemon, false));
            std::thread::spawn(move || carry(down, caller, true));
        }
    });
    path.display().to_string()
}

#[test]
fn words_of_a_newer_daemon_are_shown_as_they_are() {
    let board = Board::quiet();
    let ready = board.create("t", &[]);
    let done = board.create("d", &[]);
    board.say(["complete", &done, "--summary", "s"]).ok();
    let socket = newer_daemon(&board);
    let say = |words: &[&str]| board.say_with(&[("KANBAN_SOCKET", &socket)], words).ok();
    for (words, shown) in [
        (&["list"][..], "raked"),
        (&["list", "--json"], "\"raked\""),
        (&["show", &ready], "raked"),
        (&["show", &ready], "baffled"),
        (&["show", &ready, "--json"], "\"baffled\""),
        (&["show", &done, "--json"], "\"perfected\""),
        (&["runs", &done], "perfected"),
        (&["why", &ready], "raked"),
        (&["why", &ready, "--json"], "\"moonstruck\""),
        (&["edit", &ready, "--priority", "2", "--json"], "\"raked\""),
        (&["create", "u"], "raked"),
        (&["status"], "Boards"),
    ] {
        let said = say(words);
        assert!(said.contains(shown), "{words:?}: {said}");
    }
}
