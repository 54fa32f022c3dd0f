//! `kanban show`.

use crate::api::client::seen::{Run, Task, TaskDetails};
use crate::api::client::task_path;
use crate::cli::commands::request_review::reviewer;
use crate::cli::commands::runs::{outcome_tone, outcome_word};
use crate::cli::commands::{Ended, answer};
use crate::cli::complete;
use crate::cli::events;
use crate::cli::session::Session;
use crate::cli::style::{Line, Tone};
use crate::cli::task_arg::TaskArg;
use crate::cli::tasks::{NONE, assignee, tone, with_skill_list};
use crate::cli::text::{block, first_line, one_line};
use crate::cli::times::Times;
use crate::exit_codes::CliExit;
use crate::kernel::event::Event;
use crate::kernel::ids::{EpochSeconds, TaskId};
use crate::kernel::question::AnswerSource;
use crate::kernel::task::TaskStatus;

/// Newest events shown.
const EVENTS_SHOWN: usize = 20;

/// Columns of a run's summary or error.
const RUN_TEXT_COLUMNS: usize = 160;

/// Show a task with its comments, events and runs.
///
/// Only the newest events are shown; `--json` prints all.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban show t_1a2b3c4d
  kanban show t_1a2b3c4d --json | jq '.runs[-1].metadata'")]
pub struct Arguments {
    /// Task
    #[arg(add = complete::tasks())]
    id: TaskArg,

    /// Only comments older than the one with this id
    #[arg(long, value_name = "COMMENT")]
    comments_before: Option<i64>,

    /// Only events older than the one with this id
    #[arg(long, value_name = "EVENT")]
    events_before: Option<i64>,

    /// Only runs older than the one with this id
    #[arg(long, value_name = "RUN")]
    runs_before: Option<i64>,
}

impl Arguments {
    /// What is asked for besides the board. The id stands in the path.
    fn query(&self, session: &Session) -> Vec<(&'static str, String)> {
        let before = [
            ("comments_before", self.comments_before),
            ("events_before", self.events_before),
            ("runs_before", self.runs_before),
        ];
        let before = before.into_iter().filter_map(|(name, id)| Some((name, id?.to_string())));
        let board = session.on_board().board.map(|board| ("board", board));
        board.into_iter().chain(before).collect()
    }
}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let path = task_path(&session.task(&arguments.id)?, "")?;
    let mut details: TaskDetails = session.client()?.get(&path, &arguments.query(session))?;
    if session.output.is_json() {
        details.task = with_skill_list(details.task);
        session.output.json(&details)?;
        return Ok(CliExit::Ok);
    }
    let page = Page { times: session.times(), has_ages: session.output.columns().is_some() };
    session.output.page();
    for line in page.lines(&details) {
        session.output.styled(&line)?;
    }
    Ok(CliExit::Ok)
}

struct Page {
    times: Times,
    has_ages: bool,
}

impl Page {
    fn lines(&self, details: &TaskDetails) -> Vec<Line> {
        let task = &details.task;
        let title = Line::of(Tone::Plain, format!("Task {}: ", task.id));
        let mut lines = vec![title.with(Tone::Strong, one_line(&task.title))];
        lines.extend(self.fields(details));
        for (heading, text) in [("Body", &task.body), ("Result", &task.result)] {
            if let Some(text) = text.as_deref().filter(|text| !text.trim().is_empty()) {
                lines.extend([Line::default(), Line::of(Tone::Strong, format!("{heading}:"))]);
                lines.extend(block(text).lines().map(|line| Line::from(format!("  {line}"))));
            }
        }
        if !details.attachments.is_empty() {
            let heading = format!("Attachments ({}):", details.attachments.len());
            lines.extend([Line::default(), Line::of(Tone::Strong, heading)]);
            lines.extend(details.attachments.iter().map(|file| {
                let (name, by) = (one_line(&file.filename), one_line(&file.uploaded_by));
                Line::from(format!("  {name} ({} bytes, by {by})", file.size_bytes))
            }));
        }
        lines.extend(self.questions(details).into_iter().map(Line::from));
        if !details.comments.is_empty() {
            let next = details.comments.first().map(|comment| comment.id);
            let heading =
                heading("Comments", details.comments.len(), details.left_out.comments, next);
            lines.extend([Line::default(), Line::of(Tone::Strong, heading)]);
            for comment in &details.comments {
                let head =
                    format!("[{}] {}", self.when(comment.created_at), one_line(&comment.author));
                let body = block(&comment.body).replace('\n', "\n    ");
                lines.push(Line::of(Tone::Faint, format!("  {head}: ")).with(Tone::Plain, body));
            }
        }
        if !details.events.is_empty() {
            let next = details.events.first().map(|event| event.id);
            let heading = heading("Events", details.events.len(), details.left_out.events, next);
            lines.extend([Line::default(), Line::of(Tone::Strong, heading)]);
            let hidden = details.events.len().saturating_sub(EVENTS_SHOWN);
            lines.extend(details.events.iter().skip(hidden).map(|event| self.event(event)));
        }
        if !details.runs.is_empty() {
            let next = details.runs.first().map(|run| run.id);
            let heading = heading("Runs", details.runs.len(), details.left_out.runs, next);
            lines.extend([Line::default(), Line::of(Tone::Strong, heading)]);
            lines.extend(details.runs.iter().flat_map(|run| self.run(run)));
        }
        lines
    }

