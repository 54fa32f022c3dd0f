//! A person takes work away from a worker that does not want to go; or its time is up. The next attempt begins when it is gone.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Daemon, let_pass, until};
use crate::traces::{
    Born, Over, WHO_AM_I, all_pids, born, from_env, lines, processes_that_name, quick_config,
    run_number,
};

/// Time between two looks at all processes, milliseconds.
const LOOK_MS: u64 = 20;

/// A worker that is deaf to TERM, with a child in a session of its own that is too. Before it begins it looks whether anything
/// of an earlier attempt lives, and notes that.
fn script(dir: &Path) -> String {
    let dir = dir.display();
    format!(
        "trap '' TERM HUP INT
{WHO_AM_I}
me=$pid; mine=$ticks; touch {dir}/born.$KANBAN_TASK
while read -r pid ticks; do
  if {{ read -r stat < /proc/$pid/stat; }} 2>/dev/null; then
    set -- ${{stat##*) }}
    case $1 in Z|X) ;; *) [ ${{20}} != $ticks ] || echo $KANBAN_TASK $KANBAN_RUN $pid >> {dir}/overlaps;; esac
  fi
done < {dir}/born.$KANBAN_TASK
setsid sh -c 'read -r stat < /proc/self/stat; set -- ${{stat%% *}} ${{stat##*) }}
  echo $1 ${{21}} >> {dir}/born.$KANBAN_TASK; while :; do sleep 60; done' &
echo $me $mine >> {dir}/born.$KANBAN_TASK
while :; do sleep 60; done"
    )
}

/// Processes by task and run, as their environment names them.
fn look(home: &Path) -> BTreeMap<String, BTreeMap<i64, Vec<Born>>> {
    let mut found: BTreeMap<String, BTreeMap<i64, Vec<Born>>> = BTreeMap::new();
    let socket = home.join("kanband.sock.worker").display().to_string();
    for pid in all_pids() {
        let Ok(text) = std::fs::read(format!("/proc/{pid}/environ")) else { continue };
        let text = String::from_utf8_lossy(&text).into_owned();
        let value = |name: &str| {
            text.split('\0').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
        };
        let (Some(task), Some(run)) = (value("KANBAN_TASK"), value("KANBAN_RUN")) else { continue };
        if value("KANBAN_SOCKET") != Some(&socket) {
            continue;
        }
        let Ok(Some(stat)) = kanband::os::processes::proc_stat::read(pid) else { continue };
        let process = Born { pid, start_ticks: stat.start_ticks };
        let runs = found.entry(task.to_owned()).or_default();
        runs.entry(run.parse().unwrap()).or_default().push(process);
    }
    found
}

/// Looks at all processes until it is over. One look takes time, so what it finds of an earlier run must live still after it
/// has found something of a later one.
fn watch(home: &Path, looks: &AtomicUsize, is_over: &AtomicBool) -> Vec<String> {
    let mut seen = Vec::new();
    while !is_over.load(Ordering::SeqCst) {
        for (task, mut runs) in look(home) {
            let Some((last, _)) = runs.pop_last() else { continue };
            for (run, processes) in runs {
                let alive = processes.iter().filter(|process| process.is_alive());
                seen.extend(
                    alive.map(|process| {
                        format!("{task}: {process:?} of run {run} beside run {last}")
                    }),
                );
            }
        }
        looks.fetch_add(1, Ordering::SeqCst);
        let_pass(Duration::from_millis(LOOK_MS));
    }
    seen
}

/// Waits until so many attempts have begun, worker and child.
fn wait_begun(daemon: &Daemon, id: &str, attempts: u64) {
    let path = daemon.scratch().join(format!("born.{id}"));
    until("an attempt", || (born(&path).len() as u64 >= 2 * attempts).then_some(()));
}

/// Takes the task away from its worker again and again, then for good.
fn take_away(daemon: &Daemon, id: &str, verb: &str, times: u64, last: &str) {
    let path = |verb: &str| format!("/v1/tasks/{id}/{verb}");
    for attempt in 1..=times {
        wait_begun(daemon, id, attempt);
        let other = if attempt % 2 == 0 { "one" } else { "two" };
        let body = if verb == "reassign" { json!({ "assignee": other }) } else { json!({}) };
        let message = daemon.post(&path(verb), &body);
        assert_eq!(message["stopping"], true, "{message}");
    }
    wait_begun(daemon, id, times + 1);
    let body = if last == "complete" { json!({ "summary": "enough" }) } else { json!({}) };
    daemon.post(&path(last), &body);
    daemon.wait_closed(id);
    let left: Vec<_> = born(&daemon.scratch().join(format!("born.{id}")))
        .into_iter()
        .filter(|process| process.is_there())
        .collect();
    assert!(left.is_empty(), "{last}: {left:?} of {id} are there");
}

