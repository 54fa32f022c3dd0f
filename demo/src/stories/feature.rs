//! Story 1: one developer ships a feature, schema → API → tests; each worker reads what the one before it handed over.

use crate::check::{Check, metadata};
use crate::home::DemoHome;
use crate::stage::Stage;
use crate::stories::{Played, after, task_in};
use kanband::cli::failure::Failure;
use kanband::kernel::run::RunOutcome;
use kanband::kernel::task::TaskStatus;
use kanband::kernel::verbs::CreateTask;

pub(super) fn play(stage: &mut Stage<'_>, home: &DemoHome) -> Result<Played, Failure> {
    const TENANT: &str = "auth-project";
    stage.announce("Story 1: a feature, schema -> API -> tests, with a handoff at each step")?;
    let schema = task_in("Design the auth schema", "schema-dev", TENANT, home);
    let schema = stage.create(&CreateTask { priority: 2, ..schema })?;
    let api = after(&[&schema], task_in("Build the auth API", "api-dev", TENANT, home));
    let api = stage.create(&api)?;
    let tests = after(&[&api], task_in("Test the auth API", "qa-dev", TENANT, home));
    let tests = stage.create(&tests)?;
    let tasks = vec![schema, api, tests];
    stage.play(&tasks, |_, _| Ok(()))?;
    let seen = stage.all(&tasks)?;
    let ends = Check::ended(
        "feature: schema, API and tests are done, each at its first attempt",
        &seen.iter().collect::<Vec<_>>(),
        TaskStatus::Done,
        &[RunOutcome::Completed],
    );
    let report = seen
        .last()
        .and_then(|tests| Some((metadata(tests, "tests_run")?, metadata(tests, "tests_passed")?)));
    let passes = report.is_some_and(|(run, passed)| run == 7 && run == passed);
    let handoff = Check::that(
        "feature: the tests ran the command that the API's worker built from the schema",
        passes && home.project(TENANT).join("test-report.txt").exists(),
        format!("{report:?}"),
    );
    Ok(Played { tasks, checks: vec![ends, handoff] })
}
