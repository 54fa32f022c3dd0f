//! The settings that the board's rules need. The database thread holds one, replaced whole
//! when the configuration is read again; a change holds from the next claim on.

use std::collections::{BTreeMap, BTreeSet};

use crate::kernel::chat_policy::ChatPolicy;
use crate::kernel::notify_policy::NotifyPolicy;
use crate::kernel::rules::assignee::Assignees;
use crate::kernel::rules::handover::HandoverPolicy;

/// Numbers and names that the rules need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Whether automatic passes reclaim and start.
    pub dispatch_enabled: bool,
    /// Open supervised runs at most, over all profiles.
    pub max_running: u32,
    /// Open supervised runs at most of one profile, where it has a cap.
    pub max_running_by_profile: BTreeMap<String, u32>,
    /// Failures of a task after which no further attempt is made.
    pub failure_limit: u32,
    /// Clean exits without a verdict after which no further attempt is made.
    pub protocol_violation_limit: u32,
    /// Automatic starts of one task over its whole life.
    pub lifetime_starts: u32,
    /// Back-off after the first failure, milliseconds.
    pub backoff_base_ms: u64,
    /// Longest back-off, milliseconds.
    pub backoff_max_ms: u64,
    /// Wait after a rate limit whose end the worker did not tell, seconds.
    pub rate_limit_seconds: i64,
    /// How long a task may be ready before an event tells of it, seconds; none = no limit.
    pub queue_wait_alert_seconds: Option<i64>,
    /// How long all runs of a task may run together before no automatic one follows, seconds; none = no limit.
    pub max_total_runtime_seconds: Option<i64>,
    /// Life of a manual claim between heartbeats, seconds.
    pub claim_ttl_seconds: i64,
    /// Default time limit of a supervised run, seconds; none = no limit.
    pub max_runtime_seconds: Option<i64>,
    /// Own time limits of profiles, seconds.
    pub max_runtime_by_profile: BTreeMap<String, i64>,
    /// What the workers of each profile can be asked for.
    pub launch_options_by_profile: BTreeMap<String, LaunchOptions>,
    /// The same for an assignee without a profile.
    pub launch_options: LaunchOptions,
    /// Where the workers of each profile start that has a directory of its own.
    pub working_directory_by_profile: BTreeMap<String, String>,
    /// Profiles whose workers plan work for others.
    pub orchestrators: BTreeSet<String>,
    /// Who may be assigned, and for whom workers are started.
    pub assignees: Assignees,
    /// Parent of the workspaces that the daemon makes, without links; a part of their leases' keys.
    pub workspaces_dir: String,
    /// Prefix of the branch names of new worktrees.
    pub branch_prefix: String,
    /// Who reviews what.
    pub reviews: ReviewPolicy,
    /// Profiles whose workers' schedules need no person to begin.
    pub may_schedule: BTreeSet<String>,
    /// Schedules that the workers of one profile may have made.
    pub schedules_per_profile: u32,
    /// Time zone of schedules that name none.
    pub local_zone: String,
    /// How long a tool call waits for an answer before it returns `pending`, milliseconds.
    pub ask_wait_ms: u64,
    /// Who is notified by which way.
    pub notify: NotifyPolicy,
    /// What people may do who write in chats.
    pub chat: ChatPolicy,
    /// To whom workers may hand work.
    pub handover: HandoverPolicy,
}

/// What is configured about reviews. A reviewer is a profile or [`crate::kernel::task::HUMAN`]; none: no review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewPolicy {
    /// Rounds after which a person reviews.
    pub max_rounds: u32,
    /// Whether a profile may review its own work.
    pub allow_self: bool,
    /// The reviewer of a task of whose profile and board nothing is configured.
    pub default: Option<String>,
    /// The reviewers of the tasks of boards.
    pub by_board: BTreeMap<String, Option<String>>,
    /// The reviewers of the tasks of profiles.
    pub by_profile: BTreeMap<String, Option<String>>,
    /// The user that each configured profile runs as.
    pub users: BTreeMap<String, String>,
    /// The user that all other workers run as.
    pub default_user: String,
}

impl Default for ReviewPolicy {
    fn default() -> Self {
        Self {
            max_rounds: 3,
            allow_self: false,
            default: None,
            by_board: BTreeMap::new(),
            by_profile: BTreeMap::new(),
            users: BTreeMap::new(),
            default_user: String::new(),
        }
    }
}

/// What the workers that a launcher starts can be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchOptions {
    /// Name of the launcher.
    pub launcher: String,
    /// A model.
    pub takes_model: bool,
    /// An effort.
    pub takes_effort: bool,
    /// Extra arguments.
    pub takes_args: bool,
}

impl Default for LaunchOptions {
    fn default() -> Self {
        Self {
            launcher: "hermes".to_owned(),
            takes_model: true,
            takes_effort: false,
            takes_args: true,
        }
    }
}

impl Policy {
    /// What the workers of `profile` can be asked for.
    pub fn launch_options(&self, profile: &str) -> &LaunchOptions {
        self.launch_options_by_profile.get(profile).unwrap_or(&self.launch_options)
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            dispatch_enabled: true,
            max_running: 8,
            max_running_by_profile: BTreeMap::new(),
            failure_limit: 5,
            protocol_violation_limit: 2,
            lifetime_starts: 20,
            backoff_base_ms: 1000,
            backoff_max_ms: 600_000,
            rate_limit_seconds: 300,
            queue_wait_alert_seconds: None,
            max_total_runtime_seconds: None,
            claim_ttl_seconds: 900,
            max_runtime_seconds: Some(86_400),
            max_runtime_by_profile: BTreeMap::new(),
            launch_options_by_profile: BTreeMap::new(),
            launch_options: LaunchOptions::default(),
            working_directory_by_profile: BTreeMap::new(),
            orchestrators: BTreeSet::new(),
            assignees: Assignees::default(),
            workspaces_dir: String::new(),
            branch_prefix: "kanban/".to_owned(),
            may_schedule: BTreeSet::new(),
            schedules_per_profile: 20,
            local_zone: "UTC".to_owned(),
            ask_wait_ms: 45_000,
            notify: NotifyPolicy::default(),
            chat: ChatPolicy::default(),
            reviews: ReviewPolicy::default(),
            handover: HandoverPolicy::default(),
        }
    }
}
