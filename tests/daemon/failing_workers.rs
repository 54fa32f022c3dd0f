//! Every kind of failing worker: no more starts than the limit, the true outcome, and then a person is waited for.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{Config, Daemon};

/// Failures after which a task is given up.
const LIMIT: usize = 3;

/// Automatic starts that a task gets in all.
const LIFETIME: usize = 4;

struct Kind {
    name: &'static str,
    /// A program of the test's directory begins with `./`.
    argv: &'static [&'static str],
    verdict: &'static str,
    outcome: &'static str,
    starts: usize,
    /// Column of the run that has to say why, and its value.
    evidence: (&'static str, i64),
    /// What the worker would leave behind in its log.
    log: &'static str,
}

const fn kind(
    name: &'static str,
    argv: &'static [&'static str],
    outcome: &'static str,
    evidence: (&'static str, i64),
) -> Kind {
    Kind { name, argv, verdict: "exit", outcome, starts: LIMIT, evidence, log: "" }
}

const KINDS: &[Kind] = &[
    Kind {
        log: "what went wrong",
        ..kind(
            "exits-1",
            &["/bin/sh", "-c", "echo what went wrong; exit 1"],
            "crashed",
            ("exit_code", 1),
        )
    },
    kind("exits-255", &["/bin/sh", "-c", "exit 255"], "crashed", ("exit_code", 255)),
    kind("exits-137", &["/bin/sh", "-c", "exit 137"], "crashed", ("exit_code", 137)),
    kind("segfaults", &["/bin/sh", "-c", "kill -SEGV $$"], "crashed", ("signal", 11)),
    kind("kills-itself", &["/bin/sh", "-c", "kill -KILL $$"], "crashed", ("signal", 9)),
    kind("missing", &["/nonexistent/program"], "spawn_failed", ("errno", 2)),
    kind("not-executable", &["./text"], "spawn_failed", ("errno", 13)),
    kind("no-interpreter", &["./script"], "spawn_failed", ("errno", 2)),
    kind("no-workspace", &["/bin/true"], "spawn_failed", ("errno", 20)),
    Kind {
        verdict: "report",
        starts: 2,
        log: "I am done, I think",
        ..kind(
            "says-nothing",
            &["/bin/sh", "-c", "echo I am done, I think"],
            "protocol_violation",
            ("exit_code", 0),
        )
    },
    kind("sleeps", &["/bin/sleep", "600"], "timed_out", ("signal", 15)),
    kind(
        "ignores-term",
        &["/bin/sh", "-c", "trap '' TERM; while :; do sleep 0.05; done"],
        "timed_out",
        ("signal", 9),
    ),
    Kind {
        log: "flood",
        ..kind(
            "floods-its-log",
            &["/bin/sh", "-c", "yes flood | head -c 3000000; exit 3"],
            "crashed",
            ("exit_code", 3),
        )
    },
    Kind {
        starts: LIFETIME,
        ..kind("limited", &["/bin/sh", "-c", "exit 75"], "rate_limited", ("exit_code", 75))
    },
    Kind {
        starts: LIFETIME,
        ..kind(
            "says-limited",
            &["/bin/sh", "-c", "kanban rate-limited $KANBAN_TASK --retry-after 1; exit 1"],
            "rate_limited",
            ("exit_code", 1),
        )
    },
];

fn configuration(dir: &Path) -> Config {
    let mut config = Config::new()
        .with("dispatch.interval_seconds", 3600)
        .with("dispatch.max_running", 8)
        .with("dispatch.backoff_base", "1ms")
        .with("dispatch.backoff_max", "1ms")
        .with("dispatch.rate_limit_wait", "1ms")
        .with("dispatch.failure_limit", LIMIT as u32)
        .with("dispatch.lifetime_starts", LIFETIME as u32)
        .with("supervision.linger", "2s")
        .with("supervision.grace", "100ms");
    for kind in KINDS {
        let in_dir = |word: &&str| match word.strip_prefix("./") {
            Some(name) => dir.join(name).display().to_string(),
            None => (*word).to_owned(),
        };
        let argv: Vec<String> = kind.argv.iter().map(in_dir).collect();
        config.set(&format!("profiles.{}.argv", kind.name), argv);
        config.set(&format!("profiles.{}.verdict", kind.name), kind.verdict);
    }
    config
}

