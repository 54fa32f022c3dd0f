//! Circuit breakers: a pure rule, moved in the transaction that ends a run.
//!
//! Words as in electricity: *closed* lets starts through, *open* lets none through, *half open* lets one probe through.
//!
//! ```text
//!            threshold reached                 open_until passed
//!   closed ────────────────────▶ open ───────────────────────────▶ half open
//!      ▲                          ▲                                 │      │
//!      │                          └───────── probe failed ──────────┘      │
//!      └────────────────────────────── probe succeeded ────────────────────┘
//! ```
//!
//! A profile's breaker opens after failed starts in a row *of two or more tasks*: a lone broken task is charged itself
//! and ends `gave_up`; ten tasks of a broken profile open the profile's breaker and none of them is blocked. A workspace (a
//! directory or a repository that tasks name) has a breaker by the same rule, so that one bad repository holds back the tasks
//! that name it and no other task of their profile. The host's breaker opens when shims die, and when starts fail
//! because the host lacks what every start needs. Which breaker a failed start moves is decided in [`crate::kernel::start_fault`]; a task's own
//! limits are in [`crate::kernel::retry`].

use serde::{Deserialize, Serialize};

use crate::kernel::ids::{EpochSeconds, Host, RunId, TaskId};
use crate::kernel::limits::{
    BREAKER_OPEN_SECONDS, BREAKER_OPEN_SECONDS_MAX, HOST_BREAKER_FAILURES,
    PROFILE_BREAKER_FAILURES, WORKSPACE_BREAKER_FAILURES,
};

/// What a breaker guards.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BreakerKey {
    /// Starts under one profile.
    Profile(String),
    /// Starts in one directory or repository, by its path without links.
    Workspace(String),
    /// All starts on this host.
    Host,
}

impl BreakerKey {
    /// The key as it is stored and shown: `profile:NAME`, `workspace:PATH` or `host`.
    pub fn to_text(&self) -> String {
        match self {
            Self::Profile(name) => format!("profile:{name}"),
            Self::Workspace(path) => format!("workspace:{path}"),
            Self::Host => "host".to_owned(),
        }
    }

    /// The key of the breaker for starts on `host`.
    pub fn to_text_on(&self, host: Host) -> String {
        host.key(&self.to_text())
    }

    /// Reads a stored or typed key.
    pub fn parse(text: &str) -> Option<Self> {
        let profile = || text.strip_prefix("profile:").map(|name| Self::Profile(name.to_owned()));
        match text.strip_prefix("workspace:") {
            Some(path) => Some(Self::Workspace(path.to_owned())),
            None if text == "host" => Some(Self::Host),
            None => profile(),
        }
    }

    fn threshold(&self) -> u32 {
        match self {
            Self::Profile(_) => PROFILE_BREAKER_FAILURES,
            Self::Workspace(_) => WORKSPACE_BREAKER_FAILURES,
            Self::Host => HOST_BREAKER_FAILURES,
        }
    }

    /// Whether failures of one task alone can open it.
    fn needs_several_tasks(&self) -> bool {
        match self {
            Self::Profile(_) | Self::Workspace(_) => true,
            Self::Host => false,
        }
    }
}

/// State of a breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// Starts are allowed.
    Closed,
    /// No start is allowed.
    Open,
    /// One probe is allowed.
    HalfOpen,
}

impl BreakerState {
    /// All states.
    pub const ALL: [Self; 3] = [Self::Closed, Self::Open, Self::HalfOpen];

    /// The state as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }

    /// Reads a stored state.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// A breaker's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breaker {
    /// What it guards.
    pub key: BreakerKey,
    /// State.
    pub state: BreakerState,
    /// Consecutive failures.
    pub failures: u32,
    /// The task of the first failure in the row.
    pub first_task_id: Option<TaskId>,
    /// Whether another task failed in the same row.
    pub several_tasks: bool,
    /// How often it opened since it was last closed; each doubles the time that it stays open.
    pub trips: u32,
    /// When it opened.
    pub opened_at: Option<EpochSeconds>,
    /// When the next probe may pass.
    pub open_until: Option<EpochSeconds>,
    /// The run that is the probe, while half open.
    pub probe_run_id: Option<RunId>,
    /// The last failure, in one line.
    pub last_error: Option<String>,
}

