//! What a pass reads once before it handles any task: the limits, the open runs, and the breakers.

use std::collections::{BTreeMap, BTreeSet};

use crate::kernel::breaker::{Breaker, BreakerKey, Gate};
use crate::kernel::dispatch::Lane;
use crate::kernel::dispatch_switch::DispatchSwitch;
use crate::kernel::error::Fault;
use crate::kernel::ids::EpochSeconds;
use crate::kernel::policy::Policy;
use crate::kernel::rules::assignee::Assignee;
use crate::kernel::rules::reason::Reason;
use crate::kernel::rules::start::{self, BoardFacts, GateFacts, ProfileFacts};
use crate::kernel::store::queue::Backoff;
use crate::kernel::store::{self, Connection};

/// Who asks for a pass, and what only its host knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asker {
    /// Whether it is the dispatcher, not a person.
    pub is_automatic: bool,
    /// Free bytes of the disk, when that is too little to start anything.
    pub low_disk_bytes: Option<u64>,
}

/// How the board stands towards starts.
pub struct Standing {
    /// How many starts the board and its host let through, or why none.
    pub board: Result<u32, Reason>,
    /// How many slots of the host are free, or why none.
    pub slots: Result<u32, Reason>,
    host: Breaker,
    profiles: BTreeMap<String, Breaker>,
    open_runs: BTreeMap<String, u32>,
    paused_profiles: BTreeSet<String>,
}

impl Standing {
    /// Reads it.
    ///
    /// # Errors
    /// A fault of the database.
    pub fn read(
        connection: &Connection,
        policy: &Policy,
        now: EpochSeconds,
        asker: Asker,
    ) -> Result<Self, Fault> {
        let mut host = Breaker::closed(BreakerKey::Host);
        let mut profiles = BTreeMap::new();
        for breaker in store::breakers::list_but_workspaces(connection)? {
            match &breaker.key {
                BreakerKey::Host => host = breaker,
                BreakerKey::Profile(name) => {
                    profiles.insert(name.clone(), breaker);
                }
                // Looked at when it is known where a task works.
                BreakerKey::Workspace(_) => {}
            }
        }
        let open_runs: BTreeMap<String, u32> =
            store::runs::count_open_by_profile(connection)?.into_iter().collect();
        let paused = store::pauses::list_profiles(connection)?;
        let facts = BoardFacts {
            is_automatic: asker.is_automatic,
            switch: DispatchSwitch::read(connection)?,
            low_disk_bytes: asker.low_disk_bytes,
            host: gate_facts(&host, now),
        };
        Ok(Self {
            board: start::board(&facts, policy),
            slots: start::slots(open_runs.values().sum(), policy.max_running),
            host,
            profiles,
            open_runs,
            paused_profiles: paused.into_iter().map(|pause| pause.name).collect(),
        })
    }

    /// How many starts a profile has room for, or why for none.
    ///
    /// # Errors
    /// The reason.
    pub fn room(&self, profile: &str, policy: &Policy, now: EpochSeconds) -> Result<u32, Reason> {
        let free = GateFacts { gate: Gate::Free, last_error: None };
        let breaker = self.profiles.get(profile);
        start::profile(&ProfileFacts {
            paused: self.paused_profiles.get(profile).cloned(),
            open_runs: self.open_runs.get(profile).copied().unwrap_or_default(),
            max_running: policy.max_running_by_profile.get(profile).copied(),
            breaker: breaker.map_or(free, |breaker| gate_facts(breaker, now)),
        })
    }

    /// The lanes of those assignees whose tasks may be started; each comes with whether it is in the table of people.
    pub fn lanes(
        &self,
        mut assignees: Vec<(String, bool)>,
        policy: &Policy,
        now: EpochSeconds,
    ) -> Vec<Lane> {
        assignees.sort();
        assignees.dedup();
        assignees.retain(|(name, is_entered)| {
            policy.assignees.get(Some(name), *is_entered) == Assignee::Profile
        });
        let room = |assignee: &String| self.room(assignee, policy, now).unwrap_or_default();
        let lane = |(assignee, _)| Lane { room: room(&assignee), assignee };
        assignees.into_iter().map(lane).collect()
    }

    /// Breakers for which a start of `profile` is the probe.
    pub fn probed_by(&self, profile: &str, now: EpochSeconds) -> impl Iterator<Item = &Breaker> {
        let host = Some(&self.host);
        let own = self.profiles.get(profile);
        [host, own].into_iter().flatten().filter(move |breaker| breaker.gate(now) == Gate::Probe)
    }
}

/// A breaker as a start meets it.
pub fn gate_facts(breaker: &Breaker, now: EpochSeconds) -> GateFacts {
    GateFacts { gate: breaker.gate(now), last_error: breaker.last_error.clone() }
}

/// Profiles that have a task in their queue, those in back-off among them when `with_backoff` says so; and whether each is in the
/// table of people.
///
/// # Errors
/// A fault of the database.
pub fn list_assignees(
    connection: &Connection,
    with_backoff: bool,
) -> Result<Vec<(String, bool)>, Fault> {
    let mut assignees = store::queue::list_queued_profiles(connection, Backoff::Over)?;
    if with_backoff {
        assignees.extend(store::queue::list_queued_profiles(connection, Backoff::Running)?);
    }
    Ok(assignees)
}

/// What the supervised runs of a task took together, seconds; 0 when nothing limits it.
///
/// # Errors
/// A fault of the database.
pub fn total_runtime(
    connection: &Connection,
    policy: &Policy,
    id: &crate::kernel::ids::TaskId,
) -> Result<i64, Fault> {
    if policy.max_total_runtime_seconds.is_none() {
        return Ok(0);
    }
    store::runs::total_runtime(connection, id, store::tasks::runtime_from(connection, id)?)
}
