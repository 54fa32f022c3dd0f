//! `log --since`, `log --timestamps`: when a worker wrote what.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use kanband::api::client::Client;
use serde_json::Value;

use crate::harness::{Board, Said, quiet, until};
use crate::talk::Talk;

/// 2026-05-01 09:00:00 UTC.
const NINE: i64 = 1_777_626_000;

/// A task whose run is over and has printed these lines.
fn done(board: &Board) -> String {
    let id = board.create("t", &["--assignee", "dev"]);
    board.dispatch();
    board.say(["wait", &id]).ok();
    id
}

fn board() -> Board {
    Board::with_workers(&[(
        "dev",
        "printf 'one\\ntwo\\nthree\\n'; kanban complete $KANBAN_TASK --summary s > /dev/null",
    )])
}

/// The file with the times of the only log of a task.
fn times_of(board: &Board, id: &str) -> PathBuf {
    let folder = board.home().join("logs").join(id);
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let mut times: Vec<PathBuf> =
        files.filter(|file| file.extension().is_some_and(|ending| ending == "times")).collect();
    assert_eq!(times.len(), 1, "{times:?}");
    times.remove(0)
}

/// Has the lines be written at nine, at ten and at eleven.
fn set_times(board: &Board, id: &str) {
    let marks = [(0, 0), (4, 3_600), (8, 7_200)];
    let lines = marks.map(|(at, after)| format!("{at:020} {:013}\n", (NINE + after) * 1_000));
    std::fs::write(times_of(board, id), lines.concat()).unwrap();
}

fn in_utc(board: &Board, arguments: &[&str]) -> Said {
    board.say_with(&[("TZ", "UTC")], arguments)
}

const FIRST: &str = "2026-05-01T09:00:00+00:00 one\n";
const SECOND: &str = "2026-05-01T10:00:00+00:00 two\n";
const THIRD: &str = "2026-05-01T11:00:00+00:00 three\n";

#[test]
fn each_line_of_a_log_is_printed_with_its_time_and_a_log_begins_at_one() {
    let board = board();
    let id = done(&board);
    set_times(&board, &id);
    let ten = (NINE + 3_600).to_string();
    let eleven = (NINE + 7_200).to_string();
    let late = (NINE + 7_300).to_string();
    for (arguments, expected) in [
        (&["--timestamps"][..], [FIRST, SECOND, THIRD].concat()),
        (&["-t", "-n", "1"], THIRD.to_owned()),
        (&["-t", "--tail", "10"], [SECOND, THIRD].concat()),
        (&["--since", &ten], "two\nthree\n".to_owned()),
        (&["--since", "2026-05-01 10:00"], "two\nthree\n".to_owned()),
        (&["--since", "2026-05-01T11:00:00Z", "-t"], THIRD.to_owned()),
        (&["--since", &eleven, "--follow"], "three\n".to_owned()),
        (&["--since", &eleven, "--follow", "-t"], THIRD.to_owned()),
        (&["--follow", "-t", "-n", "2"], [SECOND, THIRD].concat()),
        (&["--since", &ten, "--tail", "6"], "three\n".to_owned()),
        (&["--since", &late], String::new()),
        (&["--since", "2026-05-01"], "one\ntwo\nthree\n".to_owned()),
    ] {
        let words: Vec<&str> = ["log", &id].iter().chain(arguments).copied().collect();
        assert_eq!(in_utc(&board, &words).ok(), expected, "{arguments:?}");
    }
    let json = in_utc(&board, &["log", &id, "-t", "--since", &eleven, "--json"]).json();
    assert_eq!(json["content"], THIRD);
    assert_eq!(json["omitted_bytes"], 8);
    let message = board.say(["log", &id, "--since", "soon"]).failed(2);
    assert!(message.contains("--since: malformed time \"soon\""), "{message}");
}

#[test]
fn the_api_puts_the_times_before_the_lines_or_sends_frames() {
    let board = board();
    let id = done(&board);
    set_times(&board, &id);
    let client = Client::at(board.home().join("kanband.sock"), None, false).unwrap();
    let read = |query: &[(&str, &str)]| {
        let reply = client.get_raw(&format!("/v1/tasks/{id}/log"), &query).unwrap();
        let header = |name: &str| reply.headers.get(name).map(|it| it.to_str().unwrap().to_owned());
        (String::from_utf8(reply.body.to_vec()).unwrap(), header("kanban-log-times"))
    };
    let (text, has_times) = read(&[("timestamps", "true"), ("tail", "6")]);
    assert_eq!(text, "2026-05-01T11:00:00.000Z three\n");
    assert_eq!(has_times.as_deref(), Some("true"));
    let (frames, _) = read(&[("framed", "true")]);
    let at = |after: i64| (NINE + after) * 1_000;
    let (first, second, third) = (at(0), at(3_600), at(7_200));
    assert_eq!(frames, format!("4 4 {first}\none\n8 4 {second}\ntwo\n14 6 {third}\nthree\n"));
    assert_eq!(read(&[]).1, None, "who asks for no times learns nothing about them");
}