/// What a start may do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// Start as many as there is room for.
    Free,
    /// Start one, as the probe.
    Probe,
    /// Start none.
    Shut {
        /// When to look again; none while a probe runs.
        until: Option<EpochSeconds>,
    },
}

impl Breaker {
    /// A closed breaker without a history.
    pub fn closed(key: BreakerKey) -> Self {
        Self {
            key,
            state: BreakerState::Closed,
            failures: 0,
            first_task_id: None,
            several_tasks: false,
            trips: 0,
            opened_at: None,
            open_until: None,
            probe_run_id: None,
            last_error: None,
        }
    }

    /// What a start may do at `now`. A time that lies further ahead than it ever could (the clock was set back) is over.
    pub fn gate(&self, now: EpochSeconds) -> Gate {
        match self.state {
            BreakerState::Closed => Gate::Free,
            BreakerState::Open => match self.open_until {
                Some(until) if now < until && until - now <= BREAKER_OPEN_SECONDS_MAX => {
                    Gate::Shut { until: Some(until) }
                }
                Some(_) | None => Gate::Probe,
            },
            BreakerState::HalfOpen => match self.probe_run_id {
                Some(_) => Gate::Shut { until: None },
                None => Gate::Probe,
            },
        }
    }

    /// Whether it is closed: a failed start is charged to its task only then.
    pub fn is_closed(&self) -> bool {
        self.state == BreakerState::Closed
    }

    /// After a probe was let through as `run_id`.
    pub fn probing(mut self, run_id: RunId) -> Self {
        self.state = BreakerState::HalfOpen;
        self.probe_run_id = Some(run_id);
        self
    }

    /// After a start under it succeeded.
    pub fn after_success(self) -> Self {
        Self::closed(self.key)
    }

    /// After the probe ended without saying anything about the breaker's subject: the next start is the probe.
    pub fn after_silent_probe(mut self, run_id: RunId) -> Self {
        if self.probe_run_id == Some(run_id) {
            self.probe_run_id = None;
        }
        self
    }

    /// After the start of `run_id` of `task_id` failed at `now` with `error`.
    pub fn after_failure(
        mut self,
        task_id: &TaskId,
        run_id: RunId,
        error: &str,
        now: EpochSeconds,
    ) -> Self {
        self.failures = self.failures.saturating_add(1);
        self.last_error = Some(error.to_owned());
        match &self.first_task_id {
            None => self.first_task_id = Some(task_id.clone()),
            Some(first) if first != task_id => self.several_tasks = true,
            Some(_) => {}
        }
        match self.state {
            BreakerState::Closed => {
                let is_spread = self.several_tasks || !self.key.needs_several_tasks();
                if self.failures >= self.key.threshold() && is_spread {
                    self.opened(now)
                } else {
                    self
                }
            }
            BreakerState::HalfOpen if self.probe_run_id == Some(run_id) => self.opened(now),
            // A start that was under way when it opened says nothing new.
            BreakerState::Open | BreakerState::HalfOpen => self,
        }
    }

