//! `kanban schedules`.

mod apply;
mod flags;

use std::path::PathBuf;

use clap::Subcommand;
use serde::Serialize;
use serde_json::Value;

use crate::api::client::schedule_path;
use crate::api::client::seen::{CreateReply, Schedule, ScheduleChange, ScheduleDetails};
use crate::cli::commands::Ended;
use crate::cli::commands::task_flags::TaskFlags;
use crate::cli::commands::warnings::print_warnings;
use crate::cli::complete;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::tasks::with_skill_list;
use crate::cli::text::{one_line, pad, width};
use crate::cli::times::Times;
use crate::exit_codes::CliExit;
use crate::kernel::queries::NextOccurrence;
use crate::kernel::schedule::ScheduleState;
use crate::kernel::verbs::{
    AddSchedule, EditSchedule, PauseSchedule, RemoveSchedule, RemoveScheduleReply, ResumeSchedule,
    RunSchedule,
};
use flags::ScheduleFlags;

/// Create tasks again and again, at times that a cron expression names.
///
/// Each occurrence creates one task. While the previous task is not over (done or archived), no task is created and the occurrence is
/// counted as skipped; --overlap changes that. While dispatch is paused no task is created; then the newest missed occurrence is made up for,
/// unless --catch-up says otherwise. To start one task later see `kanban schedule`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban schedules add nightly --cron \"0 3 * * *\" --title \"Report of {date}\" --assignee reporter
  kanban schedules add standup --cron \"30 9 * * mon-fri\" --tz Europe/Berlin --title \"Stand-up {n}\" --due-in 1h
  kanban schedules list
  kanban schedules next nightly --count 3
  kanban schedules edit nightly --cron @daily --assignee other
  kanban schedules apply schedules.toml")]
