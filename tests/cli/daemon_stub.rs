//! `daemon`: the name that scripts of the predecessor know.

use crate::harness::{Location, until};
use crate::talk::Talk;

#[test]
fn it_explains_what_is_meant() {
    let location = Location::new();
    let message =
        location.say(["daemon", "--interval", "5", "--pidfile", "x", "--verbose"]).failed(2);
    for words in ["DEPRECATED", "`kanband`", "hermes gateway start", "--force"] {
        assert!(message.contains(words), "{message}");
    }
    assert!(!location.path("x").exists());
}

#[test]
fn with_force_it_becomes_the_daemon() {
    let location = Location::new();
    let flags =
        ["daemon", "--force", "--interval", "7", "--max", "3", "--failure-limit", "2", "-v"];
    let daemon = Talk::start(&location, &flags);
    until("the daemon", || (location.say(["stats"]).code == 0).then_some(()));
    let environment = std::fs::read(format!("/proc/{}/environ", daemon.pid())).unwrap();
    let environment = String::from_utf8(environment).unwrap();
    for variable in [
        "KANBAND__DISPATCH__INTERVAL_SECONDS=7",
        "KANBAND__DISPATCH__MAX_RUNNING=3",
        "KANBAND__DISPATCH__FAILURE_LIMIT=2",
        "KANBAND__LOG__LEVEL=debug",
    ] {
        assert!(environment.split('\0').any(|given| given == variable), "{variable}");
    }
    let program = std::fs::read_link(format!("/proc/{}/exe", daemon.pid())).unwrap();
    assert!(program.ends_with("kanband"), "{program:?}");
    daemon.interrupt();
    assert_eq!(daemon.end().code, 0);
}

#[test]
fn a_pid_file_holds_the_daemon_while_it_runs() {
    let location = Location::new();
    let file = location.path("kanband.pid");
    let daemon =
        Talk::start(&location, &["daemon", "--force", "--pidfile", file.to_str().unwrap()]);
    until("the daemon", || (location.say(["stats"]).code == 0).then_some(()));
    let pid: i32 = std::fs::read_to_string(&file).unwrap().trim().parse().unwrap();
    let program = std::fs::read_link(format!("/proc/{pid}/exe")).unwrap();
    assert!(program.ends_with("kanband"), "{program:?}");
    let second =
        location.say(["daemon", "--force", "--pidfile", location.path("2").to_str().unwrap()]);
    assert_eq!(second.code, 75, "{second:?}");
    assert!(!location.path("2").exists());
    daemon.interrupt();
    let said = daemon.end();
    assert!(said.code == 0 && said.err.contains("(dispatcher stopped)"), "{said:?}");
    assert!(!file.exists());
}
