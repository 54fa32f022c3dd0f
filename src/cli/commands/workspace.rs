//! `kanban workspace`: what is done about a workspace by a process of its worker's user: looked at before it is
//! claimed, made before the worker, removed by `gc`. Not for people, and no part of the help.
//!
//! The only command that runs git. A shim starts it, in the tree of a run or for itself; `kanban claim` starts it for
//! a person. What it has to say it prints as one line of JSON.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;
use serde::Serialize;

use crate::cli::commands::Ended;
use crate::cli::failure::Failure;
use crate::exit_codes::CliExit;
use crate::kernel::error::ErrorCode;
use crate::os::host::agent;
use crate::os::run_files::directory::SetupFailure;
use crate::os::workspaces::diff_report::NoDiff;
use crate::os::workspaces::git::{Git, GitError};
use crate::os::workspaces::location;
use crate::os::workspaces::marked::{FileIdentity, empty_as_owner};
use crate::os::workspaces::worktree::diff::{Asked, DiffError, diff};
use crate::os::workspaces::worktree::prepare::Wanted;
use crate::os::workspaces::worktree::start::start;
use crate::os::workspaces::worktree::sweep::sweep;
use crate::text::file_names::unquoted;

/// The caller sets the limit that counts.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// Time limit of the report about earlier runs: a worker starts without it.
const CHANGES_PATIENCE: Duration = Duration::from_secs(20);

/// Prepare the workspace of a run (internal).
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    act: Act,
}

/// What is to be done.
#[derive(Debug, Subcommand)]
enum Act {
    /// Create a worktree, or find the existing one
    Prepare {
        /// Directory in the repository
        #[arg(long)]
        repository: PathBuf,
        /// Path of the worktree
        #[arg(long)]
        path: PathBuf,
        /// Branch
        #[arg(long)]
        branch: String,
        /// Check out submodules
        #[arg(long)]
        submodules: bool,
        /// Run that begins
        #[arg(long)]
        run: Option<i64>,
        /// Report what earlier runs have changed
        #[arg(long)]
        changes: bool,
    },
    /// Compare a worktree with its merge base
    Diff {
        /// Path of the worktree
        #[arg(long)]
        path: PathBuf,
        /// Runs that followed the one in question
        #[arg(long)]
        follower: Vec<i64>,
        /// One of them must have begun in the worktree
        #[arg(long)]
        must_have_begun: bool,
        /// Only this file, quoted as git does
        #[arg(long)]
        file: Vec<String>,
        /// Print the patch behind the report
        #[arg(long)]
        patch: bool,
        /// Time limit
        #[arg(long)]
        seconds: u64,
    },
    /// Resolve a path and report its type
    Look {
        /// Path
        #[arg(long)]
        path: PathBuf,
    },
    /// Report whether an agent and its profile exist for the caller
    Agent {
        /// Program of the agent
        #[arg(long)]
        program: String,
        /// Search path for programs
        #[arg(long)]
        search_path: String,
        /// Profile
        #[arg(long)]
        profile: String,
    },
    /// Remove a scratch directory of the caller
    Empty {
        /// Parent directory
        #[arg(long)]
        root: PathBuf,
        /// Name in it
        #[arg(long)]
        name: String,
        /// Device number
        #[arg(long)]
        device: u64,
        /// Inode number
        #[arg(long)]
        inode: u64,
        /// Report only
        #[arg(long)]
        dry_run: bool,
    },
    /// Remove a worktree of the caller, or save its unsaved work
    Sweep {
        /// Path of the worktree
        #[arg(long)]
        path: PathBuf,
        /// Task id
        #[arg(long)]
        name: String,
        /// Report only
        #[arg(long)]
        dry_run: bool,
    },
}

/// Runs it.
///
/// # Errors
/// What was not done, and why.
pub fn run(arguments: &Arguments) -> Ended {
    match &arguments.act {
        Act::Prepare { repository, path, branch, submodules, run, changes } => {
            let with_submodules = *submodules;
            let wanted = Wanted { repository, path, branch, with_submodules };
            let limited = changes.then_some(CHANGES_PATIENCE);
            match start(&Git::within(PATIENCE), &wanted, *run, limited) {
                Ok(prepared) => tell(&prepared)?,
                Err(error) => {
                    let errno = error.errno().unwrap_or_default();
                    tell(&SetupFailure { message: error.to_string(), errno })?;
                    return Ok(CliExit::Refused);
                }
            }
        }
        Act::Diff { path, follower, must_have_begun, file, patch, seconds } => {
            let files: Vec<Vec<u8>> = file.iter().map(|name| unquoted(name)).collect();
            let asked = Asked {
                path,
                followers: follower,
                must_have_begun: *must_have_begun,
                files: &files,
                with_patch: *patch,
            };
            return show(&Git::within(Duration::from_secs(*seconds)), &asked);
        }
        Act::Look { path } => tell(&location::Outcome::of(location::look_at(path)))?,
        Act::Agent { program, search_path, profile } => {
            tell(&agent::look(program, search_path, profile))?;
        }
        Act::Empty { root, name, device, inode, dry_run } => {
            let marked = FileIdentity { device: *device, inode: *inode };
            let emptied = empty_as_owner(root, name, marked, *dry_run);
            emptied.map_err(|error| refused(error.to_string()))?;
        }
        Act::Sweep { path, name, dry_run } => {
            tell(&sweep(&Git::within(PATIENCE), path, name, *dry_run))?;
        }
    }
    Ok(CliExit::Ok)
}

/// Prints what has changed: the report in one line, and the patch behind it.
fn show(git: &Git, asked: &Asked<'_>) -> Ended {
    match diff(git, asked) {
        Ok(found) => {
            tell(&found.report)?;
            std::io::stdout()
                .write_all(&found.patch)
                .map_err(|error| refused(error.to_string()))?;
            Ok(CliExit::Ok)
        }
        Err(error) => {
            tell(&NoDiff {
                message: error.to_string(),
                is_not_changed: matches!(error, DiffError::NotChanged { .. }),
                is_timeout: matches!(error, DiffError::Git(GitError::Timeout)),
            })?;
            Ok(CliExit::Refused)
        }
    }
}

fn refused(message: String) -> Failure {
    Failure::refused(ErrorCode::InvalidValue, message)
}

fn tell(report: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(report).map_err(|error| refused(error.to_string()))?;
    writeln!(std::io::stdout(), "{text}").map_err(|error| refused(error.to_string()))
}