pub struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List schedules (the default)
    #[command(after_help = "Example:\n  kanban schedules list --json")]
    List,
    /// Add a schedule
    ///
    /// `{date}`, `{time}` and `{n}` in title and body stand for the time of the occurrence and its number.
    #[command(
        after_help = "Examples:\n  kanban schedules add nightly --cron \"0 3 * * *\" --title \"Report of {date}\" --assignee reporter\n  kanban schedules add backup --cron @weekly --title \"Check the backups\" --overlap queue --count 10"
    )]
    Add {
        /// Name: 1 to 64 letters, digits, `-`, `_` and `.`
        name: String,
        #[command(flatten)]
        schedule: ScheduleFlags,
        /// Title of each task, one line
        #[arg(long, value_name = "TEXT")]
        title: Option<String>,
        #[command(flatten)]
        task: TaskFlags,
    },
    /// Show a schedule, its last and its next occurrences
    #[command(after_help = "Example:\n  kanban schedules show nightly")]
    Show {
        /// Schedule
        #[arg(add = complete::schedules())]
        name: String,
    },
    /// Change a schedule
    ///
    /// What is not named stays; an empty value clears a field of its tasks, `none` clears --until, --count and --due-in. No occurrence of the
    /// past is made.
    #[command(
        after_help = "Examples:\n  kanban schedules edit nightly --cron \"0 4 * * *\"\n  kanban schedules edit nightly --assignee other --body \"\""
    )]
    Edit {
        /// Schedule
        #[arg(add = complete::schedules())]
        name: String,
        #[command(flatten)]
        schedule: ScheduleFlags,
        /// New title of each task
        #[arg(long, value_name = "TEXT")]
        title: Option<String>,
        #[command(flatten)]
        task: TaskFlags,
    },
    /// Pause a schedule; what comes meanwhile is not made later either
    #[command(after_help = "Example:\n  kanban schedules pause nightly --reason \"holidays\"")]
    Pause {
        /// Schedule
        #[arg(add = complete::schedules())]
        name: String,
        /// Reason, shown with the schedule; `-` reads it from stdin
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Resume a schedule from its next occurrence on
    #[command(after_help = "Example:\n  kanban schedules resume nightly")]
    Resume {
        /// Schedule
        #[arg(add = complete::schedules())]
        name: String,
    },
    /// Create the task of a schedule now
    #[command(after_help = "Example:\n  kanban schedules run nightly")]
    Run {
        /// Schedule
        #[arg(add = complete::schedules())]
        name: String,
    },
    /// Remove a schedule; its tasks stay
    #[command(after_help = "Example:\n  kanban schedules rm nightly")]
    Rm {
        /// Schedule
        #[arg(add = complete::schedules())]
        name: String,
    },
    /// Show the times of the next occurrences
    #[command(after_help = "Example:\n  kanban schedules next nightly --count 3 --json")]
    Next {
        /// Schedule
        #[arg(add = complete::schedules())]
        name: String,
        /// How many
        #[arg(long, value_name = "N", default_value_t = 10)]
        count: u32,
    },
    /// Add and change schedules so that they are as a TOML file says
    ///
    /// Shows what changes, and on a terminal asks before it changes anything. Schedules that the file does not name stay.
    #[command(
        after_help = "Example:\n  kanban schedules apply schedules.toml\n\nThe file has one table per schedule:\n\n  [nightly]\n  cron = \"0 3 * * *\"\n  zone = \"Europe/Berlin\"   # default: that of this host\n  overlap = \"skip\"         # skip, queue or replace\n  catch_up = \"one\"         # none, one or all\n  until = \"2027-01-01\"\n  count = 100\n  due_in = \"4h\"\n  task = { title = \"Report of {date}\", assignee = \"reporter\" }"
    )]
    Apply {
        /// TOML file; `-` reads stdin
        file: PathBuf,
        /// Only show what would change
        #[arg(long)]
        dry_run: bool,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

impl Arguments {
    /// Whether it reads a file of the person who types it.
    pub(super) fn reads_file(&self) -> bool {
        match &self.action {
            Some(Action::Apply { .. }) => true,
            Some(Action::Add { task, .. } | Action::Edit { task, .. }) => task.reads_file(),
            Some(
                Action::List
                | Action::Show { .. }
                | Action::Pause { .. }
                | Action::Resume { .. }
                | Action::Run { .. }
                | Action::Rm { .. }
                | Action::Next { .. },
            )
            | None => false,
        }
    }
}

/// Runs it.
///
/// # Errors
/// A wrong command line, or the daemon's refusal.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    let board = session.board.clone();
    match arguments.action {
        None | Some(Action::List) => list(session),
        Some(Action::Add { name, schedule, title, task }) => {
            let add = AddSchedule { name, board, ..schedule.add(title, task, session)? };
            let change: ScheduleChange = session.client()?.post("/v1/schedules", &add)?;
            tell(session, &change, "Added")
        }
        Some(Action::Show { name }) => show(session, &name),
        Some(Action::Edit { name, schedule, title, task }) => {
            let edit = EditSchedule { name, board, ..schedule.edit(title, task, session)? };
            let nothing = EditSchedule {
                name: edit.name.clone(),
                board: edit.board.clone(),
                ..EditSchedule::default()
            };
            if edit == nothing {
                return Err(Failure::usage("nothing to change: no flag was given")
                    .with_hint(format!("kanban schedules edit {} --cron @daily", edit.name)));
            }
            let path = schedule_path(&edit.name, "")?;
            let change: ScheduleChange = session.client()?.patch(&path, &edit)?;
            tell(session, &change, "Changed")
        }
        Some(Action::Pause { name, reason }) => {
            let reason = session.optional_text("--reason", reason)?;
            change(
                session,
                "pause",
                &name.clone(),
                &PauseSchedule { name, reason, board },
                "Paused",
            )
        }
        Some(Action::Resume { name }) => {
            change(session, "resume", &name.clone(), &ResumeSchedule { name, board }, "Resumed")
        }
        Some(Action::Run { name }) => {
            let path = schedule_path(&name, "run")?;
            let reply: CreateReply = session.client()?.post(&path, &RunSchedule { name, board })?;
            let reply = CreateReply { task: with_skill_list(reply.task), ..reply };
            if session.output.is_json() {
                session.output.json(&reply)?;
            } else {
                session.output.line(super::create::line_of(&reply))?;
                print_warnings(&reply.warnings, session);
            }
            Ok(CliExit::Ok)
        }
        Some(Action::Rm { name }) => {
            let path = schedule_path(&name, "remove")?;
            let request = RemoveSchedule { name, board };
            let reply: RemoveScheduleReply = session.client()?.post(&path, &request)?;
            if session.output.is_json() {
                session.output.json(&reply)?;
            } else {
                session.output.line(format!("Removed schedule {}; its tasks stay", reply.name))?;
            }
            Ok(CliExit::Ok)
        }
        Some(Action::Next { name, count }) => next(session, &name, count),
        Some(Action::Apply { file, dry_run, yes }) => apply::run(&file, dry_run, yes, session),
    }
}

fn change(
    session: &mut Session,
    verb: &str,
    name: &str,
    request: &impl Serialize,
    word: &str,
) -> Ended {
    let path = schedule_path(name, verb)?;
    let change: ScheduleChange = session.client()?.post(&path, request)?;
    tell(session, &change, word)
}

/// Says what became of a schedule.
fn tell(session: &mut Session, change: &ScheduleChange, word: &str) -> Ended {
    if session.output.is_json() {
        session.output.json(change)?;
        return Ok(CliExit::Ok);
    }
    let schedule = &change.schedule;
    let standing = standing(schedule, &session.times());
    let line = if change.changed {
        format!("{word} schedule {} ({standing})", schedule.name)
    } else {
        format!("Schedule {} is unchanged ({standing})", schedule.name)
    };
    session.output.line(line)?;
    print_warnings(&change.warnings, session);
    Ok(CliExit::Ok)
}

