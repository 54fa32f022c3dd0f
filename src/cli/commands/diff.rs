//! `kanban diff`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;

use percent_encoding::percent_decode_str;
use serde::Serialize;

use crate::api::DIFF_LEFT_OUT_HEADER;
use crate::api::client::task_path;
use crate::cli::commands::Ended;
use crate::cli::commands::log::is_as_written;
use crate::cli::complete;
use crate::cli::pager::page;
use crate::cli::session::Session;
use crate::cli::task_arg::TaskArg;
use crate::cli::text::{self, one_line};
use crate::exit_codes::CliExit;
use crate::kernel::ids::RunId;
use crate::os::workspaces::diff_report::LeftOut;
use crate::service::diff::{PatchForm, TaskDiff};
use crate::text::file_names::{quoted, unquoted};

/// Show what a worktree task changed.
///
/// Compares the worktree of a task with its merge base: the last commit in common with the branch that it was made
/// from. Uncommitted edits and new files that are not ignored are part of it. With --run, shows what that run had
/// committed when the next one began. A diff of more than 5 MiB is cut, file by file; stderr says what is left out.
///
/// Nothing that the repository configures is executed: no external diff, text conversion, filter or hook. On a
/// terminal, control characters are replaced, and $KANBAN_PAGER, $PAGER or less(1) shows the diff; to a pipe or a file the
/// bytes are written unchanged.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban diff t_1a2b3c4d
  kanban diff t_1a2b3c4d --stat
  kanban diff t_1a2b3c4d src/main.rs docs
  kanban diff t_1a2b3c4d --run 17 > run-17.patch")]
pub struct Arguments {
    /// Task with a worktree
    #[arg(add = complete::tasks())]
    id: TaskArg,
    /// List the changed files with their numbers of lines
    #[arg(long)]
    stat: bool,
    /// What this run left, as shown by `kanban runs`
    #[arg(long, value_name = "RUN", allow_negative_numbers = true)]
    run: Option<RunId>,
    /// Only these files and directories of the repository
    #[arg(value_name = "FILE")]
    files: Vec<OsString>,
}

#[derive(Debug, Serialize)]
struct Query<'a> {
    run: Option<RunId>,
    file: Option<String>,
    patch: PatchForm,
    board: Option<&'a str>,
}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let path = task_path(&session.task(&arguments.id)?, "diff")?;
    let names: Vec<String> = arguments.files.iter().map(name_of).collect();
    let board = session.board.clone();
    let query = |patch: PatchForm| Query {
        run: arguments.run,
        file: (!names.is_empty()).then(|| names.join("\n")),
        patch,
        board: board.as_deref(),
    };
    if session.output.is_json() {
        let form = if arguments.stat { PatchForm::None } else { PatchForm::Text };
        let diff: TaskDiff = session.client()?.get(&path, &query(form))?;
        session.output.json(&diff)?;
        return Ok(CliExit::Ok);
    }
    if arguments.stat {
        let diff: TaskDiff = session.client()?.get(&path, &query(PatchForm::None))?;
        for line in stat(&diff) {
            session.output.line(line)?;
        }
        return Ok(CliExit::Ok);
    }
    let reply = session.client()?.get_raw(&path, &query(PatchForm::Raw))?;
    if is_as_written(session, false) {
        session.output.raw(&reply.body)?;
    } else {
        let shown = text::log(&reply.body);
        if !session.is_interactive() || !page(shown.as_bytes(), &session.ambient) {
            session.output.raw(shown.as_bytes())?;
        }
    }
    session.output.finish()?;
    let left_out = reply.headers.get(DIFF_LEFT_OUT_HEADER).and_then(|value| value.to_str().ok());
    if let Some(left_out) = left_out.filter(|text| !text.is_empty()) {
        let message = percent_decode_str(left_out).decode_utf8_lossy().into_owned();
        session.output.complain(&format!("warning: {}", one_line(&message)));
    }
    Ok(CliExit::Ok)
}

/// The name as the daemon takes it. One that is quoted already was copied from a list.
fn name_of(given: &OsString) -> String {
    let bytes = given.as_bytes();
    match given.to_str() {
        Some(text) if unquoted(text) != bytes => text.to_owned(),
        Some(_) | None => quoted(bytes),
    }
}

/// What is compared, a line for each file, and the totals.
fn stat(diff: &TaskDiff) -> Vec<String> {
    let report = &diff.report;
    let branch = report.branch.as_deref().unwrap_or("(detached head)");
    let what = match (diff.run_id, report.has_uncommitted) {
        (Some(run), false) => format!("{} as run {run} left it", one_line(branch)),
        _ => format!("{} with uncommitted changes", one_line(branch)),
    };
    let mut lines = vec![format!("{}...{what}", one_line(&report.base()))];
    lines.extend(report.notes.iter().map(|note| format!("note: {}", one_line(note))));
    lines.extend(report.files.iter().map(|file| one_line(&file.line())));
    let listed = u64::try_from(report.files.len()).unwrap_or(u64::MAX);
    let more = report.file_count.saturating_sub(listed);
    if more > 0 {
        lines.push(format!("… and {more} more files"));
    }
    let (count, added, deleted) = (report.file_count, report.added, report.deleted);
    lines.push(format!("{count} file(s), +{added} -{deleted}"));
    lines.extend(report.left_out.as_ref().and_then(LeftOut::line));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStringExt as _;

    #[test]
    fn a_name_is_quoted_once_whether_it_was_typed_or_copied_from_a_list() {
        for (given, expected) in [
            (&b"src/main.rs"[..], "src/main.rs"),
            (b"-x", "-x"),
            (b"a\nb", r#""a\nb""#),
            (br#""a\nb""#, r#""a\nb""#),
            (b"\xff", r#""\377""#),
            (b"\"a", r#""\"a""#),
        ] {
            assert_eq!(name_of(&OsString::from_vec(given.to_owned())), expected);
        }
    }
}
