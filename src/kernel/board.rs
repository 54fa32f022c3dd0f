//! The façade: one writer that takes requests in batches and commits each batch once.
//!
//! ```text
//! batch(now) ── BEGIN IMMEDIATE
//!   run(request) ── verb                              a refusal that wrote nothing stays private
//!   run(request) ── …
//! commit() ──── COMMIT                                only now may anybody be answered
//! ```
//!
//! Nearly every refusal comes before the first write of its request, so no request has a savepoint at first: with one, SQLite copies
//! each page that the request changes. When a request fails after it has written, the whole batch is run again with a savepoint for
//! each request ([`Batch::wants_savepoints`], [`Board::batch_with_savepoints`]), where a refusal rolls back to its savepoint.
//!
//! On some errors (disk full, I/O error, out of memory) SQLite may roll back the whole transaction by itself. After each
//! request the batch looks whether it is still inside one; when it is not, it is *broken*: every request in it fails as
//! retryable and nothing is published.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use crate::kernel::caller::Caller;
use crate::kernel::counts::Counts;
use crate::kernel::digest;
use crate::kernel::error::{Fault, Refusal, VerbError};
use crate::kernel::ids::{EpochSeconds, NewTaskIds};
use crate::kernel::listeners::Listeners;
use crate::kernel::notifying;
use crate::kernel::people::People;
use crate::kernel::policy::Policy;
use crate::kernel::random::Random;
use crate::kernel::restore::{self, RestoreError};
use crate::kernel::shorten::shorten;
use crate::kernel::store::install::Install;
use crate::kernel::store::requests::StoredReply;
use crate::kernel::store::transaction::Traced;
use crate::kernel::store::{
    self, Birth, Checked, Connection, MigrationWatch, Missing, OpenError, Unwatched, transaction,
};
use crate::kernel::tx::{Effects, Forgetting, Tx};
use crate::kernel::validate;
use crate::kernel::verb::Verb;

/// The board, open for writing.
pub struct Board {
    path: PathBuf,
    connection: Connection,
    random: Box<dyn Random>,
    task_ids: NewTaskIds,
    forgetting: Forgetting,
    people: People,
    listeners: Listeners,
    policy: Arc<Policy>,
    counts: Counts,
    /// Whether the file holds something else by now.
    is_left_alone: bool,
    checked: Checked,
}

impl Board {
    /// Opens the board at `path`.
    ///
    /// # Errors
    /// [`OpenError`]; the file is unchanged then.
    pub fn open(
        path: &Path,
        missing: Missing,
        birth: &Birth,
        policy: Arc<Policy>,
        random: Box<dyn Random>,
    ) -> Result<Self, OpenError> {
        let unwatched: Arc<dyn MigrationWatch> = Arc::new(Unwatched);
        Self::open_watched(path, (missing, birth), policy, random, &unwatched)
    }

    /// The same; `watch` is asked and told about an upgrade of the file.
    ///
    /// # Errors
    /// [`OpenError`]; the file is unchanged then.
    pub fn open_watched(
        path: &Path,
        (missing, birth): (Missing, &Birth),
        policy: Arc<Policy>,
        random: Box<dyn Random>,
        watch: &Arc<dyn MigrationWatch>,
    ) -> Result<Self, OpenError> {
        let (connection, checked) = store::open_watched(path, missing, birth, watch)?;
        #[cfg(any(debug_assertions, feature = "failpoints"))]
        let connection = transaction::with_point_at_each_statement(connection);
        let unusable =
            |fault: Fault| OpenError::Unusable { path: path.to_owned(), detail: fault.to_string() };
        let counts = store::counts::read(&connection).map_err(unusable)?;
        Ok(Self { checked, ..Self::on(path, connection, random, (policy, counts)) })
    }

    fn on(
        path: &Path,
        connection: Connection,
        random: Box<dyn Random>,
        (policy, counts): (Arc<Policy>, Counts),
    ) -> Self {
        Self {
            path: path.to_owned(),
            connection,
            random,
            task_ids: NewTaskIds::default(),
            forgetting: Forgetting::default(),
            people: People::default(),
            listeners: Listeners::default(),
            policy,
            counts,
            is_left_alone: false,
            checked: Checked::Whole,
        }
    }

