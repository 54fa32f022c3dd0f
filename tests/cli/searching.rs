//! `search`, and the filters that it shares with `list`.

use serde_json::{Value, json};

use crate::harness::{Board, until};

fn ids(found: &Value) -> Vec<String> {
    let id = |task: &Value| task["id"].as_str().unwrap().to_owned();
    found.as_array().unwrap().iter().map(id).collect()
}

/// What a search finds once the index has taken in what it must find.
fn found(board: &Board, arguments: &[&str], count: usize) -> Vec<String> {
    until("the index", || {
        let hits = ids(&board.say(["search", "--json"].iter().chain(arguments)).json());
        (hits.len() == count).then_some(hits)
    })
}

#[test]
fn words_are_found_wherever_they_stand() {
    let board = Board::quiet();
    let title = board.create("Migrate the database", &[]);
    let body = board.create("b", &["--body", "first stop every migration, then go"]);
    let comment = board.create("c", &[]);
    let summary = board.create("d", &[]);
    board.create("nothing of the kind", &[]);
    board.say(["comment", &comment, "the migration is not needed"]).ok();
    board.say(["complete", &summary, "--summary", "migration done"]).ok();
    let mut hits = found(&board, &["migrat*"], 4);
    hits.sort();
    let mut expected = vec![title.clone(), body.clone(), comment, summary];
    expected.sort();
    assert_eq!(hits, expected);
    assert_eq!(found(&board, &["stop", "migration"], 1), [body]);
    let message = board.say(["search", "database"]).ok();
    let expected =
        format!("{title}  ready     -  Migrate the database\n    Migrate the [database]\n");
    assert_eq!(message, expected);
    assert_eq!(board.say(["search", "unheard-of"]).ok(), "(no matching tasks)\n");
}

#[test]
fn a_search_follows_what_is_edited_and_forgets_what_gc_removes() {
    let board = Board::quiet();
    let id = board.create("apples", &[]);
    assert_eq!(found(&board, &["apples"], 1), [id.as_str()]);
    board.say(["edit", &id, "--title", "pears"]).ok();
    assert_eq!(found(&board, &["pears"], 1), [id.as_str()]);
    found(&board, &["apples"], 0);
    board.say(["archive", &id]).ok();
    found(&board, &["pears"], 0);
    assert_eq!(found(&board, &["pears", "--archived"], 1), [id.as_str()]);
    until("gc", || {
        board.say(["gc", "--older-than-days", "0"]).ok();
        (board.say(["show", &id]).code == 1).then_some(())
    });
    found(&board, &["pears", "--archived"], 0);
}

#[test]
fn filters_narrow_a_search_and_a_list_alike() {
    let board = Board::quiet();
    board.say(["boards", "create", "shop"]).ok();
    let parent = board.create("parent fox", &[]);
    let lines: Vec<Value> = vec![
        json!({"title": "fox one", "assignee": "dev", "labels": ["red"], "tenant": "x"}),
        json!({"title": "fox two", "assignee": "qa", "labels": ["red", "old"]}),
        json!({"title": "fox three", "assignee": "dev", "parents": [parent]}),
        json!({"title": "fox four", "board": "shop"}),
    ];
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let made = board.say_from(text.as_bytes(), &["create", "--from-jsonl", "-", "--json"]).json();
    let made = ids(&made);
    let [one, two, three, four] = made.as_slice() else { panic!("{made:?}") };
    found(&board, &["fox"], 4);
    for (filters, expected) in [
        (&["--assignee", "dev"][..], vec![one, three]),
        (&["--label", "red"], vec![one, two]),
        (&["--label", "red", "--assignee", "qa"], vec![two]),
        (&["--tenant", "x"], vec![one]),
        (&["--parent", &parent], vec![three]),
        (&["--status", "todo"], vec![three]),
        (&["--board", "shop"], vec![four]),
        (&["--created-after", "1h ago", "--label", "old"], vec![two]),
        (&["--created-after", "2999-01-01"], vec![]),
    ] {
        let mut expected: Vec<String> = expected.into_iter().cloned().collect();
        expected.sort();
        let mut hits = found(&board, &[&["fox"], filters].concat(), expected.len());
        hits.sort();
        assert_eq!(hits, expected, "search {filters:?}");
        let mut listed = ids(&board.say([&["list", "--json"], filters].concat()).json());
        listed.sort();
        assert_eq!(listed, expected, "list {filters:?}");
    }
    assert_eq!(found(&board, &["fox", "--limit", "2"], 2).len(), 2);
}

#[test]
fn a_list_goes_on_behind_its_cursor_in_each_order() {
    let board = Board::quiet();
    let made: Vec<String> =
        ["1", "5", "3", "5"].iter().map(|p| board.create("t", &["--priority", p])).collect();
    for order in ["priority", "created", "-created"] {
        let all = ids(&board.say(["list", "--json", "--sort", order]).json());
        assert_eq!(all.len(), made.len());
        let mut pages = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut words = vec!["list", "--json", "--sort", order, "--limit", "1"];
            words.extend(cursor.iter().flat_map(|id| ["--cursor", id.as_str()]));
            let page = ids(&board.say(words).json());
            let Some(last) = page.last() else { break };
            cursor = Some(last.clone());
            pages.extend(page);
        }
        assert_eq!(pages, all, "{order}");
    }
    let by_priority = ids(&board.say(["list", "--json"]).json());
    assert_eq!(by_priority.last(), Some(&made[0]));
}
