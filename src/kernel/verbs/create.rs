//! `create`: a new task, with its parents.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::kernel::caller::Caller;
use crate::kernel::digest;
use crate::kernel::error::{Fault, Refusal, VerbError};
use crate::kernel::event::EventBody;
use crate::kernel::ids::{BoardName, EpochSeconds, TaskId};
use crate::kernel::limits::NAME_BYTES_MAX;
use crate::kernel::location::DirectoryDoubt;
use crate::kernel::rules::landing::{LandingFacts, landing};
use crate::kernel::rules::review::{at_least, default_reviewer};
use crate::kernel::shorten::shorten;
use crate::kernel::snapshot::{Snapshot, find_board};
use crate::kernel::store::tasks::Inserted;
use crate::kernel::task::{Parents, Task, TaskStatus};
use crate::kernel::tx::{Signal, Tx};
use crate::kernel::verb::Verb;
use crate::kernel::verbs::assignee::admit;
use crate::kernel::verbs::chat_limits::refuse_reviewer;
use crate::kernel::verbs::chat_subscription::subscribe_chat;
use crate::kernel::verbs::created_reply;
use crate::kernel::verbs::fence::{refuse_ended, refuse_ended_run};
use crate::kernel::verbs::handover;
use crate::kernel::verbs::review::refuse_pair;
use crate::kernel::verbs::room;
use crate::kernel::verbs::start_time::past_warning;
use crate::kernel::{store, validate};

/// Attempts at an id that nobody has. With 32 random bits and a million tasks one in 4,000 ids is taken.
const ID_ATTEMPTS: usize = 8;

/// What neither agents nor people in chats may do.
pub(super) const GIVE_ARGUMENTS: &str = "give an agent extra arguments";

/// Creates a task.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CreateTask {
    /// One line: what to do.
    pub title: String,
    /// Description: everything the worker needs to know.
    pub body: Option<String>,
    /// Profile that works on the task; without one the task waits for a manual claim.
    pub assignee: Option<String>,
    /// Ids of tasks that must be done first.
    pub parents: Vec<String>,
    /// Creates the task in `triage`, where it is never started automatically.
    pub triage: bool,
    /// Priority; higher starts first.
    pub priority: i64,
    /// Namespace, passed to the worker.
    pub tenant: Option<String>,
    /// `scratch` (default), `dir` or `worktree`.
    pub workspace_kind: Option<String>,
    /// Absolute path, for `dir` and `worktree`.
    pub workspace_path: Option<String>,
    /// Lets the directory of a `dir` workspace be missing: it is created when the task starts.
    pub create_dir: bool,
    /// What is wrong with that directory, as far as the host of the daemon knows.
    #[serde(skip)]
    pub directory: DirectoryDoubt,
    /// Key that makes the request safe to repeat: an existing task with this key is returned instead.
    pub idempotency_key: Option<String>,
    /// Time limit of each run, seconds.
    pub max_runtime_seconds: Option<i64>,
    /// Removes the default time limit.
    pub no_max_runtime: bool,
    /// Skills for the worker to load.
    pub skills: Option<Vec<String>>,
    /// Model of the agent; the assignee's launcher must have the placeholder.
    pub model: Option<String>,
    /// Reasoning effort of the agent; the assignee's launcher must have the placeholder.
    pub effort: Option<String>,
    /// Extra arguments for the agent; the assignee's launcher must have the placeholder.
    pub args: Vec<String>,
    /// Name of the creator; only for callers outside any run.
    pub created_by: Option<String>,
    /// Who reviews the task when its worker completes it: `human`, a profile, or `none`; default: what the profile and the board
    /// are configured to ask for. Workers get no less than that.
    pub review: Option<String>,
    /// Earliest start, epoch seconds: until then the task is `scheduled`.
    pub start_at: Option<EpochSeconds>,
    /// Time by which it should be done, epoch seconds.
    pub due_at: Option<EpochSeconds>,
    /// Labels for filters.
    pub labels: Vec<String>,
    /// Board; default: `default`, inside a run the board of the run.
    pub board: Option<String>,
}

