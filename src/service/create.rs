//! Creation of tasks: before the board decides, the daemon looks whether the directories are there that the tasks are to work in.
//! A path that is mistyped is not made by the first start.

use std::sync::Arc;

use crate::kernel::error::VerbError;
use crate::kernel::location::WantedDirectory;
use crate::kernel::queries::Snapshot;
use crate::kernel::verbs::{CreateReply, CreateTask, CreateTasks, CreateTasksReply};
use crate::service::directories::look_at_directories;
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
    let allowed: Vec<usize> = service.readers.read(by.caller.clone(), allowed).await?;
    let of = |at: &usize| tasks.get(*at).and_then(directory).map(|wanted| (*at, wanted));
    let wanted: Vec<(usize, WantedDirectory)> = allowed.iter().filter_map(of).collect();
    let directories = wanted.iter().map(|(_, wanted)| wanted.clone()).collect();
    let found = look_at_directories(service, &by.caller, directories).await;
    for (at, wanted) in wanted {
        if let Some(task) = tasks.get_mut(at) {
            task.directory = found.of(Some(&wanted));
        }
    }
    Ok(())
}

/// The directory that a task is to work in, where it names one that can be looked at.
fn directory(task: &CreateTask) -> Option<WantedDirectory> {
    let (kind, path) = (task.workspace_kind.as_deref(), task.workspace_path.as_deref());
    WantedDirectory::of(kind, path, task.assignee.as_deref())
}
