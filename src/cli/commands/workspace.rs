//! `kanban workspace`: what is done about a workspace by a process of its worker's user: looked at before it is claimed, made before
//! the worker, removed by `gc`. Not for people, and no part of the help.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;

use crate::cli::commands::Ended;
use crate::cli::failure::Failure;
use crate::exit_codes::CliExit;
use crate::kernel::error::ErrorCode;
use crate::os::git::Git;
use crate::os::place;
use crate::os::workspaces::{FileIdentity, empty_as_owner};
use crate::os::worktree;

/// The caller sets the limit that counts.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// Make the workspace of a run.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    act: Act,
}

/// What is to be done.
#[derive(Debug, Subcommand)]
enum Act {
    /// Make a worktree, or find that it is there
    Prepare {
        /// A directory in the repository
        #[arg(long)]
        repository: PathBuf,
        /// Where the worktree is to be
        #[arg(long)]
        path: PathBuf,
        /// Its branch
        #[arg(long)]
        branch: String,
    },
    /// Look where a path leads; says what was found
    Look {
        /// The path
        #[arg(long)]
        path: PathBuf,
    },
    /// Empty a scratch directory that belongs to the caller
    Empty {
        /// The directory that it is in
        #[arg(long)]
        root: PathBuf,
        /// Its name there
        #[arg(long)]
        name: String,
        /// Its device number
        #[arg(long)]
        device: u64,
        /// Its inode number
        #[arg(long)]
        inode: u64,
    },
    /// Remove a worktree that belongs to the caller, or save what is not committed; says which
    Sweep {
        /// Where it is
        #[arg(long)]
        path: PathBuf,
        /// The task's name
        #[arg(long)]
        name: String,
        /// Only look
        #[arg(long)]
        dry_run: bool,
    },
}

/// Runs it.
///
/// # Errors
/// What was not done, and why.
pub fn run(arguments: &Arguments) -> Ended {
    let refused = |message: String| Failure::refused(ErrorCode::InvalidValue, message);
    match &arguments.act {
        Act::Prepare { repository, path, branch } => {
            worktree::prepare(&Git::within(PATIENCE), repository, path, branch).map_err(refused)?;
        }
        Act::Look { path } => {
            let outcome = place::Outcome::of(place::look_at(path));
            let text =
                serde_json::to_string(&outcome).map_err(|error| refused(error.to_string()))?;
            writeln!(std::io::stdout(), "{text}").map_err(|error| refused(error.to_string()))?;
        }
        Act::Empty { root, name, device, inode } => {
            let marked = FileIdentity { device: *device, inode: *inode };
            empty_as_owner(root, name, marked).map_err(|error| refused(error.to_string()))?;
        }
        Act::Sweep { path, name, dry_run } => {
            let swept = worktree::sweep(&Git::within(PATIENCE), path, name, *dry_run);
            let text = serde_json::to_string(&swept).map_err(|error| refused(error.to_string()))?;
            writeln!(std::io::stdout(), "{text}").map_err(|error| refused(error.to_string()))?;
        }
    }
    Ok(CliExit::Ok)
}