/// The task, and whether this request created it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "CreateReply")]
pub struct CreateReply<T = Task> {
    /// The task.
    #[serde(flatten)]
    pub task: T,
    /// False when the idempotency key matched an existing task.
    pub created: bool,
    /// The setting for which a task that a worker created waits in `triage`, until a person promotes it: `may_assign` or
    /// `may_use_dirs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
    /// What is otherwise than asked for, or why nothing will be started for the task, where that is known: one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Verb for CreateTask {
    type Reply = CreateReply;
    const NAME: &'static str = "create";

    fn run(&self, tx: &mut Tx<'_>) -> Result<CreateReply, VerbError> {
        let caller = tx.caller;
        self.create(tx, Maker { caller, occurrence: None })
    }

    fn kept_reply(&self, reply: &CreateReply) -> serde_json::Result<Value> {
        created_reply::kept(self, reply)
    }

    fn whole_reply(&self, kept: Value) -> Value {
        created_reply::whole(self, kept)
    }
}

/// On whose behalf a task is created.
#[derive(Debug, Clone, Copy)]
pub(super) struct Maker<'a> {
    /// Whose rights count, and whose name the task keeps.
    pub caller: &'a Caller,
    /// The occurrence of a schedule that the task is for. The run of a worker that made the schedule may be over.
    pub occurrence: Option<Occurrence<'a>>,
}

/// An occurrence of a schedule.
#[derive(Debug, Clone, Copy)]
pub(super) struct Occurrence<'a> {
    /// The number of the schedule.
    pub schedule_id: i64,
    /// Its name.
    pub schedule: &'a str,
    /// The nominal time, epoch seconds.
    pub at: EpochSeconds,
}

impl CreateTask {
    /// Creates the task.
    pub(super) fn create(
        &self,
        tx: &mut Tx<'_>,
        maker: Maker<'_>,
    ) -> Result<CreateReply, VerbError> {
        let mut task = self.validated(tx, maker)?;
        let key = self.idempotency_key.as_deref().filter(|key| !key.is_empty());
        let hash = key.map(|_| self.content_hash(&task));
        if let Some(key) = key
            && let Some(existing) = find_existing(tx, &task.board, key, hash.as_deref())?
        {
            let held = store::worker_tasks::held(tx.store(), &existing.id)?;
            return Ok(CreateReply { task: existing, created: false, held, warnings: Vec::new() });
        }
        // Only now what may have changed since the first time, such as the profiles: a repeated request is answered by
        // what became of it.
        let mut warnings = admit(tx, maker.caller, task.assignee.as_deref())?;
        if maker.occurrence.is_none() {
            refuse_ended_run(tx)?;
        }
        warnings.extend(self.directory.admit(&task, self.create_dir)?);
        (task.reviewer, task.reviewer_chosen) = self.reviewer(tx, maker.caller, &task)?;
        let judged = handover::judge(tx, maker.caller, maker.occurrence.is_some(), &mut task)?;
        warnings.extend(judged.warnings.iter().cloned());
        refuse_options_not_taken(tx, &task)?;
        refuse_pair(tx, task.reviewer.as_deref(), task.assignee.as_deref())?;
        let parents = self.existing_parents(tx, &task)?;
        for (parent, _) in &parents {
            room::for_child(tx.store(), parent)?;
        }
        task.status = self.first_status(&task, &parents, judged.held);
        warnings.extend(past_warning(task.start_at, tx.now).map(str::to_owned));
        task.ready_at = (task.status == TaskStatus::Ready).then_some(tx.now);
        insert_under_free_id(tx, &mut task, hash.as_deref())?;
        for (parent, _) in &parents {
            store::links::insert(tx.store(), parent, &task.id)?;
        }
        for label in &task.labels {
            store::labels::insert(tx.store(), &task.id, label)?;
        }
        judged.enter(tx, &task.id)?;
        tx.count(&task, None, Some(task.status));
        let created =
            tx.event(&task, None, &self.created_event(&task, maker.occurrence, judged.held))?;
        subscribe_chat(tx, maker.caller, &task, created)?;
        if task.status == TaskStatus::Ready {
            tx.signal(Signal::DispatchDue);
        }
        for at in [task.start_at, task.due_at].into_iter().flatten() {
            tx.signal(Signal::TimeSet { at });
        }
        let held = judged.held.map(str::to_owned);
        Ok(CreateReply { task, created: true, held, warnings })
    }

