//! `config`: the configuration as the daemon reads it.

use serde_json::{Value, json};

use crate::harness::{Board, Location};

const FILE: &str = "# Of the test.\n[dispatch]\nenabled = false # by hand only\n\n# How many.\n# max_running = 8\n[profiles.dev]\nargv = [\"sh\"]\nenv = { TOKEN = \"secret\" }\n";

fn board() -> Board {
    Board::with(FILE)
}

fn file(location: &Location) -> String {
    location.home().join("kanband.toml").display().to_string()
}

#[test]
fn every_value_is_shown_with_its_origin() {
    let board = board();
    let shown =
        board.say_with(&[("KANBAND__DISPATCH__FAILURE_LIMIT", "3")], &["config", "show"]).ok();
    let row = |key: &str| {
        let line = shown.lines().find(|line| line.split(' ').next() == Some(key));
        line.unwrap_or_else(|| panic!("{key}: {shown}"))
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(row("dispatch.enabled"), format!("dispatch.enabled false {}:3", file(&board)));
    assert_eq!(row("dispatch.max_running"), "dispatch.max_running 8 default");
    let limit = "dispatch.failure_limit 3 KANBAND__DISPATCH__FAILURE_LIMIT";
    assert_eq!(row("dispatch.failure_limit"), limit);
    assert_eq!(row("profiles.dev.argv"), format!("profiles.dev.argv [\"sh\"] {}:8", file(&board)));
    assert!(!shown.contains("secret") && shown.contains("(not shown)"), "{shown}");
    let json = board.say(["config", "show", "dispatch", "--json"]).json();
    let rows = json.as_array().unwrap();
    assert!(rows.iter().all(|row| row["key"].as_str().unwrap().starts_with("dispatch.")));
    let found: &Value = rows.iter().find(|row| row["key"] == "dispatch.enabled").unwrap();
    let expected =
        json!({"key": "dispatch.enabled", "value": "false", "origin": file(&board), "line": 3});
    assert_eq!(*found, expected);
}

#[test]
fn a_value_is_read_without_its_quotes() {
    let board = board();
    assert_eq!(board.say(["config", "get", "dispatch.max_running"]).ok(), "8\n");
    assert_eq!(board.say(["config", "get", "dispatch.default_launcher"]).ok().trim(), {
        let json = board.say(["config", "get", "dispatch.default_launcher", "--json"]).json();
        json["value"].as_str().unwrap().trim_matches('"').to_owned()
    });
    let message = board.say(["config", "get", "dispatch.max_runing"]).failed(1);
    assert!(message.contains("did you mean dispatch.max_running?"), "{message}");
}

#[test]
fn a_value_is_set_and_comments_stay_and_a_reload_takes_it() {
    let board = board();
    let said = board.say(["config", "set", "dispatch.max_running", "4"]).ok();
    let location = format!("{}:7", file(&board));
    assert_eq!(said, format!("Set dispatch.max_running = 4 in {location}\nNext: kanban reload\n"));
    let text = std::fs::read_to_string(file(&board)).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.remove(6), "max_running = 4");
    assert_eq!(lines, FILE.lines().collect::<Vec<_>>(), "nothing else has changed");
    assert!(board.say(["reload"]).ok().contains("dispatch.max_running"));
    // A text needs no quotes, and a value stays where it is set.
    board.say(["config", "set", "dispatch.backoff_base", "2s"]).ok();
    let conf_d = board.home().join("conf.d");
    std::fs::create_dir(&conf_d).unwrap();
    std::fs::write(conf_d.join("a.toml"), "[dispatch]\ninterval_seconds = 30\n").unwrap();
    board.say(["config", "set", "dispatch.interval_seconds", "45"]).ok();
    let text = std::fs::read_to_string(conf_d.join("a.toml")).unwrap();
    assert_eq!(text, "[dispatch]\ninterval_seconds = 45\n");
    let said = board.say(["config", "set", "profiles.qa.argv", "[\"true\"]"]).ok();
    assert!(said.starts_with("Set profiles.qa.argv"), "{said}");
    assert_eq!(board.say(["config", "get", "dispatch.backoff_base"]).ok(), "2s\n");
    let variable = ("KANBAND__DISPATCH__MAX_RUNNING", "2");
    let said = board.say_with(&[variable], &["config", "set", "dispatch.max_running", "5"]);
    assert!(said.err.contains("KANBAND__DISPATCH__MAX_RUNNING sets it too"), "{said:?}");
}

#[test]
fn what_the_daemon_would_refuse_is_not_written() {
    let board = board();
    let before = std::fs::read_to_string(file(&board)).unwrap();
    for (key, value, expected) in [
        ("dispatch.max_running", "many", "expected"),
        ("dispatch.max_running", "-1", "expected"),
        ("dispatch.backoff_base", "soon", "dispatch.backoff_base"),
        ("profiles.dev.launcher", "claude", "has both launcher and argv"),
    ] {
        let message = board.say(["config", "set", key, value]).failed(1);
        assert!(message.contains(expected), "{key} {value}: {message}");
        assert_eq!(std::fs::read_to_string(file(&board)).unwrap(), before);
    }
}

