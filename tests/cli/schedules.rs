//! `schedules`, and times in other zones.

use serde_json::{Value, json};

use crate::harness::{Board, keys};

const ADD: &[&str] = &[
    "schedules",
    "add",
    "nightly",
    "--cron",
    "0 3 * * *",
    "--tz",
    "Europe/Berlin",
    "--title",
    "Report {n} of {date}",
    "--assignee",
    "reporter",
    "--label",
    "report",
    "--priority",
    "2",
];

fn list(board: &Board) -> Value {
    board.say(["schedules", "--json"]).json()
}

#[test]
fn a_schedule_is_added_listed_shown_changed_and_removed() {
    let board = Board::quiet();
    let said = board.say(ADD).ok();
    assert!(said.starts_with("Added schedule nightly (next 2"), "{said}");
    let line = board.say(["schedules"]).ok();
    assert!(line.starts_with("nightly  0 3 * * *  Europe/Berlin  next 2"), "{line}");
    assert!(
        line.contains("made 0, skipped 0") && line.ends_with("Report {n} of {date}\n"),
        "{line}"
    );
    let shown = board.say(["schedules", "show", "nightly"]).ok();
    for expected in [
        "Cron:      0 3 * * *  Europe/Berlin",
        "assignee:  reporter",
        "priority:  2",
        "Next occurrences (Europe/Berlin):",
    ] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    let edit = [
        "schedules",
        "edit",
        "nightly",
        "--cron",
        "@weekly",
        "--assignee",
        "other",
        "--body",
        "",
        "--count",
        "5",
    ];
    assert!(board.say(edit).ok().starts_with("Changed schedule nightly (next "));
    let schedule = list(&board)[0].clone();
    assert_eq!((&schedule["cron"], &schedule["count"]), (&json!("@weekly"), &json!(5)));
    let expected = json!({"title": "Report {n} of {date}", "assignee": "other", "labels": ["report"], "priority": 2});
    assert_eq!(schedule["task"], expected);
    assert!(board.say(edit).ok().starts_with("Schedule nightly is unchanged"));
    let paused = board.say(["schedules", "pause", "nightly", "--reason", "holidays"]).ok();
    assert_eq!(paused, "Paused schedule nightly (paused: holidays)\n");
    assert!(
        board
            .say(["schedules", "resume", "nightly"])
            .ok()
            .starts_with("Resumed schedule nightly (next ")
    );
    let removed = board.say(["schedules", "rm", "nightly"]).ok();
    assert_eq!(removed, "Removed schedule nightly; its tasks stay\n");
    assert_eq!(list(&board), json!([]));
    assert!(
        board.say(["schedules", "show", "nightly"]).failed(1).contains("no such schedule: nightly")
    );
}

#[test]
fn the_next_occurrences_are_times_of_the_clock_in_the_zone_of_the_schedule() {
    let board = Board::quiet();
    board.say(ADD).ok();
    let next = board.say(["schedules", "next", "nightly", "--count", "40", "--json"]).json();
    let next = next.as_array().unwrap();
    assert_eq!(next.len(), 40);
    for one in next {
        assert_eq!(keys(one), ["at"]);
        let at = jiff::Timestamp::from_second(one["at"].as_i64().unwrap()).unwrap();
        assert_eq!(at.in_tz("Europe/Berlin").unwrap().strftime("%H:%M:%S").to_string(), "03:00:00");
    }
    let lines =
        board.say_with(&[("TZ", "UTC")], &["schedules", "next", "nightly", "--count", "2"]).ok();
    assert_eq!(lines.lines().count(), 2);
}

#[test]
fn one_that_is_run_now_makes_its_task_which_shows_where_it_comes_from() {
    let board = Board::quiet();
    board.say(ADD).ok();
    let run = board.say(["schedules", "run", "nightly", "--json"]).json();
    let id = run["id"].as_str().unwrap().to_owned();
    let today = jiff::Timestamp::from_second(run["occurrence_at"].as_i64().unwrap()).unwrap();
    let today = today.in_tz("Europe/Berlin").unwrap().date();
    assert_eq!(run["title"], format!("Report 1 of {today}"));
    assert_eq!(
        (&run["assignee"], &run["priority"], &run["labels"]),
        (&json!("reporter"), &json!(2), &json!(["report"]))
    );
    assert!(board.say(["show", &id]).ok().contains("nightly (occurrence of "));
    assert_eq!(board.say(["show", &id, "--json"]).json()["schedule"], "nightly");
    assert!(board.say(["schedules", "show", "nightly"]).ok().contains(&format!("{id}  ready")));
}