    /// Refuses what the caller may not create at all, before anything about the request is looked up for it.
    ///
    /// # Errors
    /// What the creation would refuse for lack of rights.
    pub fn refuse_early(&self, snapshot: &Snapshot<'_>) -> Result<(), VerbError> {
        snapshot.caller.may_ask(Self::NAME)?;
        snapshot.board(self.board.as_deref(), Self::NAME)?;
        if let (Caller::Chat(by), Some(assignee)) = (snapshot.caller, &self.assignee) {
            by.may_assign(assignee.trim())?;
        }
        refuse_ended(snapshot.connection, snapshot.caller)
    }

    fn validated(&self, tx: &Tx<'_>, maker: Maker<'_>) -> Result<Task, VerbError> {
        let board = find_board(tx.store(), maker.caller, self.board.as_deref(), Self::NAME)?.name;
        let title = validate::title(&self.title)?;
        let (workspace_kind, workspace_path) =
            validate::workspace(self.workspace_kind.as_deref(), self.workspace_path.as_deref())?;
        let skills = validate::skills(self.skills.as_deref())?;
        let assignee = validate::argument_name("assignee", self.assignee.as_deref())?;
        if let Some(key) = &self.idempotency_key {
            validate::text("idempotency_key", key, NAME_BYTES_MAX)?;
        }
        Ok(Task {
            id: TaskId::parse("t_0").ok_or_else(|| no_free_id(0))?,
            board,
            title,
            body: validate::body("body", self.body.as_deref())?,
            assignee,
            status: TaskStatus::Triage,
            priority: validate::priority(self.priority)?,
            tenant: validate::name("tenant", self.tenant.as_deref())?,
            workspace_kind,
            workspace_path,
            created_by: Some(self.creator(maker.caller)?),
            created_at: tx.now,
            started_at: None,
            completed_at: None,
            result: None,
            skills,
            claim_lock: None,
            claim_expires: None,
            idempotency_key: self.idempotency_key.clone(),
            spawn_failures: 0,
            worker_pid: None,
            last_spawn_error: None,
            max_runtime_seconds: validate::max_runtime(self.max_runtime_seconds)?,
            no_max_runtime: self.no_max_runtime,
            last_heartbeat_at: None,
            current_run_id: None,
            seq: 0,
            workflow_template_id: None,
            current_step_key: None,
            not_before: None,
            ready_at: None,
            auto_starts: 0,
            protocol_violations: 0,
            archived_at: None,
            labels: validate::labels(&self.labels)?,
            model: validate::argument_name("model", self.model.as_deref())?,
            effort: validate::argument_name("effort", self.effort.as_deref())?,
            args: self.checked_args(maker.caller)?,
            resume_run_id: None,
            branch_name: None,
            start_at: self.start_at.map_or(Ok(None), |at| validate::time("start_at", at))?,
            parked: false,
            due_at: self.due_at.map_or(Ok(None), |at| validate::time("due_at", at))?,
            review_open: false,
            reviewer: None,
            reviewer_chosen: false,
            review_round: 1,
            review_failures: 0,
            review_violations: 0,
            review_why: None,
            block_kind: None,
            schedule_id: maker.occurrence.map(|occurrence| occurrence.schedule_id),
            occurrence_at: maker.occurrence.map(|occurrence| occurrence.at),
            archived_from: None,
            version: 0,
        })
    }

