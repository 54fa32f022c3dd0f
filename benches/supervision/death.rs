//! From the death of a worker to its outcome on the disk.
//!
//! The worker sleeps and is killed with SIGKILL. The time begins before the signal is sent and ends when the event `closed`
//! is here: it is sent after the commit. Bare, it ends when wait(2) returns.

use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::Plan;
use crate::bare;
use crate::daemon::{Daemon, Events};
use crate::report::{Goal, Report, Samples};

const WORKER: [&str; 2] = ["/bin/sleep", "600"];

/// Between the start of a worker and its death.
const SETTLE_TIME: Duration = Duration::from_millis(20);

pub fn measure(plan: &Plan, target: &Path, report: &mut Report) {
    let daemon = Daemon::start(plan, target, 16, &WORKER);
    let listener = daemon.listener();
    let mut events = Events::follow(&listener);
    let (mut bare_deaths, mut deaths) = (Samples::default(), Samples::default());
    for _ in 0..plan.singles {
        let mut child = bare::spawn(&WORKER);
        let id = daemon.create();
        let spawned = events.wait_for("spawned", Some(&id));
        let pid =
            Pid::from_raw(i32::try_from(spawned["payload"]["pid"].as_i64().unwrap()).unwrap());
        // What the start has left to do is not to be in the way.
        daemon.pause(SETTLE_TIME);

        let killed = Instant::now();
        child.kill().unwrap();
        child.wait().unwrap();
        bare_deaths.add_ms(killed.elapsed());

        let killed = Instant::now();
        kill(pid, Signal::SIGKILL).unwrap();
        let crashed = events.wait_for("crashed", Some(&id));
        assert_eq!(crashed["payload"]["signal"], 9);
        events.wait_for("closed", Some(&id));
        deaths.add_ms(killed.elapsed());
        daemon.wait_until_live(0);
    }
    report.add("death, bare: kill -> waited for", "ms", &bare_deaths, Goal::None);
    report.add("death: kill -> outcome on the disk, and told", "ms", &deaths, Goal::AtMost(5.0));
    report.add_ratio(
        "death: kill -> outcome on the disk / bare",
        &deaths,
        &bare_deaths,
        Goal::None,
    );
}
