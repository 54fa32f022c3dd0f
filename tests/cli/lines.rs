//! `create --from-jsonl`.

use serde_json::{Value, json};

use crate::harness::Board;

#[test]
fn each_line_is_a_task_and_blank_lines_are_none() {
    let board = Board::quiet();
    let file = board.path("tasks.jsonl");
    let text = "{\"title\":\"a\",\"labels\":[\"x\"]}\n\n   \n{\"title\":\"b\",\"priority\":3,\"assignee\":\"dev\"}";
    std::fs::write(&file, text).unwrap();
    let told = board.say(["create", "--from-jsonl", file.to_str().unwrap()]).ok();
    let lines: Vec<&str> = told.lines().collect();
    assert!(lines[0].starts_with("Created t_") && lines[0].ends_with("  (ready, assignee=-)"));
    assert!(lines[1].ends_with("  (ready, assignee=dev)") && lines.len() == 2, "{told}");
    let listed = board.say(["list", "--json"]).json();
    assert_eq!((&listed[0]["title"], &listed[1]["labels"]), (&json!("b"), &json!(["x"])));
}

#[test]
fn the_first_refusal_names_its_line_and_those_before_it_stay() {
    let board = Board::quiet();
    for (bad, phrase) in [
        (r#"{"title":" "}"#, "line 3: title is required"),
        (r#"{"titel":"x"}"#, "line 3: unknown field `titel`"),
        (r#"{"title":"x","parents":["t_dead"]}"#, "line 3: unknown parent"),
        ("[1]", "line 3: invalid type"),
        ("{\"title\":", "line 3: EOF while parsing"),
        ("\u{1}", "line 3: expected value"),
    ] {
        let text = format!("{{\"title\":\"a\"}}\n\n{bad}\n{{\"title\":\"never\"}}\n");
        let said = board.say_from(text.as_bytes(), &["create", "--from-jsonl", "-"]);
        assert_eq!((said.code, said.out.lines().count()), (1, 1), "{said:?}");
        assert!(said.err.starts_with(&format!("error: {phrase}")), "{said:?}");
    }
    let said =
        board.say_from(b"{\"title\":\"a\"}\n{}\n", &["create", "--from-jsonl", "-", "--json"]);
    assert_eq!(said.code, 1);
    let made: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(made.as_array().unwrap().len(), 1);
    let titles: Vec<Value> =
        board.everything().iter().map(|t| t["task"]["title"].clone()).collect();
    assert_eq!(titles, vec![json!("a"); 7], "nothing behind a refusal was made");
}

#[test]
fn many_lines_cost_few_commits() {
    let board = Board::quiet();
    let text: String = (0..1000).map(|n| format!("{{\"title\":\"task {n}\"}}\n")).collect();
    let before = board.figure("database_commits");
    let made = board.say_from(text.as_bytes(), &["create", "--from-jsonl", "-", "--json"]).json();
    let commits = board.figure("database_commits") - before;
    assert_eq!(made.as_array().unwrap().len(), 1000);
    assert_eq!((&made[0]["title"], &made[999]["title"]), (&json!("task 0"), &json!("task 999")));
    assert!(commits < 50, "{commits}");
}

#[test]
fn a_board_that_is_named_holds_for_lines_that_name_none() {
    let board = Board::quiet();
    board.say(["boards", "create", "shop"]).ok();
    let text = "{\"title\":\"a\"}\n{\"title\":\"b\",\"board\":\"default\"}\n";
    let call = ["create", "--from-jsonl", "-", "--board", "shop", "--json"];
    let made = board.say_from(text.as_bytes(), &call).json();
    assert_eq!((&made[0]["board"], &made[1]["board"]), (&json!("shop"), &json!("default")));
}
