//! What a verb works with: the open transaction, the time, the policy, and a place for what it causes.

use crate::kernel::caller::{Caller, ChatRoute};
use crate::kernel::counts::CountKey;
use crate::kernel::error::{Fault, Refusal, VerbError};
use crate::kernel::event::{Event, EventBody, EventKind, Payload};
use crate::kernel::ids::{BoardName, EpochSeconds, EventId, NewTaskIds, RunId, TaskId};
use crate::kernel::limits::REQUESTS_REST_SECONDS;
use crate::kernel::listeners::Listeners;
use crate::kernel::people::People;
use crate::kernel::policy::Policy;
use crate::kernel::random::Random;
use crate::kernel::run::Run;
use crate::kernel::shorten::shorten;
use crate::kernel::snapshot::find_board;
use crate::kernel::store::boards::BoardKey;
use crate::kernel::store::{self, Connection};
use crate::kernel::task::{Task, TaskStatus, TaskStep};

/// Something that is to happen after the commit, outside the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    /// A task became ready, or a slot, a profile or the host became free.
    DispatchDue,
    /// Something is due at a time: a start, a due time, a deadline, the end of a back-off or of a claim.
    TimeSet {
        /// When, epoch seconds.
        at: EpochSeconds,
    },
    /// A supervised run got a verdict; its worker may linger.
    VerdictGiven {
        /// The run.
        run_id: RunId,
        /// Whether the worker itself gave it. Another caller's verdict leaves no time to linger.
        by_worker: bool,
    },
    /// The processes of a run are to be stopped now.
    StopRun {
        /// The run.
        run_id: RunId,
    },
    /// A run waits for an answer now, or does so no longer.
    WaitMoved {
        /// The run.
        run_id: RunId,
    },
    /// A run was closed.
    RunClosed {
        /// The run.
        run_id: RunId,
        /// Its task.
        task_id: TaskId,
    },
    /// A name was assigned of which it takes a look to say whether it is a profile.
    ProfileWanted {
        /// The name.
        name: String,
    },
    /// The processes of a run are in another state, and no event says so.
    RunStateMoved {
        /// Its task.
        task_id: TaskId,
    },
    /// What holds for a whole board changed, and no event says so: the dispatch switch, the list of boards.
    FactsMoved,
    /// There is something to send, or what is to be sent has changed.
    OutboxMoved,
    /// A breaker changed.
    BreakerMoved {
        /// Its key as text.
        key: String,
        /// When the next probe may pass; none when it is closed or a probe runs.
        open_until: Option<EpochSeconds>,
    },
}

/// What one request did, published after its commit.
#[derive(Debug, Default)]
pub struct Effects {
    /// Events appended, in order.
    pub events: Vec<Event>,
    /// What is to happen outside.
    pub signals: Vec<Signal>,
    /// Changes of the counts.
    pub counts: Vec<(CountKey, i64)>,
    /// The chat in which a person asked for it, of a request that does what people do in chats.
    pub(super) spoken_in: Option<ChatRoute>,
    /// The route to that chat.
    pub(super) spoken_on: Option<i64>,
}

impl Effects {
    /// How many there are of each.
    fn mark(&self) -> [usize; 3] {
        [self.events.len(), self.signals.len(), self.counts.len()]
    }

    /// Drops those that came since.
    fn truncate(&mut self, [events, signals, counts]: [usize; 3]) {
        self.events.truncate(events);
        self.signals.truncate(signals);
        self.counts.truncate(counts);
    }
}

/// An event that is to stand although the request that asks for it is refused.
#[derive(Debug, Clone)]
pub(super) struct RefusalEvent(NewEvent);

impl RefusalEvent {
    /// Appends it, after everything else of the request was taken back.
    pub(super) fn append(
        self,
        connection: &Connection,
        caller: &Caller,
        now: EpochSeconds,
    ) -> Result<Event, Fault> {
        self.0.append(connection, caller, now)
    }
}

/// An event on its way into its row.
#[derive(Debug, Clone)]
struct NewEvent {
    task_id: TaskId,
    board: BoardName,
    run_id: Option<RunId>,
    kind: EventKind,
    payload: Option<Payload>,
}

impl NewEvent {
    fn of(task: &Task, run_id: Option<RunId>, body: &EventBody<'_>) -> Self {
        let (task_id, board) = (task.id.clone(), task.board.clone());
        Self { task_id, board, run_id, kind: body.kind(), payload: body.payload() }
    }

