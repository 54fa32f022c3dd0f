//! `doctor`: what is wrong here, each with what helps where this daemon runs.

use serde_json::Value;

use crate::harness::{Board, quiet};

/// The checks of this name.
fn checks(board: &Board, name: &str) -> Vec<Value> {
    let doctor = board.say(["doctor", "--json"]);
    let doctor: Value = serde_json::from_str(&doctor.out).unwrap();
    let all = doctor["checks"].as_array().unwrap().clone();
    all.into_iter().filter(|check| check["name"] == name).collect()
}

#[test]
fn files_that_the_next_start_would_refuse_are_named_with_their_line() {
    let board = Board::quiet();
    let valid = checks(&board, "configuration");
    assert!(valid.len() == 1 && valid[0]["health"] == "ok", "{valid:?}");
    let folder = board.home().join("conf.d");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("broken.toml"), "[dispatch]\nmax_running = = 3\n").unwrap();
    std::fs::write(folder.join("slip.toml"), "[dispatch]\nmax_runing = 3\n").unwrap();
    std::fs::write(folder.join("fine.toml"), "[dispatch]\nmax_running = 3\n").unwrap();
    let found = checks(&board, "configuration");
    assert_eq!(found.len(), 2, "{found:?}");
    for (check, expected) in found.iter().zip(["broken.toml:2", "slip.toml: dispatch.max_runing"]) {
        let (message, fix) = (check["message"].as_str().unwrap(), check["fix"].as_str().unwrap());
        assert!(message.contains(expected) && !message.contains("fine.toml"), "{message}");
        assert!(fix.contains("conf.d/") && fix.contains("`kanban reload`"), "{fix}");
        assert_eq!(check["health"], "fail");
    }
    assert_eq!(board.say(["doctor"]).code, 1);
    for name in ["broken.toml", "slip.toml"] {
        std::fs::remove_file(folder.join(name)).unwrap();
    }
    assert_eq!(checks(&board, "configuration"), valid);
}

#[test]
fn containment_that_is_less_than_asked_for_is_a_warning_with_a_way_out() {
    let found = &checks(&Board::quiet(), "containment")[0];
    let message = found["message"].as_str().unwrap();
    let is_degraded = message.starts_with("sub-reaper only: ");
    assert_eq!(found["health"], if is_degraded { "warn" } else { "ok" }, "{found}");
    let fix = found["fix"].as_str().unwrap_or_default();
    assert_eq!(fix.contains("`supervision.containment = \"subreaper\"`"), is_degraded, "{found}");
    // What was chosen is as it should be.
    let board = Board::with(&quiet().with("supervision.containment", "subreaper"));
    let found = &checks(&board, "containment")[0];
    assert_eq!((&found["health"], found.get("fix")), (&Value::from("ok"), None), "{found}");
}

#[test]
fn a_daemon_that_was_started_by_hand_gets_no_remedies_of_units() {
    let board = Board::with(&quiet().with("dispatch.strict_profiles", true));
    let doctor = board.say(["doctor"]);
    assert!(doctor.out.contains("install an agent, then `kanban init`"), "{doctor:?}");
    for word in ["systemctl", "LimitNOFILE", "sudo"] {
        assert!(!doctor.out.contains(word), "{word}: {doctor:?}");
    }
}