    fn questions(&self, details: &TaskDetails) -> Vec<String> {
        if details.questions.is_empty() {
            return Vec::new();
        }
        let mut lines = vec![String::new(), format!("Questions ({}):", details.questions.len())];
        for question in &details.questions {
            let head =
                format!("[{}] {} {}", self.when(question.asked_at), question.id, question.outcome);
            let text = answer::lines(question).join("\n");
            lines.push(format!("  {head}: {}", block(&text).replace('\n', "\n    ")));
            if let Some(deadline) = question.deadline_at.filter(|_| question.ended_at.is_none()) {
                lines.push(format!("    deadline: {}", self.times.local(deadline)));
            }
            if let Some(answer) = &question.answer {
                let source = question.answer_source.as_deref().unwrap_or_default();
                let by = match (source, question.answered_by.as_deref()) {
                    (source, Some(by)) if source != AnswerSource::Default.as_str() => one_line(by),
                    _ => "default".to_owned(),
                };
                lines.push(format!("    → {by}: {}", block(answer).replace('\n', "\n      ")));
            }
        }
        lines
    }

    /// When it may start, and by when it should be done.
    fn times_of(&self, task: &Task) -> Vec<(&'static str, String)> {
        let starts = match task.start_at {
            _ if task.parked => Some("parked, until unscheduled or promoted".to_owned()),
            start_at => start_at.map(|at| self.times.local(at)),
        };
        let is_over = task.status.known().is_some_and(TaskStatus::satisfies_children);
        let due = task.due_at.map(|at| {
            let late = if at <= self.times.now() && !is_over { " (overdue)" } else { "" };
            format!("{}{late}", self.times.local(at))
        });
        let rows = [("starts", starts), ("due", due)];
        rows.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    fn fields(&self, details: &TaskDetails) -> Vec<Line> {
        let task = &details.task;
        let at =
            |time: Option<EpochSeconds>| time.map_or_else(|| NONE.to_owned(), |t| self.when(t));
        let by = task.created_by.as_deref().unwrap_or(NONE);
        let mut rows = vec![("status", self.status(task)), ("assignee", assignee(task))];
        if let Some(tenant) = &task.tenant {
            rows.push(("tenant", one_line(tenant)));
        }
        if task.priority != 0 {
            rows.push(("priority", task.priority.to_string()));
        }
        if let Some(name) = task.acting_reviewer() {
            let why = task.review_why.as_deref().map(|why| format!(" ({})", one_line(why)));
            let round = format!(", round {}", task.review_round);
            rows.push(("review", format!("{}{}{round}", reviewer(name), why.unwrap_or_default())));
        }
        rows.extend(self.times_of(task));
        if let (Some(name), Some(at)) = (&details.schedule, task.occurrence_at) {
            let at = self.times.local(at);
            rows.push(("schedule", format!("{} (occurrence of {at})", one_line(name))));
        }
        rows.push(("workspace", workspace(task)));
        if let Some(skills) = task.skills.as_ref().filter(|skills| !skills.is_empty()) {
            rows.push(("skills", one_line(&skills.join(", "))));
        }
        let asked = [("model", &task.model), ("effort", &task.effort)];
        rows.extend(
            asked.into_iter().filter_map(|(label, value)| Some((label, one_line(value.as_ref()?)))),
        );
        if !task.args.is_empty() {
            rows.push(("args", one_line(&task.args.join(" "))));
        }
        rows.push(("created", format!("{} by {}", self.when(task.created_at), one_line(by))));
        rows.push(("started", at(task.started_at)));
        rows.push(("completed", at(task.completed_at)));
        rows.push(("parents", ids(&details.parents)));
        rows.push(("children", ids(&details.children)));
        if task.spawn_failures > 0 {
            let last = task.last_spawn_error.as_deref().unwrap_or(NONE);
            rows.push((
                "failures",
                format!("{}, the last: {}", task.spawn_failures, one_line(last)),
            ));
        }
        let row = |(label, value): (&str, String)| {
            let tone = if label == "status" { tone(&task.status) } else { Tone::Plain };
            Line::of(Tone::Faint, format!("  {:<10} ", format!("{label}:"))).with(tone, value)
        };
        rows.into_iter().map(row).collect()
    }

    /// The status, with what explains it.
    fn status(&self, task: &Task) -> String {
        let now = self.times.now();
        let held = task.not_before.filter(|until| *until > now);
        let claim = task.claim_lock.as_deref().map(one_line);
        let until = task.claim_expires.map(|end| format!(" until {}", self.times.local(end)));
        match (held, claim) {
            (_, Some(lock)) => {
                format!("{} (claimed by {lock}{})", task.status, until.unwrap_or_default())
            }
            (Some(until), None) => {
                format!("{} (the next attempt waits {}s)", task.status, until.saturating_sub(now))
            }
            (None, None) => task.status.to_string(),
        }
    }

    fn when(&self, seconds: EpochSeconds) -> String {
        let local = self.times.local(seconds);
        if self.has_ages { format!("{local}, {} ago", self.times.age(seconds)) } else { local }
    }

    fn event(&self, event: &Event) -> Line {
        let time = format!("  [{}] ", self.times.local(event.created_at));
        let mut line = Line::of(Tone::Faint, time);
        line.append(events::line(event));
        line
    }

    fn run(&self, run: &Run) -> Vec<Line> {
        let elapsed = match run.ended_at {
            None => "active".to_owned(),
            Some(end) => self.times.elapsed(run.started_at, Some(end)),
        };
        let profile = run.profile.as_deref().map_or_else(|| NONE.to_owned(), one_line);
        let head = Line::of(Tone::Plain, format!("  #{} ", run.id))
            .with(outcome_tone(run), outcome_word(run))
            .with(Tone::Plain, format!(" @{profile} {elapsed} "))
            .with(Tone::Faint, self.times.local(run.started_at));
        let mut lines: Vec<String> = Vec::new();
        let texts = [("→", &run.summary), ("!", &run.error)];
        lines.extend(texts.into_iter().filter_map(|(sign, text)| {
            let line = first_line(text.as_deref()?, RUN_TEXT_COLUMNS)?;
            Some(format!("     {sign} {line}"))
        }));
        lines.extend(run.artifacts.iter().map(|artifact| {
            format!("     + {} ({} bytes)", one_line(&artifact.path), artifact.size_bytes)
        }));
        if !run.created_cards.is_empty() {
            lines.push(format!("     created {}", one_line(&run.created_cards.join(", "))));
        }
        lines.extend(run.workspace_notes.iter().map(|note| format!("     ! {}", one_line(note))));
        if !run.not_enforced.is_empty() {
            let limits = one_line(&run.not_enforced.join(", "));
            lines.push(format!("     ! limits not enforced here: {limits}"));
        }
        std::iter::once(head).chain(lines.into_iter().map(Line::from)).collect()
    }
}

/// What stands above a list, with the way to those that are left out.
fn heading(of: &str, count: usize, left_out: u64, oldest: Option<i64>) -> String {
    match oldest.filter(|_| left_out > 0) {
        None => format!("{of} ({count}):"),
        Some(oldest) => {
            let option = of.to_lowercase();
            format!("{of} ({count}; {left_out} older ones: --{option}-before {oldest}):")
        }
    }
}

fn workspace(task: &Task) -> String {
    let kind = task.workspace_kind.as_str();
    match &task.workspace_path {
        Some(path) => format!("{kind} @ {}", one_line(path)),
        None => kind.to_owned(),
    }
}

fn ids(ids: &[TaskId]) -> String {
    if ids.is_empty() {
        return NONE.to_owned();
    }
    ids.iter().map(TaskId::as_str).collect::<Vec<_>>().join(", ")
}
