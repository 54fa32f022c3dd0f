//! A newer daemon may have statuses, outcomes, kinds of events, reasons and error codes that this program does not know: they are shown
//! as they are. An older one does not know what this program asks for.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};

use serde_json::Value;

use crate::harness::{Board, until};
use crate::talk::Talk;

/// What the daemon says, and what is made of it on its way; each pair has one length, so that the reply keeps its own.
type Invented = &'static [(&'static str, &'static str)];

const WORDS: Invented = &[
    ("\"status\":\"ready\"", "\"status\":\"raked\""),
    ("\"outcome\":\"completed\"", "\"outcome\":\"perfected\""),
    ("\"workspace_kind\":\"scratch\"", "\"workspace_kind\":\"balcony\""),
    ("\"scope\":\"task\"", "\"scope\":\"myth\""),
    ("\"state\":\"open\"", "\"state\":\"ajar\""),
    ("\"kind\":\"created\"", "\"kind\":\"baffled\""),
    ("\"reason\":\"unassigned\"", "\"reason\":\"moonstruck\""),
    ("\"dispatch\":\"paused\"", "\"dispatch\":\"becalm\""),
    ("\"before\":\"paused\"", "\"before\":\"becalm\""),
    ("\"held_by\":\"paused\"", "\"held_by\":\"becalm\""),
    ("\"health\":\"ok\"", "\"health\":\"hm\""),
];

const CODES: Invented = &[
    ("\"status\":\"ready\"", "\"status\":\"raked\""),
    ("\"code\":\"unknown_task\"", "\"code\":\"mislaid_task\""),
    ("\"code\":\"wrong_status\"", "\"code\":\"status_moody\""),
    ("\"code\":\"title_required\"", "\"code\":\"title_wanting\" "),
    ("\"code\":\"changed_meanwhile\"", "\"code\":\"overtaken_quietly\""),
];

const FAULTS: Invented = &[
    ("HTTP/1.1 404 ", "HTTP/1.1 507 "),
    ("\"code\":\"unknown_task\"", "\"code\":\"mislaid_task\""),
];

