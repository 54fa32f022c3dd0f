//! `kanban restore`: by the running daemon, or into the home itself when none runs.

use std::fs::File;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::api::client::ClientError;
use crate::api::client::seen::DaemonStatus;
use crate::app;
use crate::cli::commands::Ended;
use crate::cli::commands::backup_verify::whole_path;
use crate::cli::commands::many::{aged, confirmed};
use crate::cli::failure::Failure;
use crate::cli::files::PrivateDir;
use crate::cli::session::{Nothing, Session};
use crate::exit_codes::CliExit;
use crate::kernel::ids::EpochSeconds;
use crate::service::error::bad_backup_hint;
use crate::service::restore::RestoreReply;

/// Replace the database with a backup.
///
/// The backup file is verified first; if it is damaged, nothing is changed. No run may be open; `kanban drain` waits for
/// that. The replaced database is kept beside the new one, and event streams get a resync line. Without a
/// running daemon the database of the current home is restored, even if it is damaged or missing.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban restore board-2026-05-01.db
  kanban drain && kanban restore board-2026-05-01.db --yes && kanban resume")]
pub struct Arguments {
    /// Backup file
    file: PathBuf,
    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,
}

#[derive(Debug, Serialize)]
struct Shown {
    incarnation: String,
    kept: Option<String>,
    schedules_paused: usize,
    files: usize,
    files_missing: u64,
    daemon_running: bool,
}

/// Runs it.
///
/// # Errors
/// A backup that is refused, open runs, or no confirmation.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let unreadable = |error: std::io::Error| {
        Failure::usage(format!("cannot read {}: {error}", arguments.file.display()))
    };
    if !std::fs::metadata(&arguments.file).map_err(unreadable)?.is_file() {
        return Err(Failure::usage(format!("{} is not a file", arguments.file.display())));
    }
    if !arguments.yes {
        ask(arguments, session)?;
    }
    let (file, _folder) = whole_file(&arguments.file)?;
    let copy = file.try_clone().map_err(unreadable)?;
    let shown = match session.client()?.upload::<RestoreReply>("/v1/restore", file) {
        Ok(reply) => {
            let RestoreReply { incarnation, kept, schedules_paused, files, files_missing } = reply;
            let kept = Some(kept);
            let daemon_running = true;
            Shown { incarnation, kept, schedules_paused, files, files_missing, daemon_running }
        }
        Err(ClientError::NotReachable { .. }) => {
            let restored = app::restore(&session.ambient, copy).map_err(refused)?;
            Shown {
                incarnation: restored.incarnation,
                kept: restored.kept.map(|path| path.display().to_string()),
                schedules_paused: restored.schedules_paused,
                files: restored.files,
                files_missing: restored.files_missing,
                daemon_running: false,
            }
        }
        Err(error) => return Err(error.into()),
    };
    if session.output.is_json() {
        session.output.json(&shown)?;
        return Ok(CliExit::Ok);
    }
    session.output.line(format!("Restored {}", arguments.file.display()))?;
    if let Some(kept) = &shown.kept {
        session.output.line(format!("Previous database: {kept}"))?;
    }
    show_rest(&shown, session)?;
    Ok(CliExit::Ok)
}

/// What a person may have to do about it.
fn show_rest(shown: &Shown, session: &mut Session) -> Result<(), Failure> {
    if shown.files > 0 {
        session.output.line(format!("Attached files: {} restored", shown.files))?;
    }
    if shown.files_missing > 0 {
        session.output.line(format!(
            "Attached files: {} not in the backup; those that are still in the home stay usable",
            shown.files_missing
        ))?;
    }
    if shown.schedules_paused > 0 {
        let count = shown.schedules_paused;
        session.output.line(format!(
            "Paused {count} schedule(s); look at them with `kanban schedules list`, then `kanban schedules resume NAME`"
        ))?;
    }
    if !shown.daemon_running {
        session.output.line("The daemon is not running; start it with `kanband`")?;
    }
    Ok(())
}

/// Backup file, open, with what its journal holds; and the directory that a copy of it is in.
fn whole_file(path: &Path) -> Result<(File, Option<PrivateDir>), Failure> {
    let (whole, folder) = whole_path(path)?;
    let unreadable =
        |error: std::io::Error| Failure::usage(format!("cannot read {}: {error}", path.display()));
    Ok((File::open(&whole).map_err(unreadable)?, folder))
}

/// An offline restore is refused with the codes of an online one.
fn refused(error: app::StartError) -> Failure {
    let hint = match &error {
        app::StartError::BadBackup(refused) => {
            bad_backup_hint("the database is unchanged", refused)
        }
        app::StartError::LiveRuns { .. } => {
            "wait for them to end, or start the daemon and run `kanban drain`".to_owned()
        }
        _ => return error.into(),
    };
    Failure::from(error).with_hint(hint)
}

fn ask(arguments: &Arguments, session: &mut Session) -> Result<(), Failure> {
    if !session.is_interactive() {
        return Err(Failure::usage(
            "restore replaces the whole database, and there is no terminal to ask for confirmation",
        )
        .with_hint("confirm with `--yes`"));
    }
    let file = arguments.file.display();
    let of_now = what_goes(session).map_or_else(String::new, |tasks| format!(" ({tasks})"));
    let written = age_of(&arguments.file).map(|at| aged(at, &session.times()));
    let written = written.map_or_else(String::new, |age| format!(", written {age}"));
    let question = format!("Replace the whole database{of_now} with {file}{written}?");
    confirmed(&question, "the database is unchanged", session)
}

/// How many tasks are on the boards of the running daemon, archived ones left out; none when no daemon says.
fn what_goes(session: &Session) -> Option<String> {
    let status: DaemonStatus = session.client().ok()?.get("/v1/status", &Nothing {}).ok()?;
    let tasks: i64 = status.boards.values().flat_map(|counts| counts.values()).sum();
    Some(format!("{tasks} task(s) on {} board(s)", status.boards.len()))
}

/// When a file was written, epoch seconds.
fn age_of(file: &Path) -> Option<EpochSeconds> {
    let written = std::fs::metadata(file).ok()?.modified().ok()?;
    let since = written.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}
