//! `kanban status`.

use crate::api::client::seen::{DaemonStatus, OpenRun};
use crate::cli::commands::Ended;
use crate::cli::session::{Nothing, Session};
use crate::cli::text::{cut, one_line, pad, width};
use crate::cli::times::Times;
use crate::exit_codes::CliExit;
use crate::kernel::queries::Pause;
use crate::kernel::task::TaskStatus;
use crate::kernel::verbs::LastGc;
use crate::service::attention::Attention;

/// Columns of a title where nobody says how wide the screen is.
const TITLE_COLUMNS: usize = 40;

/// Show the state of the daemon, the boards, the open runs and what needs attention.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban status
  kanban status --short
  kanban status --json | jq '.attention[].command'")]
pub struct Arguments {
    /// One line, for a shell prompt
    #[arg(long)]
    short: bool,
}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let status: DaemonStatus = session.client()?.get("/v1/status", &Nothing {})?;
    if session.output.is_json() {
        session.output.json(&status)?;
        return Ok(CliExit::Ok);
    }
    if arguments.short {
        session.output.line(short(&status))?;
        return Ok(CliExit::Ok);
    }
    for line in lines(&status, &session.times()) {
        session.output.line(line)?;
    }
    Ok(CliExit::Ok)
}

/// Running, ready and waiting for a person, over all boards: `2 running, 3 ready, inbox 1`.
fn short(status: &DaemonStatus) -> String {
    let number =
        |name: &str| -> i64 { status.boards.values().filter_map(|counts| counts.get(name)).sum() };
    let (running, ready) = (number("running"), number("ready"));
    format!("{running} running, {ready} ready, inbox {}", status.attention.len())
}

fn lines(status: &DaemonStatus, times: &Times) -> Vec<String> {
    let daemon = &status.daemon;
    let mut lines = vec![
        format!(
            "kanband {}, pid {}, up {}",
            daemon.version,
            daemon.pid,
            times.elapsed(daemon.started_at, Some(status.now))
        ),
        format!("  home         {}", daemon.home),
        format!("  socket       {}", daemon.socket),
        format!("  containment  {}", daemon.containment),
        format!("  last gc      {}", gc_line(status, times)),
    ];
    lines.extend(pause_lines(status, times));
    lines.extend([String::new(), "Boards".to_owned()]);
    if status.boards.is_empty() {
        lines.push("  (no task)".to_owned());
    }
    let columns = status.boards.keys().map(|name| width(name)).max().unwrap_or_default();
    for (board, counts) in &status.boards {
        let shown = TaskStatus::ALL.into_iter().map(TaskStatus::as_str);
        let counts: Vec<String> = shown
            .filter_map(|name| counts.get(name).map(|count| format!("{name} {count}")))
            .collect();
        lines.push(format!("  {}  {}", pad(board, columns), counts.join(", ")));
    }
    lines.push(String::new());
    lines.push(format!("Open runs: {}", status.runs.len()));
    lines.extend(status.runs.iter().map(|run| run_line(run, status.now, times)));
    lines.push(String::new());
    lines.push("Needs a person".to_owned());
    if status.attention.is_empty() {
        lines.push("  (nothing)".to_owned());
    }
    lines.extend(status.attention.iter().flat_map(attention_lines));
    lines
}

/// When garbage was collected last, and what that removed.
fn gc_line(status: &DaemonStatus, times: &Times) -> String {
    let Some(LastGc { at, tasks, workspaces, logs, attachments, .. }) = &status.gc else {
        return "never".to_owned();
    };
    let age = times.elapsed(*at, Some(status.now));
    let counts =
        [(tasks, "task"), (workspaces, "workspace"), (logs, "log"), (attachments, "attached file")];
    let removed: Vec<String> = counts
        .into_iter()
        .filter(|(count, _)| **count > 0)
        .map(|(count, what)| format!("{count} {what}(s)"))
        .collect();
    match removed.is_empty() {
        true => format!("{age} ago, nothing removed"),
        false => format!("{age} ago, removed {}", removed.join(", ")),
    }
}

/// What is not started, beside a pause of everything.
fn pause_lines(status: &DaemonStatus, times: &Times) -> Vec<String> {
    let line = |of: &str, pause: &Pause| {
        let by = pause.paused_by.as_deref().map_or_else(String::new, |by| format!(" by {by}"));
        let since = times.exact(pause.paused_at);
        one_line(&format!("  paused       {of} {}, since {since}{by}", pause.name))
    };
    let profiles = status.paused_profiles.iter().map(|pause| line("profile", pause));
    profiles.chain(status.paused_boards.iter().map(|pause| line("board", pause))).collect()
}

fn run_line(run: &OpenRun, now: i64, times: &Times) -> String {
    let age = times.elapsed(run.started_at, Some(now));
    let sign = match run.last_heartbeat_at {
        Some(at) => format!(", last sign {} ago", times.elapsed(at, Some(now))),
        None => String::new(),
    };
    let title = cut(&one_line(&run.title), TITLE_COLUMNS);
    let (task, profile) = (&run.task, one_line(&run.profile));
    format!("  {task}  @{profile}  {}  {age}{sign}  {title}", run.state.as_str())
}

fn attention_lines(attention: &Attention) -> [String; 1] {
    let Attention { kind, message, command, .. } = attention;
    [format!("  {kind}: {}  →  {command}", one_line(message))]
}
