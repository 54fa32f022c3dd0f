//! The configuration read again while everything goes on.

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::harness::{Config, Daemon, config, until};

const SCRIPT: &str = "sleep 600";

fn write(daemon: &Daemon, config: &(impl std::fmt::Display + ?Sized)) {
    daemon.configure(config);
}

fn sleeper() -> Config {
    config(&[("sh", "exit", SCRIPT)])
}

/// A configuration under which so many runs may be open.
fn with_cap(cap: u32) -> Config {
    sleeper().with("dispatch.max_running", cap)
}

fn reload(daemon: &Daemon) -> Vec<Value> {
    daemon.post("/v1/reload", &json!({}))["changes"].as_array().unwrap().clone()
}

fn running(daemon: &Daemon, ids: &[String]) -> usize {
    ids.iter().filter(|id| daemon.status(id) == "running").count()
}

#[test]
fn a_raised_cap_starts_what_waited_and_what_has_changed_is_told() {
    let daemon = Daemon::start(&with_cap(1));
    let ids: Vec<_> = (0..3).map(|_| daemon.create(json!({ "assignee": "sh" }))).collect();
    until("the first run", || (running(&daemon, &ids) == 1).then_some(()));
    write(&daemon, &with_cap(2));
    let change =
        json!({ "key": "dispatch.max_running", "old": "1", "new": "2", "from_restart": false });
    assert_eq!(reload(&daemon), [change]);
    until("the second run", || (running(&daemon, &ids) == 2).then_some(()));
    assert_eq!(reload(&daemon), [] as [Value; 0], "the same file again");
    assert!(daemon.log().contains("dispatch.max_running"), "{}", daemon.log());
}

#[test]
fn a_new_profile_and_another_program_hold_from_the_next_claim_and_running_work_goes_on() {
    let daemon = Daemon::start(&sleeper());
    let old = daemon.create(json!({ "assignee": "sh" }));
    let pid = daemon.worker_pid(&old);
    let text = config(&[("sh", "exit", "echo second"), ("new", "exit", "echo new")]);
    write(&daemon, &text);
    let keys: Vec<_> = reload(&daemon).iter().map(|change| change["key"].clone()).collect();
    assert_eq!(keys, ["profiles.new.argv", "profiles.new.verdict", "profiles.sh.argv"]);
    for (assignee, said) in [("sh", "second"), ("new", "new")] {
        let id = daemon.create(json!({ "assignee": assignee }));
        daemon.wait_status(&id, "done");
        assert!(daemon.run_log(&id).contains(said));
    }
    assert!(crate::harness::is_alive(pid));
    assert_eq!(daemon.status(&old), "running");
}

#[test]
fn a_configuration_that_is_wrong_is_refused_whole_and_every_problem_told() {
    let daemon = Daemon::start(&with_cap(1));
    let ids: Vec<_> = (0..2).map(|_| daemon.create(json!({ "assignee": "sh" }))).collect();
    until("the first run", || (running(&daemon, &ids) == 1).then_some(()));
    write(&daemon, &format!("{}\n[log]\nlevel = \"loud\"\n[nonsense]\n", with_cap(2)));
    let refused = daemon.client().post::<Value>("/v1/reload", &json!({})).unwrap_err().to_string();
    assert!(refused.contains("log.level") && refused.contains("nonsense"), "{refused}");
    assert_eq!(running(&daemon, &ids), 1, "the cap of the refused file holds for nobody");
    daemon.post("/v1/dispatch", &json!({}));
    assert_eq!(running(&daemon, &ids), 1);
    write(&daemon, &with_cap(2));
    assert_eq!(reload(&daemon).len(), 1, "fixed, it is compared with what holds");
    until("the second run", || (running(&daemon, &ids) == 2).then_some(()));
}

#[test]
fn a_shorter_interval_holds_at_once_and_not_after_the_old_one() {
    let daemon = Daemon::start(&config(&[]));
    let reads = || daemon.get("/v1/daemon")["database_requests"].as_u64().unwrap();
    write(&daemon, &config(&[]).with("dispatch.interval_seconds", 1));
    assert_eq!(reload(&daemon)[0]["key"], "dispatch.interval_seconds");
    let before = reads();
    until("passes that nobody asked for", || (reads() >= before + 3).then_some(()));
}

#[test]
fn sighup_reads_it_again_too_and_keeps_to_the_protocol_of_the_service_manager() {
    let mut daemon = Daemon::prepare(&with_cap(1));
    let path = daemon.scratch().join("notify");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    socket.set_nonblocking(true).unwrap();
    daemon.set("NOTIFY_SOCKET", path.to_str().unwrap());
    daemon.spawn();
    daemon.wait_until_up();
    let mut message = Vec::new();
    let mut listen = |what: &str| {
        until(what, || {
            let mut buffer = [0; 4096];
            let length = socket.recv(&mut buffer).ok()?;
            message.extend(String::from_utf8_lossy(&buffer[..length]).lines().map(str::to_owned));
            message.iter().any(|line| line.starts_with(what)).then(|| std::mem::take(&mut message))
        })
    };
    listen("READY=1");
    for (text, status) in [
        (with_cap(2).to_string(), "STATUS=serving; the configuration was reloaded"),
        ("nonsense".to_owned(), "STATUS=serving; the new configuration is invalid"),
    ] {
        write(&daemon, &text);
        daemon.signal(Signal::SIGHUP);
        let reloading = listen("RELOADING=1");
        let stamp = reloading.iter().find_map(|line| line.strip_prefix("MONOTONIC_USEC=")).unwrap();
        assert!(stamp.parse::<u64>().unwrap() > 0);
        let ready = listen("READY=1");
        assert!(ready.iter().any(|line| line.starts_with(status)), "{ready:?}");
    }
    let ids: Vec<_> = (0..3).map(|_| daemon.create(json!({ "assignee": "sh" }))).collect();
    until("two runs", || (running(&daemon, &ids) == 2).then_some(()));
}

#[test]
fn keys_of_the_next_start_are_named_and_values_of_variables_are_not() {
    let daemon = Daemon::start(&sleeper().with("profiles.sh.env.TOKEN", "one"));
    write(&daemon, &sleeper().with("profiles.sh.env.TOKEN", "two").with("disk.reserve_bytes", 0));
    let changes = reload(&daemon);
    let from_restart: Vec<_> =
        changes.iter().map(|change| (&change["key"], &change["from_restart"])).collect();
    assert_eq!(
        from_restart,
        [
            (&json!("disk.reserve_bytes"), &json!(true)),
            (&json!("profiles.sh.env.TOKEN"), &json!(false))
        ]
    );
    let message = format!("{changes:?}{}", daemon.log());
    assert!(!message.contains("two"), "{message}");
}

#[test]
fn the_log_level_changes_at_once_and_falls_back_with_the_next_reload() {
    let daemon = Daemon::start(&sleeper());
    let moved = || daemon.log().matches("run moved").count();
    assert_eq!(daemon.get("/v1/daemon")["log_level"], "info");
    let reply = daemon.post("/v1/log-level", &json!({ "level": "debug" }));
    assert_eq!(reply, json!({ "level": "debug", "before": "info" }));
    let id = daemon.create(json!({ "assignee": "sh" }));
    daemon.worker_pid(&id);
    until("a line of that weight", || (moved() > 0).then_some(()));
    reload(&daemon);
    assert_eq!(daemon.get("/v1/daemon")["log_level"], "info");
}
