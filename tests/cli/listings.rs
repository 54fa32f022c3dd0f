//! `list` and `stats`.

use serde_json::{Value, json};

use crate::harness::{Board, keys};

#[test]
fn a_line_has_icon_id_status_assignee_tenant_and_title() {
    let board = Board::quiet();
    let plain = board.create("Fix the door", &[]);
    let owned = board.create("Paint\tit red", &["--assignee", "ann", "--tenant", "house"]);
    let idea = board.create("Maybe", &["--triage", "--priority", "-1"]);
    board.say(["claim", &plain]).ok();
    board.say(["block", &owned]).ok();
    let mut lines: Vec<String> = board.say(["list"]).ok().lines().map(str::to_owned).collect();
    let mut expected = [
        format!("● {plain}  running   {:<20}  Fix the door", "-"),
        format!("⊘ {owned}  blocked   {:<20} [house]  Paint it red", "ann"),
        format!("? {idea}  triage    {:<20}  Maybe", "-"),
    ];
    assert_eq!(lines[2], expected[2], "the least important is the last");
    lines.sort();
    expected.sort();
    assert_eq!(lines, expected);
}

#[test]
fn each_status_has_its_icon() {
    let board = Board::quiet();
    let parent = board.create("ready one", &[]);
    board.create("todo one", &["--parent", &parent]);
    let done = board.create("done one", &[]);
    board.say(["complete", &done]).ok();
    let list = board.say(["ls"]).ok();
    for (icon, title) in [("▶", "ready one"), ("◻", "todo one"), ("✓", "done one")] {
        let line = list.lines().find(|line| line.ends_with(title)).unwrap();
        assert!(line.starts_with(icon), "{line}");
    }
}

#[test]
fn filters_narrow_and_their_order_is_that_of_the_board() {
    let board = Board::quiet();
    let low = board.create("low", &["--assignee", "dev", "--tenant", "shop"]);
    let high = board.create("high", &["--assignee", "dev", "--priority", "5"]);
    let other = board.create("other", &["--assignee", "qa", "--triage"]);
    let ids = |arguments: &[&str]| -> Vec<String> {
        let words = ["list", "--json"].iter().chain(arguments);
        let listed = board.say(words).json();
        let id = |task: &Value| task["id"].as_str().unwrap().to_owned();
        listed.as_array().unwrap().iter().map(id).collect()
    };
    assert_eq!(ids(&["--assignee", "dev"]), [high.clone(), low.clone()]);
    assert_eq!(ids(&["--tenant", "shop"]), [low.as_str()]);
    assert_eq!(ids(&["--status", "triage"]), [other.as_str()]);
    assert_eq!(ids(&["--status", "ready", "--assignee", "dev", "--limit", "1"]), [high]);
    assert_eq!(ids(&["--assignee", "nobody"]), [] as [String; 0]);
    assert_eq!(board.say(["list", "--assignee", "nobody"]).ok(), "(no matching tasks)\n");
    assert_eq!(ids(&["--archived"]).len(), 3);
}

#[test]
fn mine_are_those_of_the_profile_else_of_the_user() {
    let board = Board::quiet();
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).unwrap().unwrap().name;
    for name in ["first", "second", &user] {
        board.create(&format!("for {name}"), &["--assignee", name]);
    }
    for (variables, name) in [
        (&[("HERMES_PROFILE_NAME", "first"), ("HERMES_PROFILE", "second")][..], "first"),
        (&[("HERMES_PROFILE", "second")], "second"),
        (&[], user.as_str()),
    ] {
        let listed = board.say_with(variables, &["list", "--mine", "--json"]).json();
        let titles: Vec<&Value> = listed.as_array().unwrap().iter().map(|t| &t["title"]).collect();
        assert_eq!(titles, [&json!(format!("for {name}"))]);
    }
    board.say(["list", "--mine", "--assignee", "x"]).failed(2);
}

#[test]
fn stats_count_by_status_and_assignee() {
    let board = Board::quiet();
    board.create("a", &["--assignee", "dev"]);
    let done = board.create("b", &["--assignee", "dev"]);
    board.create("c", &["--triage"]);
    board.say(["complete", &done]).ok();
    let stats = board.say(["stats", "--json"]).json();
    assert_eq!(
        keys(&stats),
        ["board", "by_assignee", "by_status", "now", "oldest_ready_age_seconds"]
    );
    assert_eq!(stats["by_status"], json!({"triage": 1, "ready": 1, "done": 1}));
    assert_eq!(stats["by_assignee"], json!({"dev": {"ready": 1, "done": 1}}));
    let message = board.say(["stats"]).ok();
    for line in ["By status:", "  ready        1", "  blocked      0", "  dev  done=1 ready=1"] {
        assert!(message.lines().any(|message| message == line), "{line:?} is not in {message}");
    }
    assert!(message.lines().last().unwrap().starts_with("Oldest ready task age: "), "{message}");
    assert!(!message.contains("archived"));
}
