//! Lists that people bring: `import` of JSON, CSV, GitHub issues, a board of Trello and Markdown.

use serde_json::{Value, json};

use crate::harness::{Board, Said};

fn import(board: &Board, text: &str, more: &[&str]) -> Said {
    let words: Vec<&str> = ["import", "-"].iter().chain(more).copied().collect();
    board.say_from(text.as_bytes(), &words)
}

/// Title, status and labels of every task, by title.
fn shown(board: &Board) -> Vec<(String, String, String)> {
    let of = |task: &Value| {
        let text = |key: &str| task[key].as_str().unwrap_or_default().to_owned();
        let labels: Vec<&str> = task["labels"]
            .as_array()
            .unwrap()
            .iter()
            .map(|label| label.as_str().unwrap())
            .collect();
        (text("title"), text("status"), labels.join(" "))
    };
    let mut tasks: Vec<_> = board.everything().iter().map(|details| of(&details["task"])).collect();
    tasks.sort();
    tasks
}

fn row(title: &str, status: &str, labels: &str) -> (String, String, String) {
    (title.to_owned(), status.to_owned(), labels.to_owned())
}

/// The same two tasks, the second of which waits for the first, and one that is done, in each format.
const LISTS: &[(&str, &str)] = &[
    (
        "jsonl",
        "\u{feff}{\"id\":1,\"title\":\"Build\",\"labels\":[\"x\"]}\r\n{\"id\":2,\"title\":\"Ship\",\"depends_on\":[1]}\n\
         {\"id\":3,\"title\":\"Plan\",\"status\":\"Done\"}\n",
    ),
    (
        "json",
        "[\n {\"name\":\"Build\",\"tags\":\"x\"},\n {\"name\":\"Ship\",\"blocked_by\":\"Build\"},\n {\"name\":\"Plan\",\"state\":\"closed\"}\n]",
    ),
    ("csv", "ID,Title,Status,Labels,Depends on\n1,Build,To Do,x,\n2,Ship,,,1\n3,Plan,done,,\n"),
    ("csv", "Title;Tags;After;State\nBuild;x;;\n\"Ship\";;Build;open\nPlan;;;complete\n"),
    ("markdown", "# May\n\n- [ ] Ship\n  - [ ] Build\n- [x] Plan\n"),
];

#[test]
fn the_same_list_in_any_format_is_the_same_board_and_twice_changes_nothing() {
    for (format, text) in LISTS {
        let board = Board::quiet();
        let dry = import(&board, text, &["--dry-run", "--json"]).json();
        assert_eq!((&dry["imported"], board.everything().len()), (&json!(3), 0), "{text}");
        let said = import(&board, text, &["--json"]).json();
        assert_eq!(said["imported"], 3, "{text}");
        let labels = if *format == "markdown" { "" } else { "x" };
        let expected =
            [row("Build", "ready", labels), row("Plan", "done", ""), row("Ship", "todo", "")];
        assert_eq!(shown(&board), expected, "{text}");
        let before = board.everything();
        let again = import(&board, text, &["--format", format, "--json"]).json();
        assert_eq!((&again["imported"], &again["existing"]), (&json!(0), &json!(3)), "{text}");
        assert_eq!(board.everything(), before, "{text}");
    }
}

#[test]
fn issues_of_github_are_recognized_and_start_nobody() {
    let board = Board::quiet();
    let issues = json!([
        {"number": 1, "title": "Fix it", "state": "OPEN", "labels": [{"name": "bug"}], "body": "Now.",
         "assignees": [{"login": "claude"}], "url": "https://github.com/a/b/issues/1", "author": {"login": "ann"},
         "createdAt": "2026-05-01T00:00:00Z",
         "comments": [{"author": {"login": "bob"}, "body": "Why?", "createdAt": "2026-05-02T00:00:00Z"}]},
        {"number": 2, "title": "Old", "state": "CLOSED", "stateReason": "COMPLETED", "url": "https://github.com/a/b/issues/2"},
        {"number": 3, "title": "No", "state": "CLOSED", "stateReason": "NOT_PLANNED", "url": "https://github.com/a/b/issues/3"},
    ])
    .to_string();
    let said = import(&board, &issues, &["--json"]).json();
    assert_eq!((&said["imported"], &said["paused"]), (&json!(3), &json!(true)), "{said}");
    let expected =
        [row("Fix it", "ready", "bug"), row("No", "archived", ""), row("Old", "done", "")];
    assert_eq!(shown(&board), expected);
    let details =
        board.everything().into_iter().find(|one| one["task"]["title"] == "Fix it").unwrap();
    let task = &details["task"];
    assert!(task["assignee"].is_null(), "{task}");
    assert!(task["body"].as_str().unwrap().contains("Assigned on GitHub: claude"), "{task}");
    assert_eq!((&task["created_by"], &task["created_at"]), (&json!("ann"), &json!(1_777_593_600)));
    assert_eq!(details["comments"][0]["author"], "bob");
    // A later list of the same repository brings what is new.
    let later = issues.replace("Old", "Renamed").replacen('[', "[{\"number\":4,\"title\":\"New\",\"state\":\"OPEN\",\"url\":\"https://github.com/a/b/issues/4\"},", 1);
    let said = import(&board, &later, &["--json"]).json();
    assert_eq!((&said["imported"], &said["existing"]), (&json!(1), &json!(3)), "{said}");
}

