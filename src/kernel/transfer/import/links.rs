//! The links of an import, after all its tasks.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::{Fault, VerbError};
use crate::kernel::event::EventBody;
use crate::kernel::ids::{BoardName, TaskId};
use crate::kernel::shorten::shorten;
use crate::kernel::store;
use crate::kernel::task::{Parents, TaskStatus, TaskStep};
use crate::kernel::transfer::import::pause;
use crate::kernel::transfer::report::LeftOut;
use crate::kernel::transfer::settle::WrongLink;
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::moves::Cause;
use crate::kernel::verbs::release::promote;

/// Links between imported tasks, after all of them are there.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ImportLinks {
    /// Board of the tasks.
    pub board: Option<String>,
    /// Pairs of parent and child.
    pub links: Vec<(String, String)>,
    /// Imported tasks in `todo`, sent after all links: those without unfinished parents become ready.
    pub waiting: Vec<String>,
}

/// Result of `import_links`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImportLinksReply {
    /// Number of links imported.
    pub imported: usize,
    /// Number of links that already existed.
    pub existing: usize,
    /// One line per link skipped because a task is missing, and per task whose status changed.
    pub notes: Vec<String>,
    /// Links that were skipped.
    #[serde(default)]
    pub left_out: Vec<LeftOut>,
    /// Tasks whose status changed, with the new status.
    #[serde(default)]
    pub moved: BTreeMap<String, TaskStatus>,
    /// Number of events written.
    #[serde(default)]
    pub events: usize,
    /// Whether dispatch was paused because tasks became ready.
    #[serde(default)]
    pub paused: bool,
}

impl Verb for ImportLinks {
    type Reply = ImportLinksReply;
    const NAME: &'static str = "import_links";
    const NOTIFIES: bool = false;

    fn run(&self, tx: &mut Tx<'_>) -> Result<ImportLinksReply, VerbError> {
        tx.caller.may_ask(Self::NAME)?;
        let board = tx.board(self.board.as_deref(), Self::NAME)?.name;
        let mut reply = ImportLinksReply::default();
        let mut children = Vec::new();
        for (parent, child) in &self.links {
            match import_link(tx, &board, parent, child)? {
                Ok(true) => {
                    reply.imported += 1;
                    children.extend(TaskId::parse(child));
                }
                Ok(false) => reply.existing += 1,
                Err(wrong) => wrong.tell(&mut reply),
            }
        }
        for child in children {
            hold_back(tx, &child, &mut reply)?;
        }
        for id in &self.waiting {
            let Some(id) = TaskId::parse(id) else { continue };
            if waits_for_nothing(tx, &board, &id)? {
                reply.paused |= pause(tx)?;
                promote(tx, &id)?;
                reply.events += 1;
                reply.moved.insert(id.to_string(), TaskStatus::Ready);
                reply.notes.push(format!("{id} has no unfinished parents and is now ready"));
            }
        }
        Ok(reply)
    }
}

impl WrongLink {
    /// Puts it where it belongs in a report.
    fn tell(self, reply: &mut ImportLinksReply) {
        let (note, left_out) = self.report();
        reply.notes.extend(note);
        reply.left_out.extend(left_out);
    }

    /// As a note, or as something that is missing.
    pub fn report(self) -> (Option<String>, Option<LeftOut>) {
        let (parent, child) = (shorten(&self.link.0), shorten(&self.link.1));
        let message = format!("skipped link {parent} -> {child}: {}", self.why);
        if !self.is_between_tasks {
            return (Some(message), None);
        }
        let left_out = LeftOut {
            table: "task_links".to_owned(),
            task_id: Some(child),
            rows: 1,
            reason: message,
        };
        (None, Some(left_out))
    }
}

/// Adds a link; `Err` inside says why it cannot be.
fn import_link(
    tx: &Tx<'_>,
    board: &BoardName,
    parent: &str,
    child: &str,
) -> Result<Result<bool, WrongLink>, Fault> {
    let wrong = |why, is_between_tasks| {
        let link = (parent.to_owned(), child.to_owned());
        Ok(Err(WrongLink { link, why, is_between_tasks }))
    };
    let (Some(parent_id), Some(child_id)) = (TaskId::parse(parent), TaskId::parse(child)) else {
        return wrong("a task is missing", false);
    };
    for end in [&parent_id, &child_id] {
        match store::tasks::get_status(tx.store(), end)? {
            Some((_, on)) if on == *board => {}
            Some(_) => return wrong("a task is on another board", true),
            None => return wrong("a task is missing", false),
        }
    }
    if parent_id == child_id || store::links::would_close_circle(tx.store(), &parent_id, &child_id)?
    {
        return wrong("it would create a cycle", true);
    }
    Ok(Ok(store::links::insert(tx.store(), &parent_id, &child_id)?))
}

/// Whether an imported task is in `todo` without a parent that is not done.
fn waits_for_nothing(tx: &Tx<'_>, board: &BoardName, id: &TaskId) -> Result<bool, Fault> {
    let found = store::tasks::get_status(tx.store(), id)?;
    let is_waiting = found.is_some_and(|(status, on)| status == TaskStatus::Todo && on == *board);
    Ok(is_waiting
        && store::transfer::origin_of(tx.store(), id)?.is_some()
        && store::links::parents_of(tx.store(), id)? == Parents::Satisfied)
}

/// A ready task that turns out to have an open parent waits, as everywhere on this board.
fn hold_back(
    tx: &mut Tx<'_>,
    child: &TaskId,
    reply: &mut ImportLinksReply,
) -> Result<(), VerbError> {
    let task = tx.reread(child)?;
    if task.status != TaskStatus::Ready {
        return Ok(());
    }
    for parent in store::links::list_parents(tx.store(), child)? {
        let status = store::tasks::get_status(tx.store(), &parent)?;
        if status.is_none_or(|(status, _)| status.satisfies_children()) {
            continue;
        }
        let cause = Cause::of("import", None, EventBody::Demoted { parent: &parent });
        let to = tx.move_task(&task, TaskStep::Demote, &cause)?;
        reply.events += 1;
        reply.moved.insert(child.to_string(), to);
        reply.notes.push(format!("{child} waits for {parent} and is now todo"));
        return Ok(());
    }
    Ok(())
}
