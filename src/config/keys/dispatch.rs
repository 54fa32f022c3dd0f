//! The keys of `[dispatch]`.

use std::time::Duration;

use super::key::{Key, Kind};

const MILLISECOND: Duration = Duration::from_millis(1);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

pub(super) const DISPATCH: &[Key] = &[
    Key {
        name: "enabled",
        kind: Kind::Bool,
        default: Some("true"),
        example: None,
        unit: None,
        doc: "Start ready tasks and reclaim expired claims automatically; with `false` only `kanban dispatch` does so.",
    },
    Key {
        name: "interval_seconds",
        kind: Kind::Integer { min: 1, max: 86_400 },
        default: Some("60"),
        example: None,
        unit: Some("seconds"),
        doc: "Interval of the fallback dispatch pass. Tasks start when they become ready, so a shorter interval does \
         not start them sooner.",
    },
    Key {
        name: "max_running",
        kind: Kind::Integer { min: 0, max: 10_000 },
        default: Some("8"),
        example: None,
        unit: Some("runs"),
        doc: "Maximum number of open supervised runs over all profiles; 0 starts none. Lowering it does not stop open runs.",
    },
    Key {
        name: "default_launcher",
        kind: Kind::Text,
        default: Some("\"auto\""),
        example: None,
        unit: None,
        doc: "Launcher for assignees without a profile, and for profiles with neither launcher nor argv; applies from the next start of a \
              worker. `auto`: Hermes, for those of its profiles that exist for the workers' user; tasks of other names wait.",
    },
    Key {
        name: "strict_profiles",
        kind: Kind::Bool,
        default: Some("false"),
        example: None,
        unit: None,
        doc: "Refuse tasks for assignees without a profile; existing tasks are kept.",
    },
    Key {
        name: "failure_limit",
        kind: Kind::Integer { min: 1, max: 1_000 },
        default: Some("5"),
        example: None,
        unit: Some("failures"),
        doc: "Maximum number of consecutive failed runs; then the task is blocked. Applies when the next \
         run fails.",
    },
    Key {
        name: "backoff_base",
        kind: Kind::Duration { min: MILLISECOND, max: DAY },
        default: Some("\"1s\""),
        example: None,
        unit: None,
        doc: "Delay before the retry after a first failure; it doubles with each further failure. Delays in progress \
         do not change.",
    },
    Key {
        name: "backoff_max",
        kind: Kind::Duration { min: MILLISECOND, max: MONTH },
        default: Some("\"10m\""),
        example: None,
        unit: None,
        doc: "Maximum delay before a retry; longer delays are reduced to it when the daemon starts.",
    },
    Key {
        name: "rate_limit_wait",
        kind: Kind::Duration { min: Duration::ZERO, max: WEEK },
        default: Some("\"5m\""),
        example: None,
        unit: None,
        doc: "Delay before the retry after a rate limit, if the worker reported no time.",
    },
    Key {
        name: "queue_wait_alert",
        kind: Kind::Duration { min: Duration::ZERO, max: YEAR },
        default: Some("\"0s\""),
        example: None,
        unit: None,
        doc: "Time a task may be ready before one event `waiting_long` reports it with the reason; 0s disables the event.",
    },
    Key {
        name: "lifetime_starts",
        kind: Kind::Integer { min: 1, max: 100_000 },
        default: Some("20"),
        example: None,
        unit: Some("starts"),
        doc: "Maximum number of automatic starts of a task over its lifetime, including successful runs; applies at \
         the next start.",
    },
    Key {
        name: "tree_depth",
        kind: Kind::Integer { min: 1, max: 1_000 },
        default: Some("8"),
        example: None,
        unit: Some("levels"),
        doc: "Maximum depth of tasks that workers create: a task that a worker created while working on a task of depth 1 has \
         depth 2. Deeper ones are refused.",
    },
    Key {
        name: "tree_tasks",
        kind: Kind::Integer { min: 1, max: 1_000_000 },
        default: Some("200"),
        example: None,
        unit: Some("tasks"),
        doc: "Maximum number of tasks that workers create, directly and indirectly, from one task of a person or a schedule; \
         further ones are refused.",
    },
];
