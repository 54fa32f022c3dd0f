//! Lines of every kind on the real program's input: each that may be a request gets an answer, and the server goes on.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::client::Mcp;
use crate::harness::{Board, until};

/// A line and the error codes, by id, that it has to be answered with.
type Wrong = (Vec<u8>, Vec<(Value, i64)>);

fn comment(id: &str, task: &str, body: &str) -> Vec<u8> {
    let text = format!(
        "{{\"params\":{{\"name\":\"kanban_comment\",\"arguments\":{{\"task_id\":\"{task}\",\"body\":BODY}}}},\
         \"jsonrpc\":\"2.0\",\"method\":\"tools/call\",\"id\":{id}}}"
    );
    text.replace("BODY", body).into_bytes()
}

/// Lines that no JSON reader takes, all of which have an id.
fn unreadable(task: &str) -> Vec<Wrong> {
    let mut no_text = comment("12", task, "\"caf?\"");
    for byte in &mut no_text {
        if *byte == b'?' {
            *byte = 0xe9;
        }
    }
    let nested = format!("{}{}", "[".repeat(200), "]".repeat(200));
    vec![
        (comment("11", task, "\"cut \\ud83d\""), vec![(json!(11), -32700)]),
        (no_text, vec![(json!(12), -32700)]),
        (comment("13", task, "NaN"), vec![(json!(13), -32700)]),
        (comment("\"15\"", task, &nested), vec![(json!("15"), -32700)]),
        (
            b"{\"id\":16,\"jsonrpc\":\"2.0\",\"method\":\"tools/call\"".to_vec(),
            vec![(json!(16), -32700)],
        ),
        (b"words".to_vec(), vec![(json!(null), -32700)]),
        (b"\x00\xff\xfe".to_vec(), vec![(json!(null), -32700)]),
    ]
}

/// Lines that are JSON and no request, or a request that is wrong.
fn no_requests(task: &str) -> Vec<Wrong> {
    let batch = format!(
        "[{},{{\"jsonrpc\":\"2.0\",\"id\":\"b\",\"method\":\"ping\"}}]",
        String::from_utf8(comment("21", task, "\"b\"")).unwrap()
    );
    let without_id =
        String::from_utf8(comment("0", task, "\"b\"")).unwrap().replace(",\"id\":0", "");
    vec![
        (batch.into_bytes(), vec![(json!(21), -32600), (json!("b"), -32600)]),
        (b"[]".to_vec(), vec![(json!(null), -32600)]),
        (without_id.into_bytes(), vec![(json!(null), -32600)]),
        (comment("1.5", task, "\"b\""), vec![(json!(1.5), -32600)]),
        (comment("null", task, "\"b\""), vec![(json!(null), -32600)]),
        (comment("{\"a\":1}", task, "\"b\""), vec![(json!(null), -32600)]),
        (b"{\"jsonrpc\":\"2.0\",\"id\":22,\"method\":7}".to_vec(), vec![(json!(22), -32600)]),
        (b"{\"id\":23,\"method\":\"ping\"}".to_vec(), vec![(json!(23), -32600)]),
        (b"{\"jsonrpc\":\"2.0\",\"id\":24,\"method\":\"tools/dance\"}".to_vec(), vec![(json!(24), -32601)]),
        (
            b"{\"jsonrpc\":\"2.0\",\"id\":25,\"method\":\"notifications/cancelled\"}".to_vec(),
            vec![(json!(25), -32601)],
        ),
        (
            b"{\"jsonrpc\":\"2.0\",\"id\":26,\"method\":\"tools/call\",\"params\":{\"name\":\"kanban_show\",\"arguments\":\"{}\"}}"
                .to_vec(),
            vec![(json!(26), -32602)],
        ),
        (
            b"{\"jsonrpc\":\"2.0\",\"id\":27,\"method\":\"tools/call\",\"params\":{\"arguments\":{}}}".to_vec(),
            vec![(json!(27), -32602)],
        ),
        (
            b"{\"jsonrpc\":\"2.0\",\"id\":28,\"method\":\"tools/call\",\"params\":{\"name\":\"kanban_attachments\"}}".to_vec(),
            vec![(json!(28), -32602)],
        ),
        (
            b"{\"jsonrpc\":\"2.0\",\"id\":29,\"method\":\"tools/list\",\"params\":[]}".to_vec(),
            vec![(json!(29), -32602)],
        ),
    ]
}

