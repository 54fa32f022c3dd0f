//! What a worker hands over, judged where it is written: new tasks, those of its schedules, and tasks that it lets go on.

use crate::kernel::caller::Caller;
use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::ids::TaskId;
use crate::kernel::rules::assignee::Assignee;
use crate::kernel::rules::caps::{Asked, Caps, lower};
use crate::kernel::rules::handover::{Held, Options, Wish, next_in_tree};
use crate::kernel::store;
use crate::kernel::store::worker_tasks::Creator;
use crate::kernel::task::{Task, TaskStatus, WorkspaceKind};
use crate::kernel::tx::Tx;

/// The priority of a task for which none is asked.
const DEFAULT_PRIORITY: i64 = 0;

/// What became of a task that is about to be created.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Judged {
    /// The setting for which it waits in triage.
    pub held: Option<&'static str>,
    /// Lines for the caller.
    pub warnings: Vec<String>,
    /// Its root and depth among the tasks that workers created.
    tree: Option<(String, u32)>,
    /// A worker's schedule makes it.
    is_occurrence: bool,
}

impl Judged {
    /// What stands after the words `held: ` for a caller.
    fn explain(held: &[Held]) -> Option<String> {
        let reasons: Vec<String> = held.iter().map(Held::to_string).collect();
        (!reasons.is_empty())
            .then(|| format!("waits in triage until a person promotes it: {}", reasons.join("; ")))
    }

    /// Enters a task that is there now.
    pub(super) fn enter(&self, tx: &Tx<'_>, id: &TaskId) -> Result<(), VerbError> {
        if let Some((root, depth)) = &self.tree {
            store::worker_tasks::insert(tx.store(), id, (root, *depth), self.held)?;
        } else if self.is_occurrence && self.held.is_some() {
            store::worker_tasks::insert_root(tx.store(), id, self.held)?;
        }
        Ok(())
    }
}

/// Judges a task that `caller` creates, or that its schedule makes: lowers what is asked for it, and says whether it waits for a person.
/// Tasks of all others are as they are, and nothing is read for them.
pub(super) fn judge(
    tx: &mut Tx<'_>,
    caller: &Caller,
    is_occurrence: bool,
    task: &mut Task,
) -> Result<Judged, VerbError> {
    let Caller::Worker { run_id, task_id, profile, .. } = caller else {
        return Ok(Judged::default());
    };
    let is_person = is_person(tx, task.assignee.as_deref())?;
    let creator = store::worker_tasks::creator(tx.store(), task_id)?;
    let mut own_dirs = Vec::new();
    if task.workspace_kind != WorkspaceKind::Scratch && task.workspace_path.is_some() {
        let run = store::runs::get(tx.store(), *run_id)?;
        own_dirs.extend(run.and_then(|run| run.workspace_path));
        own_dirs.extend(creator.as_ref().and_then(|creator| creator.repository.clone()));
    }
    let wish = Wish {
        by: profile,
        assignee: task.assignee.as_deref(),
        is_person,
        reviewer: task.reviewer.as_deref().filter(|_| task.reviewer_chosen),
        kind: task.workspace_kind,
        path: task.workspace_path.as_deref(),
        own_dirs: &own_dirs,
    };
    let held = tx.policy.handover.reach(profile).judge(&wish)?;
    let mut judged = Judged {
        held: held.first().map(Held::setting),
        warnings: Judged::explain(&held).into_iter().collect(),
        tree: None,
        is_occurrence,
    };
    if let Some(creator) = creator.as_ref().filter(|_| !is_occurrence) {
        let depth = next_in_tree(&creator.position, &tx.policy.handover)?;
        judged.tree = Some((creator.position.root.clone(), depth));
    }
    judged.warnings.extend(lowered(tx, creator.as_ref(), (task_id, profile), task));
    Ok(judged)
}

/// Lowers what is asked for `task` to what `creator` has, the task of a worker of `profile`; to what every task has when that one is gone.
fn lowered(
    tx: &Tx<'_>,
    creator: Option<&Creator>,
    (creator_id, profile): (&TaskId, &str),
    task: &mut Task,
) -> Vec<String> {
    let assignee = task.assignee.as_deref();
    let none = Options::default();
    let options = |name: Option<&str>| {
        name.and_then(|name| tx.policy.handover.options_by_profile.get(name)).unwrap_or(&none)
    };
    let limit = |name: Option<&str>| {
        let of_profile = name.and_then(|name| tx.policy.max_runtime_by_profile.get(name)).copied();
        of_profile.or(tx.policy.max_runtime_seconds)
    };
    let (by, to) = (options(Some(profile)), options(assignee));
    let gone = format!("{creator_id} (removed)");
    let caps = match creator {
        Some(creator) => {
            let own_limit = creator.max_runtime_seconds.or_else(|| limit(Some(profile)));
            let own_limit = own_limit.filter(|_| !creator.no_max_runtime);
            Caps {
                task: creator_id.as_str(),
                priority: creator.priority,
                // Of two limits the longer one, and none is longer than any.
                max_runtime_seconds: own_limit
                    .and_then(|own| limit(assignee).map(|its| own.max(its))),
                due_at: creator.due_at,
                models: [creator.model.as_deref().or(by.model.as_deref()), to.model.as_deref()],
                efforts: [creator.effort.as_deref().or(by.effort.as_deref()), to.effort.as_deref()],
            }
        }
        // A schedule outlives the task whose worker made it: what that one had is not known, and counts as nothing.
        None => Caps {
            task: &gone,
            priority: DEFAULT_PRIORITY,
            max_runtime_seconds: limit(assignee),
            due_at: None,
            models: [None, to.model.as_deref()],
            efforts: [None, to.effort.as_deref()],
        },
    };
    let mut asked = Asked {
        priority: task.priority,
        max_runtime_seconds: task.max_runtime_seconds,
        no_max_runtime: task.no_max_runtime,
        due_at: task.due_at,
        model: task.model.take(),
        effort: task.effort.take(),
    };
    let said = lower(&mut asked, &caps);
    task.priority = asked.priority;
    task.max_runtime_seconds = asked.max_runtime_seconds;
    task.no_max_runtime = asked.no_max_runtime;
    task.due_at = asked.due_at;
    task.model = asked.model;
    task.effort = asked.effort;
    said
}

/// Refuses a worker to let a task go on, or to hand something to it, whose assignee or named reviewer is beyond its reach. One in
/// triage goes on by a person alone, so nothing is handed over there.
pub(super) fn refuse_beyond_reach(
    tx: &mut Tx<'_>,
    task: &Task,
    verb: &'static str,
) -> Result<(), VerbError> {
    let Caller::Worker { profile, task_id, .. } = tx.caller else { return Ok(()) };
    // Its own is in its hands already.
    if task.status == TaskStatus::Triage || task.id == *task_id {
        return Ok(());
    }
    let is_person = is_person(tx, task.assignee.as_deref())?;
    let reach = tx.policy.handover.reach(profile);
    let to = (task.assignee.as_deref(), is_person);
    let reviewer = task.reviewer.as_deref().filter(|_| task.reviewer_chosen);
    let refused = |held| Refusal::BeyondReach { verb, id: task.id.to_string(), held };
    Ok(reach.may_let_go(profile, to, reviewer).map_err(refused)?)
}

fn is_person(tx: &mut Tx<'_>, assignee: Option<&str>) -> Result<bool, VerbError> {
    let Some(name) = assignee else { return Ok(false) };
    let is_entered = tx.people.contains(tx.connection, name)?;
    Ok(tx.policy.assignees.get(Some(name), is_entered) == Assignee::Person)
}
