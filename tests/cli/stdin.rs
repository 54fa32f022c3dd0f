//! `-` stands for standard input wherever a verb takes a text.

use clap::CommandFactory as _;
use kanband::cli::Arguments;
use serde_json::{Value, json};

use crate::harness::Board;

/// Where the text of a verb is found afterwards.
type Found = fn(&Board, &str) -> Value;

/// A verb with `-` for its text; `{t}` is a ready task, `{b}` a blocked one, `{i}` one in triage, `{r}` one in review.
const TEXTS: &[(&[&str], Found)] = &[
    (&["create", "-"], |board, _| newest(board)["title"].clone()),
    (&["create", "t", "--body", "-"], |board, _| newest(board)["body"].clone()),
    (&["edit", "{t}", "--title", "-"], |board, id| board.task(id)["title"].clone()),
    (&["edit", "{t}", "--body", "-"], |board, id| board.task(id)["body"].clone()),
    (&["comment", "{t}", "-"], |board, id| shown(board, id)["comments"][0]["body"].clone()),
    (&["comment", "{t}", "--body", "-"], |board, id| {
        shown(board, id)["comments"][0]["body"].clone()
    }),
    (&["block", "{t}", "--reason", "-"], |board, id| last_run(board, id)["summary"].clone()),
    (&["block", "{t}", "-"], |board, id| last_run(board, id)["summary"].clone()),
    (&["block", "{t}", "--question", "-"], |board, id| {
        shown(board, id)["questions"][0]["text"].clone()
    }),
    (&["ask", "{c}", "-", "--no-wait"], |board, id| {
        shown(board, id)["questions"][0]["text"].clone()
    }),
    (&["answer", "{q}", "-"], |board, id| shown(board, id)["questions"][0]["answer"].clone()),
    (&["complete", "{t}", "--summary", "-"], |board, id| last_run(board, id)["summary"].clone()),
    (&["complete", "{t}", "--result", "-"], |board, id| board.task(id)["result"].clone()),
    (&["approve", "{r}", "--summary", "-"], |board, id| last_run(board, id)["summary"].clone()),
    (&["request-changes", "{r}", "-"], |board, id| last_run(board, id)["summary"].clone()),
    (&["promote", "{i}", "-"], |board, id| last_event(board, id)["payload"]["reason"].clone()),
    (&["promote", "{i}", "--reason", "-"], |board, id| {
        last_event(board, id)["payload"]["reason"].clone()
    }),
    (&["heartbeat", "{c}", "--note", "-"], |board, id| {
        last_event(board, id)["payload"]["note"].clone()
    }),
    (&["reclaim", "{c}", "--reason", "-"], |board, id| {
        event(board, id, "reclaimed")["payload"]["reason"].clone()
    }),
    (&["reassign", "{c}", "other", "--reason", "-"], |board, id| {
        event(board, id, "reclaimed")["payload"]["reason"].clone()
    }),
    (&["stop", "{c}", "--reason", "-"], |board, id| {
        event(board, id, "stopped")["payload"]["reason"].clone()
    }),
    (&["restart", "{c}", "--reason", "-"], |board, id| {
        event(board, id, "stopped")["payload"]["reason"].clone()
    }),
    (&["cancel", "{c}", "--reason", "-"], |board, id| {
        event(board, id, "stopped")["payload"]["reason"].clone()
    }),
    (&["schedule", "{t}", "--park", "--reason", "-"], |board, id| {
        event(board, id, "scheduled")["payload"]["reason"].clone()
    }),
    (&["triage", "{t}", "--reason", "-"], |board, id| {
        event(board, id, "triaged")["payload"]["reason"].clone()
    }),
];

fn newest(board: &Board) -> Value {
    board.say(["list", "--sort", "-created", "--json"]).json()[0].clone()
}

fn shown(board: &Board, id: &str) -> Value {
    board.say(["show", id, "--json"]).json()
}

fn last_run(board: &Board, id: &str) -> Value {
    board.runs(id).pop().unwrap()
}

fn last_event(board: &Board, id: &str) -> Value {
    shown(board, id)["events"].as_array().unwrap().last().unwrap().clone()
}

