//! Story 4: what goes wrong. A worker is killed and its task tried again; a program that does not exist is tried until the
//! breaker gives up and a person has to look.

use crate::check::{Check, metadata};
use crate::home::{DEPLOYER, DemoHome, FAILURE_LIMIT};
use crate::stage::Stage;
use crate::stories::{Played, task};
use kanband::cli::failure::Failure;
use kanband::kernel::ids::TaskId;
use kanband::kernel::run::{Run, RunOutcome};
use kanband::kernel::task::TaskStatus;
use kanband::os::processes::identity::ProcessIdentity;
use kanband::os::processes::pidfd::{PidFd, Signal};

/// SIGKILL.
const KILLED: i32 = 9;

pub(super) fn play(stage: &mut Stage<'_>, _home: &DemoHome) -> Result<Played, Failure> {
    stage.announce("Story 4: a worker that is killed, and one whose program does not exist")?;
    let migrate = stage.create(&task("Migrate 2000 rows", "migrator", "operations"))?;
    let deploy = stage.create(&task("Deploy to production", DEPLOYER, "operations"))?;
    let tasks = vec![migrate.clone(), deploy];
    let mut is_killed = false;
    stage.play(&tasks, |stage, event| {
        if !is_killed && event.kind == "heartbeat" && event.task_id == migrate {
            kill_worker(stage, &migrate)?;
            is_killed = true;
        }
        Ok(())
    })?;
    let seen = stage.all(&tasks)?;
    let [migrate, deploy] = seen.as_slice() else { return Ok(Played::default()) };
    let signal = migrate.runs.first().and_then(|run| run.signal);
    let mut given_up = vec![RunOutcome::SpawnFailed; FAILURE_LIMIT - 1];
    given_up.push(RunOutcome::GaveUp);
    let why = deploy.task.last_spawn_error.clone().unwrap_or_default();
    let checks = vec![
        Check::ended(
            "failures: the killed worker's task was tried again and is done",
            &[migrate],
            TaskStatus::Done,
            &[RunOutcome::Crashed, RunOutcome::Completed],
        ),
        Check::that(
            "failures: the first attempt ended by SIGKILL, the second moved the rows in chunks",
            signal == Some(KILLED) && metadata(migrate, "rows").is_some_and(|rows| rows == 2000),
            format!("signal {signal:?}, rows {:?}", metadata(migrate, "rows")),
        ),
        Check::ended(
            "failures: the task without a program is blocked and needs a person",
            &[deploy],
            TaskStatus::Blocked,
            &given_up,
        ),
        Check::that(
            "failures: it says which program is missing",
            why.contains("deploy-to-production"),
            why,
        ),
    ];
    Ok(Played { tasks, checks })
}

/// Kills the worker process of the task's open run: that process and no other.
fn kill_worker(stage: &mut Stage<'_>, id: &TaskId) -> Result<(), Failure> {
    let worker = |stage: &Stage<'_>| -> Result<Option<i64>, Failure> {
        let details = stage.show(id)?;
        Ok(details.runs.iter().find(|run| Run::is_open(run)).and_then(|run| run.worker_pid))
    };
    let found = |error: &dyn std::fmt::Display| {
        Failure::fault(format!("cannot kill the worker of {id}: {error}"))
    };
    let Some(pid) = worker(stage)? else { return Err(found(&"its run has no process")) };
    let pid_number = i32::try_from(pid).map_err(|error| found(&error))?;
    let identity = ProcessIdentity::of(pid_number).map_err(|error| found(&error))?;
    let identity = identity.ok_or_else(|| found(&"it has ended"))?;
    let process = PidFd::open(&identity).map_err(|error| found(&error))?;
    let process = process.ok_or_else(|| found(&"it has ended"))?;
    // The descriptor holds on to the process; a run that is open still has the PID that it had.
    if worker(stage)? != Some(pid) {
        return Err(found(&"its run is over"));
    }
    process.signal(Signal::SIGKILL).map_err(|error| found(&error))?;
    stage.tell_act(&format!("killed process {pid} with SIGKILL"))
}
