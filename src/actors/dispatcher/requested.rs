//! A person's pass, and a look at what the next pass would do.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::actors::database::Submit;
use crate::actors::dispatcher::deps::DispatcherDeps;
use crate::actors::dispatcher::messages::DispatchNow;
use crate::actors::path_looks;
use crate::actors::root::messages::StartWorker;
use crate::actors::worker::seed::{StartReport, WorkerSeed};
use crate::kernel::caller::Caller;
use crate::kernel::error::VerbError;
use crate::kernel::ids::{RunId, TaskId};
use crate::kernel::limits::WAITS_PER_REQUEST_MAX;
use crate::kernel::location::{Looks, TaskPaths};
use crate::kernel::policy::Policy;
use crate::kernel::queries::Snapshot;
use crate::kernel::rules::assignee::{Assignee, Assignees};
use crate::kernel::standing::list_assignees;
use crate::kernel::store;
use crate::kernel::task::TaskStatus;
use crate::kernel::verbs::{
    DispatchPreview, DispatchReport, PassMode, PromoteReleased, SpawnedTask, StartReadyRuns,
    preview_dispatch, task_paths,
};

/// Profiles that a person's pass looks for at most before it begins: each look is a process.
const LOOKS_PER_REQUEST_MAX: usize = 16;

pub(super) async fn preview(
    deps: &DispatcherDeps,
    caller: &Caller,
    policy: &Arc<Policy>,
    max: Option<u32>,
) -> Result<DispatchReport, VerbError> {
    let policy = Arc::clone(policy);
    let is_disk_low = deps.is_disk_low().await;
    let looks = look_for_request(deps, caller).await?;
    let look = move |snapshot: &Snapshot<'_>| {
        Ok(preview_dispatch(snapshot.connection, &policy, snapshot.now, max, is_disk_low, &looks)?)
    };
    let DispatchPreview { reclaimed, promoted, spawned, skipped_unassigned, held_by } =
        deps.readers.read(caller.clone(), look).await?;
    let spawned = spawned.into_iter().map(|(task_id, assignee)| SpawnedTask {
        task_id: task_id.to_string(),
        assignee,
        workspace: String::new(),
    });
    Ok(DispatchReport {
        reclaimed: reclaimed.len(),
        promoted: promoted.len(),
        spawned: spawned.collect(),
        skipped_unassigned: texts(&skipped_unassigned),
        held_by,
        ..DispatchReport::default()
    })
}

/// A person's pass: answers when each start is confirmed or has failed.
pub(super) async fn dispatch_now(
    deps: &DispatcherDeps,
    message: DispatchNow,
) -> Result<DispatchReport, VerbError> {
    let find = |snapshot: &Snapshot<'_>| Ok(store::tasks::list_promotable(snapshot.connection)?);
    let ids = deps.readers.read(message.caller.clone(), find).await?;
    let mut promoted = Vec::new();
    for verb in PromoteReleased::in_batches(ids) {
        let submit = Submit { caller: message.caller.clone(), request_id: None, verb };
        promoted.extend(deps.database.submit(submit).await?);
    }
    look_for_profiles(deps, &message.caller).await?;
    let mode = PassMode::OnRequest { failure_limit: message.failure_limit };
    let is_disk_low = deps.is_disk_low().await;
    let looks = match message.only.as_slice() {
        [] => look_for_request(deps, &message.caller).await?,
        named => look_for_named(deps, &message.caller, named).await?,
    };
    let (max, only) = (message.max, message.only);
    let verb = StartReadyRuns { mode, max, is_disk_low, looks, only };
    let submit = Submit { caller: message.caller.clone(), request_id: message.request_id, verb };
    let reply = deps.database.submit(submit).await?;
    let mut waiting = Vec::new();
    for order in reply.orders {
        let (started, report) = oneshot::channel();
        waiting.push((order.run_id, order.task.id.clone(), order.profile.clone(), report));
        if !reply.is_repeated {
            deps.count_wait(&order);
            let seed = WorkerSeed::Claimed(Box::new(order));
            deps.start_worker.tell(StartWorker { seed, started: Some(started) });
        }
    }
    let mut report = DispatchReport {
        reclaimed: reply.reclaimed.len(),
        promoted: promoted.len(),
        skipped_unassigned: texts(&reply.skipped_unassigned),
        auto_blocked: texts(&reply.auto_blocked),
        held_by: reply.held_by,
        not_started: reply.not_started,
        ..DispatchReport::default()
    };
    for (run_id, task_id, assignee, started) in waiting {
        let start = started.await;
        let seen = look_at(deps, &message.caller, run_id, task_id.clone()).await?;
        let is_spawned = match start {
            Ok(StartReport::Unknown(error)) => return Err(error),
            Ok(StartReport::Spawned) => true,
            Ok(StartReport::Failed) => false,
            // Another worker actor starts it, or has: this is the second answer to one request.
            Err(_) => seen.was_spawned,
        };
        if is_spawned {
            let (task_id, workspace) = (task_id.to_string(), seen.workspace);
            report.spawned.push(SpawnedTask { task_id, assignee, workspace });
        } else if seen.status == Some(TaskStatus::Blocked) {
            report.auto_blocked.push(task_id.to_string());
        }
    }
    Ok(report)
}

