//! A worker that does everything to leave something behind.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::harness::{Daemon, until};
use crate::traces::{
    WHO_AM_I, born, children_of, containment_modes, from_env, groups_of, processes_of_runs,
    processes_that_name, quick_config, run_dirs, run_number,
};

/// Processes that a stubborn worker has when it gives its verdict.
const GENERATIONS: usize = 3;

/// A worker with a child and a grandchild, each forked twice away from its parent, in a session of its own, deaf to TERM, with
/// no descriptor open. All write down who they are. The worker does what its second argument says once they are all there.
fn write_stubborn(dir: &Path) -> PathBuf {
    let path = dir.join("stubborn");
    let born = dir.join("born").display().to_string();
    let text = format!(
        "trap '' TERM HUP INT
left=$1 last=$2
{WHO_AM_I}
echo $pid $ticks >> {born}.$KANBAN_RUN
if [ $left -gt 0 ]; then (setsid sh \"$0\" $((left - 1)) &); fi
if [ -n \"$last\" ]; then
  while [ \"$(wc -l < {born}.$KANBAN_RUN)\" -lt {GENERATIONS} ]; do sleep 0.01; done
  eval \"$last\"
fi
exec 0<&- 1>&- 2>&-
while :; do sleep 60; done
"
    );
    std::fs::write(&path, text).unwrap();
    path
}

fn leave_nothing_behind(mode: &str, runs: u64) {
    let mut daemon = Daemon::prepare("");
    let stubborn = write_stubborn(daemon.scratch());
    let worker =
        |last: &str| format!("exec sh {} {} '{last}'", stubborn.display(), GENERATIONS - 1);
    let report = "kanban complete $KANBAN_TASK --summary done";
    let profiles = [
        ("exits", "exit", worker("exit 0")),
        ("fails", "exit", worker("exit 9")),
        ("reports", "report", worker(&format!("{report}; exit 0"))),
        ("stays", "report", worker(report)),
    ];
    let profiles = profiles.each_ref().map(|(name, how, script)| (*name, *how, script.as_str()));
    let text = quick_config(mode, 8, &profiles);
    daemon.configure(&text.with("dispatch.failure_limit", 1));
    daemon.spawn();
    daemon.wait_until_up();
    // Reporting costs most of the time, and every way ends in the same ladder.
    let profile = |n: u64| match n % 10 {
        0 => "reports",
        1 => "stays",
        2 => "fails",
        _ => "exits",
    };
    let ids: Vec<_> = (0..runs).map(|n| daemon.create(json!({ "assignee": profile(n) }))).collect();
    let mut trees = Vec::new();
    for (id, n) in ids.iter().zip(0..) {
        daemon.wait_status(id, if profile(n) == "fails" { "blocked" } else { "done" });
        daemon.wait_closed(id);
        let runs = daemon.runs(id);
        assert_eq!(runs.len(), 1, "{mode}: {runs:?}");
        let number = run_number(&runs[0]);
        let tree = born(&daemon.scratch().join(format!("born.{number}")));
        assert_eq!(tree.len(), GENERATIONS, "{mode}: run {number}");
        let left: Vec<_> = tree.iter().filter(|process| process.is_there()).collect();
        assert!(left.is_empty(), "{mode}: run {number} is closed and {left:?} are there");
        trees.extend(tree);
    }
    until("the last shim to be reaped and its files removed", || {
        (children_of(daemon.pid()).is_empty() && run_dirs(&daemon).is_empty()).then_some(())
    });
    let others = processes_that_name(daemon.scratch());
    let others: Vec<_> = others.iter().filter(|(pid, _)| *pid != daemon.pid()).collect();
    assert!(others.is_empty(), "{mode}: {others:?}");
    let seen = processes_of_runs(&daemon);
    assert_eq!(seen.len(), 2 * ids.len(), "every shim and worker is on the board");
    let left: Vec<_> = seen.iter().chain(&trees).filter(|process| process.is_there()).collect();
    assert!(left.is_empty(), "{mode}: {left:?} are there, if only as zombies");
    let (lasting, of_runs) = groups_of(&daemon.home());
    let has_groups = daemon.get("/v1/doctor").to_string().contains("cgroup v2 at ");
    assert_eq!(
        !lasting.is_empty(),
        has_groups,
        "{mode}: {lasting:?}, and the daemon says otherwise"
    );
    assert_eq!(of_runs, Vec::<PathBuf>::new(), "{mode}");
}

/// `KANBAND_LEAK_RUNS` sets how many.
#[test]
fn runs_that_resist_leave_no_process_no_zombie_no_directory_and_no_control_group() {
    let runs = from_env("KANBAND_LEAK_RUNS", 500);
    for mode in containment_modes() {
        leave_nothing_behind(mode, runs);
    }
}
