//! Events: what happened on the board, appended in the transaction that did it.

mod body;
mod near;
mod sentence;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::kernel::ids::{BoardName, EpochSeconds, EventId, RunId, TaskId};
pub use body::{EventBody, FileFacts};
pub use near::{hint as kind_hint, kind_of};
pub use sentence::sentence;

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
    /// The task was created: `assignee, status, parents, tenant, skills`.
    Created = "created",
    /// A dependency was added: `parent, child`; recorded under the child.
    Linked = "linked",
    /// The last unfinished parent is done.
    Promoted = "promoted",
    /// The assignee changed: `assignee` (null = unassigned).
    Assigned = "assigned",
    /// A dependency was removed: `parent, child`; recorded under the child.
    Unlinked = "unlinked",
    /// The task was archived; `reason, cancelled` when it was cancelled.
    Archived = "archived",
    /// Title, body, tenant or labels changed: `fields`.
    Edited = "edited",
    /// The priority changed: `priority`.
    Reprioritized = "reprioritized",
    /// A ready task got an unfinished parent: `parent`.
    Demoted = "demoted",
    /// Work began: `lock, expires, run_id`.
    Claimed = "claimed",
    /// The worker process was started: `pid`.
    Spawned = "spawned",
    /// The worker or claimer reported progress: `note`.
    Heartbeat = "heartbeat",
    /// A comment was added: `author, len`.
    Commented = "commented",
    /// A file was attached: `attachment_id, filename, size_bytes, sha256`.
    Attached = "attached",
    /// An attached file was removed: `attachment_id, filename, size_bytes, sha256`.
    AttachmentRemoved = "attachment_removed",
    /// A completion was refused because it listed tasks not created by its run: `phantom_cards`.
    CompletionBlockedHallucination = "completion_blocked_hallucination",
    /// The task was completed: `result_len, summary`, and `verified_cards` when created tasks were listed.
    Completed = "completed",
    /// The task waits for its review: `reviewer` (a profile, or `human`), `round`; `summary` and `verified_cards` of what was handed in;
    /// `why` when a person reviews in place of the profile that is the reviewer.
    ReviewRequested = "review_requested",
    /// The review accepted the work: `summary, round`.
    Approved = "approved",
    /// The review wants changes: `what` (its first line), `round`, `status` that the task landed in.
    ChangesRequested = "changes_requested",
    /// The task needs a person: `reason`; `kind` where it is known; `parent` when that was cancelled, or archived unfinished; `question`
    /// when it asks one. A `dependency` and a `transient` block that is retried say in `status` where the task landed, and in
    /// `retry_at` when it is tried again.
    Blocked = "blocked",
    /// A question was asked: `question, text, choices, default, deadline_at`, `blocks` (false: its run goes on and waits).
    Asked = "asked",
    /// A question was answered: `question, answer` (its beginning), `source` (`person`, `worker` or `default`), `status` in which a
    /// blocked task landed.
    Answered = "answered",
    /// The deadline of a question without a default has passed: `question, deadline_at`. Once per question.
    AskOverdue = "ask_overdue",
    /// A question ended without an answer: `question`, `outcome` (`timed_out`, `withdrawn` or `run_over`).
    AskEnded = "ask_ended",
    /// A person unblocked the task.
    Unblocked = "unblocked",
    /// A done task is to be done again: `status` it landed in, `demoted`, the number of children that wait again.
    Reopened = "reopened",
    /// An archived task came back: `status` it landed in, `demoted`, the number of children that wait again, and `dropped_key` when another
    /// task has its idempotency key.
    Unarchived = "unarchived",
    /// The task waits for a time, or until a person lets it go on: `start_at, parked`.
    Scheduled = "scheduled",
    /// The task waits for no time from now on: `status` it landed in.
    Unscheduled = "unscheduled",
    /// The start time of a scheduled task has come: `start_at`, `status` it landed in.
    StartDue = "start_due",
    /// The due time of an unfinished task has passed, reported once for each due time: `due_at`.
    Overdue = "overdue",
    /// The task was put back into triage: `reason`.
    Triaged = "triaged",
    /// A claim or run was reclaimed: `stale_lock` or `reason`.
    Reclaimed = "reclaimed",
    /// The worker failed: `pid, claimer, error, exit_code, signal`; one of the last two is null.
    Crashed = "crashed",
    /// The worker was killed because it ran out of memory: `pid, max_rss_bytes, memory_peak_bytes`.
    Oom = "oom",
    /// The run exceeded its time limit or stalled: `pid, error, elapsed_seconds, limit_seconds, sigkill`.
    TimedOut = "timed_out",
    /// The worker could not be started: `error, errno, failures`.
    SpawnFailed = "spawn_failed",
    /// The worker exited with code 0 but without a verdict: `pid, failures`.
    ProtocolViolation = "protocol_violation",
    /// The worker reached a rate limit: `retry_at, reason`.
    RateLimited = "rate_limited",
    /// The run was lost with its supervisor or its host: `reason`.
    Lost = "lost",
    /// A person stopped the run: `reason, then`.
    Stopped = "stopped",
    /// A ready task has waited long: `since, reason, explanation`. Once per time it becomes ready.
    WaitingLong = "waiting_long",
    /// A failure of this task opened a breaker: `key, until, error`.
    BreakerOpened = "breaker_opened",
    /// A start of this task closed a breaker, or a person reset a breaker that this task opened: `key, reset`.
    BreakerClosed = "breaker_closed",
    /// No further attempt will be made: `failures, error`.
    GaveUp = "gave_up",
    /// The processes of a run cannot be killed; its slot stays occupied: `run_id`. Once per run.
    Unkillable = "unkillable",
    /// All processes of a run are gone: `run_id, exit_code, signal`; with `forced, reason` when a person closed it
    /// without proof.
    Closed = "closed",
}

/// Payload keys and values; an empty payload is stored as NULL.
pub type Payload = Map<String, Value>;

/// An event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Event {
    /// Id, strictly increasing, never reused.
    pub id: EventId,
    /// The task.
    #[schemars(with = "String")]
    pub task_id: TaskId,
    /// Its board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// Its run, if any.
    pub run_id: Option<RunId>,
    /// Kind of the event.
    pub kind: String,
    /// Details, an object or null.
    #[schemars(with = "Option<std::collections::BTreeMap<String, Value>>")]
    pub payload: Option<Payload>,
    /// Time, epoch seconds.
    pub created_at: EpochSeconds,
    /// Who caused it; null for imported events.
    pub actor: Option<String>,
}
