//! `doctor` about the board: its files, its structure, and what holds starts back.

use crate::kernel::caller::Caller;
use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::queries::Snapshot;
use crate::kernel::run::RunState;
use crate::kernel::store;
use crate::kernel::store::Difference;
use crate::kernel::verbs::DispatchSwitch;
use crate::os::home::board_files::BoardLoss;
use crate::service::Service;
use crate::service::doctor::check::{Check, Health};

/// The checks of the board: what was lost, and what reading it shows.
pub(super) async fn checks(service: &Service, caller: &Caller) -> Vec<Check> {
    let loss = service.database.loss();
    let mut checks: Vec<Check> = loss.as_ref().map(lost_check).into_iter().collect();
    match checks_of_board(service, caller).await {
        // A file that is sound and is not the one at its path is none that is.
        Ok(of_board) => checks.extend(of_board.into_iter().filter(|check| {
            loss.is_none() || check.name != "database" || check.health != Health::Ok
        })),
        Err(error) => checks.push(unread_check(&error)),
    }
    checks
}

fn lost_check(loss: &BoardLoss) -> Check {
    let text = format!("writes are disabled: {loss}");
    Check::bad("database", Health::Fail, text, loss.remedy())
}

/// The board could not be read. Only a fault that lasts says anything about the file.
fn unread_check(error: &VerbError) -> Check {
    let text = format!("cannot read it: {error}");
    match error {
        VerbError::Failed(fault) if !fault.is_retryable() => Check::bad(
            "database",
            Health::Fail,
            text,
            "restore the newest backup with `kanban restore`",
        ),
        VerbError::Failed(_) | VerbError::Refused(_) => {
            Check::bad("database", Health::Warn, text, "run `kanban doctor` again in a moment")
        }
    }
}

/// The checks that read the board, its whole file among them.
async fn checks_of_board(service: &Service, caller: &Caller) -> Result<Vec<Check>, VerbError> {
    let read = |snapshot: &Snapshot<'_>| Ok(store::check::problems(snapshot.connection)?);
    let problems = service.readers.read_long(caller.clone(), read).await;
    let mut checks = vec![database_check(problems)?];
    checks.extend(service.readers.read(caller.clone(), board_checks).await?);
    Ok(checks)
}

/// What reading the whole database has shown. One that is too large to be read in the time that a read may take has shown nothing.
fn database_check(problems: Result<Vec<String>, VerbError>) -> Result<Check, VerbError> {
    let problems = match problems {
        Err(VerbError::Refused(Refusal::ReadTooLong { ms })) => {
            let text = format!("too large for a full check: stopped after {ms} ms");
            let fix = "run `kanban backup`, which verifies the whole database";
            return Ok(Check::bad("database", Health::Warn, text, fix));
        }
        problems => problems?,
    };
    Ok(match problems.first() {
        None => {
            let version = store::migrate::newest_version();
            Check::ok("database", format!("sound, schema version {version}"))
        }
        Some(problem) => {
            let fix = "restore the newest backup with `kanban restore`";
            Check::bad("database", Health::Fail, problem.clone(), fix)
        }
    })
}

fn board_checks(snapshot: &Snapshot<'_>) -> Result<Vec<Check>, VerbError> {
    let connection = snapshot.connection;
    let mut checks = Vec::new();
    checks.extend(structure_check(&store::schema::differences(connection)?));
    checks.push(match DispatchSwitch::read(connection)? {
        DispatchSwitch::On => Check::ok("dispatch", "on"),
        DispatchSwitch::Paused => Check::bad("dispatch", Health::Warn, "paused", "`kanban resume`"),
        DispatchSwitch::Draining => {
            Check::bad("dispatch", Health::Warn, "draining", "`kanban resume`")
        }
    });
    let (held, more) = store::breakers::list_held(connection)?;
    for breaker in held {
        let error = breaker.last_error.unwrap_or_default();
        checks.push(Check::bad(
            "breaker",
            Health::Warn,
            format!("{} is open: {error}", breaker.key.to_text()),
            "repair the cause; one task is tried from time to time",
        ));
    }
    if more > 0 {
        let message = format!("{more} more workspace breakers are open");
        checks.push(Check::bad(
            "breaker",
            Health::Warn,
            message,
            "list them with `kanban breakers`",
        ));
    }
    for run in store::runs::list_open_supervised(connection)? {
        if let Some(doubt) = store::footing::doubt(connection, run.id)? {
            checks.push(Check::bad(
                "runs",
                Health::Fail,
                format!("cannot determine how run {} of {} ended: {doubt}", run.id, run.task_id),
                format!(
                    "check whether its processes are alive, then run `kanban stop --force {}`",
                    run.task_id
                ),
            ));
        }
        if run.state == RunState::Unkillable {
            checks.push(Check::bad(
                "runs",
                Health::Fail,
                format!("the processes of run {} of {} cannot be killed", run.id, run.task_id),
                format!("inspect them, then run `kanban stop --force {}`", run.task_id),
            ));
        }
    }
    Ok(checks)
}

/// What was added to the board or taken from it. It stays, and runs with every write if it is a trigger.
fn structure_check(differences: &[Difference]) -> Option<Check> {
    let text: Vec<&str> = differences.iter().map(|found| found.description.as_str()).collect();
    let statements: Vec<&str> =
        differences.iter().filter_map(|found| found.remedy.as_deref()).collect();
    let fix = match statements[..] {
        [] => "`kanban restore` a backup that has its own structure".to_owned(),
        _ => format!(
            "stop the daemon and run with `sqlite3` on kanban.db: {} (`kanban restore` refuses a backup that has it)",
            statements.join(" ")
        ),
    };
    (!text.is_empty()).then(|| Check::bad("schema", Health::Warn, text.join("; "), fix))
}
