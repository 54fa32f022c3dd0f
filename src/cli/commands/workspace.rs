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
use crate::os::workspaces::git::Git;
use crate::os::workspaces::location;
use crate::os::workspaces::marked::{FileIdentity, empty_as_owner};
use crate::os::workspaces::worktree::prepare::{Wanted, prepare};
use crate::os::workspaces::worktree::sweep::sweep;

/// The caller sets the limit that counts.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

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
        Act::Prepare { repository, path, branch, submodules } => {
            let with_submodules = *submodules;
            let wanted = Wanted { repository, path, branch, with_submodules };
            match prepare(&Git::within(PATIENCE), &wanted) {
                Ok(prepared) => tell(&prepared)?,
                Err(error) => {
                    let errno = error.errno().unwrap_or_default();
                    tell(&SetupFailure { message: error.to_string(), errno })?;
                    return Ok(CliExit::Refused);
                }
            }
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

fn refused(message: String) -> Failure {
    Failure::refused(ErrorCode::InvalidValue, message)
}

fn tell(report: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(report).map_err(|error| refused(error.to_string()))?;
    writeln!(std::io::stdout(), "{text}").map_err(|error| refused(error.to_string()))
}
