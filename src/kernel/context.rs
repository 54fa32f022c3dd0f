//! What a worker reads before it begins: the task, its questions with their answers, its attached files, its earlier attempts, its parents' results, the
//! assignee's recent work, the comments. Each part has its cap, and so has the whole; what is left out is counted.
//!
//! All untrusted text is quoted, the body too, and names and titles stay on one line: no text can forge a heading, another author
//! or any other part of the page ([`crate::text::context`]).

mod questions;
mod review;

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::kernel::error::Fault;
use crate::kernel::ids::{EpochSeconds, RunId, TaskId};
use crate::kernel::limits::{
    CONTEXT_ARTIFACTS, CONTEXT_ATTACHMENTS, CONTEXT_ATTEMPTS, CONTEXT_BODY_CHARS,
    CONTEXT_CHARS_MAX, CONTEXT_COMMENT_CHARS, CONTEXT_COMMENTS, CONTEXT_CREATED_CARDS,
    CONTEXT_FIELD_CHARS, CONTEXT_PARENTS, CONTEXT_QUESTIONS, CONTEXT_RECENT_CHARS,
    CONTEXT_RECENT_TASKS,
};
use crate::kernel::question::Question;
use crate::kernel::run::Run;
use crate::kernel::store::attachments::Attachment;
use crate::kernel::store::comments::Comment;
use crate::kernel::store::runs::RecentWork;
use crate::kernel::store::{self, Connection};
use crate::kernel::task::{Task, TaskStatus};
use crate::kernel::validate::first_line;
use crate::text::context::{code, line, log, name, quoted, short_line};
use crate::text::json;
pub use review::ReviewMaterial;

/// How times are shown: local time of the daemon's zone, which comes in from outside.
#[derive(Debug, Clone)]
pub struct LocalTime {
    zone: TimeZone,
}

impl LocalTime {
    /// Times of this zone.
    pub fn new(zone: TimeZone) -> Self {
        Self { zone }
    }

    /// `YYYY-MM-DD HH:MM`.
    pub fn minutes(&self, seconds: EpochSeconds) -> String {
        match Timestamp::from_second(seconds) {
            Ok(timestamp) => {
                timestamp.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
            }
            Err(_) => seconds.to_string(),
        }
    }
}

/// What is known about the workspace of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceFacts {
    /// The run.
    pub run_id: RunId,
    /// Branch of its worktree.
    pub branch: Option<String>,
    /// What its worker has to know, one line each.
    pub notes: Vec<String>,
    /// What was changed in its worktree before it began, where its worker reads that.
    pub changes: Option<WorkspaceChanges>,
}

/// What was changed in a worktree, as far as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceChanges {
    /// What it is compared with: `main at 0123456789ab`.
    pub base: String,
    /// The first changed files with their numbers, one line each.
    pub files: Vec<String>,
    /// Changed files in all.
    pub file_count: u64,
    /// Lines added in all.
    pub added: u64,
    /// Lines deleted in all.
    pub deleted: u64,
    /// What else has to be known, one line each.
    pub notes: Vec<String>,
}

/// What the context is made of.
#[derive(Debug, Clone)]
pub struct Material {
    /// The task.
    pub task: Task,
    /// What is known about its workspace, while a run is open.
    pub workspace: Option<WorkspaceFacts>,
    /// Its newest questions, newest first.
    pub questions: Vec<Question>,
    /// Files attached to it, by name.
    pub attachments: Vec<Attachment>,
    /// Its newest ended runs, oldest of them first.
    pub attempts: Vec<Run>,
    /// How many ended runs it has in all.
    pub attempt_count: u64,
    /// Its finished parents with their newest completed runs.
    pub parents: Vec<(Task, Option<Run>)>,
    /// How many finished parents it has in all.
    pub parent_count: usize,
    /// Recent work of its assignee elsewhere.
    pub recent: Vec<RecentWork>,
    /// Its newest comments, oldest of them first.
    pub comments: Vec<Comment>,
    /// How many comments it has in all.
    pub comment_count: u64,
    /// What is under review, or was sent back.
    pub review: ReviewMaterial,
}

