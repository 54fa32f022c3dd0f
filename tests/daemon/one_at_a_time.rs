//! A run whose time is up and that ignores TERM: at no moment do two runs of one task have a process.

use std::collections::{BTreeMap, BTreeSet};

use kanband::os::processes::proc_stat;
use serde_json::json;

use crate::harness::{Config, Daemon, let_pass};

/// Tasks that are at it at the same time.
const TASKS: usize = 10;

/// Ignores TERM, and so does a child in a session of its own.
const DEAF: &str = "trap '' TERM; \
     setsid sh -c \"trap '' TERM; while :; do sleep 0.05; done\" & \
     while :; do sleep 0.05; done";

/// A process of a run that lived when it was looked at.
struct Seen {
    pid: i32,
    start_ticks: u64,
}

fn living(pid: i32) -> Option<u64> {
    let stat = proc_stat::read(pid).ok()??;
    (!stat.is_over()).then_some(stat.start_ticks)
}

fn variable(environment: &[u8], name: &str) -> Option<String> {
    let prefix = format!("{name}=");
    let found = environment
        .split(|byte| *byte == 0)
        .find_map(|entry| entry.strip_prefix(prefix.as_bytes()))?;
    Some(String::from_utf8_lossy(found).into_owned())
}

/// Processes of this home by task and run.
fn look(home: &str) -> BTreeMap<String, BTreeMap<String, Seen>> {
    let mut found: BTreeMap<String, BTreeMap<String, Seen>> = BTreeMap::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        let is_ours =
            variable(&environment, "KANBAN_SOCKET").is_some_and(|path| path.starts_with(home));
        let names = (variable(&environment, "KANBAN_TASK"), variable(&environment, "KANBAN_RUN"));
        if let (true, (Some(task), Some(run)), Some(start_ticks)) = (is_ours, names, living(pid)) {
            found.entry(task).or_default().insert(run, Seen { pid, start_ticks });
        }
    }
    found
}

/// Two runs are there at one moment when a process of the first lives before *and* after one of the second was seen.
fn is_double(runs: &BTreeMap<String, Seen>) -> bool {
    let still = |seen: &Seen| living(seen.pid) == Some(seen.start_ticks);
    runs.values().filter(|seen| still(seen)).count() > 1
        && runs.values().filter(|seen| still(seen)).count() > 1
}

fn configuration(attempts: u32) -> Config {
    Config::new()
        .with("dispatch.interval_seconds", 3600)
        .with("dispatch.max_running", TASKS as u32)
        .with("dispatch.backoff_base", "1ms")
        .with("dispatch.backoff_max", "1ms")
        .with("dispatch.failure_limit", attempts)
        .with("dispatch.lifetime_starts", attempts)
        .with("supervision.grace", "50ms")
        .with("profiles.deaf.argv", vec!["/bin/sh", "-c", DEAF])
}

#[test]
fn never_two_processes_of_one_task_however_often_its_time_is_up() {
    let iterations: usize =
        std::env::var("KANBAN_ITERATIONS").map_or(100, |text| text.parse().unwrap());
    let attempts = iterations.div_ceil(TASKS);
    let daemon = Daemon::start(&configuration(attempts as u32));
    let home = daemon.home().to_str().unwrap().to_owned();
    let ids: Vec<String> = (0..TASKS)
        .map(|_| daemon.create(json!({ "assignee": "deaf", "max_runtime_seconds": 1 })))
        .collect();
    let mut seen_runs: BTreeSet<(String, String)> = BTreeSet::new();
    let mut looks = 0_usize;
    loop {
        for (task, runs) in look(&home) {
            assert!(!is_double(&runs), "two runs of {task}: {:?}", runs.keys());
            seen_runs.extend(runs.into_keys().map(|run| (task.clone(), run)));
        }
        looks += 1;
        let is_over = |id: &String| daemon.status(id) == "blocked";
        if looks.is_multiple_of(25) && ids.iter().all(is_over) {
            break;
        }
        let_pass(std::time::Duration::from_millis(20));
    }
    for id in &ids {
        daemon.wait_closed(id);
        let runs = daemon.runs(id);
        assert_eq!(runs.len(), attempts);
        assert!(runs.iter().all(|run| run["signal"] == 9), "each had to be killed: {runs:#?}");
        let kinds: Vec<String> = daemon
            .kinds(id)
            .into_iter()
            .filter(|kind| ["claimed", "spawned", "closed"].contains(&kind.as_str()))
            .collect();
        let one = ["claimed", "spawned", "closed"];
        let expected: Vec<&str> = one.iter().copied().cycle().take(3 * attempts).collect();
        assert_eq!(kinds, expected, "each is closed before the next is claimed");
    }
    assert!(look(&home).is_empty(), "nothing is left");
    // The eye was quick enough to see what it judges: most runs were caught alive.
    assert!(
        seen_runs.len() * 10 >= iterations * 9,
        "{} of {iterations} runs seen",
        seen_runs.len()
    );
}
