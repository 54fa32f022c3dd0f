//! Limits of a run: enforced where the kernel can, and said aloud where it cannot.

use serde_json::{Value, json};

use crate::containment::{config_in, has_groups};
use crate::harness::Daemon;

const LIMITS: [(&str, &str); 3] =
    [("memory_max", "memory"), ("pids_max", "pids"), ("cpu_percent", "cpu")];

/// What the kernel hands down to the leaves of this daemon.
fn controllers(daemon: &Daemon) -> Vec<String> {
    let file = daemon.base().join("runs/cgroup.subtree_control");
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.split_whitespace().map(str::to_owned).collect()
}

/// Keys of the limits whose controller is not there.
fn missing(daemon: &Daemon) -> Vec<&'static str> {
    let there = if has_groups(daemon) { controllers(daemon) } else { Vec::new() };
    let is_missing = |controller: &str| there.iter().all(|name| name != controller);
    LIMITS.iter().filter(|(_, controller)| is_missing(controller)).map(|(key, _)| *key).collect()
}

fn profile(daemon: &Daemon, name: &str) -> Value {
    let profiles = daemon.get("/v1/profiles");
    profiles.as_array().unwrap().iter().find(|profile| profile["name"] == name).unwrap().clone()
}

fn check(daemon: &Daemon, name: &str) -> Value {
    let doctor = daemon.get("/v1/doctor");
    doctor["checks"].as_array().unwrap().iter().find(|check| check["name"] == name).unwrap().clone()
}

#[test]
fn a_limit_is_enforced_or_said_not_to_be() {
    for mode in crate::containment::MODES {
        let text = config_in(mode, &[("sh", "exit", "exec sleep 600"), ("free", "exit", "true")])
            .with("profiles.sh.memory_max", "512M")
            .with("profiles.sh.pids_max", 64)
            .with("profiles.sh.cpu_percent", 150);
        let daemon = Daemon::start(&text);
        let missing = missing(&daemon);
        let id = daemon.create(json!({ "assignee": "sh" }));
        daemon.worker_pid(&id);
        assert_eq!(daemon.runs(&id)[0]["not_enforced"], json!(missing), "{mode}");
        assert_eq!(profile(&daemon, "sh")["not_enforced"], json!(missing), "{mode}");
        assert_eq!(profile(&daemon, "free")["not_enforced"], json!([]), "{mode}");
        let message = check(&daemon, "profile sh");
        assert_eq!(message["health"] == "warn", !missing.is_empty(), "{mode}: {message}");
        for key in &missing {
            assert!(message["message"].as_str().unwrap().contains(key), "{mode}: {message}");
        }
        for (key, file, value) in [
            ("memory_max", "memory.max", "536870912\n"),
            ("pids_max", "pids.max", "64\n"),
            ("cpu_percent", "cpu.max", "150000 100000\n"),
        ] {
            let set = std::fs::read_to_string(daemon.base().join("runs/1").join(file)).ok();
            let expected = (!missing.contains(&key)).then(|| value.to_owned());
            assert_eq!(set, expected, "{mode}: {file}");
        }
    }
}

#[test]
fn a_limit_for_all_runs_holds_where_a_profile_has_none() {
    let text = config_in("subreaper", &[("own", "exit", "true"), ("other", "exit", "true")])
        .with("supervision.pids_max", 100)
        .with("supervision.memory_max", "1G")
        .with("profiles.own.cpu_percent", 50);
    let daemon = Daemon::start(&text);
    let both = json!(["memory_max", "pids_max"]);
    assert_eq!(profile(&daemon, "other")["not_enforced"], both);
    assert_eq!(
        profile(&daemon, "own")["not_enforced"],
        json!(["memory_max", "pids_max", "cpu_percent"])
    );
    assert_eq!(check(&daemon, "limits")["health"], "warn");
    let id = daemon.create(json!({ "assignee": "other" }));
    daemon.wait_status(&id, "done");
    daemon.wait_closed(&id);
    assert_eq!(daemon.runs(&id)[0]["not_enforced"], both, "it is kept with the run");
    assert_eq!(daemon.runs(&id)[0]["containment"], "subreaper");
}

#[test]
fn a_memory_hog_ends_oom_with_its_peak_where_its_limit_is_enforced_and_is_told_free_where_not() {
    let limit: i64 = 32 << 20;
    // Holds what it reads until it has all of it.
    let hog = "head -c 150000000 /dev/zero | tail -c 150000000 | wc -c";
    let text = config_in("auto", &[("hog", "exit", hog)]).with("profiles.hog.memory_max", "32M");
    let daemon = Daemon::start(&text);
    let is_enforced = !missing(&daemon).contains(&"memory_max");
    let id = daemon.create(json!({ "assignee": "hog" }));
    daemon.wait_status(&id, if is_enforced { "blocked" } else { "done" });
    daemon.wait_closed(&id);
    let run = &daemon.runs(&id)[0];
    let peak = run["memory_peak_bytes"].as_i64().unwrap();
    if is_enforced {
        assert_eq!((&run["outcome"], &run["cause"]), (&json!("gave_up"), &json!("oom")), "{run}");
        assert!(run["oom_kills"].as_i64().unwrap() > 0, "{run}");
        assert!(peak > limit / 2 && peak <= limit, "{run}");
        assert!(run["error"].as_str().unwrap().contains(&peak.to_string()), "{run}");
        assert_eq!(run["not_enforced"], json!([]));
    } else {
        assert_eq!(run["outcome"], "completed", "{run}");
        assert_eq!(run["oom_kills"], json!(null), "what nobody counts is not said to be none");
        assert!(peak > limit, "{run}");
        assert_eq!(run["not_enforced"], json!(["memory_max"]));
    }
}

#[test]
fn the_cpu_time_of_a_run_counts_a_process_that_its_worker_never_waited_for() {
    let script = "(setsid sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; touch worked' &) ; \
                  while [ ! -e worked ]; do sleep 0.02; done";
    for mode in crate::containment::MODES {
        let daemon = Daemon::start(&config_in(mode, &[("sh", "exit", script)]));
        let id = daemon.create(json!({ "assignee": "sh" }));
        daemon.wait_status(&id, "done");
        daemon.wait_closed(&id);
        let run = &daemon.runs(&id)[0];
        assert!(run["cpu_ms"].as_i64().unwrap() > 20, "{mode}: {run}");
    }
}