    /// Who reviews it, and whether that was named. A worker, or a person in a chat, may ask for more than the
    /// default, not for less.
    fn reviewer(
        &self,
        tx: &Tx<'_>,
        caller: &Caller,
        task: &Task,
    ) -> Result<(Option<String>, bool), Refusal> {
        let default = default_reviewer(task.assignee.as_deref(), task.board.as_str(), tx.policy);
        let Some(given) = &self.review else { return Ok((default.map(str::to_owned), false)) };
        let asked = validate::reviewer(given)?;
        if !matches!(caller, Caller::Worker { .. } | Caller::Chat(_)) {
            return Ok((asked, true));
        }
        let found = at_least(asked.as_deref(), default);
        refuse_reviewer(caller, found.filter(|_| found != default))?;
        Ok((found.map(str::to_owned), found != default))
    }

    /// Inside a run the operating system says who creates; outside, the caller may give a name.
    fn creator(&self, caller: &Caller) -> Result<String, Refusal> {
        let given = validate::name("created_by", self.created_by.as_deref())?;
        match (given, caller) {
            (Some(_), Caller::Chat(by)) => Err(by.refused("name another creator")),
            (Some(_), Caller::Worker { run_id, .. }) => Err(Refusal::Forbidden {
                caller: format!("a worker (run {run_id})"),
                verb: "name another creator",
            }),
            (Some(name), Caller::Operator { .. } | Caller::Courier | Caller::System { .. }) => {
                Ok(name)
            }
            (None, caller) => Ok(caller.author().to_owned()),
        }
    }

    /// Extra arguments may lift what holds an agent back, so they are not for agents to give to one another, nor for a chat.
    fn checked_args(&self, caller: &Caller) -> Result<Vec<String>, Refusal> {
        match caller {
            Caller::Worker { run_id, .. } if !self.args.is_empty() => Err(Refusal::Forbidden {
                caller: format!("a worker (run {run_id})"),
                verb: GIVE_ARGUMENTS,
            }),
            Caller::Chat(by) if !self.args.is_empty() => Err(by.refused(GIVE_ARGUMENTS)),
            Caller::Worker { .. }
            | Caller::Operator { .. }
            | Caller::Courier
            | Caller::Chat(_)
            | Caller::System { .. } => validate::args(&self.args),
        }
    }

    fn existing_parents(
        &self,
        tx: &Tx<'_>,
        task: &Task,
    ) -> Result<Vec<(TaskId, TaskStatus)>, VerbError> {
        let mut parents: Vec<(TaskId, TaskStatus)> = Vec::new();
        let mut unknown: Vec<String> = Vec::new();
        for given in validate::list("parents", &self.parents)? {
            let given = given.trim();
            if given.is_empty() {
                continue;
            }
            let found = match TaskId::parse(given) {
                Some(id) => store::tasks::get_status(tx.store(), &id)?.map(|row| (id, row)),
                None => None,
            };
            match found {
                Some((id, (status, board))) if board == task.board => {
                    if !parents.iter().any(|(known, _)| *known == id) {
                        parents.push((id, status));
                    }
                }
                Some(_) | None => unknown.push(shorten(given)),
            }
        }
        if unknown.is_empty() {
            Ok(parents)
        } else {
            Err(Refusal::UnknownParents { ids: unknown.join(", ") }.into())
        }
    }

    fn first_status(
        &self,
        task: &Task,
        parents: &[(TaskId, TaskStatus)],
        held: Option<&str>,
    ) -> TaskStatus {
        if self.triage || held.is_some() {
            return TaskStatus::Triage;
        }
        let is_satisfied = parents.iter().all(|(_, status)| status.satisfies_children());
        let parents = if is_satisfied { Parents::Satisfied } else { Parents::Open };
        landing(LandingFacts::of(task, parents), task.created_at).status()
    }

