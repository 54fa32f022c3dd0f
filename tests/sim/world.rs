//! The world: one virtual clock, one queue of what happens next, and chance.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use kanband::actors::worker::phase::Happening;
use kanband::kernel::ids::{RunId, TaskId};
use kanband::kernel::outcome::VerdictMode;
use kanband::kernel::policy::{Policy, ReviewPolicy};
use kanband::kernel::random::{SeededRandom, below};
use kanband::kernel::rules::question::QuestionOutcome;
use kanband::shim::ladder;

use crate::bench_board::Bench;
use crate::daemon::Daemon;
use crate::processes::{Identity, ProcessTable};
use crate::shims::{RunFiles, Shim};

pub const GRACE_MS: u64 = 500;
pub const LINGER_MS: u64 = 2_000;
pub const MAX_RUNTIME_MS: u64 = 20_000;
/// Faults and people stop here.
const PEACE_AT_MS: u64 = 40_000;
/// By then everything must have come to its end.
const END_AT_MS: u64 = 4 * 3600 * 1000;

/// What happens at some moment. What belongs to a daemon carries its number: a dead daemon does nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Happens {
    DaemonStarts,
    DaemonDies,
    HostReboots,
    SomeShimDies,
    SomeFilesVanish,
    LooksBeginToFail,
    ClockSteps,
    HostSuspends,
    PersonActs,
    Audit { daemon: u32 },
    Pass { daemon: u32 },
    TimerFires { daemon: u32 },
    Launch { daemon: u32, run_id: RunId },
    ForkShim { daemon: u32, run_id: RunId },
    Adopt { daemon: u32, run_id: RunId },
    Told { daemon: u32, run_id: RunId, news: News },
    Timer { daemon: u32, run_id: RunId, armed: u64, rings: Rings },
    ShimLocks { shim: Identity, run_id: RunId },
    ShimExecs { shim: Identity, run_id: RunId },
    ShimSignalled { shim: Identity, run_id: RunId },
    ShimLooks { shim: Identity, run_id: RunId },
    ShimExits { shim: Identity, run_id: RunId },
    WorkerActs { worker: Identity, run_id: RunId },
    Dies { process: Identity, code: Option<i32> },
}

/// What reaches a worker actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum News {
    WorkerStarted,
    ExitRecorded,
    ShimGone,
    StopAsked,
    Verdict { by_worker: bool },
}

/// What a timer of a worker actor stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rings {
    SpawnTimeout,
    LingerOver,
    LadderTimeout,
    CloseAgain,
    LookAgain,
}

impl Rings {
    pub fn happening(self) -> Option<Happening> {
        match self {
            Self::SpawnTimeout => Some(Happening::SpawnTimeout),
            Self::LingerOver => Some(Happening::LingerOver),
            Self::LadderTimeout => Some(Happening::LadderTimeout),
            Self::CloseAgain | Self::LookAgain => None,
        }
    }
}

/// What was met over all seeds, so that a simulation that simulates nothing is noticed.
#[derive(Debug, Default, Clone)]
pub struct Totals {
    pub steps: u64,
    pub starts: u64,
    pub daemon_deaths: u64,
    pub shim_deaths: u64,
    pub directories_removed: u64,
    pub doubts: u64,
    pub reboots: u64,
    pub adopted: u64,
    pub stale_calls_refused: u64,
    pub unkillable: u64,
    pub commits_failed: u64,
    pub reviews: u64,
    pub occurrences: u64,
    pub skipped: u64,
    pub suspends: u64,
    /// How questions ended.
    pub questions: BTreeMap<&'static str, u64>,
    pub outcomes: BTreeMap<String, u64>,
}

