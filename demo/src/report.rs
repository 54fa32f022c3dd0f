//! The output at the end of the demo: the board by status, then the check list.

use serde::Serialize;

use crate::check::{Check, attempts};
use crate::stage::Stage;
use kanband::api::client::seen::Word;
use kanband::cli::failure::Failure;
use kanband::cli::tasks::{assignee, icon};
use kanband::cli::text::{one_line, pad, width};
use kanband::kernel::queries::TaskDetails;
use kanband::kernel::run::RunOutcome;
use kanband::kernel::task::TaskStatus;

/// The whole result, for programs.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Where it was played.
    pub home: String,
    /// The daemon that goes on, with `--keep`.
    pub daemon_pid: Option<u32>,
    /// How long it took, milliseconds.
    pub elapsed_ms: u128,
    /// Every task ended where its story says.
    pub ok: bool,
    /// What the stories promised.
    pub checks: Vec<Check>,
    /// Every task.
    pub tasks: Vec<ReportedTask>,
}

/// A task and what became of it.
#[derive(Debug, Serialize)]
pub struct ReportedTask {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its profile.
    pub assignee: String,
    /// Where it stands.
    pub status: TaskStatus,
    /// How each of its runs ended.
    pub outcomes: Vec<Option<RunOutcome>>,
}

impl ReportedTask {
    /// Of everything about it.
    pub fn of(details: &TaskDetails) -> Self {
        Self {
            id: details.task.id.to_string(),
            title: details.task.title.clone(),
            assignee: assignee(&details.task),
            status: details.task.status,
            outcomes: details.runs.iter().map(|run| run.outcome).collect(),
        }
    }
}

/// Shows the board.
///
/// # Errors
/// The output cannot be written.
pub fn show_board(stage: &mut Stage<'_>, tasks: &[TaskDetails]) -> Result<(), Failure> {
    stage.announce("The board")?;
    let longest = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or_default();
    let titles = longest(&mut tasks.iter().map(|task| width(&one_line(&task.task.title))));
    let names = longest(&mut tasks.iter().map(|task| width(&assignee(&task.task))));
    for status in TaskStatus::ALL {
        let here: Vec<&TaskDetails> =
            tasks.iter().filter(|task| task.task.status == status).collect();
        if here.is_empty() {
            continue;
        }
        stage.tell(&format!("  {} {status} ({})", icon(&Word::Known(status)), here.len()))?;
        for task in here {
            stage.tell(&format!(
                "      {}  {}  @{}  {}",
                task.task.id,
                pad(&one_line(&task.task.title), titles),
                pad(&assignee(&task.task), names),
                attempts(task),
            ))?;
        }
    }
    Ok(())
}

/// Shows the check list.
///
/// # Errors
/// The output cannot be written.
pub fn show_checks(stage: &mut Stage<'_>, checks: &[Check]) -> Result<(), Failure> {
    stage.announce("What the stories promised")?;
    for check in checks {
        stage.tell(&check.line())?;
    }
    Ok(())
}