    fn created_event<'a>(
        &'a self,
        task: &'a Task,
        occurrence: Option<Occurrence<'a>>,
        held: Option<&'a str>,
    ) -> EventBody<'a> {
        let parents = self.parents.iter().map(|id| id.trim()).filter(|id| !id.is_empty());
        EventBody::Created {
            assignee: task.assignee.as_deref(),
            status: task.status,
            parents: parents.collect(),
            tenant: task.tenant.as_deref(),
            skills: task.skills.as_deref().filter(|skills| !skills.is_empty()),
            schedule: occurrence.map(|occurrence| occurrence.schedule),
            occurrence_at: occurrence.map(|occurrence| occurrence.at),
            held,
        }
    }

    /// Digest of what the task is to be, so that one key cannot stand for two different tasks. Its times are no part of it: a command
    /// that says `in two hours` says another time when it is repeated.
    fn content_hash(&self, task: &Task) -> String {
        let mut content = serde_json::json!([
            task.title,
            task.body,
            task.assignee,
            self.parents,
            self.triage,
            task.priority,
            task.tenant,
            task.workspace_kind.as_str(),
            task.workspace_path,
            task.max_runtime_seconds,
            task.no_max_runtime,
            task.skills,
            task.labels,
        ]);
        // Left out where nothing is asked for: a key that was used before these fields came keeps its meaning.
        let is_asked = task.model.is_some() || task.effort.is_some() || !task.args.is_empty();
        if let (true, Some(fields)) = (is_asked, content.as_array_mut()) {
            fields.push(serde_json::json!([task.model, task.effort, task.args]));
        }
        if let (Some(review), Some(fields)) = (&self.review, content.as_array_mut()) {
            fields.push(serde_json::json!({ "review": review }));
        }
        digest::hex(&[content.to_string().as_bytes()])
    }
}

/// Refuses what the launcher of the task's assignee has no place for: a worker with another model than the one that was asked
/// for is worse than none.
pub(super) fn refuse_options_not_taken(tx: &Tx<'_>, task: &Task) -> Result<(), Refusal> {
    let Some(profile) = &task.assignee else { return Ok(()) };
    let options = tx.policy.launch_options(profile);
    for (option, is_asked, is_taken) in [
        ("model", task.model.is_some(), options.takes_model),
        ("effort", task.effort.is_some(), options.takes_effort),
        ("args", !task.args.is_empty(), options.takes_args),
    ] {
        if is_asked && !is_taken {
            let (profile, launcher) = (profile.clone(), options.launcher.clone());
            return Err(Refusal::OptionNotTaken { option, profile, launcher });
        }
    }
    Ok(())
}

fn find_existing(
    tx: &Tx<'_>,
    board: &BoardName,
    key: &str,
    hash: Option<&str>,
) -> Result<Option<Task>, VerbError> {
    let Some((id, stored_hash)) = store::tasks::find_by_idempotency_key(tx.store(), board, key)?
    else {
        return Ok(None);
    };
    // An imported task has no hash: nothing is known about its request, so the key alone decides.
    if stored_hash.is_some() && stored_hash.as_deref() != hash {
        return Err(Refusal::IdempotencyConflict { key: shorten(key), id: id.to_string() }.into());
    }
    Ok(store::tasks::get(tx.store(), &id)?)
}

fn insert_under_free_id(
    tx: &mut Tx<'_>,
    task: &mut Task,
    hash: Option<&str>,
) -> Result<(), VerbError> {
    for _ in 0..ID_ATTEMPTS {
        task.id = tx.new_task_id();
        if store::tasks::insert(tx.store(), task, hash)? == Inserted::Yes {
            return Ok(());
        }
        tx.task_ids.begin_otherwise();
    }
    Err(no_free_id(ID_ATTEMPTS).into())
}

fn no_free_id(attempts: usize) -> Fault {
    Fault::Database {
        doing: "find a free task id".to_owned(),
        detail: format!("{attempts} random ids were already in use"),
        retryable: true,
    }
}
