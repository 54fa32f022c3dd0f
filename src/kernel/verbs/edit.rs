//! `edit`: title, body, priority, tenant, labels and what its agent is asked for, in any status.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::event::EventBody;
use crate::kernel::task::{Task, TaskStatus};
use crate::kernel::tx::{Signal, Tx};
use crate::kernel::verb::Verb;
use crate::kernel::verbs::create::refuse_options_not_taken;
use crate::kernel::verbs::room;
use crate::kernel::{store, validate};

/// Changes what a task says. A field that is not given stays; an empty text clears body, tenant, model and effort.
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
    /// New model of the agent, from the next run on.
    pub model: Option<String>,
    /// New reasoning effort of the agent, from the next run on.
    pub effort: Option<String>,
    /// New extra arguments for the agent, from the next run on; an empty list clears them.
    pub args: Option<Vec<String>>,
    /// Labels to add.
    pub add_labels: Vec<String>,
    /// Labels to remove.
    pub remove_labels: Vec<String>,
    /// Board of the task; refused when the task is on another board.
    pub board: Option<String>,
}

/// The edited task.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct EditReply {
    /// The task.
    #[serde(flatten)]
    pub task: Task,
    /// Names of the changed fields; empty when nothing changed.
    pub changed: Vec<String>,
}

impl Verb for EditTask {
    type Reply = EditReply;
    const NAME: &'static str = "edit";

    fn run(&self, tx: &mut Tx<'_>) -> Result<EditReply, VerbError> {
        let task = tx.task(&self.id, self.board.as_deref(), Self::NAME)?;
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
            edited.priority = priority;
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
        if self.model.is_some() || self.effort.is_some() || self.args.is_some() {
            refuse_options_not_taken(tx, &edited)?;
        }
        let mut changed = Vec::new();
        for (name, differs) in [
            ("title", edited.title != task.title),
            ("body", edited.body != task.body),
            ("tenant", edited.tenant != task.tenant),
            ("model", edited.model != task.model),
            ("effort", edited.effort != task.effort),
            ("args", edited.args != task.args),
        ] {
            if differs {
                changed.push(name.to_owned());
            }
        }
        if self.change_labels(tx, &task)? {
            changed.push("labels".to_owned());
        }
        if edited != task {
            store::tasks::set_content(tx.store(), &edited)?;
        }
        if !changed.is_empty() || edited.priority != task.priority {
            room::for_event(tx.store(), &task.id)?;
        }
        if !changed.is_empty() {
            tx.event(&task, None, &EventBody::Edited { fields: &changed })?;
        }
        if edited.priority != task.priority {
            changed.push("priority".to_owned());
            tx.event(&task, None, &EventBody::Reprioritized { priority: edited.priority })?;
            if task.status == TaskStatus::Ready {
                tx.signal(Signal::DispatchDue);
            }
        }
        Ok(EditReply { task: tx.reread(&task.id)?, changed })
    }
}

impl EditTask {
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
}
