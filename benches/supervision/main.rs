//! What supervision costs, measured with the real programs: `kanband`, `kanban-shim` and workers that are processes.
//!
//! Beside each figure stands the bare one wherever there is one: posix_spawn(3) and wait(2) of the same program, from this
//! process, turn by turn with the supervised one, so that the machine's moods meet both.
//!
//! `make bench` runs it. Flags: `--quick` (few of everything: shows that it works, measures nothing), `--check` (fails when a
//! goal is missed), `--only WORD` (of start, death, many, asking, telling, bridges, resting), `--containment subreaper`. Without cargo's `--bench`, as
//! under `cargo test`, it is quick.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a bench that cannot go on must fail loudly, and its output is its purpose"
)]

mod asking;
mod bare;
mod bridges;
mod daemon;
mod death;
mod many;
mod processes;
mod report;
mod resting;
mod start;
mod telling;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use report::Report;

/// How much is measured.
pub struct Plan {
    /// Starts, and deaths, that are timed one by one.
    pub singles: usize,
    /// Runs of `true` in one round.
    pub many: usize,
    /// Rounds of them.
    pub rounds: usize,
    /// Workers that sleep beside one another.
    pub sleepers: usize,
    /// How long they are left alone before: the timers of their starts run out.
    pub settle_time: Duration,
    /// How long they are watched.
    pub watch_time: Duration,
    /// How often the daemon is killed and started again over them.
    pub restarts: usize,
    /// `auto` (control groups where there can be any) or `subreaper`.
    pub containment: String,
    only: Option<String>,
    check: bool,
    /// So little that its figures mean nothing.
    is_quick: bool,
}

impl Plan {
    /// None when nothing is to be run: tests are filtered or listed.
    fn from_arguments(arguments: &[String]) -> Option<Self> {
        let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
        if !has("--bench") {
            let is_for_a_test = has("--list") || arguments.iter().any(|one| !one.starts_with('-'));
            if is_for_a_test {
                return None;
            }
        }
        let is_quick = has("--quick") || !has("--bench");
        let after = |flag: &str| {
            let at = arguments.iter().position(|argument| argument == flag)?;
            arguments.get(at + 1).cloned()
        };
        let only = after("--only");
        let containment = after("--containment").unwrap_or_else(|| "auto".to_owned());
        Some(if is_quick {
            Self {
                singles: 3,
                many: 20,
                rounds: 1,
                sleepers: 5,
                settle_time: Duration::from_millis(200),
                watch_time: Duration::from_millis(200),
                restarts: 1,
                containment,
                only,
                check: false,
                is_quick,
            }
        } else {
            Self {
                singles: 200,
                many: 1000,
                rounds: 5,
                sleepers: 200,
                settle_time: Duration::from_secs(12),
                watch_time: Duration::from_secs(10),
                restarts: 20,
                containment,
                only,
                check: has("--check"),
                is_quick,
            }
        })
    }

    fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|word| name == word)
    }
}

/// Measures one part of it.
type Scene = fn(&Plan, &Path, &mut Report);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(plan) = Plan::from_arguments(&arguments) else { return ExitCode::SUCCESS };
    // A folder of the build, not of the system's temporary files: those may lie in memory, where a commit costs nothing.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    std::fs::create_dir_all(target).unwrap();
    let mut report = Report::default();
    let scenes: [(&str, Scene); 7] = [
        ("start", start::measure),
        ("death", death::measure),
        ("many", many::measure),
        ("asking", asking::measure),
        ("telling", telling::measure),
        ("bridges", bridges::measure),
        ("resting", resting::measure),
    ];
    for (name, measure) in scenes {
        if plan.wants(name) {
            measure(&plan, target, &mut report);
        }
    }
    if plan.is_quick {
        println!(
            "{} figures can be measured; this quick run says nothing about them",
            report.count()
        );
        return ExitCode::SUCCESS;
    }
    print!("{}", report.table());
    let file = target.parent().unwrap_or(target).join("supervision-bench.json");
    std::fs::write(&file, report.json()).unwrap();
    println!("as JSON: {}", file.display());
    if plan.check && report.misses_a_goal() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
