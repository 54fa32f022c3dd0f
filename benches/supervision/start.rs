//! From a task that is ready to the first thing that its worker does.
//!
//! The worker is date(1), which reads the clock and prints it. Supervised, the time begins when the client has the answer
//! that the task was created: sent after its commit, at the same moment as the dispatcher is woken. Bare, it begins before
//! the program is started.

use std::path::Path;
use std::time::Instant;

use crate::Plan;
use crate::bare::{printed_time, since_epoch, spawn_to_stamp};
use crate::daemon::{Daemon, Events};
use crate::report::{Goal, Report, Samples};

const WORKER: [&str; 2] = ["/bin/date", "+%s%N"];

/// First runs, which meet cold caches and are not counted.
const WARM_UP: usize = 3;

pub fn measure(plan: &Plan, target: &Path, report: &mut Report) {
    let daemon = Daemon::start(plan, target, 16, &WORKER);
    let listener = daemon.listener();
    let mut events = Events::follow(&listener);
    let (mut bare, mut bare_whole) = (Samples::default(), Samples::default());
    let (mut ready, mut asked) = (Samples::default(), Samples::default());
    let mut commits = Samples::default();
    for turn in 0..plan.singles + WARM_UP {
        let (stamp, whole) = spawn_to_stamp(&WORKER);
        let commits_before =
            (daemon.figure("database_commits"), daemon.figure("database_commit_us"));
        let asked_at = (since_epoch(), Instant::now());
        let id = daemon.create();
        let create_time = asked_at.1.elapsed();
        events.wait_for("closed", Some(&id));
        daemon.wait_until_live(0);
        let stamp_supervised = printed_time(&daemon.log_of(&id)).saturating_sub(asked_at.0);
        if turn >= WARM_UP {
            bare.add_ms(stamp);
            bare_whole.add_ms(whole);
            asked.add_ms(stamp_supervised);
            ready.add_ms(stamp_supervised.saturating_sub(create_time));
            let count = daemon.figure("database_commits") - commits_before.0;
            commits.add((daemon.figure("database_commit_us") - commits_before.1) / count / 1e3);
        }
    }
    report.add("start, bare: spawn -> worker reads the clock", "ms", &bare, Goal::None);
    report.add("start, bare: spawn -> waited for", "ms", &bare_whole, Goal::None);
    report.add("start: one commit of the board", "ms", &commits, Goal::None);
    report.add("start: create asked -> worker reads the clock", "ms", &asked, Goal::None);
    report.add("start: ready -> worker reads the clock", "ms", &ready, Goal::None);
    report.add_ratio(
        "start: ready -> worker reads the clock / bare",
        &ready,
        &bare,
        Goal::AtMost(5.0),
    );
}
