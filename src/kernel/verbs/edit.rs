//! `edit`: everything that a task says and asks for, in one transaction.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::caller::Caller;
use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::event::EventBody;
use crate::kernel::ids::EpochSeconds;
use crate::kernel::location::{DirectoryDoubts, WantedDirectory};
use crate::kernel::snapshot::Snapshot;
use crate::kernel::task::{Task, TaskStatus};
use crate::kernel::tx::{Signal, Tx};
use crate::kernel::verb::Verb;
use crate::kernel::verbs::approve::ApproveTask;
use crate::kernel::verbs::assignee::{Admitted, assign, checked_assignee};
use crate::kernel::verbs::chat_limits::refuse_reviewer;
use crate::kernel::verbs::create::{GIVE_ARGUMENTS, refuse_options_not_taken};
use crate::kernel::verbs::link::LinkTasks;
use crate::kernel::verbs::review::refuse_pair;
use crate::kernel::verbs::room;
use crate::kernel::verbs::start_time::{land, past_warning, refuse_start_time};
use crate::kernel::verbs::unlink::UnlinkTasks;
use crate::kernel::{store, validate};

/// Changes what a task says. A field that is not given stays; an empty text clears body, tenant, assignee, model and effort.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EditTask {
    /// The task.
    pub id: String,
    /// New title.
    pub title: Option<String>,
    /// New body.
    pub body: Option<String>,
    /// New priority.
    pub priority: Option<i64>,
    /// New tenant.
    pub tenant: Option<String>,
    /// New assignee; refused while the task is running.
    pub assignee: Option<String>,
    /// Tasks that must be done first, in addition.
    pub add_parents: Vec<String>,
    /// Tasks that need no longer be done first.
    pub remove_parents: Vec<String>,
    /// New workspace: `scratch`, `dir` or `worktree`; refused while a run is open.
    pub workspace_kind: Option<String>,
    /// Absolute path, for `dir` and `worktree`.
    pub workspace_path: Option<String>,
    /// Lets the directory of a new `dir` workspace be missing: it is created when the task starts.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub create_dir: bool,
    /// What is wrong with that directory, as far as the host of the daemon knows.
    #[serde(skip)]
    pub directories: DirectoryDoubts,
    /// New skills for the worker to load.
    pub skills: Option<Vec<String>>,
    /// New time limit of each run, seconds; 0 restores the default.
    pub max_runtime_seconds: Option<i64>,
    /// No start before this time, epoch seconds; 0 clears it.
    pub start_at: Option<EpochSeconds>,
    /// Time by which it should be done, epoch seconds; 0 clears it.
    pub due_at: Option<EpochSeconds>,
    /// New model of the agent, from the next run on.
    pub model: Option<String>,
    /// New reasoning effort of the agent, from the next run on.
    pub effort: Option<String>,
    /// New extra arguments for the agent, from the next run on; an empty list clears them.
    pub args: Option<Vec<String>>,
    /// New reviewer: `human`, a profile, or `none`.
    pub review: Option<String>,
    /// Labels to add.
    pub add_labels: Vec<String>,
    /// Labels to remove.
    pub remove_labels: Vec<String>,
    /// Only when the task still has this version.
    pub if_version: Option<i64>,
    /// Board of the task; refused when the task is on another board.
    pub board: Option<String>,
}

/// The edited task.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "EditReply")]
pub struct EditReply<T = Task> {
    /// The task.
    #[serde(flatten)]
    pub task: T,
    /// Names of the changed fields; empty when nothing changed.
    pub changed: Vec<String>,
    /// Why nothing will be started for the task, where that is known: one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Verb for EditTask {
    type Reply = EditReply;
    const NAME: &'static str = "edit";

