//! `kanban claim`: the workspace first, then the claim; both or neither.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;

use crate::api::client::seen::{ClaimReply, Task, TaskDetails};
use crate::api::client::{Client, task_path};
use crate::cli::arguments::duration;
use crate::cli::commands::Ended;
use crate::cli::complete;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::task_arg::TaskArg;
use crate::cli::tasks::with_skill_list;
use crate::cli::text::one_line;
use crate::exit_codes::CliExit;
use crate::kernel::error::ErrorCode;
use crate::kernel::location::{branch_of, refuse_relative};
use crate::kernel::task::{TaskStatus, WorkspaceKind};
use crate::kernel::verbs::ClaimTask;
use crate::os::run_files::directory::SetupFailure;
use crate::os::workspaces::worktree_report::PreparedWorktree;
use crate::service::daemon::DaemonInfo;

/// Claim a ready task for work outside kanband.
///
/// The claim expires after its TTL unless `kanban heartbeat` renews it. Finish the work with `kanban complete` or
/// `kanban block`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban claim t_1a2b3c4d
  kanban claim t_1a2b3c4d --ttl 2h --claimer ann@build7 --json | jq -r .workspace")]
pub struct Arguments {
    /// Task to claim
    #[arg(add = complete::tasks())]
    id: TaskArg,
    /// Lifetime of the claim without a heartbeat (30s, 15m, 2h or plain seconds)
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    ttl: Option<String>,
    /// Name of the claimer (default: `<user>@<host>`)
    #[arg(long, value_name = "NAME")]
    claimer: Option<String>,
}

/// Runs it.
///
/// # Errors
/// A wrong command line, a directory that cannot be made, or the daemon's refusal.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    let ttl_seconds = match arguments.ttl.as_deref() {
        Some(text) => Some(i64::try_from(duration("--ttl", text)?.as_secs()).unwrap_or(i64::MAX)),
        None => None,
    };
    let client = session.client()?;
    let id = session.task(&arguments.id)?;
    let task_url = task_path(&id, "")?;
    let claim_url = task_path(&id, "claim")?;
    let details: TaskDetails = client.get(&task_url, &session.on_board())?;
    refuse_relative(&details.task)
        .map_err(|refusal| Failure::refused(refusal.code(), refusal.to_string()))?;
    let is_dir = details.task.workspace_kind == WorkspaceKind::Dir;
    let wanted = details.task.workspace_path.as_ref().filter(|_| is_dir).map(PathBuf::from);
    let worktree = make_worktree(&details.task, &client)?;
    let made = match &wanted {
        Some(path) => MadeDirectories::make(path).map_err(|error| {
            let message = format!("cannot create the workspace {}: {error}", path.display());
            Failure::refused(ErrorCode::InvalidValue, message)
        })?,
        None => MadeDirectories::default(),
    };
    let request = ClaimTask {
        id,
        ttl_seconds,
        claimer: Some(arguments.claimer.unwrap_or_else(|| session.user_at_host())),
        board: session.board.clone(),
        workspace: String::new(),
        location: None,
        repository: worktree.as_ref().and_then(|made| made.repository.clone()),
        branch: worktree.as_ref().and_then(|made| made.prepared.branch.clone()),
    };
    let reply: ClaimReply = client.post(&claim_url, &request)?;
    made.keep();
    let reply = ClaimReply { task: with_skill_list(reply.task), ..reply };
    if session.output.is_json() {
        session.output.json(&reply)?;
        return Ok(CliExit::Ok);
    }
    session.output.line(format!("Claimed {}", reply.task.id))?;
    session.output.line(format!("Workspace: {}", reply.workspace))?;
    for note in worktree.iter().flat_map(|made| &made.prepared.notes) {
        session.output.line(one_line(&format!("Note: {note}")))?;
    }
    Ok(CliExit::Ok)
}

