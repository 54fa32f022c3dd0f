//! Bad input: one clear line, the right exit code, nothing changed.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use crate::harness::{Board, Location};

#[test]
fn what_is_too_large_or_not_text_is_refused() {
    let board = Board::quiet();
    let create = ["create", "t", "--body", "-"];
    let limit = 1024 * 1024;
    let message = board.say_from(&vec![b'x'; limit + 1], &create).failed(1);
    assert!(message.contains("body is too large"), "{message}");
    let message = board.say_from(b"a\0b", &create).failed(1);
    assert!(message.contains("NUL"), "{message}");
    let message = board.say_from(b"a\xffb", &create).failed(2);
    assert!(message.contains("UTF-8"), "{message}");
    let title = "x".repeat(5000);
    let message = board.say(["create", &title]).failed(1);
    assert!(message.contains("title is too large") && message.len() < 400, "{message}");
    assert_eq!(board.everything().len(), 0);
    board.say_from(&vec![b'x'; limit], &create).ok();
}

#[test]
fn arguments_that_are_not_utf_8_are_a_usage_error() {
    let board = Board::quiet();
    let bad = OsStr::from_bytes(b"caf\xe9");
    for arguments in [
        &[OsStr::new("create"), bad][..],
        &[OsStr::new("show"), bad],
        &[OsStr::new("create"), OsStr::new("t"), OsStr::new("--assignee"), bad],
        &[bad],
    ] {
        let said = board.say(arguments);
        assert_eq!(said.code, 2, "{arguments:?} {said:?}");
        assert!(said.err.starts_with("error: ") && !said.err.contains("panicked"), "{said:?}");
    }
    assert_eq!(board.everything().len(), 0);
}

#[test]
fn surroundings_that_cannot_be_used_are_told() {
    let location = Location::new();
    let long = format!("/tmp/{}", "x".repeat(200));
    let message = location.say_with(&[("KANBAN_SOCKET", &long)], &["list"]).failed(2);
    assert!(message.contains("maximum 107"), "{message}");
    let nowhere = location.path("no/where");
    let said = location.say_with(&[("KANBAN_HOME", nowhere.to_str().unwrap())], &["list"]);
    let message = said.failed(4);
    assert!(message.contains("no/where/kanband.sock"), "{message}");
    let mut command = location.command(["list"]);
    command.env("KANBAN_HOME", OsStr::from_bytes(b"/tmp/\xff"));
    let ended = command.output().unwrap();
    assert_eq!(ended.status.code(), Some(2));
    assert!(String::from_utf8(ended.stderr).unwrap().contains("KANBAN_HOME is not valid UTF-8"));
}

#[test]
fn something_else_behind_the_socket_is_told_and_not_waited_for() {
    let location = Location::new();
    let socket = location.path("other.sock");
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let answer = std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        let _read = stream.read(&mut request).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello").unwrap();
    });
    let said = location.say_with(&[("KANBAN_SOCKET", socket.to_str().unwrap())], &["list"]);
    let message = said.failed(5);
    assert!(message.contains("cannot parse the daemon's reply"), "{message}");
    answer.join().unwrap();
}

#[test]
fn a_connection_that_breaks_during_an_upload_is_told_as_one_and_nothing_else_is_tried() {
    let location = Location::new();
    let (socket, file) = (location.path("other.sock"), location.path("backup.db"));
    std::fs::write(&file, vec![b'x'; 4 * 1024 * 1024]).unwrap();
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let hang_up = std::thread::spawn(move || {
        use std::io::Read as _;
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        let _read = stream.read(&mut request).unwrap();
    });
    let arguments = ["restore", file.to_str().unwrap(), "--yes"];
    let said = location.say_with(&[("KANBAN_SOCKET", socket.to_str().unwrap())], &arguments);
    let message = said.failed(4);
    assert!(message.contains("the connection to the daemon was lost"), "{message}");
    assert!(!message.contains("parse") && !message.contains("versions"), "{message}");
    assert!(!location.home().join("kanban.db").exists(), "nothing was restored without a daemon");
    hang_up.join().unwrap();
}