    fn run(&self, tx: &mut Tx<'_>) -> Result<EditReply, VerbError> {
        let task = tx.task(&self.id, self.board.as_deref(), Self::NAME)?;
        if self.if_version.is_some_and(|version| version != task.version) {
            return Err(Refusal::ChangedMeanwhile { current: Box::new(task) }.into());
        }
        let edited = self.edited(&task)?;
        if let (Caller::Chat(by), Some(_)) = (tx.caller, &self.args) {
            return Err(by.refused(GIVE_ARGUMENTS).into());
        }
        if self.model.is_some() || self.effort.is_some() || self.args.is_some() {
            refuse_options_not_taken(tx, &edited)?;
        }
        let mut changed = changed_fields(&task, &edited);
        let mut warnings = Vec::new();
        if changed.contains(&"start_at") {
            refuse_start_time(&task, "set a start time of")?;
        }
        if changed.contains(&"workspace") {
            let doubt = self.directories.of(self.directory(&edited).as_ref());
            warnings.extend(doubt.admit(&edited, self.create_dir)?);
            self.set_workspace(tx, &edited)?;
        }
        if self.change_labels(tx, &task)? {
            changed.push("labels");
        }
        if self.change_reviewer(tx, &task)? {
            changed.push("review");
        }
        if edited != task {
            store::tasks::set_content(tx.store(), &edited)?;
        }
        let is_reprioritized = edited.priority != task.priority;
        if !changed.is_empty() || is_reprioritized {
            room::for_event(tx.store(), &task.id)?;
        }
        if !changed.is_empty() {
            let fields: Vec<String> = changed.iter().map(|&field| field.to_owned()).collect();
            tx.changed(&task, &EventBody::Edited { fields: &fields })?;
        }
        if is_reprioritized {
            changed.push("priority");
            tx.changed(&task, &EventBody::Reprioritized { priority: edited.priority })?;
            if task.status == TaskStatus::Ready {
                tx.signal(Signal::DispatchDue);
            }
        }
        let (is_assigned, of_assignee) = self.change_assignee(tx, &task)?;
        warnings.extend(of_assignee);
        if is_assigned {
            changed.push("assignee");
        }
        if self.change_parents(tx, &task)? {
            changed.push("parents");
        }
        if changed.contains(&"start_at") {
            let moved = tx.reread(&task.id)?;
            let (start_at, parked) = (moved.start_at, moved.parked);
            warnings.extend(past_warning(start_at, tx.now).map(str::to_owned));
            land(tx, &moved, Self::NAME, |status| {
                if status == TaskStatus::Scheduled {
                    EventBody::Scheduled { start_at, parked, reason: None }
                } else {
                    EventBody::Unscheduled { status }
                }
            })?;
        }
        if let Some(at) = edited.due_at.filter(|_| changed.contains(&"due_at")) {
            tx.signal(Signal::TimeSet { at });
        }
        let changed = changed.into_iter().map(str::to_owned).collect();
        Ok(EditReply { task: tx.reread(&task.id)?, changed, warnings })
    }
}

impl EditTask {
    /// The directory that it moves the task to, for a look before it is done.
    ///
    /// # Errors
    /// What the edit would refuse for lack of rights or as malformed.
    pub fn wanted_directory(
        &self,
        snapshot: &Snapshot<'_>,
    ) -> Result<Option<WantedDirectory>, VerbError> {
        let task = snapshot.task(&self.id, self.board.as_deref(), Self::NAME)?;
        let edited = self.edited(&task)?;
        let is_moved = changed_fields(&task, &edited).contains(&"workspace");
        Ok(self.directory(&edited).filter(|_directory| is_moved))
    }

    /// The directory of the task as it is to be, with who is to work there.
    fn directory(&self, edited: &Task) -> Option<WantedDirectory> {
        let assignee = self.assignee.as_deref().or(edited.assignee.as_deref()).map(str::trim);
        let assignee = assignee.filter(|assignee| !assignee.is_empty());
        let kind = Some(edited.workspace_kind.as_str());
        WantedDirectory::of(kind, edited.workspace_path.as_deref(), assignee)
    }

    /// The task as its row is to be, without what other tables and other functions write.
    fn edited(&self, task: &Task) -> Result<Task, Refusal> {
        let mut edited = task.clone();
        if let Some(title) = &self.title {
            edited.title = validate::title(title)?;
        }
        if let Some(body) = &self.body {
            edited.body = validate::body("body", Some(body))?;
        }
        if let Some(tenant) = &self.tenant {
            edited.tenant = validate::name("tenant", Some(tenant))?;
        }
        if let Some(priority) = self.priority {
            edited.priority = validate::priority(priority)?;
        }
        if let Some(model) = &self.model {
            edited.model = validate::argument_name("model", Some(model))?;
        }
        if let Some(effort) = &self.effort {
            edited.effort = validate::argument_name("effort", Some(effort))?;
        }
        if let Some(args) = &self.args {
            edited.args = validate::args(args)?;
        }
        if let Some(skills) = &self.skills {
            edited.skills = validate::skills(Some(skills))?;
        }
        if let Some(seconds) = self.max_runtime_seconds {
            edited.max_runtime_seconds = validate::max_runtime((seconds != 0).then_some(seconds))?;
            edited.no_max_runtime = false;
        }
        if let Some(start_at) = self.start_at {
            edited.start_at = validate::time("start_at", start_at)?;
            edited.parked = false;
        }
        if let Some(due_at) = self.due_at {
            edited.due_at = validate::time("due_at", due_at)?;
        }
        if self.workspace_kind.is_some() || self.workspace_path.is_some() {
            let kind = self.workspace_kind.as_deref().or(Some(task.workspace_kind.as_str()));
            let (kind, path) = validate::workspace(kind, self.workspace_path.as_deref())?;
            (edited.workspace_kind, edited.workspace_path) = (kind, path);
        }
        Ok(edited)
    }