    fn append(
        self,
        connection: &Connection,
        caller: &Caller,
        now: EpochSeconds,
    ) -> Result<Event, Fault> {
        let Self { task_id, board, run_id, kind, payload } = self;
        let actor = caller.actor().to_string();
        let id = store::events::append(
            connection,
            &task_id,
            run_id,
            kind,
            payload.as_ref(),
            &actor,
            now,
        )?;
        let (kind, actor) = (kind.as_str().to_owned(), Some(actor));
        Ok(Event { id, task_id, board, run_id, kind, payload, created_at: now, actor })
    }
}

/// How far the old ones of the kept replies have been forgotten: they are walked through in rounds, a few in each pass.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forgetting {
    /// The last one that was looked at in this round; empty before the first.
    pub cursor: String,
    /// When the next round begins, epoch seconds.
    pub next_round_at: EpochSeconds,
}

impl Forgetting {
    /// Whether there is something to do at `now`. After a clock that was set back no round is further away than one rest.
    pub fn is_due(&self, now: EpochSeconds) -> bool {
        let is_far = self.next_round_at > now.saturating_add(REQUESTS_REST_SECONDS);
        !self.cursor.is_empty() || self.next_round_at <= now || is_far
    }

    /// Moves on after a look that ended at `cursor`; none ends the round.
    pub fn go_on(&mut self, cursor: Option<String>, now: EpochSeconds) {
        if cursor.is_none() {
            self.next_round_at = now.saturating_add(REQUESTS_REST_SECONDS);
        }
        self.cursor = cursor.unwrap_or_default();
    }
}

/// The open transaction of one request.
pub struct Tx<'b> {
    pub(super) connection: &'b Connection,
    pub(super) random: &'b mut dyn Random,
    pub(super) task_ids: &'b mut NewTaskIds,
    /// How far the old ones of the kept replies have been forgotten.
    pub(super) forgetting: &'b mut Forgetting,
    /// The people whom the board has entered.
    pub(super) people: &'b mut People,
    /// What is remembered of subscriptions.
    pub(super) listeners: &'b mut Listeners,
    /// The time, epoch seconds; one for the whole request.
    pub now: EpochSeconds,
    /// What the operator decided.
    pub policy: &'b Policy,
    /// Who asks.
    pub caller: &'b Caller,
    pub(super) effects: Effects,
    pub(super) if_refused: Option<RefusalEvent>,
}

