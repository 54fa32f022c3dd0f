//! `kanban workspace`: what a run's supervisor does before the worker. Not for people, and no part of the help.

use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;

use crate::cli::commands::Ended;
use crate::cli::failure::Failure;
use crate::exit_codes::CliExit;
use crate::kernel::error::ErrorCode;
use crate::os::git::Git;
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
}

/// Runs it.
///
/// # Errors
/// Why there is no worktree.
pub fn run(arguments: &Arguments) -> Ended {
    let Act::Prepare { repository, path, branch } = &arguments.act;
    worktree::prepare(&Git::within(PATIENCE), repository, path, branch)
        .map_err(|message| Failure::refused(ErrorCode::InvalidValue, message))?;
    Ok(CliExit::Ok)
}