fn event(board: &Board, id: &str, kind: &str) -> Value {
    let events = shown(board, id)["events"].as_array().unwrap().clone();
    events.into_iter().rfind(|event| event["kind"] == kind).unwrap()
}

#[test]
fn a_dash_is_all_of_standard_input_in_every_verb_that_takes_a_text() {
    for (words, found) in TEXTS {
        let board = Board::quiet();
        let mut id = String::new();
        let words: Vec<String> = words
            .iter()
            .map(|word| {
                match *word {
                    "{t}" => id = board.create("old", &[]),
                    "{i}" => id = board.create("old", &["--triage"]),
                    "{r}" => {
                        id = board.create("old", &[]);
                        board.say(["complete", &id]).ok();
                        board.say(["request-review", &id]).ok();
                    }
                    "{q}" => {
                        id = board.create("old", &[]);
                        board.say(["block", &id, "--question", "which?"]).ok();
                    }
                    "{c}" => {
                        id = board.create("old", &[]);
                        board.say(["claim", &id]).ok();
                    }
                    word => return word.to_owned(),
                }
                id.clone()
            })
            .collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let said = board.say_from("the real text\n".as_bytes(), &words);
        assert_eq!(said.code, 0, "{words:?}: {said:?}");
        let kept = found(&board, &id);
        assert_eq!(kept.as_str().unwrap().trim_end(), "the real text", "{words:?}");
    }
}

#[test]
fn metadata_come_from_standard_input_too() {
    let board = Board::quiet();
    let id = board.create("t", &[]);
    board.say_from(b"{\"n\": 1}\n", &["complete", &id, "--metadata", "-"]).ok();
    assert_eq!(board.runs(&id)[0]["metadata"], json!({"n": 1}));
}

/// Every flag whose value is called TEXT stands in the table above, or is asked for here.
#[test]
fn no_flag_with_a_text_is_forgotten() {
    // Their texts are found nowhere that these tests look: a worker's own, and the description of a board.
    let elsewhere = [("rate-limited", "reason"), ("boards", "description")];
    for verb in Arguments::command().get_subcommands() {
        for flag in verb.get_arguments().filter(|flag| {
            flag.get_value_names().is_some_and(|names| names.iter().any(|name| name == "TEXT"))
        }) {
            let Some(name) = flag.get_long() else {
                assert_eq!(verb.get_name(), "slash", "its words are a command line");
                continue;
            };
            let dashed = format!("--{name}");
            let is_tried = TEXTS
                .iter()
                .any(|(words, _)| words[0] == verb.get_name() && words.contains(&dashed.as_str()));
            let is_elsewhere = elsewhere.contains(&(verb.get_name(), name));
            assert!(is_tried || is_elsewhere, "{} --{name}", verb.get_name());
        }
    }
    let board = Board::quiet();
    board.say_from(b"the web shop\n", &["boards", "create", "shop", "--description", "-"]).ok();
    assert!(board.say(["boards"]).ok().contains("shop     the web shop"));
}

#[test]
fn what_cannot_be_a_text_is_refused_and_one_text_alone_comes_from_there() {
    let board = Board::quiet();
    let id = board.create("t", &[]);
    let before = board.everything();
    let message = board.say_from(b"caf\xe9", &["comment", &id, "-"]).failed(2);
    assert!(message.contains("comment -: stdin is not valid UTF-8 (byte 3)"), "{message}");
    let message = board.say_from(&vec![b'x'; 1024 * 1024 + 1], &["block", &id, "-"]).failed(1);
    assert!(message.contains("too large"), "{message}");
    let message =
        board.say_from(b"x", &["complete", &id, "--summary", "-", "--result", "-"]).failed(2);
    assert!(message.contains("--summary -") && message.contains("another option"), "{message}");
    let message = board.say_from(b" \n", &["comment", &id, "-"]).failed(1);
    assert!(message.contains("comment body is required"), "{message}");
    assert_eq!(board.everything(), before);
    // Among other words a dash is a dash.
    board.say_from(b"not read", &["comment", &id, "-", "as", "it", "is"]).ok();
    assert_eq!(shown(&board, &id)["comments"][0]["body"], "- as it is");
}