fn prepare_files(dir: &Path) {
    let script = dir.join("script");
    std::fs::write(&script, "#!/nonexistent/interpreter\n").unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let text = dir.join("text");
    std::fs::write(&text, "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(&text, std::fs::Permissions::from_mode(0o644)).unwrap();
}

/// Runs in which something was started or was to be: a task that is blocked before a start leaves a row of its own.
fn attempts(daemon: &Daemon, id: &str) -> Vec<Value> {
    daemon.runs(id).into_iter().filter(|run| run["supervised"] == true).collect()
}

fn assert_given_up(daemon: &Daemon, kind: &Kind, id: &str) {
    let name = kind.name;
    daemon.wait_status(id, "blocked");
    daemon.wait_closed(id);
    let runs = attempts(daemon, id);
    assert_eq!(runs.len(), kind.starts, "{name}: {runs:#?}");
    let (column, value) = kind.evidence;
    for run in &runs {
        let cause = if run["outcome"] == "gave_up" { &run["cause"] } else { &run["outcome"] };
        assert_eq!(cause, kind.outcome, "{name}: {run:#}");
        // One that has given its word may be ended before it ends: its task is ready again.
        if run["verdict_by"].is_null() {
            assert_eq!(run[column], value, "{name}: {run:#}");
        }
        assert!(run["error"].is_string(), "{name}: {run:#}");
        let log = run["log_tail"].as_str().unwrap_or_default();
        assert!(log.contains(kind.log) && log.len() <= 4096, "{name}: {log}");
    }
    let last = daemon.runs(id).pop().unwrap();
    assert_eq!(last["outcome"], "gave_up", "{name}: {last:#}");
    let why = daemon.get(&format!("/v1/tasks/{id}/why"));
    assert_eq!((&why["reason"], &why["gave_up"]), (&json!("blocked"), &json!(true)), "{name}");
}

#[test]
fn whatever_way_a_worker_fails_it_is_started_as_often_as_the_limit_says_and_then_waits_for_a_person()
 {
    let mut daemon = Daemon::prepare("");
    prepare_files(daemon.scratch());
    let text = configuration(daemon.scratch());
    daemon.configure(&text);
    daemon.spawn();
    daemon.wait_until_up();
    let ids: Vec<String> = KINDS
        .iter()
        .map(|kind| {
            let mut fields = json!({ "assignee": kind.name });
            if kind.outcome == "timed_out" {
                fields["max_runtime_seconds"] = json!(1);
            }
            if kind.name == "no-workspace" {
                // A file takes the way before the first start.
                let file = daemon.scratch().join("late");
                let path = file.join("below");
                let id = daemon.create(
                    json!({ "workspace_kind": "dir", "workspace_path": path, "create_dir": true }),
                );
                std::fs::write(&file, "").unwrap();
                daemon.post(&format!("/v1/tasks/{id}/assign"), &json!({ "assignee": kind.name }));
                return id;
            }
            daemon.create(fields)
        })
        .collect();
    for (kind, id) in KINDS.iter().zip(&ids) {
        assert_given_up(&daemon, kind, id);
    }
    // Neither a pass of the dispatcher nor a person's starts anything of it.
    assert_eq!(daemon.post("/v1/dispatch", &json!({}))["spawned"], json!([]));
    for (kind, id) in KINDS.iter().zip(&ids) {
        assert_eq!(attempts(&daemon, id).len(), kind.starts, "{}", kind.name);
    }
    let held = daemon.get("/v1/breakers");
    assert_eq!(
        held.as_array().unwrap().iter().filter(|one| one["scope"] == "task").count(),
        KINDS.len()
    );
}