/// Each claim comes after the end of everything before it.
fn claims_follow_closes(daemon: &Daemon, id: &str, attempts: usize) {
    let shown = daemon.show(id);
    let mut open: Option<i64> = None;
    let mut claims = 0;
    for event in shown["events"].as_array().unwrap() {
        let run = event["run_id"].as_i64();
        match event["kind"].as_str().unwrap() {
            "claimed" => {
                assert_eq!(open, None, "{id}: run {run:?} was claimed while it was open");
                open = run;
                claims += 1;
            }
            "closed" => {
                assert_eq!(open, run, "{id}");
                open = None;
            }
            _ => {}
        }
    }
    assert_eq!((open, claims), (None, attempts), "{id}");
    let runs = shown["runs"].as_array().unwrap();
    let is_after = |pair: &[Value]| pair[0]["closed_at"].as_i64() <= pair[1]["started_at"].as_i64();
    assert!(runs.windows(2).all(is_after), "{runs:#?}");
    let mut numbers: Vec<_> = runs.iter().map(run_number).collect();
    numbers.dedup();
    assert_eq!(numbers.len(), attempts);
}

/// `KANBAND_STOPS` sets how often each task is taken away, `KANBAND_TIMEOUTS` how often one is run out of its time.
#[test]
fn of_a_task_whose_workers_do_not_want_to_end_never_two_live_at_once() {
    let (stops, timeouts) = (from_env("KANBAND_STOPS", 25), from_env("KANBAND_TIMEOUTS", 8));
    let mut daemon = Daemon::prepare("");
    let script = script(daemon.scratch());
    let text = quick_config("", 8, &[("one", "exit", &script), ("two", "exit", &script)]);
    daemon.configure(&text.with("dispatch.failure_limit", 1000));
    daemon.spawn();
    daemon.wait_until_up();
    let create = |fields: Value| daemon.create(fields);
    let plans = [
        ("reclaim", stops, "archive"),
        ("reassign", stops, "complete"),
        ("reclaim", stops, "complete"),
        ("reassign", stops, "archive"),
    ];
    let ids = plans.map(|_| create(json!({ "assignee": "one" })));
    let timed = create(json!({ "assignee": "two", "max_runtime_seconds": 1 }));
    let (looks, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let home = daemon.home();
    let seen = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| watch(&home, &looks, &is_over));
        let over = Over(&is_over);
        let takers: Vec<_> = ids
            .iter()
            .zip(plans)
            .map(|(id, (verb, times, last))| {
                let daemon = &daemon;
                scope.spawn(move || take_away(daemon, id, verb, times, last))
            })
            .collect();
        wait_begun(&daemon, &timed, timeouts + 1);
        for taker in takers {
            taker.join().unwrap();
        }
        daemon.post(&format!("/v1/tasks/{timed}/archive"), &json!({}));
        daemon.wait_closed(&timed);
        drop(over);
        watcher.join().unwrap()
    });
    assert_eq!(seen, Vec::<String>::new());
    assert_eq!(lines(&daemon.scratch().join("overlaps")), Vec::<String>::new());
    for (id, (verb, times, last)) in ids.iter().zip(plans) {
        let times = usize::try_from(times).unwrap();
        claims_follow_closes(&daemon, id, times + 1);
        let mut expected = vec!["reclaimed"; times];
        expected.push(if last == "complete" { "completed" } else { "reclaimed" });
        assert_eq!(daemon.outcomes(id), expected, "{verb}, {last}");
    }
    let outcomes = daemon.outcomes(&timed);
    claims_follow_closes(&daemon, &timed, outcomes.len());
    let timed_out = outcomes.iter().filter(|outcome| *outcome == "timed_out").count();
    assert!(timed_out as u64 >= timeouts, "{outcomes:?}");
    let looks = looks.load(Ordering::SeqCst);
    eprintln!("one at a time: {} attempts, {looks} looks", 4 * (stops + 1) + timeouts + 1);
    assert!(looks > 0);
    until("every shim to be gone", || {
        (processes_that_name(daemon.scratch()).len() == 1).then_some(())
    });
}