#[test]
fn a_file_of_schedules_is_shown_before_it_is_applied() {
    let board = Board::quiet();
    let file = |cron: &str| {
        format!(
            "[nightly]\ncron = \"{cron}\"\nzone = \"UTC\"\ncatch_up = \"none\"\nuntil = \"2099-01-01\"\ndue_in = \"4h\"\n\
             task = {{ title = \"Report\", assignee = \"reporter\" }}\n[other]\ncron = \"@daily\"\ntask = {{ title = \"o\" }}\n"
        )
    };
    let apply = |text: &str, more: &[&str]| {
        board.say_from(text.as_bytes(), &[&["schedules", "apply", "-"], more].concat())
    };
    let tried = apply(&file("0 3 * * *"), &["--dry-run"]).ok();
    assert!(tried.starts_with("+ nightly (next ") && tried.contains("\n+ other (next "), "{tried}");
    assert_eq!(list(&board), json!([]));
    let done = apply(&file("0 3 * * *"), &[]).ok();
    assert!(done.ends_with("Applied 2 change(s)\n"), "{done}");
    let listed = list(&board);
    assert_eq!(
        (&listed[0]["due_in_seconds"], &listed[0]["catch_up"]),
        (&json!(14_400), &json!("none"))
    );
    let again = apply(&file("0 3 * * *"), &["--yes"]).ok();
    assert!(again.starts_with("= nightly (next ") && !again.contains("Applied"), "{again}");
    let changed = apply(&file("0 4 * * *"), &["--json"]).json();
    assert_eq!(changed["schedules"][0]["applied"], "changed");
    assert_eq!(changed["schedules"][0]["fields"], json!(["cron"]));
    for (text, cause) in [
        ("[nightly]\ncron = \"0 3 * * *\"\n", "missing field `task`"),
        ("[nightly]\ncron = \"x\"\ntask = { title = \"t\" }\n", "instead of 5"),
        (
            "[nightly]\ncron = \"@daily\"\ncolour = 1\ntask = { title = \"t\" }\n",
            "unknown field `colour`",
        ),
        ("nightly", "cannot read -"),
    ] {
        let said = apply(text, &[]);
        assert!(said.code != 0 && said.err.contains(cause), "{text}: {said:?}");
    }
    assert_eq!(list(&board)[0]["cron"], "0 4 * * *");
}

#[test]
fn a_time_is_read_in_the_zone_that_is_named() {
    let board = Board::quiet();
    let at = |zone: &[&str]| {
        let words = [&["create", "t", "--at", "2099-07-01 09:00", "--json"], zone].concat();
        board.say(words).json()["start_at"].as_i64().unwrap()
    };
    let utc = at(&["--tz", "UTC"]);
    assert_eq!(at(&["--tz", "America/New_York"]) - utc, 4 * 3600);
    assert_eq!(at(&["--tz", "Asia/Kolkata"]) - utc, -(5 * 3600 + 1800));
    let late = board.say(["create", "late", "--due", "2099-01-01", "--json"]).json();
    let soon = board.say(["create", "soon", "--due", "2098-01-01", "--json"]).json();
    let sorted = board.say(["list", "--sort", "due", "--json"]).json();
    let ids: Vec<&str> =
        sorted.as_array().unwrap().iter().filter_map(|task| task["id"].as_str()).collect();
    assert_eq!(ids[..2], [soon["id"].as_str().unwrap(), late["id"].as_str().unwrap()]);
    let behind = board.say(["list", "--sort", "due", "--json", "--cursor", ids[1]]).json();
    assert_eq!(behind.as_array().unwrap().len(), ids.len() - 2);
}

#[test]
fn a_restored_board_has_its_schedules_paused_and_says_so() {
    let board = Board::quiet();
    board.say(ADD).ok();
    let backup = board.home().join("copy.db");
    let backup = backup.to_str().unwrap();
    board.say(["backup", backup]).ok();
    let restored = board.say(["restore", backup, "--yes"]).ok();
    assert!(restored.contains("Paused 1 schedule(s)"), "{restored}");
    let schedule = list(&board)[0].clone();
    assert_eq!((&schedule["state"], &schedule["next_at"]), (&json!("paused"), &Value::Null));
}

#[test]
fn show_says_when_a_task_starts_and_by_when_it_is_due() {
    let board = Board::quiet();
    let times = ["--at", "2099-07-01 09:00", "--due", "2000-01-01 10:30"];
    let id = board.create("t", &times);
    let shown = board.say_with(&[("TZ", "UTC")], &["show", &id]).ok();
    assert!(shown.contains("  starts:    2099-07-01 "), "{shown}");
    assert!(shown.contains("  due:       2000-01-01 ") && shown.contains(" (overdue)"), "{shown}");
    board.say(["schedule", &id, "--park"]).ok();
    assert!(
        board
            .say(["show", &id])
            .ok()
            .contains("  starts:    parked, until unscheduled or promoted")
    );
}