/// Replaces the words in a reply, chunk by chunk: no word is split, because a small reply is one chunk.
fn carry(mut from: UnixStream, mut to: UnixStream, invented: Invented) {
    let mut buffer = vec![0; 1 << 20];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let mut text = buffer[..count].to_vec();
        for (word, other) in invented {
            assert_eq!(word.len(), other.len(), "{word}");
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
fn newer_daemon(board: &Board, invented: Invented) -> String {
    other_daemon(board, &[], invented)
}

/// A socket behind which it also hears other words than it is asked with.
fn other_daemon(board: &Board, heard: Invented, said: Invented) -> String {
    let path = board.path("other.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let real = board.home().join("kanband.sock");
    std::thread::spawn(move || {
        for caller in listener.incoming().flatten() {
            let daemon = UnixStream::connect(&real).unwrap();
            let (up, down) = (caller.try_clone().unwrap(), daemon.try_clone().unwrap());
            std::thread::spawn(move || carry(up, daemon, heard));
            std::thread::spawn(move || carry(down, caller, said));
        }
    });
    path.display().to_string()
}

#[test]
fn words_of_a_newer_daemon_are_shown_as_they_are() {
    let board =
        Board::with("[dispatch]\nenabled = false\n[profiles.bad]\nargv = [\"/bin/false\"]\n");
    let ready = board.create("t", &[]);
    let done = board.create("d", &[]);
    board.say(["complete", &done, "--summary", "s"]).ok();
    let given_up = board.create("g", &["--assignee", "bad"]);
    board.say(["dispatch", "--failure-limit", "1"]).ok();
    until("the task to be given up", || (board.status(&given_up) == "blocked").then_some(()));
    let socket = newer_daemon(&board, WORDS);
    let say = |words: &[&str]| board.say_with(&[("KANBAN_SOCKET", &socket)], words).ok();
    for (words, shown) in [
        (&["list"][..], "raked"),
        (&["list", "--json"], "\"raked\""),
        (&["show", &ready], "raked"),
        (&["show", &ready], "balcony"),
        (&["show", &ready], "baffled"),
        (&["show", &ready, "--json"], "\"baffled\""),
        (&["show", &done, "--json"], "\"perfected\""),
        (&["runs", &done], "perfected"),
        (&["why", &ready], "raked"),
        (&["why", &ready, "--json"], "\"moonstruck\""),
        (&["edit", &ready, "--priority", "2", "--json"], "\"raked\""),
        (&["create", "u"], "raked"),
        (&["status"], "Boards"),
        (&["breakers"], "ajar"),
        (&["breakers", "--json"], "\"myth\""),
        (&["claim", &ready], "Claimed"),
        (&["pause"], "Dispatch is paused"),
        (&["pause", "--json"], "\"becalm\""),
        (&["status", "--json"], "\"becalm\""),
        (&["dispatch"], "Held: becalm"),
        (&["dispatch", "--json"], "\"becalm\""),
        (&["resume"], "Dispatch is on"),
    ] {
        let said = say(words);
        assert!(said.contains(shown), "{words:?}: {said}");
    }
    // Whether some check fails depends on the machine.
    let doctor = board.say_with(&[("KANBAN_SOCKET", &socket)], &["doctor"]).out;
    assert!(doctor.starts_with("hm    daemon "), "{doctor}");
    let doctor = board.say_with(&[("KANBAN_SOCKET", &socket)], &["doctor", "--json"]).out;
    assert!(doctor.contains("\"hm\""), "{doctor}");
}

#[test]
fn an_error_code_of_a_newer_daemon_is_a_refusal_with_its_own_message() {
    let board = Board::quiet();
    let ready = board.create("t", &[]);
    let done = board.create("d", &[]);
    board.say(["complete", &done]).ok();
    let lines = board.path("lines.jsonl");
    std::fs::write(&lines, "{\"title\": \"\"}\n").unwrap();
    let lines = lines.display().to_string();
    let socket = newer_daemon(&board, CODES);
    let say = |words: &[&str]| board.say_with(&[("KANBAN_SOCKET", &socket)], words);
    for (words, code, message) in [
        (&["show", "t_0"][..], "mislaid_task", "no such task: t_0"),
        (&["complete", &done], "status_moody", "cannot complete"),
        (&["reopen", &ready, &done], "status_moody", "not done"),
        (&["create", "--from-jsonl", &lines], "title_wanting", "title is required"),
        (
            &["edit", &ready, "--priority", "2", "--if-version", "99"],
            "overtaken_quietly",
            "changed",
        ),
        (&["block", &ready, "why", "--ids", "t_0"], "mislaid_task", "no such task: t_0"),
    ] {
        let said = say(&[words, &["--json"]].concat());
        assert_eq!(said.code, 1, "{words:?}: {said:?}");
        let object: Value = serde_json::from_str(&said.err).unwrap();
        let message_found = object["error"]["message"].as_str().unwrap();
        assert!(message_found.contains(message), "{words:?}: {said:?}");
        assert_eq!(object["error"]["code"], code, "{words:?}: {said:?}");
        if words[0] == "edit" {
            assert_eq!(object["error"]["task"]["status"], "raked", "{said:?}");
        }
    }
}

#[test]
fn an_error_code_of_a_newer_daemon_is_a_fault_where_its_status_says_so() {
    let board = Board::quiet();
    let socket = newer_daemon(&board, FAULTS);
    let said = board.say_with(&[("KANBAN_SOCKET", &socket)], &["show", "t_0", "--json"]);
    let message = said.failed(5);
    assert!(message.contains("mislaid_task") && message.contains("no such task: t_0"), "{message}");
}

/// A daemon from before logs came in frames: to it, `framed` is a word that it does not know.
const WITHOUT_FRAMES: [Invented; 2] = [
    &[("framed=true", "frbmed=true")],
    &[
        ("unknown field `frbmed`", "unknown field `framed`"),
        ("kanban-log-times:", "kanban-log-ticks:"),
    ],
];

#[test]
fn a_log_of_an_older_daemon_comes_as_text_and_without_times() {
    let board = Board::with_workers(&[(
        "dev",
        "printf 'one\\ntwo\\n'; until [ -e go ]; do sleep 0.05; done; printf 'three\\n'; kanban complete $KANBAN_TASK --summary s > /dev/null",
    )]);
    let id = board.create("t", &["--assignee", "dev"]);
    board.dispatch();
    let [heard, said] = WITHOUT_FRAMES;
    let socket = other_daemon(&board, heard, said);
    let variables = [("KANBAN_SOCKET", socket.as_str())];
    until("the first lines", || (board.say(["log", &id]).out == "one\ntwo\n").then_some(()));
    let refused = board.say_with(&variables, &["log", &id, "-t"]);
    let warning = "warning: the log of run 1 has no times: the daemon is older than this program and sends none\n";
    assert_eq!((refused.code, refused.out.as_str()), (0, "one\ntwo\n"));
    assert_eq!(refused.err, warning);

    let follow = Talk::start_with(&board, &variables, &["log", &id, "--follow", "-n", "1"]);
    assert_eq!(follow.line(), "two", "what was there, as far as it was asked for");
    std::fs::write(board.home().join("workspaces").join(&id).join("go"), "").unwrap();
    assert_eq!(follow.line(), "three");
    let ended = follow.end();
    assert_eq!((ended.code, ended.out.as_str(), ended.err.as_str()), (0, "", ""));
    let whole = board.say_with(&variables, &["log", &id, "--follow", "-t"]);
    assert_eq!((whole.out.as_str(), whole.err.as_str()), ("one\ntwo\nthree\n", warning));
}