#[test]
fn a_run_keeps_its_times_beside_its_log_and_for_its_owner_alone() {
    let board = board();
    let id = done(&board);
    let file = times_of(&board, &id);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o600);
    let text = std::fs::read_to_string(&file).unwrap();
    let opened_ms: i64 = text[21..34].parse().unwrap();
    let started_at = board.runs(&id)[0]["started_at"].as_i64().unwrap();
    // Both are read from one clock, the run's row after the log was opened or before.
    assert!((opened_ms / 1_000 - started_at).abs() < 60, "{text} {started_at}");
    for line in board.say(["log", &id, "-t"]).ok().lines() {
        let (time, word) = line.split_once(' ').unwrap();
        assert!(time.len() == 25 && ["one", "two", "three"].contains(&word), "{line}");
    }
    board.say(["archive", &id]).ok();
    let gone = until("gc to remove the task", || {
        let gone = board.say(["gc", "--older-than-days", "0", "--json"]).json();
        (gone["tasks"] == 1).then_some(gone)
    });
    assert_eq!(gone["logs"], 1, "the times are no log of their own");
    assert!(!file.exists());
}

#[test]
fn a_log_without_times_is_printed_with_a_warning_and_has_no_beginning_in_time() {
    let board = board();
    let id = done(&board);
    std::fs::remove_file(times_of(&board, &id)).unwrap();
    for follow in [&[][..], &["--follow"]] {
        let words: Vec<&str> = ["log", &id, "-t"].iter().chain(follow).copied().collect();
        let said = board.say(&words);
        assert_eq!((said.code, said.out.as_str()), (0, "one\ntwo\nthree\n"));
        let expected = "warning: the log of run 1 has no times: it was begun before this version, or they could not be written\n";
        assert_eq!(said.err, expected);
        let words: Vec<&str> =
            ["log", &id, "--since", "1h"].iter().chain(follow).copied().collect();
        let message = board.say(&words).failed(1);
        let expected = format!("since: the log of run 1 of {id} has no times");
        assert!(message.contains(&expected) && message.contains("hint: "), "{message}");
    }
}

/// Prints more than the log keeps, then waits for a file.
const MUCH: &str = "until [ -e \"$HOME/go1\" ]; do sleep 0.02; done; \
    head -c 60000 /dev/zero | tr '\\0' x; echo; echo two; \
    until [ -e \"$HOME/go2\" ]; do sleep 0.02; done; echo three; kanban complete \"$KANBAN_TASK\" --summary s > /dev/null";

#[test]
fn a_followed_log_that_lost_output_goes_on_at_its_place_after_a_restart() {
    let config = quiet()
        .with_worker("dev", "report", MUCH)
        .with("supervision.log_head_bytes", 4_096)
        .with("supervision.log_tail_bytes", 4_096);
    let mut board = Board::with(&config);
    let id = board.create("t", &["--assignee", "dev"]);
    board.dispatch();
    let log = Talk::start(&board, &["log", &id, "--follow"]);
    let go = |board: &Board, n: u8| std::fs::write(board.path(&format!("go{n}")), "").unwrap();
    go(&board, 1);
    let mut seen = String::new();
    until("the second line", || {
        seen.push_str(&log.line());
        seen.ends_with("two").then_some(())
    });
    assert!(seen.contains("bytes omitted] …"), "the log lost nothing: {} bytes", seen.len());
    board.kill();
    board.start();
    go(&board, 2);
    assert_eq!(log.line(), "three", "nothing is printed twice");
    assert_eq!(log.end().code, 0);
}

#[test]
fn a_log_is_followed_with_times_over_a_restart() {
    let script = "printf 'one\\ntw'; until [ -e \"$HOME/go1\" ]; do sleep 0.02; done; echo o; kanban complete \"$KANBAN_TASK\" --summary s > /dev/null";
    let mut board = Board::with_workers(&[("dev", script)]);
    let id = board.create("t", &["--assignee", "dev"]);
    board.dispatch();
    until("the log", || {
        board.say(["log", &id, "--json"]).json()["content"].as_str()?.ends_with("tw").then_some(())
    });
    let log = Talk::start(&board, &["log", &id, "-f", "-t"]);
    assert!(log.line().ends_with(" one"));
    board.kill();
    board.start();
    std::fs::write(board.path("go1"), "").unwrap();
    let second = log.line();
    let (time, word) = second.split_once(' ').unwrap();
    assert!(word == "two" && time.starts_with("20") && time.len() == 25, "{second}");
    assert_eq!(log.end().code, 0);
}

#[test]
fn a_log_of_a_run_that_prints_nothing_has_times_all_the_same() {
    let board =
        Board::with_workers(&[("dev", "kanban complete $KANBAN_TASK --summary s > /dev/null")]);
    let id = done(&board);
    let said: Said = board.say(["log", &id, "-t", "--since", "1h"]);
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (0, "", ""));
    let shown: Value = board.say(["log", &id, "-t", "--json"]).json();
    assert_eq!(shown["content"], "");
}