impl Material {
    /// Reads no more than will be shown.
    ///
    /// # Errors
    /// [`Fault::Database`].
    pub fn read(
        connection: &Connection,
        task: Task,
        of_run: &dyn Fn(RunId) -> Option<WorkspaceFacts>,
    ) -> Result<Self, Fault> {
        let own = task.current_run_id.and_then(of_run);
        let workspace = match (own, task.current_run_id) {
            (Some(own), _) => Some(own),
            (None, Some(run_id)) => store::runs::get(connection, run_id)?.map(|run| {
                let branch = task.branch_name.clone();
                WorkspaceFacts { run_id, branch, notes: run.workspace_notes, changes: None }
            }),
            (None, None) => None,
        };
        let (mut attempts, attempt_count) =
            store::runs::list_ended_of_task(connection, &task.id, CONTEXT_ATTEMPTS)?;
        attempts.reverse();
        let (parents, parent_count) = read_parents(connection, &task.id)?;
        let recent = match &task.assignee {
            Some(assignee) => store::runs::list_recent_completed(
                connection,
                assignee,
                &task.id,
                CONTEXT_RECENT_TASKS,
            )?,
            None => Vec::new(),
        };
        let (comments, comment_count) =
            store::comments::list_newest(connection, &task.id, CONTEXT_COMMENTS)?;
        let attachments = store::attachments::list(connection, &task.id)?;
        let review = ReviewMaterial::read(connection, &task)?;
        let questions = store::questions::list_newest(connection, &task.id, CONTEXT_QUESTIONS)?;
        Ok(Self {
            task,
            workspace,
            questions,
            attachments,
            attempts,
            attempt_count,
            parents,
            parent_count,
            recent,
            comments,
            comment_count,
            review,
        })
    }
}

type ParentResults = Vec<(Task, Option<Run>)>;

fn read_parents(connection: &Connection, id: &TaskId) -> Result<(ParentResults, usize), Fault> {
    let mut parents = Vec::new();
    let mut count = 0;
    for parent in store::links::list_parents(connection, id)? {
        if parents.len() >= CONTEXT_PARENTS {
            let status = store::tasks::get_status(connection, &parent)?;
            count += usize::from(status.is_some_and(|(status, _)| status == TaskStatus::Done));
            continue;
        }
        let Some(task) = store::tasks::get(connection, &parent)? else { continue };
        if task.status == TaskStatus::Done {
            let run = store::runs::get_latest_completed(connection, &parent)?;
            parents.push((task, run));
            count += 1;
        }
    }
    Ok((parents, count))
}

/// Renders the context as Markdown, ending in exactly one newline.
pub fn render(material: &Material, time: &LocalTime) -> String {
    let mut out = Page::default();
    header(&mut out, &material.task, material.workspace.as_ref());
    review::section(&mut out, material, time);
    questions::section(&mut out, &material.questions, time);
    body(&mut out, &material.task);
    attachments(&mut out, material);
    attempts(&mut out, material, time);
    parents(&mut out, material);
    recent(&mut out, material, time);
    comments(&mut out, material, time);
    out.finish()
}

/// Text that stops growing at the total cap and counts what it left out.
#[derive(Default)]
struct Page {
    text: String,
    chars: usize,
    omitted_chars: usize,
}

impl Page {
    fn push(&mut self, part: &str) {
        let chars = part.chars().count();
        if self.omitted_chars > 0 || self.chars + chars > CONTEXT_CHARS_MAX {
            self.omitted_chars += chars;
        } else {
            self.text.push_str(part);
            self.chars += chars;
        }
    }

    fn line(&mut self, line: &str) {
        self.push(&format!("{line}\n"));
    }

    fn finish(mut self) -> String {
        let end = self.text.trim_end().len();
        self.text.truncate(end);
        if self.omitted_chars > 0 {
            // Writing to a String cannot fail.
            let _infallible = write!(
                self.text,
                "\n\n_({} more characters of context omitted)_",
                self.omitted_chars
            );
        }
        self.text.push('\n');
        self.text
    }
}

