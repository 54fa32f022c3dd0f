//! What the context begins with where a review is open or has sent the task back: what was handed in, or what has to change.

use super::{LocalTime, Material, Page, left_behind, metadata_line};
use crate::kernel::error::Fault;
use crate::kernel::limits::{CONTEXT_DIRECTORY_RUNS, CONTEXT_FIELD_CHARS, CONTEXT_REQUEST_CHARS};
use crate::kernel::run::{CHANGES_REQUESTED, Run};
use crate::kernel::store::{self, Connection};
use crate::kernel::task::{Task, TaskStatus, WorkspaceKind};
use crate::text::context::{line, quoted};

/// What is known of a review.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReviewMaterial {
    /// The run that handed in what is under review.
    pub handed_in: Option<Run>,
    /// Runs of other tasks that used the directory since.
    pub others: Vec<Run>,
    /// The repository of its worktree.
    pub repository: Option<String>,
    /// The review that sent the task back last, and was not followed by another hand-in.
    pub sent_back: Option<Run>,
}

impl ReviewMaterial {
    /// Reads it.
    ///
    /// # Errors
    /// [`Fault::Database`].
    pub(super) fn read(connection: &Connection, task: &Task) -> Result<Self, Fault> {
        let is_over = matches!(task.status, TaskStatus::Done | TaskStatus::Archived);
        if task.reviewer.is_none() || is_over {
            return Ok(Self::default());
        }
        let worked = store::runs::get_latest_completed(connection, &task.id)?;
        if !task.review_open {
            let latest = store::runs::get_latest_review(connection, &task.id)?;
            let is_newest = |run: &Run| worked.as_ref().is_none_or(|worked| run.id > worked.id);
            let is_request = |run: &Run| run.review_verdict.as_deref() == Some(CHANGES_REQUESTED);
            let sent_back = latest.filter(|run| is_request(run) && is_newest(run));
            return Ok(Self { sent_back, ..Self::default() });
        }
        let others = match (&worked, task.workspace_kind, &task.workspace_path) {
            (Some(run), WorkspaceKind::Dir, Some(path)) => store::runs::list_users_since(
                connection,
                &task.id,
                path,
                run.id,
                CONTEXT_DIRECTORY_RUNS,
            )?,
            _ => Vec::new(),
        };
        let repository = match task.workspace_kind {
            WorkspaceKind::Worktree => store::leases::repository_of(connection, &task.id)?,
            WorkspaceKind::Scratch | WorkspaceKind::Dir => None,
        };
        Ok(Self { handed_in: worked, others, repository, sent_back: None })
    }
}

/// The section, before the body of the task.
pub(super) fn section(out: &mut Page, material: &Material, time: &LocalTime) {
    let (task, review) = (&material.task, &material.review);
    if let Some(run) = &review.sent_back {
        let by = line(run.profile.as_deref().unwrap_or("a person"));
        out.line(&format!("## Changes requested by {by}, round {}", before(task.review_round)));
        out.line("");
        out.line("The work was reviewed and sent back. Make these changes first:");
        out.line("");
        let what = run.summary.as_deref().unwrap_or("(no text)");
        out.line(&quoted(what, CONTEXT_REQUEST_CHARS));
        out.line("");
    }
    if !task.review_open {
        changes(out, material);
        return;
    }
    out.line(&format!("## Review, round {}", task.review_round));
    out.line("");
    out.line("This is a review: judge what was handed in, and end with an approval or a request for changes.");
    out.line("");
    match &review.handed_in {
        None => out.line("Nothing was handed in: a person asks for the review."),
        Some(run) => {
            let by = line(run.profile.as_deref().unwrap_or("(unknown)"));
            let when = time.minutes(run.ended_at.unwrap_or(run.started_at));
            out.line(&format!("Handed in by {by} (run {}, {when}):", run.id));
            out.line("");
            out.line(&quoted(
                run.summary.as_deref().unwrap_or("(no summary)"),
                CONTEXT_FIELD_CHARS,
            ));
            metadata_line(out, run.metadata.as_ref());
            left_behind(out, run);
        }
    }
    out.line("");
    if let Some(repository) = &review.repository {
        let branch = task.branch_name.as_deref().unwrap_or("(unknown)");
        out.line(&format!(
            "Its branch is {}, of the repository {}.",
            line(branch),
            line(repository)
        ));
        out.line("");
    }
    changes(out, material);
    if !review.others.is_empty() {
        out.line("Others have used the directory since; what they changed is not part of it:");
        out.line("");
        for run in &review.others {
            let by = line(run.profile.as_deref().unwrap_or("(unknown)"));
            let when = time.minutes(run.started_at);
            out.line(&format!("- run {} of {} ({by}, {when})", run.id, run.task_id));
        }
        out.line("");
    }
}

/// What was changed in the worktree before this run began.
fn changes(out: &mut Page, material: &Material) {
    let Some(changes) = material.workspace.as_ref().and_then(|facts| facts.changes.as_ref()) else {
        return;
    };
    let count = changes.file_count;
    // Only a review may ask for the diff; a worker has git.
    let how = match material.task.review_open {
        true => format!(" `kanban diff {}` shows them.", material.task.id),
        false => String::new(),
    };
    let (base, added, deleted) = (line(&changes.base), changes.added, changes.deleted);
    out.line(&format!("Changed against {base}: {count} file(s), +{added} -{deleted} lines.{how}"));
    out.line("");
    for note in &changes.notes {
        out.line(&format!("- Note: {}", line(note)));
    }
    for file in &changes.files {
        out.line(&format!("- {}", line(file)));
    }
    let listed = u64::try_from(changes.files.len()).unwrap_or(u64::MAX);
    let more = count.saturating_sub(listed);
    if more > 0 {
        out.line(&format!("- and {more} more"));
    }
    if count > 0 || !changes.notes.is_empty() {
        out.line("");
    }
}

/// The round before.
fn before(round: u32) -> u32 {
    round.saturating_sub(1).max(1)
}