/// Settings that are right by themselves and that the daemon refuses.
const REFUSED: [(&str, &str, &str); 3] = [
    ("profiles.dev.review", "nobody", "is not a configured profile"),
    ("notify.digest", "soon", "expected a time of the day"),
    ("chat.roles.lead.groups", "[\"nothing\"]", "no group"),
];

#[test]
fn what_only_the_whole_configuration_shows_is_refused_as_the_daemon_does() {
    let mut board = board();
    let before = std::fs::read_to_string(file(&board)).unwrap();
    for (key, value, expected) in REFUSED {
        let message = board.say(["config", "set", key, value]).failed(1);
        assert!(message.contains(expected), "{key}: {message}");
        assert_eq!(std::fs::read_to_string(file(&board)).unwrap(), before, "{key}");
    }
    let path = board.path("part.toml");
    let part = path.display().to_string();
    std::fs::write(&path, "[notify]\ndigest = \"soon\"\n").unwrap();
    let message = board.say(["config", "check", &part]).failed(1);
    assert!(
        message.contains("part.toml:2:1: notify.digest: invalid: expected a time"),
        "{message}"
    );
    let text = format!("{before}review = \"nobody\"\n");
    std::fs::write(file(&board), text).unwrap();
    let message = board.say(["config", "check"]).failed(1);
    assert!(message.contains("kanband.toml:10:1: profiles.dev.review: "), "{message}");
    assert!(board.say(["reload"]).failed(1).contains("is not a configured profile"));
    // What was wrong before keeps nobody from setting another key, or that one.
    board.say(["config", "set", "dispatch.max_running", "4"]).ok();
    board.say(["config", "set", "profiles.dev.review", "human"]).ok();
    board.say(["config", "check"]).ok();
    board.kill();
    board.start();
}

#[test]
fn a_program_reads_objects() {
    let board = board();
    let set = board.say(["config", "set", "dispatch.max_running", "4", "--json"]).json();
    let expected =
        json!({"key": "dispatch.max_running", "value": "4", "origin": file(&board), "line": 7});
    assert_eq!(set, expected);
    let checked = board.say(["config", "check", "--json"]).json();
    assert_eq!(checked, json!({"valid": true, "file": null}));
    let path = file(&board);
    let checked = board.say(["config", "check", &path, "--json"]).json();
    assert_eq!(checked, json!({"valid": true, "file": path}));
}

#[test]
fn a_value_that_may_be_a_secret_is_an_error_and_no_value() {
    let board = board();
    for more in [&[][..], &["--json"]] {
        let words = [&["config", "get", "profiles.dev.env.TOKEN"], more].concat();
        let said = board.say(words);
        assert!(said.out.is_empty(), "{said:?}");
        let message = said.failed(1);
        assert!(message.contains("may be a secret and is not shown"), "{message}");
        assert!(message.contains("kanband.toml:9"), "{message}");
    }
}

#[test]
fn a_form_that_cannot_be_edited_is_named_and_left_alone() {
    let board = board();
    let text = "dispatch = { enabled = false }\n";
    std::fs::write(file(&board), text).unwrap();
    let message = board.say(["config", "set", "dispatch.max_running", "4"]).failed(1);
    let expected = "sets dispatch.max_running in a form that cannot be edited safely";
    assert!(message.contains(expected), "{message}");
    assert_eq!(std::fs::read_to_string(file(&board)).unwrap(), text);
}

#[test]
fn a_file_is_checked_as_a_reload_would_with_line_and_column() {
    let board = board();
    assert_eq!(board.say(["config", "check"]).ok(), "the configuration is valid\n");
    let path = board.path("part.toml");
    let part = path.display().to_string();
    for (text, expected) in [
        ("[dispatch]\n  max_runing = 2\n", "part.toml:2:3: dispatch.max_runing: unknown key"),
        ("[dispatch]\nmax_running = \"x\"\n", "part.toml:2:1: dispatch.max_running: expected"),
        ("[dispatch]\nmax_running = = 2\n", "part.toml:2:15: invalid TOML"),
        ("[profiles.x]\nlauncher = \"nobody\"\n", "part.toml:2:1: profiles.x.launcher: unknown"),
    ] {
        std::fs::write(&path, text).unwrap();
        let message = board.say(["config", "check", &part]).failed(1);
        assert!(message.contains(expected), "{text}: {message}");
    }
    std::fs::write(&path, "[profiles.x]\nargv = [\"sh\"]\n").unwrap();
    assert_eq!(board.say(["config", "check", &part]).ok(), format!("{part} is valid\n"));
    // One of the files that are read is checked in its location.
    std::fs::write(file(&board), "[dispatch]\nmax_running = 3\n").unwrap();
    board.say(["config", "check", &file(&board)]).ok();
}