impl Tx<'_> {
    /// The connection, for the functions of [`store`].
    pub fn store(&self) -> &Connection {
        self.connection
    }

    /// The source of randomness.
    pub fn random(&mut self) -> &mut dyn Random {
        self.random
    }

    /// An id for a new task.
    pub(super) fn new_task_id(&mut self) -> TaskId {
        self.task_ids.next(self.random, self.now)
    }

    /// Appends an event under the caller's name.
    pub fn event(
        &mut self,
        task: &Task,
        run_id: Option<RunId>,
        body: &EventBody<'_>,
    ) -> Result<EventId, VerbError> {
        let event =
            NewEvent::of(task, run_id, body).append(self.connection, self.caller, self.now)?;
        let id = event.id;
        self.effects.events.push(event);
        Ok(id)
    }

    /// Has an event stand when this request is refused, which takes back everything else. For refusals that people have to
    /// hear of.
    pub fn event_if_refused(&mut self, task: &Task, run_id: Option<RunId>, body: &EventBody<'_>) {
        self.if_refused = Some(RefusalEvent(NewEvent::of(task, run_id, body)));
    }

    /// Does `step` in the name of `caller`, in place of the caller of the request.
    ///
    /// # Errors
    /// Those of `step`.
    pub(super) fn in_name_of<T>(
        &mut self,
        caller: &Caller,
        step: impl FnOnce(&mut Tx<'_>) -> Result<T, VerbError>,
    ) -> Result<T, VerbError> {
        let mut tx = Tx {
            connection: self.connection,
            random: &mut *self.random,
            task_ids: &mut *self.task_ids,
            forgetting: &mut *self.forgetting,
            people: &mut *self.people,
            listeners: &mut *self.listeners,
            now: self.now,
            policy: self.policy,
            caller,
            effects: std::mem::take(&mut self.effects),
            if_refused: None,
        };
        let done = step(&mut tx);
        self.effects = tx.effects;
        done
    }

    /// Runs `step` on its own: if it is refused, its changes are rolled back and the request continues.
    ///
    /// # Errors
    /// A fault that has nothing to do with what was asked.
    pub(super) fn alone<T>(
        &mut self,
        step: impl FnOnce(&mut Tx<'_>) -> Result<T, VerbError>,
    ) -> Result<Result<T, VerbError>, Fault> {
        let (connection, before) = (self.connection, self.effects.mark());
        let done = store::transaction::alone(connection, || step(self))?;
        if done.is_err() {
            self.effects.truncate(before);
        }
        Ok(done)
    }

    /// Runs `step` and rolls its changes back.
    ///
    /// # Errors
    /// Those of `step`, or a fault of the database.
    pub(super) fn try_out<T>(
        &mut self,
        step: impl FnOnce(&mut Tx<'_>) -> Result<T, VerbError>,
    ) -> Result<T, VerbError> {
        let (connection, before) = (self.connection, self.effects.mark());
        let tried = store::transaction::taken_back(connection, || step(self))?;
        self.effects.truncate(before);
        tried
    }

    /// Asks for something to happen after the commit.
    pub fn signal(&mut self, signal: Signal) {
        if !self.effects.signals.contains(&signal) {
            self.effects.signals.push(signal);
        }
    }

    /// Keeps the counts in step with a task that appeared, moved or went.
    pub fn count(&mut self, task: &Task, from: Option<TaskStatus>, to: Option<TaskStatus>) {
        let key = |status| CountKey {
            board: task.board.clone(),
            assignee: task.assignee.clone(),
            status,
        };
        if let Some(status) = from {
            self.effects.counts.push((key(status), -1));
        }
        if let Some(status) = to {
            self.effects.counts.push((key(status), 1));
        }
    }

    /// The task that `id` names, if the caller may use `right` on it.
    ///
    /// # Errors
    /// A malformed id is answered like an unknown one. `board` is what the request said, if it said something.
    pub fn task(
        &self,
        id: &str,
        board: Option<&str>,
        verb: &'static str,
    ) -> Result<Task, VerbError> {
        let unknown = || Refusal::UnknownTask { id: shorten(id) };
        let task_id = TaskId::parse(id).ok_or_else(unknown)?;
        let task = store::tasks::get(self.connection, &task_id)?.ok_or_else(unknown)?;
        if !self.caller.sees(&task.board) {
            return Err(unknown().into());
        }
        refuse_other_board(&task, board)?;
        self.caller.check(verb, &task.board, Some(&task.id))?;
        Ok(task)
    }

    /// The task as it is now, after the request changed it.
    ///
    /// # Errors
    /// [`Refusal::UnknownTask`] when there is none.
    pub fn reread(&self, id: &TaskId) -> Result<Task, VerbError> {
        store::tasks::get(self.connection, id)?
            .ok_or_else(|| Refusal::UnknownTask { id: id.to_string() }.into())
    }

    /// A run that supervision knows, and its task.
    ///
    /// # Errors
    /// [`Fault::Corrupt`] when there is no such run.
    pub fn run_and_task(&self, run_id: RunId) -> Result<(Run, Task), VerbError> {
        let run = store::runs::get(self.connection, run_id)?
            .ok_or_else(|| Fault::Corrupt { what: "run id", value: run_id.to_string() })?;
        let task = self.reread(&run.task_id)?;
        Ok((run, task))
    }

    /// The board that a request means: the one it names, the worker's own, or `default`.
    pub fn board(&self, name: Option<&str>, verb: &'static str) -> Result<BoardKey, VerbError> {
        find_board(self.connection, self.caller, name, verb)
    }

    /// Where `step` leads `task`, or the refusal that names its status.
    pub fn step(
        task: &Task,
        step: TaskStep,
        verb: &'static str,
        why: &str,
    ) -> Result<TaskStatus, VerbError> {
        task.status.after(step).ok_or_else(|| Self::wrong_status(task, verb, why).into())
    }

    /// The refusal of a verb that the task's status does not allow.
    pub fn wrong_status(task: &Task, verb: &'static str, why: &str) -> Refusal {
        Refusal::WrongStatus {
            verb,
            id: task.id.to_string(),
            status: task.status,
            why: why.to_owned(),
        }
    }
}

/// Refuses a task that is not on the board that the request names.
pub fn refuse_other_board(task: &Task, board: Option<&str>) -> Result<(), VerbError> {
    match board {
        Some(name) if name != task.board.as_str() => {
            Err(Refusal::OtherBoard { id: task.id.to_string(), board: shorten(name) }.into())
        }
        Some(_) | None => Ok(()),
    }
}
