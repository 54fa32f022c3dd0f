//! `kanban ask`: a worker that waits for its answer without ending its run.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Board, quiet, until};

/// Asks and completes with what it hears.
const ASKS: &str = "answer=$(kanban ask $KANBAN_TASK 'Which key?') \
     && exec kanban complete $KANBAN_TASK --summary \"with $answer\"";

fn questions(board: &Board, id: &str) -> Vec<Value> {
    let shown = board.say(["show", id, "--json"]).json();
    shown["questions"].as_array().unwrap().clone()
}

fn asked(script: &str) -> (Board, String) {
    let board = Board::with_workers(&[("dev", script)]);
    let id = board.create("deploy", &["--assignee", "dev"]);
    board.dispatch();
    board.say(["wait", &id, "--asked", "--timeout", "60s"]).ok();
    (board, id)
}

#[test]
fn a_worker_waits_through_a_killed_daemon_for_its_answer() {
    let (mut board, id) = asked(ASKS);
    board.kill();
    board.start();
    assert_eq!(board.status(&id), "running");
    let why = board.say(["why", &id]).ok();
    assert!(why.contains("waits for an answer: Which key?"), "{why}");
    let refused = board.say(["unblock", &id]).failed(1);
    assert!(refused.contains("is open: Which key?"), "{refused}");
    assert!(refused.contains("kanban answer") && !refused.contains("promote"), "{refused}");
    assert_eq!(board.say(["answer", &id, "mine"]).ok(), format!("Answered {id} (running): mine\n"));
    board.say(["wait", &id, "--status", "done", "--timeout", "60s"]).ok();
    assert_eq!(board.runs(&id)[0]["summary"], "with mine");
    assert_eq!(board.runs(&id).len(), 1);
    assert_eq!(questions(&board, &id).len(), 1);
}

#[test]
fn a_wait_that_is_over_exits_with_its_own_code() {
    let script = "kanban ask $KANBAN_TASK 'Which key?' --timeout 1s; exec kanban complete $KANBAN_TASK --summary \"exit $?\"";
    let (board, id) = asked(script);
    board.say(["wait", &id, "--status", "done", "--timeout", "60s"]).ok();
    assert_eq!(board.runs(&id)[0]["summary"], "exit 3");
    assert_eq!(questions(&board, &id)[0]["outcome"], "timed_out");
    let refused = board.say(["answer", &id, "late"]).failed(1);
    assert!(refused.contains("its run waited no longer"), "{refused}");
}

#[test]
fn the_inbox_row_is_gone_with_the_run_and_the_next_attempt_reads_that_there_was_no_answer() {
    let (board, id) = asked(ASKS);
    let rows = board.say(["inbox", "--json"]).json();
    assert_eq!(rows[0]["kind"], "question");
    board.say(["stop", &id]).ok();
    until("the row to be gone", || {
        let rows = board.say(["inbox", "--json"]).json();
        let is_question = |row: &Value| row["kind"] == "question";
        (!rows.as_array().unwrap().iter().any(is_question)).then_some(())
    });
    assert_eq!(questions(&board, &id)[0]["outcome"], "run_over");
    let context = board.say(["context", &id]).ok();
    assert!(context.contains("Not answered: the run that asked had ended."), "{context}");
}

#[test]
fn asking_without_waiting_prints_the_question_and_asks_it_once() {
    let board = Board::quiet();
    let id = board.create("t", &[]);
    board.say(["claim", &id]).ok();
    let first = board.say(["ask", &id, "which", "key", "--no-wait", "--json"]).json();
    let again = board.say(["ask", &id, "which key", "--no-wait", "--json"]).json();
    assert_eq!(first["question"], again["question"]);
    assert_eq!((&first["already"], &again["already"]), (&json!(false), &json!(true)));
    board.say(["answer", &id, "mine", "--question", first["question"].as_str().unwrap()]).ok();
    assert_eq!(board.say(["ask", &id, "which", "key"]).ok(), "mine\n");
}

#[test]
fn the_time_limits_of_a_run_pause_while_it_waits_also_through_a_killed_daemon() {
    let config = quiet().with("supervision.progress_timeout", "2s");
    let mut board = Board::with(&config.with_worker("dev", "report", ASKS));
    let id = board.create("deploy", &["--assignee", "dev", "--max-runtime", "3s"]);
    board.dispatch();
    board.say(["wait", &id, "--asked", "--timeout", "60s"]).ok();
    let begin = Instant::now();
    board.kill();
    board.start();
    until("both limits to be over", || (begin.elapsed() > Duration::from_secs(8)).then_some(()));
    assert_eq!(board.status(&id), "running");
    board.say(["answer", &id, "mine"]).ok();
    board.say(["wait", &id, "--closed", "--timeout", "60s"]).ok();
    let runs = board.runs(&id);
    assert_eq!((&runs[0]["outcome"], runs.len()), (&json!("completed"), 1));
}

#[test]
fn a_run_pauses_no_longer_than_its_ask_timeout() {
    let config = quiet().with("supervision.ask_timeout", "1s");
    let board = Board::with(&config.with_worker("dev", "report", ASKS));
    let id = board.create("deploy", &["--assignee", "dev", "--max-runtime", "2s"]);
    board.dispatch();
    board.say(["wait", &id, "--asked", "--timeout", "60s"]).ok();
    until("the end of the run", || (board.runs(&id)[0]["outcome"] == "timed_out").then_some(()));
    assert_eq!(questions(&board, &id)[0]["outcome"], "run_over");
}