impl Totals {
    pub fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        self.starts += other.starts;
        self.daemon_deaths += other.daemon_deaths;
        self.shim_deaths += other.shim_deaths;
        self.directories_removed += other.directories_removed;
        self.doubts += other.doubts;
        self.reboots += other.reboots;
        self.adopted += other.adopted;
        self.stale_calls_refused += other.stale_calls_refused;
        self.unkillable += other.unkillable;
        self.commits_failed += other.commits_failed;
        self.reviews += other.reviews;
        self.occurrences += other.occurrences;
        self.skipped += other.skipped;
        self.suspends += other.suspends;
        for (end, count) in &other.questions {
            *self.questions.entry(end).or_default() += count;
        }
        for (outcome, count) in &other.outcomes {
            *self.outcomes.entry(outcome.clone()).or_default() += count;
        }
    }

    pub fn assert_everything_happened(&self) {
        for (what, count) in [
            ("starts", self.starts),
            ("daemon deaths", self.daemon_deaths),
            ("shim deaths", self.shim_deaths),
            ("removed directories", self.directories_removed),
            ("doubts", self.doubts),
            ("reboots", self.reboots),
            ("adoptions", self.adopted),
            ("stale calls", self.stale_calls_refused),
            ("unkillable runs", self.unkillable),
            ("failed commits", self.commits_failed),
            ("reviews", self.reviews),
            ("occurrences of schedules", self.occurrences),
            ("skipped occurrences", self.skipped),
            ("suspends", self.suspends),
        ] {
            assert!(count > 0, "no {what} in the whole simulation");
        }
        for end in QuestionOutcome::ALL.map(QuestionOutcome::as_str) {
            assert!(
                self.questions.contains_key(end),
                "no question is {end} in the whole simulation"
            );
        }
        for outcome in [
            "completed",
            "blocked",
            "crashed",
            "timed_out",
            "spawn_failed",
            "protocol_violation",
            "rate_limited",
            "reclaimed",
            "stopped",
            "lost",
            "gave_up",
        ] {
            assert!(self.outcomes.contains_key(outcome), "no run ended {outcome}");
        }
    }
}

pub struct World {
    pub bench: Bench,
    pub now_ms: u64,
    /// What the wall clock is off by, seconds.
    pub skew: i64,
    /// Until then nothing can be told of any process.
    pub blind_until_ms: u64,
    pub random: SeededRandom,
    pub processes: ProcessTable,
    pub files: BTreeMap<RunId, RunFiles>,
    pub shims: BTreeMap<Identity, Shim>,
    pub daemon: Option<Daemon>,
    pub daemons: u32,
    pub tasks: Vec<TaskId>,
    pub closed: BTreeSet<RunId>,
    pub totals: Totals,
    pub history: Vec<String>,
    queue: BinaryHeap<Reverse<(u64, u64, Happens)>>,
    sequence: u64,
}

/// What the operator of the world decided.
pub fn policy() -> Policy {
    Policy {
        max_running: 3,
        max_running_by_profile: BTreeMap::from([("capped".to_owned(), 1)]),
        failure_limit: 3,
        lifetime_starts: 8,
        backoff_base_ms: 1000,
        backoff_max_ms: 4000,
        reviews: ReviewPolicy {
            max_rounds: 2,
            allow_self: true,
            users: ["dev", "exit", "capped"].map(|name| (name.into(), "ann".into())).into(),
            default_user: "ann".into(),
            ..ReviewPolicy::default()
        },
        ..Policy::default()
    }
}

impl World {
    pub fn new(seed: u64) -> Self {
        Self {
            bench: Bench::with_policy(policy()),
            now_ms: 0,
            skew: 0,
            blind_until_ms: 0,
            random: SeededRandom::new(seed),
            processes: ProcessTable::default(),
            files: BTreeMap::new(),
            shims: BTreeMap::new(),
            daemon: None,
            daemons: 0,
            tasks: Vec::new(),
            closed: BTreeSet::new(),
            totals: Totals::default(),
            history: Vec::new(),
            queue: BinaryHeap::new(),
            sequence: 0,
        }
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        below(&mut self.random, bound)
    }

    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub fn after(&mut self, ms: u64, happens: Happens) {
        self.sequence += 1;
        self.queue.push(Reverse((self.now_ms + ms, self.sequence, happens)));
    }

    /// At a moment of the next `within_ms` that chance chooses.
    pub fn soon(&mut self, within_ms: u64, happens: Happens) {
        let ms = self.below(within_ms);
        self.after(ms, happens);
    }

    pub fn is_peace(&self) -> bool {
        self.now_ms >= PEACE_AT_MS
    }

    pub fn note(&mut self, line: String) {
        let now_ms = self.now_ms;
        self.history.push(format!("{now_ms:>8} {line}"));
    }

    /// How the launcher of a run's workers reports: by chance, but the same for a profile.
    pub fn verdict_mode(profile: &str) -> VerdictMode {
        if profile == "exit" { VerdictMode::Exit } else { VerdictMode::Report }
    }