/// Makes the worktree of a task, under the rights of the claimer, and says of which repository when the task does not:
/// that in which the command was given. A claim that is refused leaves it: it is the next one's.
fn make_worktree(task: &Task, client: &Client) -> Result<Option<MadeWorktree>, Failure> {
    if task.workspace_kind != WorkspaceKind::Worktree || task.status != TaskStatus::Ready {
        return Ok(None);
    }
    let refused = |message: String| Failure::refused(ErrorCode::InvalidValue, message);
    let daemon: DaemonInfo = client.get("/v1/daemon", &json!({}))?;
    let path = Path::new(&daemon.home).join("workspaces").join(task.id.as_str());
    let named = task.workspace_path.as_deref().filter(|named| Path::new(named) != path);
    let (repository, report) = match named {
        Some(named) => (PathBuf::from(named), None),
        // Claimed before: what is there knows where it is from.
        None if task.workspace_path.is_some() && path.is_dir() => (path.clone(), None),
        None => {
            let here = std::env::current_dir().map_err(|error| refused(error.to_string()))?;
            let report = here.to_str().map(str::to_owned);
            (here, report)
        }
    };
    let branch = task.branch_name.clone();
    let branch = branch.unwrap_or_else(|| branch_of(&daemon.branch_prefix, task.id.as_str()));
    let prepared = prepare(&repository, &path, &branch)
        .map_err(|message| refused(format!("workspace: {message}")))?;
    Ok(Some(MadeWorktree { repository: report, prepared }))
}

/// A worktree that was made for the claim.
struct MadeWorktree {
    /// The directory in its repository, when the task names none.
    repository: Option<String>,
    prepared: PreparedWorktree,
}

/// Has `kanban workspace` make the worktree: git runs there and nowhere else.
fn prepare(repository: &Path, path: &Path, branch: &str) -> Result<PreparedWorktree, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new(program)
        .args(["workspace", "prepare", "--repository"])
        .arg(repository)
        .arg("--path")
        .arg(path)
        .args(["--branch", branch])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        let unread = || "cannot parse the output of `kanban workspace prepare`".to_owned();
        return PreparedWorktree::read(&output.stdout).ok_or_else(unread);
    }
    match serde_json::from_slice::<SetupFailure>(&output.stdout) {
        Ok(failure) => Err(failure.message),
        Err(_) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
    }
}

/// Directories that this command made. Unless they are kept they are removed again, as far as they are empty.
#[derive(Debug, Default)]
struct MadeDirectories {
    outermost_first: Vec<PathBuf>,
}

impl MadeDirectories {
    fn make(path: &Path) -> io::Result<Self> {
        let missing: Vec<PathBuf> =
            path.ancestors().take_while(|part| !part.exists()).map(Path::to_owned).collect();
        let mut made = Self::default();
        for part in missing.into_iter().rev() {
            match std::fs::create_dir(&part) {
                Ok(()) => made.outermost_first.push(part),
                // Another process was faster: then it is not ours to remove.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && part.is_dir() => {}
                Err(error) => return Err(error),
            }
        }
        if path.is_dir() { Ok(made) } else { Err(io::ErrorKind::NotADirectory.into()) }
    }

    fn keep(mut self) {
        self.outermost_first.clear();
    }
}

impl Drop for MadeDirectories {
    fn drop(&mut self) {
        for path in self.outermost_first.iter().rev() {
            if std::fs::remove_dir(path).is_err() {
                return; // something is in it by now, so what is above it stays too
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_made_is_removed_again() {
        let temp = tempfile::tempdir().unwrap();
        let (deep, beside) = (temp.path().join("a/b/c"), temp.path().join("a"));
        drop(MadeDirectories::make(&deep).unwrap());
        assert!(!beside.exists());
        MadeDirectories::make(&deep).unwrap().keep();
        assert!(deep.is_dir());
        drop(MadeDirectories::make(&deep).unwrap());
        assert!(deep.is_dir(), "it was there before");
        let deeper = deep.join("d/e");
        let made = MadeDirectories::make(&deeper).unwrap();
        std::fs::write(deep.join("d/kept"), "").unwrap();
        drop(made);
        assert!(deep.join("d/kept").exists() && !deeper.exists());
    }

    #[test]
    fn a_file_is_no_workspace() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(MadeDirectories::make(&file).is_err());
        assert!(MadeDirectories::make(&file.join("x")).is_err());
    }
}
