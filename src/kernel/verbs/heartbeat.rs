//! `heartbeat`: a worker or the holder of a manual claim says that the work goes on; a manual claim is extended.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::caller::Caller;
use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::event::EventBody;
use crate::kernel::ids::{BoardName, EpochSeconds, RunId};
use crate::kernel::limits::HEARTBEAT_NOTE_BYTES_MAX;
use crate::kernel::task::{Task, TaskStatus};
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::fence::refuse_ended_run;
use crate::kernel::verbs::room;
use crate::kernel::{store, validate};

/// Says that the work goes on.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeartbeatTask {
    /// The task.
    pub id: String,
    /// Progress since the last heartbeat.
    #[serde(default)]
    pub note: Option<String>,
    /// Name of the claimer; must match the claim when given.
    #[serde(default)]
    pub claimer: Option<String>,
    /// Board of the task; refused when the task is on another board.
    #[serde(default)]
    pub board: Option<String>,
}

/// Result of `heartbeat`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct HeartbeatReply {
    /// The task.
    pub id: String,
    /// Its board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// Its run.
    pub run_id: Option<RunId>,
    /// New expiry of a manual claim, epoch seconds.
    pub claim_expires: Option<EpochSeconds>,
}

impl Verb for HeartbeatTask {
    type Reply = HeartbeatReply;
    const NAME: &'static str = "heartbeat";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<HeartbeatReply, VerbError> {
        let task = tx.task(&self.id, self.board.as_deref(), Self::NAME)?;
        refuse_ended_run(tx)?;
        let note = validate::body("note", self.note.as_deref())?;
        validate::text("note", note.as_deref().unwrap_or_default(), HEARTBEAT_NOTE_BYTES_MAX)?;
        if task.status != TaskStatus::Running {
            return Err(Refusal::WrongStatus {
                verb: Self::NAME,
                id: task.id.to_string(),
                status: task.status,
                why: " (not running?)".to_owned(),
            }
            .into());
        }
        self.refuse_other_claimer(tx, &task)?;
        let expires = task.claim_expires.map(|end| end.max(tx.now + tx.policy.claim_ttl_seconds));
        store::tasks::set_heartbeat(tx.store(), &task.id, tx.now, expires)?;
        if let Some(run_id) = task.current_run_id {
            store::runs::set_heartbeat(tx.store(), run_id, tx.now, expires)?;
        }
        if room::has_for_heartbeat_event(tx.store(), &task.id)? {
            let message = EventBody::Heartbeat { note: note.as_deref() };
            tx.event(&task, task.current_run_id, &message)?;
        }
        Ok(HeartbeatReply {
            id: task.id.to_string(),
            board: task.board,
            run_id: task.current_run_id,
            claim_expires: expires,
        })
    }
}

impl HeartbeatTask {
    fn refuse_other_claimer(&self, tx: &Tx<'_>, task: &Task) -> Result<(), Refusal> {
        let lock = task.claim_lock.as_deref().unwrap_or_default();
        match (&self.claimer, tx.caller) {
            (
                Some(claimer),
                Caller::Operator { .. } | Caller::Courier | Caller::Chat(_) | Caller::System { .. },
            ) if claimer != lock => Err(Refusal::OtherClaimer {
                verb: Self::NAME,
                id: task.id.to_string(),
                lock: lock.to_owned(),
                claimer: claimer.clone(),
            }),
            (Some(_), Caller::Worker { run_id, .. }) => Err(Refusal::Forbidden {
                caller: format!("a worker (run {run_id})"),
                verb: "name another claimer",
            }),
            (
                Some(_),
                Caller::Operator { .. } | Caller::Courier | Caller::Chat(_) | Caller::System { .. },
            )
            | (None, _) => Ok(()),
        }
    }
}
