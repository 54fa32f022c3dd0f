//! `kanban gc`.

use std::time::Duration;

use crate::cli::commands::Ended;
use crate::cli::commands::many::{aged, confirmed};
use crate::cli::session::Session;
use crate::cli::text::one_line;
use crate::cli::times::Times;
use crate::exit_codes::CliExit;
use crate::service::gc::{GcReport, GcRequest};
use crate::service::workspaces::{KeptPart, KeptWorkspace};

/// How long the daemon may take.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// Remove old archived tasks, old logs and unused workspaces.
///
/// This is the only command that deletes anything. A task archived longer than the limit is removed with its runs,
/// comments, events, attachments and workspace; logs of finished tasks are removed by age; scratch directories and
/// worktrees of done or archived tasks are removed after `workspaces.retention`. A worktree that holds the only copy
/// of work (edits, commits without a ref, unfinished operations, nested repositories) is kept; what can be saved is
/// saved to refs of its repository (refs/kanban/salvage/…), and the report lists each part.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban gc --dry-run
  kanban gc --yes
  kanban gc --older-than-days 90 --log-retention-days 14")]
pub struct Arguments {
    /// Remove tasks archived more than DAYS days ago
    #[arg(
        long,
        alias = "event-retention-days",
        value_name = "N",
        default_value_t = 30,
        allow_negative_numbers = true
    )]
    older_than_days: u32,
    /// Remove logs of finished tasks after DAYS days
    #[arg(long, value_name = "N", default_value_t = 30, allow_negative_numbers = true)]
    log_retention_days: u32,
    /// List what would be removed, without removing it
    #[arg(long)]
    dry_run: bool,
    /// Do not ask for confirmation; without a terminal there is no question
    #[arg(short, long)]
    yes: bool,
}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let request = GcRequest {
        older_than_days: i64::from(arguments.older_than_days),
        log_older_than_days: i64::from(arguments.log_retention_days),
        dry_run: arguments.dry_run,
    };
    // Large trees take their time; to ask again would not make it shorter.
    let client = session.client()?.impatient(PATIENCE);
    if !arguments.dry_run && !arguments.yes && session.is_interactive() {
        let preview: GcReport =
            client.post("/v1/gc", &GcRequest { dry_run: true, ..request.clone() })?;
        match question(&preview, &session.times()) {
            Some(question) => confirmed(&question, "nothing was removed", session)?,
            // What becomes old between the two requests is asked about the next time.
            None => return show(preview, session),
        }
    }
    let report: GcReport = client.post("/v1/gc", &request)?;
    show(report, session)
}

/// Shows what was removed, or would be.
fn show(report: GcReport, session: &mut Session) -> Ended {
    if session.output.is_json() {
        session.output.json(&report)?;
        return Ok(CliExit::Ok);
    }
    let what = what(&report);
    let GcReport { kept, dry_run, .. } = report;
    session.output.line(match dry_run {
        true => format!("GC would remove: {what}"),
        false => format!("GC complete: {what} removed"),
    })?;
    for KeptWorkspace { path, why, saved_as, parts, .. } in kept {
        let saved = saved_as.map(|name| format!("; saved as {name}")).unwrap_or_default();
        session.output.line(one_line(&format!("Kept {path}: {why}{saved}")))?;
        // A single part is what the line above says.
        for part in parts.iter().filter(|part| parts.len() > 1 || part.not_saved.is_some()) {
            session.output.line(format!("  {}", one_line(&message(part))))?;
        }
    }
    Ok(CliExit::Ok)
}

fn what(report: &GcReport) -> String {
    let GcReport { tasks, events, workspaces, logs, attachments, .. } = report;
    format!(
        "{tasks} task(s), {events} event row(s), {workspaces} workspace(s), {logs} log file(s), \
         {attachments} attached file(s)"
    )
}

/// What is asked before anything goes; none when nothing would.
fn question(preview: &GcReport, times: &Times) -> Option<String> {
    let GcReport { tasks, events, workspaces, logs, attachments, .. } = preview;
    if tasks + events + workspaces + logs + attachments == 0 {
        return None;
    }
    let oldest = preview
        .oldest_archived_at
        .map(|at| format!("; the oldest task was archived {}", aged(at, times)));
    Some(format!("Remove {}{}?", what(preview), oldest.unwrap_or_default()))
}

fn message(part: &KeptPart) -> String {
    let saved = part.saved_as.iter().map(|name| format!("; saved as {name}"));
    let not_saved = part.not_saved.iter().map(|why| format!("; not saved: {why}"));
    saved.chain(not_saved).fold(part.what.clone(), |line, more| line + &more)
}
