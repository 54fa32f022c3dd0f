//! Backup and restore: a whole board file for another.
//!
//! A restore verifies the given file first (it is migrated and checked where it lies), then ends what it says is under way
//! (the processes of that life are not there), gives it a new incarnation and only then takes the place of the board. The
//! replaced file is kept beside it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use crate::kernel::board::Board;
use crate::kernel::caller::Caller;
use crate::kernel::error::{Fault, Refusal, VerbError};
use crate::kernel::ids::EpochSeconds;
use crate::kernel::outcome::{Evidence, ProcessEnd, VerdictMode};
use crate::kernel::policy::Policy;
use crate::kernel::random::Random;
use crate::kernel::store::{self, Birth, Connection, Missing, OpenError};
use crate::kernel::verbs::CloseRun;

/// Why a restore was not done. The live board is untouched.
#[derive(Debug, Error)]
pub enum RestoreError {
    /// The given file is not taken.
    #[error("the backup is refused: {0}")]
    Backup(#[from] OpenError),
    /// Runs are open.
    #[error("{count} run(s) are open; a restore would lose them")]
    OpenRuns {
        /// How many.
        count: usize,
    },
    /// Something failed.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The board refuses a step of it.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl From<VerbError> for RestoreError {
    fn from(error: VerbError) -> Self {
        match error {
            VerbError::Refused(refusal) => Self::Refused(refusal),
            VerbError::Failed(fault) => Self::Fault(fault),
        }
    }
}

/// Writes a copy of the board into a new file, as of one instant, without holding up the writer.
///
/// # Errors
/// [`Fault::Database`], also when the file is there.
pub fn backup(connection: &Connection, to: &Path) -> Result<(), Fault> {
    store::backup::copy_into(connection, to)
}

/// Reads a board file through: its schema, every page.
///
/// # Errors
/// [`OpenError`]; the file is only read.
pub fn verify(file: &Path) -> Result<(), OpenError> {
    store::verify(file)
}

/// Makes a file that somebody gave into a board that may take the place of another.
///
/// # Errors
/// [`RestoreError`]; the live board is untouched.
pub fn prepare(
    staged: &Path,
    incarnation: &str,
    now: EpochSeconds,
    random: Box<dyn Random>,
) -> Result<(), RestoreError> {
    let birth = Birth { install_id: String::new(), incarnation: incarnation.to_owned(), now };
    let policy = Arc::new(Policy::default());
    let mut board = Board::open(staged, Missing::Refuse, &birth, policy, random)?;
    let open = board.read::<_, Fault>(store::runs::list_open_supervised)?;
    let caller = Caller::System { part: "restore" };
    for run in open {
        let message = "restored from a backup that was taken while it ran".to_owned();
        let verb = CloseRun {
            run_id: run.id,
            verdict_mode: VerdictMode::Report,
            evidence: Evidence::of(ProcessEnd::Lost { message, is_host_fault: false }),
            launch: None,
        };
        board.run_one(now, &caller, None, &verb)?;
    }
    board.begin_new_life(incarnation)?;
    board.close()?;
    Ok(())
}

/// Puts a prepared file in the place of the board at `path`; nobody may have that open. Returns where the old file is kept.
///
/// # Errors
/// [`Fault::Database`]; the board is what it was.
pub fn swap(staged: &Path, path: &Path) -> Result<PathBuf, Fault> {
    let kept = with_suffix(path, ".before-restore");
    let failed = |doing: &str| {
        let doing = doing.to_owned();
        move |error: std::io::Error| Fault::Database {
            doing,
            detail: error.to_string(),
            retryable: false,
        }
    };
    remove_if_there(&kept).map_err(failed("remove an older replaced board"))?;
    if path.exists() {
        std::fs::hard_link(path, &kept).map_err(failed("keep the replaced board"))?;
    }
    for suffix in ["-wal", "-shm"] {
        remove_if_there(&with_suffix(path, suffix)).map_err(failed("remove the old journal"))?;
        remove_if_there(&with_suffix(staged, suffix)).map_err(failed("remove a journal"))?;
    }
    std::fs::rename(staged, path).map_err(failed("put the backup in its place"))?;
    Ok(kept)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn remove_if_there(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