/// The archive times on a board, as an export has them.
fn archive_times(board: &Board) -> Vec<i64> {
    let text = board.say(["export"]).ok();
    let lines = text.lines().skip(1).map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter_map(|line| line["task"]["archived_at"].as_i64()).collect()
}

#[test]
fn what_comes_archived_is_archived_at_the_import_unless_an_export_says_when() {
    let issue = r#"[{"number":3,"title":"No","state":"CLOSED","stateReason":"NOT_PLANNED","createdAt":"2020-05-01T00:00:00Z","closedAt":"2020-05-02T00:00:00Z"}]"#;
    let card = r#"{"lists":[],"cards":[{"id":"c1","name":"Gone","idList":"l","closed":true,"dateLastActivity":"2020-05-01T00:00:00Z"}]}"#;
    for text in [issue, card] {
        let board = Board::quiet();
        assert_eq!(import(&board, text, &["--json"]).json()["by_status"], json!({"archived": 1}));
        let removed = board.say(["gc", "--older-than-days", "30", "--json"]).json();
        assert_eq!(removed["tasks"], 0, "{removed}");
        let again = import(&board, text, &["--json"]).json();
        assert_eq!((&again["imported"], &again["existing"]), (&json!(0), &json!(1)), "{again}");
        let [archived_at] = archive_times(&board)[..] else { panic!("one task is archived") };
        let long_ago = board
            .say(["export"])
            .ok()
            .replace(&format!("\"archived_at\":{archived_at}"), "\"archived_at\":1600000000");
        let other = Board::quiet();
        import(&other, &long_ago, &[]).ok();
        assert_eq!(archive_times(&other), [1_600_000_000]);
    }
}

#[test]
fn a_list_with_more_columns_than_the_last_time_has_the_same_tasks() {
    let board = Board::quiet();
    for (first, then) in [
        (
            r#"[{"number":1,"title":"Fix it","state":"OPEN","url":"https://github.com/a/b/issues/1"}]"#,
            r#"[{"number":1,"title":"Fix it","state":"OPEN","url":"https://github.com/a/b/issues/1","author":{"login":"ann"},"createdAt":"2026-05-01T00:00:00Z"}]"#,
        ),
        ("id,title\n1,a\n", "id,title,created,author\n1,a,2026-05-01,ann\n"),
        ("id,title,created,author\n2,b,2026-05-01,ann\n", "id,title\n2,b\n"),
        (
            r#"{"id":3,"title":"c"}"#,
            r#"{"id":3,"title":"c","created":"2026-05-01","created_by":"ann"}"#,
        ),
    ] {
        let said = import(&board, first, &["--json"]).json();
        assert_eq!(said["imported"], 1, "{said}");
        let before = board.everything();
        let said = import(&board, then, &["--json"]).json();
        assert_eq!(
            (&said["imported"], &said["existing"]),
            (&json!(0), &json!(1)),
            "{then}: {said}"
        );
        assert_eq!(board.everything(), before, "{then}");
    }
}

#[test]
fn a_priority_of_a_list_is_what_create_makes_of_it() {
    let board = Board::quiet();
    let words = ["low", "normal", "High", "urgent", "-7", "1000000"];
    let rows: String = words.iter().map(|word| format!("listed {word},{word}\n")).collect();
    import(&board, &format!("title,priority\n{rows}"), &[]).ok();
    for word in words {
        board.create(&format!("created {word}"), &[&format!("--priority={word}")]);
    }
    let tasks = board.everything();
    let priority = |title: String| {
        let found = tasks.iter().find(|details| details["task"]["title"] == title.as_str());
        found.unwrap()["task"]["priority"].as_i64().unwrap()
    };
    for word in words {
        let (listed, created) =
            (priority(format!("listed {word}")), priority(format!("created {word}")));
        assert_eq!(listed, created, "{word}");
    }
    assert_eq!(priority("listed High".to_owned()), 10);
    let message = import(&board, "title,priority\na,1000001\n", &[]).failed(1);
    assert!(
        message.contains("line 2, column 3: priority: must be -1000000 to 1000000, found 1000001"),
        "{message}"
    );
    board.say(["create", "too much", "--priority", "1000001"]).failed(1);
}