    /// Processes may be at work in the old one until the run is closed.
    fn set_workspace(&self, tx: &mut Tx<'_>, edited: &Task) -> Result<(), VerbError> {
        if edited.status == TaskStatus::Running {
            return Err(currently_running(edited).into());
        }
        if let Some(open) = store::runs::get_open(tx.store(), &edited.id)? {
            let why = format!(" (run {} is open)", open.id);
            return Err(Tx::wrong_status(edited, "change the workspace of", &why).into());
        }
        if edited.status == TaskStatus::Ready {
            tx.signal(Signal::DispatchDue);
        }
        Ok(store::tasks::set_workspace(tx.store(), edited)?)
    }

    fn change_labels(&self, tx: &mut Tx<'_>, task: &Task) -> Result<bool, VerbError> {
        let mut has_changed = false;
        for label in validate::labels(&self.add_labels)? {
            if self.remove_labels.contains(&label) {
                return Err(Refusal::InvalidValue {
                    field: "labels",
                    problem: "the same label is added and removed",
                    value: label,
                }
                .into());
            }
            has_changed |= store::labels::insert(tx.store(), &task.id, &label)?;
        }
        if has_changed {
            room::after_labels(tx.store(), &task.id)?;
        }
        for label in validate::labels(&self.remove_labels)? {
            has_changed |= store::labels::delete(tx.store(), &task.id, &label)?;
        }
        Ok(has_changed)
    }

    /// Both may change at once, so the pair is judged as it will be.
    fn change_reviewer(&self, tx: &mut Tx<'_>, task: &Task) -> Result<bool, VerbError> {
        let Some(given) = &self.review else { return Ok(false) };
        let reviewer = validate::reviewer(given)?;
        if let Caller::Chat(by) = tx.caller {
            by.may_ask(ApproveTask::NAME).map_err(|_| by.refused("change who reviews a task"))?;
        }
        refuse_reviewer(tx.caller, reviewer.as_deref())?;
        let assignee = self.assignee.as_deref().or(task.assignee.as_deref());
        refuse_pair(tx, reviewer.as_deref(), assignee)?;
        if reviewer.is_none() && task.review_open {
            return Err(
                Tx::wrong_status(task, "take the reviewer off", " (its review is open)").into()
            );
        }
        if task.reviewer == reviewer && task.reviewer_chosen && task.review_why.is_none() {
            return Ok(false);
        }
        store::tasks::set_reviewer(tx.store(), &task.id, reviewer.as_deref(), true)?;
        if task.status == TaskStatus::Review {
            tx.signal(Signal::DispatchDue);
        }
        Ok(true)
    }

    /// Whether the assignee changes, and the warnings for the caller about the new one.
    fn change_assignee(
        &self,
        tx: &mut Tx<'_>,
        task: &Task,
    ) -> Result<(bool, Vec<String>), VerbError> {
        let Some(given) = &self.assignee else { return Ok((false, Vec::new())) };
        let Admitted { name: assignee, warnings } = checked_assignee(tx, Some(given))?;
        if task.status == TaskStatus::Running && task.assignee != assignee {
            return Err(currently_running(task).into());
        }
        let task = tx.reread(&task.id)?;
        Ok((assign(tx, &task, assignee.as_deref())?, warnings))
    }

    fn change_parents(&self, tx: &mut Tx<'_>, task: &Task) -> Result<bool, VerbError> {
        let child_id = task.id.to_string();
        let mut has_changed = false;
        for parent in validate::list("remove_parents", &self.remove_parents)? {
            let (parent_id, child_id) = (parent.clone(), child_id.clone());
            UnlinkTasks { parent_id, child_id, board: self.board.clone() }.run(tx)?;
            has_changed = true;
        }
        for parent in validate::list("add_parents", &self.add_parents)? {
            let (parent_id, child_id) = (parent.clone(), child_id.clone());
            let linked = LinkTasks { parent_id, child_id, board: self.board.clone() }.run(tx)?;
            has_changed |= linked.linked;
        }
        Ok(has_changed)
    }
}

fn changed_fields(task: &Task, edited: &Task) -> Vec<&'static str> {
    let is_moved = (edited.workspace_kind, &edited.workspace_path)
        != (task.workspace_kind, &task.workspace_path);
    let limit = |task: &Task| (task.max_runtime_seconds, task.no_max_runtime);
    let start = |task: &Task| (task.start_at, task.parked);
    [
        ("title", edited.title != task.title),
        ("body", edited.body != task.body),
        ("tenant", edited.tenant != task.tenant),
        ("model", edited.model != task.model),
        ("effort", edited.effort != task.effort),
        ("args", edited.args != task.args),
        ("skills", edited.skills != task.skills),
        ("max_runtime_seconds", limit(edited) != limit(task)),
        ("start_at", start(edited) != start(task)),
        ("due_at", edited.due_at != task.due_at),
        ("workspace", is_moved),
    ]
    .into_iter()
    .filter_map(|(name, differs)| differs.then_some(name))
    .collect()
}

fn currently_running(task: &Task) -> Refusal {
    Refusal::CurrentlyRunning {
        verb: EditTask::NAME,
        id: task.id.to_string(),
        lock: task.claim_lock.clone().unwrap_or_default(),
    }
}
