//! A worktree at the start of a run: made or found, with a note of where it and the run begin, and with what earlier runs changed
//! where the worker reads that.

use std::time::Duration;

use crate::os::workspaces::diff_report::DiffReport;
use crate::os::workspaces::git::mirror::{Mirror, Purpose};
use crate::os::workspaces::git::repository::{at_top, find};
use crate::os::workspaces::git::{Git, GitError};
use crate::os::workspaces::worktree::diff::beginning::{self, Beginning};
use crate::os::workspaces::worktree::diff::{Asked, DiffError, commit, diff, merge_base};
use crate::os::workspaces::worktree::prepare::{PrepareError, Wanted, prepare};
use crate::os::workspaces::worktree_report::{CHANGES_BYTES_MAX, CHANGES_MAX, PreparedWorktree};

/// Makes or finds the worktree for `run_id`; none: of a claim by hand, whose run does not exist yet. With `changes` the report says
/// what was changed in it; a worker starts without that when it cannot be had in that time.
///
/// # Errors
/// [`PrepareError`].
pub fn start(
    git: &Git,
    wanted: &Wanted<'_>,
    run_id: Option<i64>,
    changes: Option<Duration>,
) -> Result<PreparedWorktree, PrepareError> {
    let mut prepared = prepare(git, wanted)?;
    if let Err(error) = note(git, wanted, prepared.is_reused, run_id) {
        prepared.notes.push(format!("cannot record where this run begins: {error}"));
    }
    if let Some(limited) = changes {
        match changed(&Git::within(limited), wanted) {
            Ok(report) => prepared.changes = Some(report),
            Err(error) => prepared.notes.push(format!("cannot show what was changed: {error}")),
        }
    }
    Ok(prepared)
}

fn changed(git: &Git, wanted: &Wanted<'_>) -> Result<DiffReport, DiffError> {
    let asked = Asked {
        path: wanted.path,
        followers: &[],
        must_have_begun: false,
        files: &[],
        with_patch: false,
    };
    Ok(diff(git, &asked)?.report.shortened(CHANGES_MAX, CHANGES_BYTES_MAX))
}

/// Writes down where a new worktree begins, and where the run does.
fn note(
    git: &Git,
    wanted: &Wanted<'_>,
    is_reused: bool,
    run_id: Option<i64>,
) -> Result<(), DiffError> {
    let made = at_top(git, wanted.path)?;
    let written = |source| GitError::File { path: made.git_dir.clone(), source };
    let mirror = Mirror::make(git, &made, Purpose::Inspection)?;
    // A worker may have left it on a branch without a commit; then there is nothing to write down.
    let Some(head) = commit(git, &mirror, "HEAD")? else { return Ok(()) };
    if let Some(run_id) = run_id {
        beginning::add_head(&made.git_dir, run_id, &head).map_err(written)?;
    }
    if is_reused {
        return Ok(());
    }
    let repository = find(git, wanted.repository)?;
    let origin = Mirror::make(git, &repository, Purpose::Inspection)?;
    let symbolic = ["symbolic-ref", "--quiet", "--short", "HEAD"];
    let branch = git.line_if_any(&origin.call(symbolic))?;
    let from = match commit(git, &origin, "HEAD")? {
        Some(from) => merge_base(git, &mirror, &from, &head)?,
        None => None,
    };
    let Some(commit) = from else { return Ok(()) };
    beginning::write(&made.git_dir, &Beginning { branch, commit }).map_err(written)?;
    Ok(())
}