    pub fn play(&mut self) {
        self.people_begin();
        self.after(0, Happens::DaemonStarts);
        for (count, happens) in [
            (3, Happens::DaemonDies),
            (2, Happens::SomeShimDies),
            (2, Happens::SomeFilesVanish),
            (2, Happens::LooksBeginToFail),
            (12, Happens::PersonActs),
            (1, Happens::ClockSteps),
            (1, Happens::HostSuspends),
        ] {
            for _ in 0..count {
                self.soon(PEACE_AT_MS, happens.clone());
            }
        }
        if self.one_in(3) {
            self.soon(PEACE_AT_MS, Happens::HostReboots);
        }
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.play_on()));
        if let Err(panic) = outcome {
            let from = self.history.len().saturating_sub(120);
            for line in &self.history[from..] {
                eprintln!("{line}");
            }
            std::panic::resume_unwind(panic);
        }
    }

    fn play_on(&mut self) {
        let mut step = 0_u64;
        while let Some(Reverse((at_ms, _, happens))) = self.queue.pop() {
            assert!(at_ms < END_AT_MS, "it does not come to an end: {happens:?}");
            self.now_ms = at_ms;
            self.bench.now = 1_000_000 + self.skew + (at_ms / 1000) as i64;
            self.note(format!("{happens:?}"));
            self.happen(happens);
            step += 1;
            self.check_step(step.is_multiple_of(8));
        }
        self.totals.steps = step;
        self.check_end();
    }

    fn happen(&mut self, happens: Happens) {
        match happens {
            Happens::DaemonStarts => self.daemon_starts(),
            Happens::DaemonDies => self.daemon_dies(),
            Happens::HostReboots => self.host_reboots(),
            Happens::SomeShimDies => self.some_shim_dies(),
            Happens::SomeFilesVanish => self.some_files_vanish(),
            Happens::LooksBeginToFail => self.looks_begin_to_fail(),
            Happens::ClockSteps => {
                let step = self.below(20_000) as i64 - 10_000;
                self.skew += step;
                self.clock_was_set();
            }
            // Only the wall clock advances.
            Happens::HostSuspends => {
                self.skew += self.below(600) as i64;
                self.totals.suspends += 1;
                self.clock_was_set();
            }
            Happens::PersonActs => self.person_acts(),
            Happens::Audit { daemon } if self.is_up(daemon) => self.audit(),
            Happens::Pass { daemon } if self.is_up(daemon) => self.pass(),
            Happens::TimerFires { daemon } if self.is_up(daemon) => self.fire_timer(),
            Happens::Launch { daemon, run_id } if self.is_up(daemon) => self.launch(run_id),
            Happens::ForkShim { daemon, run_id } if self.is_up(daemon) => self.fork_shim(run_id),
            Happens::Adopt { daemon, run_id } if self.is_up(daemon) => self.adopt(run_id),
            Happens::Told { daemon, run_id, news } if self.is_up(daemon) => {
                self.hear(run_id, news);
            }
            Happens::Timer { daemon, run_id, armed, rings } if self.is_up(daemon) => {
                self.timer(run_id, armed, rings);
            }
            Happens::Audit { .. }
            | Happens::Pass { .. }
            | Happens::TimerFires { .. }
            | Happens::Launch { .. }
            | Happens::ForkShim { .. }
            | Happens::Adopt { .. }
            | Happens::Told { .. }
            | Happens::Timer { .. } => {}
            Happens::ShimLocks { shim, run_id } => self.shim_locks(shim, run_id),
            Happens::ShimExecs { shim, run_id } => self.shim_execs(shim, run_id),
            Happens::ShimSignalled { shim, run_id } => {
                self.shim_event(shim, run_id, ladder::Event::StopAsked);
            }
            Happens::ShimLooks { shim, run_id } => {
                self.shim_event(shim, run_id, ladder::Event::Time);
            }
            Happens::ShimExits { shim, run_id } => self.shim_exits(shim, run_id),
            Happens::WorkerActs { worker, run_id } => self.worker_acts(worker, run_id),
            Happens::Dies { process, code } => self.dies(process, code),
        }
    }

    fn is_up(&self, number: u32) -> bool {
        self.daemon.as_ref().is_some_and(|daemon| daemon.number == number)
    }
}
