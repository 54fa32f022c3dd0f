//! Events: what happened on the board, appended in the transaction that did it.

mod body;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::kernel::ids::{BoardName, EpochSeconds, EventId, RunId, TaskId};
pub use body::{EventBody, FileFacts};

macro_rules! event_kinds {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// Kinds of events that this program writes. Imported events may have others; they stay as text.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum EventKind {
            $($(#[$doc])* $variant,)*
        }

        impl EventKind {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The kind as it is stored and shown.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }
    };
}

event_kinds! {
    /// A task was made: `assignee, status, parents, tenant, skills`.
    Created = "created",
    /// A dependency was added: `parent, child`; stands under the child.
    Linked = "linked",
    /// The last open parent was satisfied.
    Promoted = "promoted",
    /// The assignee changed: `assignee` (null = unassigned).
    Assigned = "assigned",
    /// A dependency was removed: `parent, child`; stands under the child.
    Unlinked = "unlinked",
    /// Put away.
    Archived = "archived",
    /// Title, body, tenant or labels changed: `fields`.
    Edited = "edited",
    /// The priority changed: `priority`.
    Reprioritized = "reprioritized",
    /// A ready task got an open parent: `parent`.
    Demoted = "demoted",
    /// Somebody began to work: `lock, expires, run_id`.
    Claimed = "claimed",
    /// The worker process runs: `pid`.
    Spawned = "spawned",
    /// A worker or claimer is alive: `note`.
    Heartbeat = "heartbeat",
    /// A comment was added: `author, len`.
    Commented = "commented",
    /// A file was attached: `attachment_id, filename, size_bytes, sha256`.
    Attached = "attached",
    /// An attached file was removed: `attachment_id, filename, size_bytes, sha256`.
    AttachmentRemoved = "attachment_removed",
    /// A completion was refused because it named tasks that were not created in it: `phantom_cards`.
    CompletionBlockedHallucination = "completion_blocked_hallucination",
    /// Done: `result_len, summary`, and `verified_cards` when tasks were named as created.
    Completed = "completed",
    /// A person is needed: `reason`.
    Blocked = "blocked",
    /// A person let it go on.
    Unblocked = "unblocked",
    /// A claim or run was taken back: `stale_lock` or `reason`.
    Reclaimed = "reclaimed",
    /// The worker ended badly: `pid, claimer, error, exit_code, signal`; of the last two one is null.
    Crashed = "crashed",
    /// The worker was killed for using too much memory: `pid, max_rss_bytes, memory_peak_bytes`.
    Oom = "oom",
    /// The run exceeded its time or stalled: `pid, error, elapsed_seconds, limit_seconds, sigkill`.
    TimedOut = "timed_out",
    /// The worker could not be started: `error, errno, failures`.
    SpawnFailed = "spawn_failed",
    /// The worker ended cleanly without a verdict: `pid, failures`.
    ProtocolViolation = "protocol_violation",
    /// The worker met a rate limit: `retry_at, reason`.
    RateLimited = "rate_limited",
    /// The run was lost with its supervisor or its host: `reason`.
    Lost = "lost",
    /// A person stopped the run: `reason, then`.
    Stopped = "stopped",
    /// A ready task has waited long: `since, reason, explanation`. Once each time that it is ready.
    WaitingLong = "waiting_long",
    /// A breaker opened by a failure of this task: `key, until, error`.
    BreakerOpened = "breaker_opened",
    /// A breaker closed by a start of this task, or a person reset the one that it was the first to trip: `key, reset`.
    BreakerClosed = "breaker_closed",
    /// No further attempt will be made: `failures, error`.
    GaveUp = "gave_up",
    /// The processes of a run do not die; its slot stays taken: `run_id`. Once per run.
    Unkillable = "unkillable",
    /// The processes of a run are gone: `run_id, exit_code, signal`; with `forced, reason` when a person said so instead.
    Closed = "closed",
}

/// Payload keys and values; an empty payload is stored as NULL.
pub type Payload = Map<String, Value>;

/// An event as it was appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Event {
    /// Cursor: strictly increasing, never reused.
    pub id: EventId,
    /// The task.
    #[schemars(with = "String")]
    pub task_id: TaskId,
    /// Its board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// The run it belongs to, when there is one.
    pub run_id: Option<RunId>,
    /// What happened.
    pub kind: String,
    /// An object or null.
    #[schemars(with = "Option<std::collections::BTreeMap<String, Value>>")]
    pub payload: Option<Payload>,
    /// When, epoch seconds.
    pub created_at: EpochSeconds,
    /// Who did it; null for imported events.
    pub actor: Option<String>,
}
