//! Many short runs beside one another: `true`, sixteen at a time.
//!
//! Supervised, all tasks are on the board before the dispatcher is let go; the time ends with the last `closed`.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::Plan;
use crate::bare::{spawn_and_wait, spawn_many};
use crate::daemon::{Daemon, Events};
use crate::processes::cpu_ticks;
use crate::report::{Goal, Report, Samples};

const WORKER: [&str; 1] = ["/bin/true"];

/// Beside one another.
const WIDTH: usize = 16;

pub fn measure(plan: &Plan, target: &Path, report: &mut Report) {
    let daemon = Daemon::start(plan, target, WIDTH, &WORKER);
    let listener = daemon.listener();
    let mut events = Events::follow(&listener);
    let (mut bare, mut supervised) = (Samples::default(), Samples::default());
    let mut ratios = Samples::default();
    let (mut requests, mut commits, mut commit_ms) =
        (Samples::default(), Samples::default(), Samples::default());
    let mut daemon_cpu_ms = Samples::default();
    spawn_and_wait(&WORKER);
    for _ in 0..plan.rounds {
        let per_second = |time: Duration| plan.many as f64 / time.as_secs_f64();
        let bare_before = spawn_many(&WORKER, plan.many, WIDTH);
        daemon.switch("paused");
        daemon.create_many(plan.many);
        daemon.wait_until_quiet();
        let figures = || {
            let names = ["database_requests", "database_commits", "database_commit_us"];
            names.map(|name| daemon.figure(name))
        };
        let (before, ticks) = (figures(), cpu_ticks(daemon.pid()));
        let started = Instant::now();
        daemon.switch("on");
        for _ in 0..plan.many {
            events.wait_for("closed", None);
        }
        let time = started.elapsed();
        let ticks = cpu_ticks(daemon.pid()) - ticks;
        let after = figures();
        daemon.wait_until_live(0);
        let bare_after = spawn_many(&WORKER, plan.many, WIDTH);
        // A machine that was slower afterwards than before was slower in between too.
        let bare_rate = per_second((bare_before + bare_after) / 2);
        bare.add(bare_rate);
        supervised.add(per_second(time));
        ratios.add(per_second(time) / bare_rate);
        requests.add((after[0] - before[0]) / plan.many as f64);
        commits.add((after[1] - before[1]) / plan.many as f64);
        commit_ms.add((after[2] - before[2]) / (after[1] - before[1]) / 1e3);
        daemon_cpu_ms.add(ticks as f64 * 10.0 / plan.many as f64);
    }
    let name = |what: &str| format!("{} x true, {WIDTH} at a time{what}", plan.many);
    report.add(name(", bare"), "1/s", &bare, Goal::None);
    report.add(name(""), "1/s", &supervised, Goal::None);
    report.add(name(": rate / bare"), "x", &ratios, Goal::AtLeast(0.12));
    report.add(name(": requests to the database a run"), "", &requests, Goal::None);
    report.add(name(": commits a run"), "", &commits, Goal::None);
    report.add(name(": time of one commit"), "ms", &commit_ms, Goal::None);
    report.add(name(": daemon's CPU time a run"), "ms", &daemon_cpu_ms, Goal::None);
}