#[test]
fn a_board_of_trello_keeps_its_lists_checklists_and_dates() {
    let board = Board::quiet();
    let text = json!({
        "id": "b", "name": "Board",
        "lists": [{"id": "l1", "name": "To Do", "pos": 1}, {"id": "l2", "name": "Ideas", "pos": 2}, {"id": "l3", "name": "House", "pos": 3}],
        "cards": [
            {"id": "c1", "name": "Paint", "idList": "l3", "pos": 1, "labels": [{"name": "", "color": "red"}], "due": "2026-05-01T00:00:00.000Z"},
            {"id": "c2", "name": "Think", "idList": "l2", "pos": 1},
            {"id": "c3", "name": "Gone", "idList": "l1", "pos": 1, "closed": true},
        ],
        "checklists": [{"idCard": "c1", "name": "Steps", "checkItems": [{"name": "one", "state": "complete", "pos": 1}]}],
    })
    .to_string();
    assert_eq!(import(&board, &text, &["--json"]).json()["imported"], 3);
    let expected = [
        row("Gone", "archived", ""),
        row("Paint", "ready", "House red"),
        row("Think", "triage", ""),
    ];
    assert_eq!(shown(&board), expected);
    let paint = board.everything().into_iter().find(|one| one["task"]["title"] == "Paint").unwrap();
    assert!(paint["task"]["body"].as_str().unwrap().contains("- [x] one"), "{paint}");
    assert_eq!(paint["task"]["due_at"], 1_777_593_600);
    assert_eq!(import(&board, &text, &["--json"]).json()["imported"], 0);
}

#[test]
fn a_dry_run_shows_a_table_and_what_has_no_field() {
    let board = Board::quiet();
    let rows: String = (0..25).map(|n| format!("Task {n},ready,dev,{n}\n")).collect();
    let text = format!("title,status,assignee,points\nFirst,marinating,,\n{rows}");
    let said = import(&board, &text, &["--dry-run"]).ok();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "STATUS  TITLE    ASSIGNEE  LABELS  FROM");
    assert_eq!(lines[1], "triage  First    -         -       line 2");
    assert!(lines.contains(&"ready   Task 18  dev       -       line 21"), "{said}");
    assert!(lines.contains(&"and 6 more"), "{said}");
    assert!(said.contains("Would import 26 task(s) to board default, 0 existing"), "{said}");
    assert!(said.contains("(line 2): the status marinating is unknown; it is in triage"), "{said}");
    assert!(said.contains("not imported: points, 25 value(s)"), "{said}");
    assert_eq!(board.everything().len(), 0);
    import(&board, &text, &[]);
    let said = import(&board, &text, &["--dry-run"]).ok();
    assert!(said.lines().nth(1).unwrap().starts_with("existing  First"), "{said}");
}

#[test]
fn an_error_names_line_and_column_and_nothing_is_imported() {
    let board = Board::quiet();
    for (text, more, phrase) in [
        ("{\"title\":\"a\"}\n{\"title\":}\n", &[][..], "-: line 2, column 10: expected value"),
        (
            "[{\"title\":\"a\"},\n {\"title\":\"b\",\"due\":\"soon\"}]",
            &[],
            "-: line 2, column 21: due: expected a time",
        ),
        (
            "[\"1\",\"Fix the door\",\"todo\"]",
            &[],
            "-: line 1, column 2: expected an object with a title, found a text",
        ),
        ("title,priority\na,1\nb,soon\n", &[], "-: line 3, column 3: priority: expected a number"),
        ("title,priority\na,1,2\n", &[], "-: line 2, column 5: the row has 3 cells, the header 2"),
        ("title,x\na,b\na,b\n", &["--format", "github"], "-: line 1, column 2: expected ident"),
        (
            "[{\"title\":\"a\"}]",
            &["--format", "github"],
            "column 11: an issue needs title and number",
        ),
        (
            "{\"lists\":[],\n\"cards\":[{\"id\":\"c\",\"name\":\"Paint\",\"idList\":\"l\",\"due\":\"soon\"}]}",
            &["--format", "trello"],
            "-: card Paint: due: expected a time",
        ),
        ("nothing\n", &["--format", "markdown"], "-: no task was found in it"),
        ("nothing\n", &[], "-: no list of tasks: its format is not recognized"),
        ("", &[], "-: is empty"),
    ] {
        let message = import(&board, text, more).failed(1);
        assert!(message.starts_with("error: ") && message.contains(phrase), "{text}: {message}");
    }
    let latin = board.say_from(b"title,x\na,b\nb,\xe4\n", &["import", "-"]).failed(1);
    assert!(latin.contains("line 3, column 3: is not UTF-8"), "{latin}");
    let said = import(&board, "id,title,after\n1,a,9\n2,b,1\n", &[]);
    assert_eq!(said.code, 1);
    assert!(said.out.contains("line 2: no task of the list is called 9"), "{said:?}");
    assert_eq!(board.everything().len(), 2, "what is right comes");
}
