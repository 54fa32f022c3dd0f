//! Creation of tasks: before the board decides, the daemon looks whether the directories are there that the tasks are to work in.
//! A path that is mistyped is not made by the first start.

use std::path::Path;
use std::sync::Arc;

use crate::actors::path_looks::{self, Asked};
use crate::actors::run_views::refusal;
use crate::kernel::caller::Caller;
use crate::kernel::error::VerbError;
use crate::kernel::location::DirectoryDoubt;
use crate::kernel::queries::Snapshot;
use crate::kernel::task::WorkspaceKind;
use crate::kernel::verbs::{CreateReply, CreateTask, CreateTasks, CreateTasksReply};
use crate::service::{Requester, Service, ServiceError};

/// Creates a task.
///
/// # Errors
/// A refusal or a fault.
pub async fn create(
    service: Arc<Service>,
    by: Requester,
    mut verb: CreateTask,
) -> Result<CreateReply, ServiceError> {
    look(&service, &by, std::slice::from_mut(&mut verb)).await?;
    let reply = service.database.submit(by.submit(verb)).await?;
    crate::failpoint::hit("verb-answered");
    Ok(reply)
}

/// Creates several.
///
/// # Errors
/// A refusal or a fault.
pub async fn create_batch(
    service: Arc<Service>,
    by: Requester,
    mut verb: CreateTasks,
) -> Result<CreateTasksReply, ServiceError> {
    look(&service, &by, &mut verb.tasks).await?;
    let reply = service.database.submit(by.submit(verb)).await?;
    crate::failpoint::hit("verb-answered");
    Ok(reply)
}

/// Looks at the directories of the tasks that the caller may create; of the others nothing is found out for the caller, and the board
/// refuses them.
async fn look(
    service: &Service,
    by: &Requester,
    tasks: &mut [CreateTask],
) -> Result<(), ServiceError> {
    let wanted: Vec<(usize, CreateTask)> = tasks
        .iter()
        .enumerate()
        .filter(|(_, task)| directory(task).is_some())
        .map(|(at, task)| (at, task.clone()))
        .collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let allowed = move |snapshot: &Snapshot<'_>| {
        let mut allowed = Vec::new();
        for (at, task) in &wanted {
            match task.refuse_early(snapshot) {
                Ok(()) => allowed.push(*at),
                Err(VerbError::Refused(_)) => {}
                Err(VerbError::Failed(fault)) => return Err(fault.into()),
            }
        }
        Ok(allowed)
    };
    let allowed = service.readers.read(by.caller.clone(), allowed).await?;
    let all: Vec<String> = service.configuration.settings().profiles.keys().cloned().collect();
    // A batch often has the same directory everywhere: each is looked at once.
    let mut asked: Vec<Asked> = Vec::new();
    let mut looked: Vec<(usize, usize)> = Vec::new();
    for at in allowed {
        let Some(task) = tasks.get(at) else { continue };
        let Some(path) = directory(task).map(str::to_owned) else { continue };
        let profiles = eyes(&by.caller, task.assignee.as_deref(), &all);
        let new = Asked { path, profiles };
        let known = asked.iter().position(|other| *other == new);
        looked.push((at, known.unwrap_or(asked.len())));
        if known.is_none() {
            asked.push(new);
        }
    }
    let found = service.looker.look_before_create(path_looks::PATIENCE, asked).await;
    for (at, number) in looked {
        if let (Some(task), Some(look)) = (tasks.get_mut(at), found.get(number)) {
            task.directory = match out_of_sight(service, task) {
                Some(why) => DirectoryDoubt::Broken { why },
                None => DirectoryDoubt::of(look.clone()),
            };
        }
    }
    Ok(())
}

/// Why the runs of a task's assignee would not see its directory. Without an assignee the start says so.
fn out_of_sight(service: &Service, task: &CreateTask) -> Option<String> {
    let (assignee, path) = (task.assignee.as_deref()?, directory(task)?);
    refusal(service.supervision.view_of(assignee), assignee, Path::new(path))
}

/// The directory that a task is to work in, where it names one that can be looked at.
fn directory(task: &CreateTask) -> Option<&str> {
    let is_dir = task.workspace_kind.as_deref() == Some(WorkspaceKind::Dir.as_str());
    task.workspace_path.as_deref().filter(|path| is_dir && path.starts_with('/'))
}

/// The profiles whose users look. The user whose work it will be decides what can be seen; without an assignee that may be any. A worker
/// finds out what its own user can see and no more.
fn eyes(caller: &Caller, assignee: Option<&str>, all: &[String]) -> Vec<String> {
    match (caller, assignee) {
        (Caller::Worker { profile, .. }, _) => vec![profile.clone()],
        (
            Caller::Operator { .. } | Caller::Courier | Caller::Chat(_) | Caller::System { .. },
            Some(assignee),
        ) => vec![assignee.to_owned()],
        (
            Caller::Operator { .. } | Caller::Courier | Caller::Chat(_) | Caller::System { .. },
            None,
        ) => all.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::ids::{BoardName, TaskId};

    #[test]
    fn a_worker_sees_with_the_eyes_of_its_own_profile_only() {
        let all = ["dev".to_owned(), "qa".to_owned()];
        let worker = Caller::Worker {
            run_id: 1,
            task_id: TaskId::parse("t_1").unwrap(),
            board: BoardName::default(),
            profile: "dev".to_owned(),
        };
        let operator = Caller::Operator { name: "ann".to_owned() };
        for (caller, assignee, expected) in [
            (&worker, Some("qa"), &["dev"][..]),
            (&worker, None, &["dev"]),
            (&operator, Some("qa"), &["qa"]),
            (&operator, None, &["dev", "qa"]),
        ] {
            assert_eq!(eyes(caller, assignee, &all), expected, "{caller:?} {assignee:?}");
        }
    }
}