/// Looks for the profiles that ready tasks wait for and that have not been looked for yet: a person's pass does not come back later.
async fn look_for_profiles(deps: &DispatcherDeps, caller: &Caller) -> Result<(), VerbError> {
    let unseen = |assignees: &Assignees, name: &str, is_entered: bool| {
        matches!(assignees.get(Some(name), is_entered), Assignee::Unseen { .. })
    };
    if !deps.configuration.policy().assignees.is_auto {
        return Ok(());
    }
    let find = |snapshot: &Snapshot<'_>| Ok(list_assignees(snapshot.connection, true)?);
    let names = deps.readers.read(caller.clone(), find).await?;
    for (name, is_entered) in names.into_iter().take(LOOKS_PER_REQUEST_MAX) {
        // What was learned of one name may answer for the next.
        if unseen(&deps.configuration.policy().assignees, &name, is_entered) {
            let looked = deps.profile_looker.look(&name).await;
            deps.profile_looker.learn(&looked);
        }
    }
    Ok(())
}

/// Where the paths of ready tasks lead, for a person's pass, which does not come back later.
async fn look_for_request(deps: &DispatcherDeps, caller: &Caller) -> Result<Looks, VerbError> {
    let limit = u32::try_from(WAITS_PER_REQUEST_MAX).unwrap_or(u32::MAX);
    let find = move |snapshot: &Snapshot<'_>| {
        Ok(store::leases::list_ready_paths(snapshot.connection, limit)?)
    };
    let mut paths = deps.readers.read(caller.clone(), find).await?;
    paths.extend(deps.configuration.policy().working_directory_by_profile.values().cloned());
    Ok(look_within(deps, paths).await)
}

/// Where the paths of these tasks lead.
async fn look_for_named(
    deps: &DispatcherDeps,
    caller: &Caller,
    named: &[TaskId],
) -> Result<Looks, VerbError> {
    let (policy, named) = (deps.configuration.policy(), named.to_vec());
    let find = move |snapshot: &Snapshot<'_>| {
        let mut paths = Vec::new();
        for id in &named {
            if let Some(task) = store::tasks::get(snapshot.connection, id)? {
                let TaskPaths { workspace, start } =
                    task_paths(snapshot.connection, &policy, &task)?;
                paths.extend(workspace.into_iter().chain(start));
            }
        }
        Ok(paths)
    };
    let paths = deps.readers.read(caller.clone(), find).await?;
    Ok(look_within(deps, paths).await)
}

/// Where paths lead, as far as that is known within the patience of a person.
async fn look_within(deps: &DispatcherDeps, mut paths: Vec<String>) -> Looks {
    paths.sort();
    paths.dedup();
    let profiles: Vec<String> = deps.configuration.settings().profiles.keys().cloned().collect();
    let looks: Vec<_> = paths
        .into_iter()
        .map(|path| {
            let (looker, profiles) = (deps.looker.clone(), profiles.clone());
            actix::spawn(async move {
                let look = looker.look_within(path_looks::PATIENCE, &path, &profiles).await;
                (path, look)
            })
        })
        .collect();
    let mut found = Looks::new();
    for look in looks {
        // One that panicked is not known.
        found.extend(look.await);
    }
    found
}

struct Seen {
    status: Option<TaskStatus>,
    workspace: String,
    was_spawned: bool,
}

async fn look_at(
    deps: &DispatcherDeps,
    caller: &Caller,
    run_id: RunId,
    id: TaskId,
) -> Result<Seen, VerbError> {
    deps.readers
        .read(caller.clone(), move |snapshot| {
            let task = store::tasks::get(snapshot.connection, &id)?;
            let run = store::runs::get(snapshot.connection, run_id)?;
            Ok(Seen {
                status: task.as_ref().map(|task| task.status),
                workspace: task.and_then(|task| task.workspace_path).unwrap_or_default(),
                was_spawned: run.is_some_and(|run| run.worker_pid.is_some()),
            })
        })
        .await
}

fn texts(ids: &[TaskId]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}