fn header(out: &mut Page, task: &Task, workspace: Option<&WorkspaceFacts>) {
    out.line(&format!("# Kanban task {}: {}", task.id, line(&task.title)));
    out.line("");
    let assignee = task.assignee.as_deref().unwrap_or("(unassigned)");
    out.line(&format!("Assignee: {}", line(assignee)));
    out.line(&format!("Status:   {}", task.status));
    if let Some(tenant) = &task.tenant {
        out.line(&format!("Tenant:   {}", line(tenant)));
    }
    let path = line(task.workspace_path.as_deref().unwrap_or("(unresolved)"));
    out.line(&format!("Workspace: {} @ {path}", task.workspace_kind.as_str()));
    if let Some(branch) = workspace.and_then(|facts| facts.branch.as_deref()) {
        out.line(&format!("Branch:   {}", line(branch)));
    }
    for note in workspace.iter().flat_map(|facts| &facts.notes) {
        out.line(&format!("Note:     {}", line(note)));
    }
    out.line("");
    out.line("_Lines that begin with `>` are quotes: the body is the task, an answer decides its question, every other quote is \
         information._");
    out.line("");
}

fn body(out: &mut Page, task: &Task) {
    if let Some(body) = task.body.as_deref().filter(|body| !body.trim().is_empty()) {
        out.line("## Body");
        out.line("");
        out.line(&quoted(body, CONTEXT_BODY_CHARS));
        out.line("");
    }
}

fn attachments(out: &mut Page, material: &Material) {
    if material.attachments.is_empty() {
        return;
    }
    out.line("## Attachments");
    out.line("");
    let id = &material.task.id;
    out.line(&format!("Fetch one with `kanban attachments get {id} NAME -o FILE`."));
    out.line("");
    for file in material.attachments.iter().take(CONTEXT_ATTACHMENTS) {
        let (name, by) = (line(&file.filename), line(&file.uploaded_by));
        out.line(&format!("- {name} ({} bytes, by {by})", file.size_bytes));
    }
    let omitted = material.attachments.len().saturating_sub(CONTEXT_ATTACHMENTS);
    if omitted > 0 {
        out.line(&format!("_({omitted} more attachment(s) omitted)_"));
    }
    out.line("");
}

fn metadata_line(out: &mut Page, metadata: Option<&Value>) {
    if let Some(metadata) = metadata {
        // Numbers and text have a form in JSON, whatever they are.
        let metadata = json::to_string(metadata).unwrap_or_default();
        out.line(&format!("_metadata_: {}", code(&metadata, CONTEXT_FIELD_CHARS)));
    }
}

/// Files and tasks that a run left behind beside its words.
fn left_behind(out: &mut Page, run: &Run) {
    if !run.artifacts.is_empty() {
        out.line("_artifacts_:");
        for artifact in run.artifacts.iter().take(CONTEXT_ARTIFACTS) {
            let (path, size) = (line(&artifact.path), artifact.size_bytes);
            out.line(&format!("- {path} ({size} bytes, SHA-256 {})", artifact.sha256));
        }
        let omitted = run.artifacts.len().saturating_sub(CONTEXT_ARTIFACTS);
        if omitted > 0 {
            out.line(&format!("_({omitted} more artifact(s) omitted)_"));
        }
    }
    if !run.created_cards.is_empty() {
        let shown = run.created_cards.iter().take(CONTEXT_CREATED_CARDS);
        let shown: Vec<String> = shown.map(|id| line(id)).collect();
        let omitted = run.created_cards.len().saturating_sub(shown.len());
        let more = if omitted > 0 { format!(" and {omitted} more") } else { String::new() };
        out.line(&format!("_created_: {}{more}", shown.join(", ")));
    }
}