    /// Opens a copy of a board that was inspected; see [`crate::kernel::restore::prepare`].
    ///
    /// # Errors
    /// [`OpenError`].
    pub(in crate::kernel) fn open_staged(
        path: &Path,
        random: Box<dyn Random>,
    ) -> Result<Self, OpenError> {
        let birth = Birth { install_id: String::new(), incarnation: String::new(), now: 0 };
        let connection = store::open_staged(path, &birth)?;
        Ok(Self::on(path, connection, random, (Arc::default(), Counts::default())))
    }

    /// Path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether its file was checked to its end when it was opened.
    pub fn checked(&self) -> Checked {
        self.checked
    }

    /// Which installation and which life of it.
    ///
    /// # Errors
    /// [`Fault::Database`].
    pub fn install(&self) -> Result<Install, Fault> {
        store::install::get(&self.connection)
    }

    /// Replaces the policy; it holds from the next request on.
    pub fn set_policy(&mut self, policy: Arc<Policy>) {
        self.policy = policy;
    }

    /// The counts as of the last commit.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Tells `seen` every statement that is run from now on, for fail points, for benches and for tests of query plans.
    ///
    /// # Errors
    /// [`Fault::Database`].
    pub fn trace(&mut self, seen: impl FnMut(&Traced<'_>) + Send + 'static) -> Result<(), Fault> {
        transaction::trace(&mut self.connection, seen)
    }

    /// Counts the steps of SQLite's machine that statements take from now on, for tests of what operations cost. Takes the place of
    /// [`Board::trace`].
    ///
    /// # Errors
    /// [`Fault::Database`].
    pub fn count_steps(&mut self) -> Result<Arc<AtomicI64>, Fault> {
        transaction::count_steps(&mut self.connection)
    }

    /// Reads outside any batch, on the writing connection.
    ///
    /// # Errors
    /// What `f` returns.
    pub fn read<T, E: From<Fault>>(
        &self,
        f: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        transaction::snapshot(&self.connection, f)
    }

    /// Gives the file a new incarnation, and the installation that it belongs to from now on. Part of a restore.
    ///
    /// # Errors
    /// [`Fault::Database`].
    pub fn begin_new_life(&self, incarnation: &str, install_id: &str) -> Result<(), Fault> {
        store::install::begin_new_life(&self.connection, incarnation, install_id)
    }

    /// Puts a prepared file (see [`crate::kernel::restore::prepare`]) in the place of this one and goes on with it. Nobody
    /// else may have this one open. Returns where the old file is kept.
    ///
    /// # Errors
    /// [`RestoreError`]; this board goes on as it was.
    pub fn replace_with(&mut self, staged: &Path) -> Result<PathBuf, RestoreError> {
        let open = self.read::<_, Fault>(store::runs::list_open_supervised)?;
        if !open.is_empty() {
            return Err(RestoreError::OpenRuns { count: open.len() });
        }
        if !self.is_left_alone {
            self.complete_file()?;
        }
        // The connection has to be gone before its file's name changes hands.
        let closed = std::mem::replace(&mut self.connection, store::open_nothing()?);
        drop(closed);
        let swapped = restore::swap(staged, &self.path);
        let birth = Birth { install_id: String::new(), incarnation: String::new(), now: 0 };
        self.connection = store::open_writer(&self.path, Missing::Refuse, &birth)?;
        self.is_left_alone = false;
        self.people.forget();
        self.listeners.forget();
        self.counts = store::counts::read(&self.connection)?;
        Ok(swapped?)
    }

    /// Moves what the WAL holds into the file, so that the file alone holds everything.
    ///
    /// # Errors
    /// [`Fault::Database`]; nothing is lost then.
    pub fn complete_file(&self) -> Result<(), Fault> {
        transaction::checkpoint(&self.connection)
    }

    /// Writes nothing more into the file, which holds something else by now: neither when the board is closed nor before it is
    /// replaced.
    ///
    /// # Errors
    /// [`Fault::Database`].
    pub fn leave_file_alone(&mut self) -> Result<(), Fault> {
        self.is_left_alone = true;
        transaction::leave_file_alone(&self.connection)
    }

    /// Closes the board: the file alone then holds everything, without its WAL.
    ///
    /// # Errors
    /// [`Fault::Database`]; nothing is lost then, the next start finds the WAL.
    pub fn close(self) -> Result<(), Fault> {
        if self.is_left_alone { Ok(()) } else { self.complete_file() }
    }

    /// Begins a batch; all its requests happen at `now`.
    ///
    /// # Errors
    /// [`Fault::Database`] when the transaction cannot begin.
    pub fn batch(&mut self, now: EpochSeconds) -> Result<Batch<'_>, Fault> {
        self.begin(now, false)
    }