#[test]
fn every_line_that_may_be_a_request_is_answered_by_its_id_with_the_code_of_its_kind() {
    let board = Board::quiet();
    let task = board.create("t", &[]);
    let mut mcp = Mcp::start(&board, &["--orchestrator"], &[("KANBAN_TASK", &task)]);
    let before = board.everything();
    for (line, expected) in unreadable(&task).into_iter().chain(no_requests(&task)) {
        let shown = String::from_utf8_lossy(&line).into_owned();
        mcp.send_bytes(&line);
        mcp.send_bytes(b"\n");
        for (id, code) in expected {
            let answer = mcp.line().unwrap();
            assert_eq!(
                (&answer["id"], &answer["error"]["code"]),
                (&id, &json!(code)),
                "{shown}: {answer}"
            );
            assert_eq!(answer["jsonrpc"], "2.0");
        }
    }
    // JSON, if a large number: it reaches the tool, which wants a text.
    mcp.send_bytes(&comment("14", &task, "1e400"));
    mcp.send_bytes(b"\n");
    let answer = mcp.line().unwrap();
    assert_eq!(
        (&answer["id"], &answer["result"]["isError"]),
        (&json!(14), &json!(true)),
        "{answer}"
    );
    // None of it was answered twice, and nothing was done.
    assert_eq!(mcp.ok("kanban_show", json!({}))["task"]["id"], task.as_str());
    assert_eq!(board.everything(), before);
}

#[test]
fn a_line_without_end_is_answered_by_the_id_behind_it() {
    let board = Board::quiet();
    let task = board.create("t", &[]);
    let mut mcp = Mcp::start(&board, &["--orchestrator"], &[("KANBAN_TASK", &task)]);
    let message = mcp.ask("resources/list", json!({}));
    assert_eq!(message["error"]["message"], "method not found: resources/list");
    assert_eq!(mcp.ask("tools/list", json!({"cursor": "x"}))["error"]["code"], -32602);
    let piece = vec![b'x'; 1024 * 1024];
    mcp.send_bytes(b"{\"jsonrpc\":\"2.0\",\"method\":\"tools/call\",\"params\":{\"name\":\"");
    for _ in 0..65 {
        mcp.send_bytes(&piece);
    }
    mcp.send_bytes(b"\"},\"id\":31}\n");
    let answer = mcp.line().unwrap();
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(31), &json!(-32600)), "{answer}");
    assert_eq!(mcp.ok("kanban_show", json!({}))["task"]["id"], task.as_str());
}

#[test]
fn before_the_beginning_there_are_answers_too() {
    let board = Board::quiet();
    let mut mcp = Mcp::start_silent(&board, &["--orchestrator"], &[]);
    mcp.send("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
    mcp.send("nonsense");
    assert_eq!(mcp.line().unwrap()["error"]["code"], -32700);
    let listed = mcp.ask("tools/list", json!({}));
    assert_eq!(listed["error"]["code"], -32600, "{listed}");
    let message = mcp.ask("tools/call", json!({"name": "kanban_list", "arguments": {}}));
    assert_eq!(message["error"]["code"], -32600, "{message}");
    assert!(mcp.ask("ping", json!({}))["result"].is_object());
    let bad = mcp.ask("initialize", json!({"protocolVersion": 7}));
    assert_eq!(bad["error"]["code"], -32602, "{bad}");
    let client = json!({"name": "t", "version": "1"});
    let begin = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client});
    assert!(mcp.ask("initialize", begin)["result"]["protocolVersion"].is_string());
    assert_eq!(mcp.ok("kanban_list", json!({}))["count"], 0);
}

#[test]
fn line_ends_marks_several_messages_and_ids_of_any_kind_are_taken_as_they_come() {
    let board = Board::quiet();
    let task = board.create("t", &[]);
    let mut mcp = Mcp::start(&board, &["--orchestrator"], &[("KANBAN_TASK", &task)]);
    let ping = |id: &str| format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"ping\"}}");
    mcp.send_bytes(format!("\u{feff}{}\r\n\r\n\n", ping("\"a\"")).as_bytes());
    mcp.send_bytes(format!("{}{}\n", ping("-7"), ping("18446744073709551615")).as_bytes());
    mcp.send_bytes(format!("{}\n", ping("\"\\u0000\"")).as_bytes());
    let mut ids: Vec<Value> = Vec::new();
    for _ in 0..4 {
        let answer = mcp.line().unwrap();
        assert!(answer["result"].is_object(), "{answer}");
        ids.push(answer["id"].clone());
    }
    for id in [json!("a"), json!(-7), json!(u64::MAX), json!("\u{0}")] {
        assert!(ids.contains(&id), "{id}: {ids:?}");
    }
    // Used again when it was answered.
    for _ in 0..2 {
        mcp.send(&ping("\"a\""));
        assert_eq!(mcp.line().unwrap()["id"], "a");
    }
}