    fn opened(mut self, now: EpochSeconds) -> Self {
        let doublings = self.trips.min(16);
        let seconds = (BREAKER_OPEN_SECONDS << doublings).min(BREAKER_OPEN_SECONDS_MAX);
        self.state = BreakerState::Open;
        self.trips = self.trips.saturating_add(1);
        self.opened_at = Some(self.opened_at.unwrap_or(now));
        self.open_until = Some(now + seconds);
        self.probe_run_id = None;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(n: u8) -> TaskId {
        TaskId::parse(&format!("t_{n:08x}")).unwrap()
    }

    fn profile() -> Breaker {
        Breaker::closed(BreakerKey::Profile("qa".into()))
    }

    fn fail(mut breaker: Breaker, tasks: &[u8]) -> Breaker {
        for (run_id, n) in tasks.iter().enumerate() {
            breaker = breaker.after_failure(&task(*n), run_id as RunId, "no such program", 100);
        }
        breaker
    }

    #[test]
    fn one_broken_task_never_opens_its_profile() {
        let breaker = fail(profile(), &[1; 50]);
        assert_eq!(breaker.gate(100), Gate::Free);
    }

    #[test]
    fn failed_starts_of_two_tasks_open_the_profile_at_the_threshold() {
        assert_eq!(fail(profile(), &[1, 2, 1, 2]).gate(100), Gate::Free);
        let open = fail(profile(), &[1, 2, 1, 2, 1]);
        assert_eq!(open.gate(100), Gate::Shut { until: Some(100 + BREAKER_OPEN_SECONDS) });
        assert_eq!(open.gate(100 + BREAKER_OPEN_SECONDS), Gate::Probe);
    }

    #[test]
    fn keys_read_back_as_written() {
        for key in [
            BreakerKey::Host,
            BreakerKey::Profile("host".into()),
            BreakerKey::Profile("workspace".into()),
            BreakerKey::Workspace("/srv/profile:x".into()),
        ] {
            assert_eq!(BreakerKey::parse(&key.to_text()), Some(key));
        }
        assert_eq!(BreakerKey::parse("task:t_1"), None);
    }

    #[test]
    fn a_workspace_opens_as_a_profile_does_and_not_for_one_task() {
        let workspace = || Breaker::closed(BreakerKey::Workspace("/srv/app".into()));
        assert_eq!(fail(workspace(), &[1; 50]).gate(100), Gate::Free);
        assert_eq!(fail(workspace(), &[1, 2, 1, 2]).gate(100), Gate::Free);
        assert!(matches!(fail(workspace(), &[1, 2, 1, 2, 1]).gate(100), Gate::Shut { .. }));
    }

    #[test]
    fn a_success_in_between_starts_the_count_anew() {
        let breaker = fail(profile(), &[1, 2, 1, 2]).after_success();
        assert_eq!(fail(breaker, &[1, 2, 1, 2]).gate(100), Gate::Free);
    }

    #[test]
    fn one_probe_passes_and_its_end_decides() {
        let probing = fail(profile(), &[1, 2, 1, 2, 1]).probing(77);
        assert_eq!(probing.gate(1000), Gate::Shut { until: None });
        let reopened = probing.clone().after_failure(&task(3), 77, "still broken", 1000);
        assert_eq!(
            reopened.gate(1000),
            Gate::Shut { until: Some(1000 + 2 * BREAKER_OPEN_SECONDS) }
        );
        assert_eq!(probing.clone().after_success().gate(1000), Gate::Free);
        assert_eq!(probing.clone().after_silent_probe(77).gate(1000), Gate::Probe);
        assert_eq!(
            probing.after_failure(&task(3), 76, "late", 1000).gate(1000),
            Gate::Shut { until: None }
        );
    }

    #[test]
    fn the_time_between_probes_doubles_up_to_its_maximum() {
        let mut breaker = fail(profile(), &[1, 2, 1, 2, 1]);
        let mut last = 0;
        for n in 0..20 {
            breaker = breaker.probing(n).after_failure(&task(1), n, "still broken", 0);
            let Gate::Shut { until: Some(until) } = breaker.gate(0) else { panic!("must be shut") };
            assert!(until >= last);
            last = until;
        }
        assert_eq!(last, BREAKER_OPEN_SECONDS_MAX);
    }

    #[test]
    fn a_clock_that_was_set_back_keeps_no_breaker_open() {
        let open = fail(profile(), &[1, 2, 1, 2, 1]);
        let until = 100 + BREAKER_OPEN_SECONDS;
        assert!(matches!(open.gate(until - BREAKER_OPEN_SECONDS_MAX), Gate::Shut { .. }));
        assert_eq!(open.gate(until - BREAKER_OPEN_SECONDS_MAX - 1), Gate::Probe);
    }

    #[test]
    fn lost_shims_of_one_task_open_the_host() {
        let host = fail(Breaker::closed(BreakerKey::Host), &[1; 3]);
        assert!(matches!(host.gate(100), Gate::Shut { .. }));
    }
}