/// What a schedule does next, in a few words.
fn standing(schedule: &Schedule, times: &Times) -> String {
    match (schedule.state.known(), schedule.next_at) {
        (Some(ScheduleState::Active), Some(at)) => format!("next {}", times.local(at)),
        (Some(ScheduleState::Paused), _) => match schedule.paused_why.as_deref() {
            Some(why) if why.starts_with("paused") => one_line(why),
            Some(why) => format!("paused: {}", one_line(why)),
            None => "paused".to_owned(),
        },
        (Some(ScheduleState::Over), _) => "over".to_owned(),
        (_, _) => schedule.state.to_string(),
    }
}

fn list(session: &mut Session) -> Ended {
    let schedules: Vec<Schedule> = session.client()?.get("/v1/schedules", &session.on_board())?;
    if session.output.is_json() {
        session.output.json(&schedules)?;
        return Ok(CliExit::Ok);
    }
    let times = session.times();
    let rows: Vec<[String; 5]> = schedules
        .iter()
        .map(|schedule| {
            let title = schedule.task.get("title").and_then(Value::as_str).unwrap_or_default();
            [
                schedule.name.clone(),
                format!("{}  {}", schedule.cron, schedule.zone),
                standing(schedule, &times),
                format!("made {}, skipped {}", schedule.made, schedule.skipped),
                one_line(title),
            ]
        })
        .collect();
    let columns: Vec<usize> = (0..4)
        .map(|nth| rows.iter().filter_map(|row| row.get(nth)).map(|cell| width(cell)).max())
        .map(Option::unwrap_or_default)
        .collect();
    for row in rows {
        let cells = row.iter().enumerate().map(|(nth, cell)| match columns.get(nth) {
            Some(column) => pad(cell, *column),
            None => cell.clone(),
        });
        session.output.line(cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(CliExit::Ok)
}

fn show(session: &mut Session, name: &str) -> Ended {
    let path = schedule_path(name, "")?;
    let details: ScheduleDetails = session.client()?.get(&path, &session.on_board())?;
    if session.output.is_json() {
        session.output.json(&details)?;
        return Ok(CliExit::Ok);
    }
    let times = session.times();
    for line in lines(&details, &times) {
        session.output.line(line)?;
    }
    Ok(CliExit::Ok)
}

fn lines(details: &ScheduleDetails, times: &Times) -> Vec<String> {
    let schedule = &details.schedule;
    let there = times.clone().in_zone(&schedule.zone).unwrap_or_else(|| times.clone());
    let mut lines = vec![format!("Schedule {} ({})", schedule.name, standing(schedule, times))];
    let mut field = |name: &str, value: String| lines.push(format!("  {name:<10} {value}"));
    field("Cron:", format!("{}  {}", schedule.cron, schedule.zone));
    field("Overlap:", schedule.overlap.to_string());
    field("Catch-up:", schedule.catch_up.to_string());
    if let Some(until_at) = schedule.until_at {
        field("Until:", times.local(until_at));
    }
    if let Some(count) = schedule.count {
        field("Count:", format!("{} of {count}", schedule.made));
    }
    if let Some(seconds) = schedule.due_in_seconds.and_then(|seconds| u64::try_from(seconds).ok()) {
        let length = std::time::Duration::from_secs(seconds);
        field("Due in:", crate::duration::format_duration(length));
    }
    for (name, value) in &schedule.task {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        field(&format!("{name}:"), one_line(&value));
    }
    field("Made:", format!("{}, skipped {}", schedule.made, schedule.skipped));
    if let Some(error) = &schedule.last_error {
        field("Refused:", one_line(error));
    }
    let by = one_line(&schedule.created_by);
    field("Added:", format!("{} by {by}", times.local(schedule.created_at)));
    if !details.occurrences.is_empty() {
        lines.push(format!("Last occurrences ({}):", schedule.zone));
        lines.extend(
            details
                .occurrences
                .iter()
                .map(|one| format!("  {}  {}  {}", there.local(one.at), one.task_id, one.status)),
        );
    }
    if !details.next.is_empty() {
        lines.push(format!("Next occurrences ({}):", schedule.zone));
        lines.extend(details.next.iter().map(|one| format!("  {}", there.local(one.at))));
    }
    lines
}

fn next(session: &mut Session, name: &str, count: u32) -> Ended {
    let path = schedule_path(name, "next")?;
    let board = session.board.clone();
    let query = serde_json::json!({ "count": count, "board": board });
    let next: Vec<NextOccurrence> = session.client()?.get(&path, &query)?;
    if session.output.is_json() {
        session.output.json(&next)?;
        return Ok(CliExit::Ok);
    }
    let shown: ScheduleDetails =
        session.client()?.get(&schedule_path(name, "")?, &session.on_board())?;
    let zone = shown.schedule.zone;
    let times = session.times();
    let there = times.clone().in_zone(&zone).unwrap_or(times);
    for one in next {
        session.output.line(format!("{} {zone}", there.local(one.at)))?;
    }
    Ok(CliExit::Ok)
}
