//! Many workers that sleep: what watching them costs, and how long a new daemon needs to find them all again.

use std::path::Path;
use std::time::Instant;

use crate::Plan;
use crate::bare::spawn_and_wait;
use crate::daemon::{Daemon, Events, PROGRAM};
use crate::processes::{cpu_ticks, pss_mib, rss_mib, sleeps};
use crate::report::{Goal, Report, Samples};

const WORKER: [&str; 2] = ["/bin/sleep", "3600"];

pub fn measure(plan: &Plan, target: &Path, report: &mut Report) {
    let mut daemon = Daemon::start(plan, target, plan.sleepers, &WORKER);
    let (mut bare, mut empty) = (Samples::default(), Samples::default());
    for _ in 0..plan.restarts {
        empty.add_ms(restart(&mut daemon, 0));
        bare.add_ms(spawn_and_wait(&[PROGRAM, "--version"]));
    }
    report.add_one("daemon, nothing to do: resident", "MiB", rss_mib(daemon.pid()), Goal::None);
    start_sleepers(&daemon, 1);
    let alone = daemon.identities()[0].shim.pid;
    report.add_one("one shim: its share of memory", "MiB", pss_mib(alone), Goal::AtMost(1.0));
    start_sleepers(&daemon, plan.sleepers - 1);
    watch(plan, &daemon, report);

    let mut full = Samples::default();
    for _ in 0..plan.restarts {
        full.add_ms(restart(&mut daemon, plan.sleepers));
        bare.add_ms(spawn_and_wait(&[PROGRAM, "--version"]));
    }
    let name = |what: &str| format!("restart over {} workers: {what}", plan.sleepers);
    report.add("restart, bare: `kanband --version`", "ms", &bare, Goal::None);
    report.add("restart, no run is open: start -> it answers", "ms", &empty, Goal::None);
    report.add(name("start -> all attached"), "ms", &full, Goal::AtMost(100.0));
    report.add_ratio(&name("start -> all attached / bare"), &full, &bare, Goal::None);
    daemon.wait_until_quiet();
    let rss = rss_mib(daemon.pid());
    report.add_one(name("resident afterwards"), "MiB", rss, Goal::AtMost(30.0));
}

fn start_sleepers(daemon: &Daemon, count: usize) {
    let listener = daemon.listener();
    let mut events = Events::follow(&listener);
    daemon.create_many(count);
    for _ in 0..count {
        events.wait_for("spawned", None);
    }
    drop(events);
    daemon.wait_until_quiet();
}

/// Nobody talks to the daemon while it is watched.
fn watch(plan: &Plan, daemon: &Daemon, report: &mut Report) {
    let shims: Vec<i32> = daemon.identities().iter().map(|run| run.shim.pid).collect();
    assert_eq!(shims.len(), plan.sleepers);
    let name = |what: &str| format!("{} sleeping workers: {what}", plan.sleepers);
    let rss = rss_mib(daemon.pid());
    report.add_one(name("daemon resident"), "MiB", rss, Goal::AtMost(30.0));
    let mut pss = Samples::default();
    shims.iter().for_each(|pid| pss.add(pss_mib(*pid)));
    report.add(name("each shim's share of memory"), "MiB", &pss, Goal::AtMost(1.0));
    let of_shims = |what: fn(i32) -> u64| shims.iter().map(|pid| what(*pid)).sum::<u64>();
    let look = || {
        let pid = daemon.pid();
        [cpu_ticks(pid), sleeps(pid), of_shims(cpu_ticks), of_shims(sleeps)]
    };
    daemon.pause(plan.settle_time);
    let before = look();
    daemon.pause(plan.watch_time);
    let after = look();
    let passed = |n: usize| (after[n] - before[n]) as f64;
    let time = format!("in {} s", plan.watch_time.as_secs_f64());
    let name = |what: &str| name(&format!("{what} {time}"));
    report.add_one(name("daemon's CPU ticks"), "", passed(0), Goal::AtMost(0.0));
    report.add_one(name("daemon's wake-ups"), "", passed(1), Goal::None);
    report.add_one(name("shims' CPU ticks"), "", passed(2), Goal::AtMost(0.0));
    report.add_one(name("shims' wake-ups"), "", passed(3), Goal::None);
}

fn restart(daemon: &mut Daemon, live: usize) -> std::time::Duration {
    daemon.kill_9();
    let started = Instant::now();
    daemon.spawn();
    daemon.wait_until_live(live);
    started.elapsed()
}
