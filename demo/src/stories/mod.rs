//! The four stories. Each makes its tasks, waits until they are at rest, and says what should be true.

mod failures;
mod feature;
mod fleet;
mod review;

use crate::check::Check;
use crate::home::DemoHome;
use crate::stage::Stage;
use kanband::cli::failure::Failure;
use kanband::kernel::ids::TaskId;
use kanband::kernel::verbs::CreateTask;

/// What a story leaves.
#[derive(Debug, Default)]
pub struct Played {
    /// Its tasks.
    pub tasks: Vec<TaskId>,
    /// What it promised.
    pub checks: Vec<Check>,
}

/// Plays all four.
///
/// # Errors
/// The first thing that goes wrong with the playing itself.
pub fn play_all(stage: &mut Stage<'_>, home: &DemoHome) -> Result<Played, Failure> {
    let mut all = Played::default();
    for story in [feature::play, fleet::play, review::play, failures::play] {
        let played = story(stage, home)?;
        all.tasks.extend(played.tasks);
        all.checks.extend(played.checks);
    }
    Ok(all)
}

fn task(title: &str, assignee: &str, tenant: &str) -> CreateTask {
    CreateTask {
        title: title.to_owned(),
        assignee: Some(assignee.to_owned()),
        tenant: Some(tenant.to_owned()),
        ..CreateTask::default()
    }
}

/// The same in a directory of the demo's home.
fn task_in(title: &str, assignee: &str, tenant: &str, home: &DemoHome) -> CreateTask {
    CreateTask {
        create_dir: true,
        workspace_kind: Some("dir".to_owned()),
        workspace_path: Some(home.project(tenant).to_string_lossy().into_owned()),
        ..task(title, assignee, tenant)
    }
}

/// The same after its parents.
fn after(parents: &[&TaskId], task: CreateTask) -> CreateTask {
    CreateTask { parents: parents.iter().map(ToString::to_string).collect(), ..task }
}