/// What was sent is answered although the sender has closed its end, and a call that it takes back is answered with what
/// became of it: a call is done as a whole or not at all.
#[test]
fn at_the_end_of_the_input_everything_that_was_asked_is_answered() {
    let board = Board::quiet();
    let task = board.create("t", &[]);
    let mut mcp = Mcp::start(&board, &["--orchestrator"], &[("KANBAN_TASK", &task)]);
    for id in 0..40 {
        mcp.send_bytes(&comment(&id.to_string(), &task, "\"one of forty\""));
        mcp.send_bytes(b"\n");
        if id % 2 == 0 {
            let taken_back = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}});
            mcp.send(&taken_back.to_string());
        }
    }
    // The last line has no end.
    mcp.send_bytes(&comment("\"last\"", &task, "\"the last\""));
    mcp.close_input();
    let mut answers = BTreeMap::new();
    while let Some(answer) = mcp.line() {
        let before = answers.insert(answer["id"].to_string(), answer["result"]["isError"].clone());
        assert_eq!(before, None, "answered twice: {answer}");
    }
    assert_eq!(answers.len(), 41, "{answers:?}");
    assert!(answers.values().all(|is_error| *is_error == json!(false)), "{answers:?}");
    assert!(answers.contains_key("\"last\""));
    let shown = board.say(["show", &task, "--json"]).json();
    assert_eq!(shown["comments"].as_array().unwrap().len(), 41);
    assert_eq!(mcp.end(), Some(0));
}

/// The protocol library alone gives up after five seconds.
#[test]
fn an_answer_that_takes_long_comes_although_the_input_is_closed() {
    let board = Board::quiet();
    let task = board.create("t", &[]);
    let mut mcp = Mcp::start(&board, &["--orchestrator"], &[("KANBAN_TASK", &task)]);
    let daemon = Pid::from_raw(i32::try_from(board.figure("pid")).unwrap());
    kill(daemon, Signal::SIGSTOP).unwrap();
    mcp.send_bytes(&comment("1", &task, "\"late\""));
    mcp.send_bytes(b"\n");
    mcp.close_input();
    let begun = Instant::now();
    until("the time that a library waits to be over", || {
        assert!(mcp.is_running(), "it ended and owes an answer");
        (begun.elapsed() > Duration::from_secs(7)).then_some(())
    });
    kill(daemon, Signal::SIGCONT).unwrap();
    let answer = mcp.line().unwrap();
    assert_eq!((&answer["id"], &answer["result"]["isError"]), (&json!(1), &json!(false)));
    assert_eq!(mcp.end(), Some(0));
}

#[test]
fn an_id_whose_request_is_open_is_refused_and_the_first_is_answered() {
    let board = Board::quiet();
    let task = board.create("t", &[]);
    let mut mcp = Mcp::start(&board, &["--orchestrator"], &[("KANBAN_TASK", &task)]);
    // The daemon does not answer while it is stopped, so the first request is still open when the second comes.
    let daemon = Pid::from_raw(i32::try_from(board.figure("pid")).unwrap());
    kill(daemon, Signal::SIGSTOP).unwrap();
    {
        mcp.send_bytes(&comment("7", &task, "\"first\""));
        mcp.send_bytes(b"\n");
        mcp.send_bytes(&comment("7", &task, "\"second\""));
        mcp.send_bytes(b"\n");
        let refused = mcp.line().unwrap();
        assert_eq!(
            (&refused["id"], &refused["error"]["code"]),
            (&json!(7), &json!(-32600)),
            "{refused}"
        );
    }
    kill(daemon, Signal::SIGCONT).unwrap();
    let answer = mcp.line().unwrap();
    assert_eq!(
        (&answer["id"], &answer["result"]["isError"]),
        (&json!(7), &json!(false)),
        "{answer}"
    );
    let shown = board.say(["show", &task, "--json"]).json();
    assert_eq!(shown["comments"].as_array().unwrap().len(), 1);
    assert_eq!(shown["comments"][0]["body"], "first");
}
