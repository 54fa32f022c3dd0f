//! Directories that tasks are to work in: before the board decides, the daemon looks whether they are there. A path that is mistyped is not
//! made by the first start.

use std::path::Path;
use std::sync::Arc;

use crate::actors::path_looks::{self, Asked};
use crate::actors::run_views::refusal;
use crate::kernel::caller::Caller;
use crate::kernel::error::VerbError;
use crate::kernel::location::{DirectoryDoubt, DirectoryDoubts, WantedDirectory};
use crate::kernel::queries::Snapshot;
use crate::kernel::verbs::{
    AddSchedule, ApplySchedules, ApplySchedulesReply, BulkReply, BulkTasks, EditReply,
    EditSchedule, EditTask, ScheduleChange,
};
use crate::service::{Requester, Service, ServiceError};

/// Edits a task.
///
/// # Errors
/// A refusal or a fault.
pub async fn edit(
    service: Arc<Service>,
    by: Requester,
    mut verb: EditTask,
) -> Result<EditReply, ServiceError> {
    if verb.workspace_kind.is_some() || verb.workspace_path.is_some() {
        let asked = verb.clone();
        let wanted = move |snapshot: &Snapshot<'_>| left_to_verb(asked.wanted_directory(snapshot));
        verb.directories = look(&service, &by, wanted).await?;
    }
    submitted(service.database.submit(by.submit(verb)).await?)
}

/// Applies one operation to many tasks.
///
/// # Errors
/// A refusal or a fault.
pub async fn bulk(
    service: Arc<Service>,
    by: Requester,
    mut verb: BulkTasks,
) -> Result<BulkReply, ServiceError> {
    if verb.verb == "edit" {
        let asked = verb.clone();
        let wanted =
            move |snapshot: &Snapshot<'_>| left_to_verb(asked.wanted_directories(snapshot));
        verb.directories = look(&service, &by, wanted).await?;
    }
    submitted(service.database.submit(by.submit(verb)).await?)
}

/// Adds a schedule.
///
/// # Errors
/// A refusal or a fault.
pub async fn add_schedule(
    service: Arc<Service>,
    by: Requester,
    mut verb: AddSchedule,
) -> Result<ScheduleChange, ServiceError> {
    let asked = verb.clone();
    let wanted =
        move |snapshot: &Snapshot<'_>| Ok(asked.wanted_directory(snapshot).into_iter().collect());
    verb.directories = look(&service, &by, wanted).await?;
    submitted(service.database.submit(by.submit(verb)).await?)
}

/// Changes a schedule.
///
/// # Errors
/// A refusal or a fault.
pub async fn edit_schedule(
    service: Arc<Service>,
    by: Requester,
    mut verb: EditSchedule,
) -> Result<ScheduleChange, ServiceError> {
    let asked = verb.clone();
    let wanted = move |snapshot: &Snapshot<'_>| left_to_verb(asked.wanted_directory(snapshot));
    verb.directories = look(&service, &by, wanted).await?;
    submitted(service.database.submit(by.submit(verb)).await?)
}

/// Has the schedules of a board be as given.
///
/// # Errors
/// A refusal or a fault.
pub async fn apply_schedules(
    service: Arc<Service>,
    by: Requester,
    mut verb: ApplySchedules,
) -> Result<ApplySchedulesReply, ServiceError> {
    let asked = verb.clone();
    let wanted = move |snapshot: &Snapshot<'_>| Ok(asked.wanted_directories(snapshot));
    verb.directories = look(&service, &by, wanted).await?;
    submitted(service.database.submit(by.submit(verb)).await?)
}

fn submitted<R>(reply: R) -> Result<R, ServiceError> {
    crate::failpoint::hit("verb-answered");
    Ok(reply)
}

/// The directories that a request names. Of what is refused nothing is found out for the caller, and the board refuses it.
fn left_to_verb(
    wanted: Result<impl IntoIterator<Item = WantedDirectory>, VerbError>,
) -> Result<Vec<WantedDirectory>, VerbError> {
    match wanted {
        Ok(wanted) => Ok(wanted.into_iter().collect()),
        Err(VerbError::Refused(_)) => Ok(Vec::new()),
        Err(failed @ VerbError::Failed(_)) => Err(failed),
    }
}

async fn look(
    service: &Service,
    by: &Requester,
    wanted: impl FnOnce(&Snapshot<'_>) -> Result<Vec<WantedDirectory>, VerbError> + Send + 'static,
) -> Result<DirectoryDoubts, ServiceError> {
    let wanted = service.readers.read(by.caller.clone(), wanted).await?;
    Ok(look_at_directories(service, &by.caller, wanted).await)
}

/// Looks at directories that the caller may have tasks work in.
pub async fn look_at_directories(
    service: &Service,
    caller: &Caller,
    mut wanted: Vec<WantedDirectory>,
) -> DirectoryDoubts {
    // A batch often has the same directory everywhere: each is looked at once.
    wanted.sort();
    wanted.dedup();
    if wanted.is_empty() {
        return DirectoryDoubts::default();
    }
    let all: Vec<String> = service.configuration.settings().profiles.keys().cloned().collect();
    let asked = |wanted: &WantedDirectory| Asked {
        path: wanted.path.clone(),
        profiles: eyes(caller, wanted.assignee.as_deref(), &all),
    };
    let asked = wanted.iter().map(asked).collect();
    let found = service.looker.look_before_create(path_looks::PATIENCE, asked).await;
    let doubts = wanted.into_iter().zip(found).map(|(wanted, found)| {
        let doubt = match out_of_sight(service, &wanted) {
            Some(why) => DirectoryDoubt::Broken { why },
            None => DirectoryDoubt::of(found),
        };
        (wanted, doubt)
    });
    DirectoryDoubts::new(doubts)
}

/// Why the runs of its profile would not see a directory. Without a profile the start says so.
fn out_of_sight(service: &Service, wanted: &WantedDirectory) -> Option<String> {
    let assignee = wanted.assignee.as_deref()?;
    refusal(service.supervision.view_of(assignee), assignee, Path::new(&wanted.path))
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
