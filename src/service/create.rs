//! Creation of tasks: before the board decides, the daemon looks whether the directories are there that the tasks are to work in.
//! A path that is mistyped is not made by the first start.

use std::sync::Arc;

use crate::actors::path_looks;
use crate::kernel::location::DirectoryDoubt;
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
    look(&service, std::slice::from_mut(&mut verb)).await;
    Ok(service.database.submit(by.submit(verb)).await?)
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
    look(&service, &mut verb.tasks).await;
    Ok(service.database.submit(by.submit(verb)).await?)
}

/// Looks at each directory once: a batch often has the same one everywhere.
async fn look(service: &Service, tasks: &mut [CreateTask]) {
    let mut seen: Vec<(String, Vec<String>, DirectoryDoubt)> = Vec::new();
    for task in tasks {
        let is_dir = task.workspace_kind.as_deref() == Some(WorkspaceKind::Dir.as_str());
        let path = task.workspace_path.clone().filter(|path| is_dir && path.starts_with('/'));
        let Some(path) = path else { continue };
        // The user whose work it will be decides what can be seen; without an assignee that may be any.
        let profiles = match &task.assignee {
            Some(assignee) => vec![assignee.clone()],
            None => service.configuration.settings().profiles.keys().cloned().collect(),
        };
        let known = seen.iter().find(|(other, by, _)| *other == path && *by == profiles);
        if let Some((_, _, doubt)) = known {
            task.directory = doubt.clone();
            continue;
        }
        let look = service.looker.look_before_create(path_looks::PATIENCE, &path, &profiles).await;
        task.directory = DirectoryDoubt::of(look);
        seen.push((path, profiles, task.directory.clone()));
    }
}
