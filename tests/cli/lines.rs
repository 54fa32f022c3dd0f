//! `create --from-jsonl`.

use serde_json::{Value, json};

use crate::harness::Board;

#[test]
fn each_line_is_a_task_and_blank_lines_are_none() {
    let board = Board::quiet();
    let file = board.path("tasks.jsonl");
    let text = "{\"title\":\"a\",\"labels\":[\"x\"]}\n\n   \n{\"title\":\"b\",\"priority\":3,\"assignee\":\"dev\"}";
    std::fs::write(&file, text).unwrap();
    let message = board.say(["create", "--from-jsonl", file.to_str().unwrap()]).ok();
    let lines: Vec<&str> = message.lines().collect();
    assert!(lines[0].starts_with("Created t_") && lines[0].ends_with("  (ready, assignee=-)"));
    assert!(lines[1].ends_with("  (ready, assignee=dev)") && lines.len() == 2, "{message}");
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
        ("{\"title\":", "line 3: column 9: EOF while parsing"),
        ("\u{1}", "line 3: column 1: expected value"),
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

#[test]
fn an_array_of_objects_is_a_list_of_tasks_and_a_byte_order_mark_means_nothing() {
    let titles = |board: &Board| -> Vec<String> {
        let listed = board.say(["list", "--json"]).json();
        let title = |task: &Value| task["title"].as_str().unwrap().to_owned();
        let mut titles: Vec<String> = listed.as_array().unwrap().iter().map(title).collect();
        titles.sort();
        titles
    };
    for input in [
        "\u{feff}{\"title\":\"a\"}\r\n\r\n{\"title\":\"b\"}",
        "[{\"title\":\"a\"},{\"title\":\"b\"}]",
        "\u{feff}\n [\n  {\n    \"title\": \"a\"\n  },\n  {\"title\": \"b\"}\n]\n",
    ] {
        let board = Board::quiet();
        let said = board.say_from(input.as_bytes(), &["create", "--from-jsonl", "-", "--json"]);
        assert_eq!(said.json().as_array().unwrap().len(), 2, "{input:?}");
        assert_eq!(titles(&board), ["a", "b"], "{input:?}");
    }
    let board = Board::quiet();
    assert_eq!(board.say_from(b"[]", &["create", "--from-jsonl", "-"]).ok(), "");
    let many: Vec<Value> = (0..500).map(|n| json!({"title": format!("t{n:03}")})).collect();
    let file = board.path("many.json");
    std::fs::write(&file, serde_json::to_string_pretty(&many).unwrap()).unwrap();
    board.say(["create", "--from-jsonl", file.to_str().unwrap()]).ok();
    assert_eq!(titles(&board).len(), 500);
}

#[test]
fn what_is_no_object_is_named_by_its_place_and_never_read_value_by_value() {
    let board = Board::quiet();
    for (input, message) in [
        (
            &b"[\"1\",\"Fix the door\",\"todo\"]"[..],
            "element 1: invalid type: a string, expected one JSON object",
        ),
        (b"[[\"Fix the door\"]]", "element 1: invalid type: an array, expected one JSON object"),
        (b"[{\"titel\":\"x\"}]", "element 1: unknown field `titel`"),
        (b"\"Fix the door\"", "line 1: invalid type: a string, expected one JSON object"),
        (b"7", "line 1: invalid type: a number, expected one JSON object"),
        (b"null", "line 1: invalid type: null, expected one JSON object"),
        (b"id,title\n1,Fix the door", "line 1: "),
        (b"[{\"title\":\"x\"}", "line 1: "),
        (b"[{\"title\":\"x\"},\n}]", "line 2: "),
        (b"\xff\xfe{\0", "UTF-16"),
    ] {
        let shown = String::from_utf8_lossy(input);
        let failed = board.say_from(input, &["create", "--from-jsonl", "-"]).failed(1);
        assert!(failed.contains(message) && failed.contains("hint: "), "{shown}: {failed}");
    }
    assert_eq!(board.everything(), [] as [Value; 0]);
    // What comes before it stays, and is reported.
    let said = board.say_from(b"{\"title\":\"x\"}\n[\"y\"]\n", &["create", "--from-jsonl", "-"]);
    assert_eq!((said.code, said.out.lines().count()), (1, 1), "{said:?}");
    assert!(
        said.err.contains("line 2: invalid type: an array, expected one JSON object"),
        "{said:?}"
    );
}