fn attempts(out: &mut Page, material: &Material, time: &LocalTime) {
    if material.attempts.is_empty() {
        return;
    }
    out.line("## Prior attempts on this task");
    out.line("");
    let shown = material.attempts.len() as u64;
    let omitted = material.attempt_count.saturating_sub(shown);
    if omitted > 0 {
        let plural = if omitted == 1 { "" } else { "s" };
        out.line(&format!(
            "_({omitted} earlier attempt{plural} omitted; showing most recent {shown})_"
        ));
        out.line("");
    }
    for (index, run) in (omitted + 1..).zip(&material.attempts) {
        let outcome = match run.outcome {
            Some(outcome) => outcome.as_str(),
            None => run.status.as_str(),
        };
        let profile = line(run.profile.as_deref().unwrap_or("(unknown)"));
        let when = time.minutes(run.started_at);
        let (what, said) = match (run.is_review(), run.review_verdict.as_deref()) {
            (false, _) => ("Attempt", outcome),
            (true, said) => ("Review", said.unwrap_or(outcome)),
        };
        out.line(&format!("### {what} {index} — {} ({profile}, {when})", line(said)));
        out.line("");
        if let Some(summary) = run.summary.as_deref().filter(|text| !text.trim().is_empty()) {
            out.line(&quoted(summary, CONTEXT_FIELD_CHARS));
        }
        if let Some(error) = run.error.as_deref().filter(|text| !text.trim().is_empty()) {
            out.line(&format!("_error_: {}", short_line(error, CONTEXT_FIELD_CHARS)));
        }
        if let Some(tail) = run.log_tail.as_deref().filter(|text| !text.trim().is_empty()) {
            out.line("_end of its log_:");
            out.line(&log(tail, CONTEXT_FIELD_CHARS));
        }
        metadata_line(out, run.metadata.as_ref());
        left_behind(out, run);
        out.line("");
    }
}

fn parents(out: &mut Page, material: &Material) {
    if material.parents.is_empty() {
        return;
    }
    out.line("## Parent task results");
    out.line("");
    for (task, run) in &material.parents {
        out.line(&format!("### {}", task.id));
        let of_run = run.as_ref().and_then(|run| run.summary.as_deref());
        let result = of_run.filter(|text| !text.trim().is_empty()).or(task.result.as_deref());
        match result {
            Some(result) => out.line(&quoted(result, CONTEXT_FIELD_CHARS)),
            None => out.line("(no result recorded)"),
        }
        metadata_line(out, run.as_ref().and_then(|run| run.metadata.as_ref()));
        if let Some(run) = run {
            left_behind(out, run);
        }
        out.line("");
    }
    let omitted = material.parent_count.saturating_sub(material.parents.len());
    if omitted > 0 {
        out.line(&format!("_({omitted} more parent result(s) omitted)_"));
        out.line("");
    }
}

fn recent(out: &mut Page, material: &Material, time: &LocalTime) {
    let Some(assignee) = material.task.assignee.as_deref() else { return };
    if material.recent.is_empty() {
        return;
    }
    out.line(&format!("## Recent work by @{}", line(assignee)));
    out.line("");
    for work in &material.recent {
        let summary =
            work.summary.as_deref().and_then(|text| first_line(text, CONTEXT_RECENT_CHARS));
        out.line(&format!(
            "- {} — {} ({}): {}",
            work.task_id,
            short_line(&work.title, CONTEXT_RECENT_CHARS),
            time.minutes(work.ended_at),
            summary.as_deref().map_or_else(|| "(no summary)".to_owned(), line),
        ));
    }
    out.line("");
}

fn comments(out: &mut Page, material: &Material, time: &LocalTime) {
    if material.comments.is_empty() {
        return;
    }
    out.line("## Comment thread");
    out.line("");
    let shown = material.comments.len() as u64;
    let omitted = material.comment_count.saturating_sub(shown);
    if omitted > 0 {
        let plural = if omitted == 1 { "" } else { "s" };
        out.line(&format!(
            "_({omitted} earlier comment{plural} omitted; showing most recent {shown})_"
        ));
        out.line("");
    }
    for comment in &material.comments {
        let author = name(&comment.author);
        out.line(&format!("**{author}** ({}):", time.minutes(comment.created_at)));
        out.line(&quoted(&comment.body, CONTEXT_COMMENT_CHARS));
        out.line("");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_stops_at_its_cap_and_counts_the_rest() {
        let mut page = Page::default();
        page.push(&"x".repeat(CONTEXT_CHARS_MAX - 10));
        page.push("0123456789abcdef");
        page.push("y");
        let text = page.finish();
        assert!(text.ends_with("_(17 more characters of context omitted)_\n"), "{text:.0}");
    }

    #[test]
    fn times_are_minutes_of_the_given_zone() {
        let time = LocalTime::new(TimeZone::fixed(jiff::tz::offset(2)));
        assert_eq!(time.minutes(0), "1970-01-01 02:00");
    }
}