    /// The same, with a savepoint for each request. For requests of a batch that wanted savepoints.
    ///
    /// # Errors
    /// [`Fault::Database`] when the transaction cannot begin.
    pub fn batch_with_savepoints(&mut self, now: EpochSeconds) -> Result<Batch<'_>, Fault> {
        self.begin(now, true)
    }

    fn begin(&mut self, now: EpochSeconds, has_savepoints: bool) -> Result<Batch<'_>, Fault> {
        transaction::begin(&self.connection)?;
        Ok(Batch {
            board: self,
            now,
            effects: Effects::default(),
            has_savepoints,
            wants_savepoints: false,
            is_broken: false,
            is_ended: false,
        })
    }

    /// A batch of one request. For tests and offline tools; the daemon batches what waits.
    ///
    /// # Errors
    /// As [`Batch::run`] and [`Batch::commit`].
    pub fn run_one<V: Verb>(
        &mut self,
        now: EpochSeconds,
        caller: &Caller,
        request_id: Option<&str>,
        verb: &V,
    ) -> Result<(V::Reply, Effects), VerbError> {
        let mut batch = self.batch(now)?;
        let mut reply = batch.run(caller, request_id, verb);
        if batch.wants_savepoints() {
            drop(batch);
            batch = self.batch_with_savepoints(now)?;
            reply = batch.run(caller, request_id, verb);
        }
        let effects = batch.commit()?;
        Ok((reply?, effects))
    }
}

/// Requests that will be committed together.
pub struct Batch<'b> {
    board: &'b mut Board,
    now: EpochSeconds,
    effects: Effects,
    has_savepoints: bool,
    wants_savepoints: bool,
    is_broken: bool,
    is_ended: bool,
}

impl Batch<'_> {
    /// Whether a request failed after it had written, so that nothing of this batch may be committed: its requests are to be run again
    /// in a batch with savepoints.
    pub fn wants_savepoints(&self) -> bool {
        self.wants_savepoints
    }

    /// Whether SQLite rolled the transaction back under it. Then nothing more can be run in it.
    pub fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// Runs one request. With a `request_id` that was seen before it answers as it did then.
    ///
    /// # Errors
    /// The verb's own, [`Refusal::RequestConflict`], or a retryable fault when the batch is broken or wants savepoints.
    pub fn run<V: Verb>(
        &mut self,
        caller: &Caller,
        request_id: Option<&str>,
        verb: &V,
    ) -> Result<V::Reply, VerbError> {
        if self.is_broken || self.wants_savepoints {
            return Err(broken().into());
        }
        let connection = &self.board.connection;
        if self.has_savepoints {
            transaction::begin_request(connection)?;
        }
        let changes_before = connection.total_changes();
        let mut tx = Tx {
            connection,
            random: self.board.random.as_mut(),
            task_ids: &mut self.board.task_ids,
            forgetting: &mut self.board.forgetting,
            people: &mut self.board.people,
            listeners: &mut self.board.listeners,
            now: self.now,
            policy: &self.board.policy,
            caller,
            effects: Effects::default(),
            if_refused: None,
        };
        let answer = run_once(&mut tx, request_id, verb)
            .and_then(|reply| notify::<V>(&mut tx).map(|()| reply));
        let (effects, if_refused) = (tx.effects, tx.if_refused);
        if answer.is_err() {
            self.board.people.forget();
            self.board.listeners.forget();
        }
        if self.board.connection.is_outside_transaction() {
            self.is_broken = true;
            // Of all that can break a batch only this one can be fixed from here.
            return Err(match answer {
                Err(VerbError::Failed(full @ Fault::DiskFull { .. })) => full.into(),
                Ok(_) | Err(_) => broken().into(),
            });
        }
        match answer {
            Ok(reply) => {
                if self.has_savepoints {
                    transaction::keep_request(&self.board.connection)?;
                }
                self.effects.events.extend(effects.events);
                for signal in effects.signals {
                    if !self.effects.signals.contains(&signal) {
                        self.effects.signals.push(signal);
                    }
                }
                self.effects.counts.extend(effects.counts);
                Ok(reply)
            }
            Err(error) => {
                if self.has_savepoints {
                    transaction::take_back_request(&self.board.connection)?;
                } else if self.board.connection.total_changes() != changes_before {
                    self.wants_savepoints = true;
                    return Err(error);
                }
                if let (VerbError::Refused(_), Some(event)) = (&error, if_refused) {
                    let appended = event.append(&self.board.connection, caller, self.now);
                    self.is_broken = self.board.connection.is_outside_transaction();
                    self.effects.events.push(appended?);
                }
                Err(error)
            }
        }
    }

    /// What it has done so far. Nothing of it may be published before it is committed.
    pub fn effects(&self) -> &Effects {
        &self.effects
    }

    /// Commits. What it returns may be published; nothing may be before.
    ///
    /// # Errors
    /// A retryable fault; nothing of the batch is in the database then.
    pub fn commit(mut self) -> Result<Effects, Fault> {
        self.is_ended = !self.wants_savepoints;
        if self.is_broken || self.wants_savepoints {
            return Err(broken());
        }
        crate::failpoint::hit("batch-before-commit");
        if let Err(fault) = transaction::commit(&self.board.connection) {
            self.is_ended = false; // a failed COMMIT may leave the transaction open
            return Err(fault);
        }
        crate::failpoint::hit("batch-committed");
        #[cfg(any(debug_assertions, feature = "failpoints"))]
        self.effects.events.iter().for_each(hit_of_question);
        let effects = std::mem::take(&mut self.effects);
        for (key, change) in &effects.counts {
            self.board.counts.add(key.clone(), *change);
        }
        Ok(effects)
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        if !self.is_ended || self.is_broken {
            self.board.people.forget();
            self.board.listeners.forget();
        }
        if !self.is_ended && !self.board.connection.is_outside_transaction() {
            // Nothing can be reported from here; a transaction that stays open fails the next BEGIN, which is reported.
            let _rolled_back = transaction::roll_back(&self.board.connection);
        }
    }
}

