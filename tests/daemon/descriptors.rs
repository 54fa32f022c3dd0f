//! Open files: the daemon takes what it may have, what it starts gets what it found, and operators act when they are scarce.

use std::os::unix::net::UnixStream;

use kanband::os::run_files::directory::{RunDir, read_identity};
use serde_json::json;

use crate::harness::{Daemon, config, until};

/// The soft and the hard limit of a process.
fn limits(pid: i32) -> (String, String) {
    let text = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = text.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    (words[3].to_owned(), words[4].to_owned())
}

/// Starts it with these limits: a soft and a hard one.
fn start_with(daemon: &mut Daemon, soft: u64, hard: u64) {
    let program = daemon.command();
    let mut command = std::process::Command::new("/bin/sh");
    let script = format!("ulimit -Sn {soft}; ulimit -Hn {hard}; exec \"$0\"");
    command.args(["-c", &script]).arg(program.get_program()).env_clear();
    command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let log = std::fs::File::create(daemon.scratch().join("daemon.log")).unwrap();
    command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null()).stderr(log);
    daemon.spawn_as(&mut command);
    daemon.wait_until_up();
}

#[test]
fn the_daemon_raises_its_limit_and_shims_and_workers_get_the_one_that_it_found() {
    let script = "echo worker $(ulimit -Sn) $(ulimit -Hn); exec sleep 600";
    let mut daemon = Daemon::prepare(&config(&[("sh", "report", script)]));
    start_with(&mut daemon, 99, 999);
    assert_eq!(limits(daemon.pid()), ("999".into(), "999".into()));
    let id = daemon.create(json!({ "assignee": "sh" }));
    daemon.worker_pid(&id);
    let dir = RunDir::new(daemon.home().join("runs/1"));
    let shim = until("the shim", || read_identity(&dir).unwrap()).shim.pid;
    assert_eq!(limits(shim), ("99".into(), "999".into()));
    let message =
        until("the worker's word", || Some(daemon.run_log(&id)).filter(|log| log.ends_with('\n')));
    assert_eq!(message, "worker 99 999\n");
}

#[test]
fn with_few_descriptors_fewer_runs_are_open_and_operators_act_beside_a_flood() {
    let text = config(&[("sh", "report", "exec sleep 600")]).with("dispatch.max_running", 60);
    let mut daemon = Daemon::prepare(&text);
    start_with(&mut daemon, 64, 128);
    let runs_max = daemon.get("/v1/status")["resources"]["runs_max"].as_u64().unwrap();
    assert!(runs_max < 60, "{runs_max}");
    let ids: Vec<String> = (0..12).map(|_| daemon.create(json!({ "assignee": "sh" }))).collect();
    let open = || daemon.get("/v1/status")["runs"].as_array().unwrap().len() as u64;
    until("as many runs as there is room for", || (open() == runs_max).then_some(()));
    let why = ids
        .iter()
        .map(|id| daemon.get(&format!("/v1/tasks/{id}/why")))
        .find(|why| why["status"] == "ready");
    let why = why.unwrap();
    assert!(why["explanation"].as_str().unwrap().contains("runs are open"), "{why}");
    // More connections than there are descriptors.
    let held: Vec<UnixStream> =
        (0..300).filter_map(|_| UnixStream::connect(daemon.socket()).ok()).collect();
    assert!(!held.is_empty());
    let doctor = daemon.get("/v1/doctor");
    let open_files =
        doctor["checks"].as_array().unwrap().iter().find(|check| check["name"] == "open files");
    assert_eq!(open_files.unwrap()["health"], "warn");
    daemon.post("/v1/dispatch/switch", &json!({ "to": "paused" }));
    let running = ids.iter().find(|id| daemon.status(id) == "running").unwrap();
    daemon.post(&format!("/v1/tasks/{running}/stop"), &json!({ "then": "hold" }));
    daemon.wait_closed(running);
    drop(held);
    daemon.post("/v1/dispatch/switch", &json!({ "to": "on" }));
    until("another run in its place", || (open() == runs_max).then_some(()));
}