/// The fail points of a commit that has asked a question, or ended one.
#[cfg(any(debug_assertions, feature = "failpoints"))]
fn hit_of_question(event: &crate::kernel::event::Event) {
    use crate::kernel::event::EventKind;
    let is = |kind: EventKind| event.kind == kind.as_str();
    if is(EventKind::Asked) {
        crate::failpoint::hit("ask-committed");
    } else if is(EventKind::Answered) || is(EventKind::AskEnded) {
        crate::failpoint::hit("ask-end-committed");
    }
}

/// Writes what the events of a verb say to those who subscribe to them.
fn notify<V: Verb>(tx: &mut Tx<'_>) -> Result<(), VerbError> {
    if V::NOTIFIES { notifying::tell(tx) } else { Ok(()) }
}

fn broken() -> Fault {
    Fault::Database {
        doing: "continue the transaction".to_owned(),
        detail: "SQLite rolled it back".to_owned(),
        retryable: true,
    }
}

/// Runs a verb, or repeats the reply that the same request was given before.
fn run_once<V: Verb>(
    tx: &mut Tx<'_>,
    request_id: Option<&str>,
    verb: &V,
) -> Result<V::Reply, VerbError> {
    let Some(id) = request_id else { return verb.run(tx) };
    validate::request_id(id)?;
    let arguments = serde_json::to_value(verb).map_err(|error| unwritable(&error))?;
    let actor = tx.caller.actor().to_string();
    let digest = digest::of(V::NAME, &actor, arguments);
    if let Some(stored) = store::requests::get(tx.store(), id)? {
        // As the release before this one took it, for a reply that it has given.
        let full = || digest::full(V::NAME, &actor, verb).map_err(|error| unwritable(&error));
        let is_same = stored.digest == digest || stored.digest == full()?;
        if !is_same {
            return Err(Refusal::RequestConflict { id: id.to_owned() }.into());
        }
        let unreadable = || Fault::Corrupt { what: "stored reply", value: shorten(&stored.reply) };
        let kept = crate::kernel::json::from_str(&stored.reply).map_err(|_| unreadable())?;
        let reply = serde_json::from_value(verb.whole_reply(kept)).map_err(|_| unreadable())?;
        return Ok(V::repeated(reply));
    }
    let reply = verb.run(tx)?;
    let kept = verb.kept_reply(&reply).map_err(|error| unwritable(&error))?;
    let kept = StoredReply { digest, reply: kept.to_string() };
    store::requests::insert(tx.store(), id, &kept, tx.now)?;
    Ok(reply)
}

fn unwritable(error: &serde_json::Error) -> VerbError {
    Fault::Corrupt { what: "request or reply", value: error.to_string() }.into()
}
