//! Backup and restore: a whole database for another.
//!
//! A restore looks at the given file first, where it lies and so that nothing in it acts: its structure has to be that of a board
//! of its version, every page and every index whole. Then it is migrated and every row is read once; what it says is under way
//! is ended (the processes of that life are not there); it gets a new incarnation, and only then takes the place of the board.
//! The replaced file is kept beside it.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::kernel::board::Board;
use crate::kernel::caller::Caller;
use crate::kernel::error::{Fault, Refusal, VerbError};
use crate::kernel::ids::EpochSeconds;
use crate::kernel::outcome::{Evidence, ProcessEnd, VerdictMode};
use crate::kernel::random::Random;
pub use crate::kernel::store::Verified;
pub use crate::kernel::store::backup_files::{
    AttachedFile, FileSink, FileSource, KeptFiles, Sizes,
};
use crate::kernel::store::{self, Connection, OpenError};
use crate::kernel::verbs::{CloseRun, PauseAllSchedules, SupersedeOutbox};

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

/// Adds the attached files to a copy of the board. One that cannot be read is noted in the copy as lost.
///
/// # Errors
/// [`Fault`]: the copy cannot be written, and is good for nothing.
pub fn add_files(copy: &Path, source: &dyn FileSource) -> Result<(), Fault> {
    store::backup_files::add(copy, source)
}

/// How large a backup of the board would be.
///
/// # Errors
/// [`Fault::Database`].
pub fn sizes(connection: &Connection) -> Result<Sizes, Fault> {
    store::backup_files::sizes(connection)
}

/// Whether a restore would take the file at `path`: its structure, every page, every row, every attached file. It is only read.
///
/// # Errors
/// [`OpenError`].
pub fn verify_to_restore(path: &Path) -> Result<Verified, OpenError> {
    let verified = store::inspect(path)?;
    store::rows_of_backup::read_all(path)?;
    Ok(verified)
}

/// Reads a database through: its schema, every page, every index. Nothing in it acts.
///
/// # Errors
/// [`OpenError`]; the file is only read.
pub fn verify(file: &Path) -> Result<Verified, OpenError> {
    store::verify(file)
}

/// Moves what lies in the journals of a copy into it. Nothing in it acts.
///
/// # Errors
/// [`OpenError`].
pub fn complete(copy: &Path) -> Result<(), OpenError> {
    store::complete(copy)
}

/// The installation of a database; none when unknown.
pub fn installation_of(file: &Path) -> Option<String> {
    store::installation_of(file)
}

/// What a restored board is called from now on.
#[derive(Debug, Clone, Copy)]
pub struct NewLife<'a> {
    /// Names this life of the database.
    pub incarnation: &'a str,
    /// The installation of the home that it comes to; the file's own when the home has none.
    pub install_id: Option<&'a str>,
    /// Epoch seconds.
    pub now: EpochSeconds,
}

/// A board that may take the place of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// The installation that it is of now.
    pub install_id: String,
    /// Schedules that were paused: what the file says of the past is not what was.
    pub schedules_paused: usize,
    /// Attached files that were handed out, for every task that has them.
    pub files: Vec<AttachedFile>,
    /// Attached files that the backup does not hold.
    pub files_missing: u64,
}

/// What is made beside a staged file while attached files are taken out of it.
pub const COMPACT_SUFFIX: &str = ".board";

/// Makes a given file into a board that may take the place of another. Its attached files go to `sink`, after the SHA-256 of each
/// was found right.
///
/// # Errors
/// [`RestoreError`]; the live board is untouched.
pub fn prepare(
    staged: &Path,
    life: NewLife<'_>,
    random: Box<dyn Random>,
    sink: &mut dyn FileSink,
) -> Result<Prepared, RestoreError> {
    let NewLife { incarnation, install_id, now } = life;
    let found = store::inspect(staged)?;
    let compact = with_suffix(staged, COMPACT_SUFFIX);
    let files = store::backup_files::take_out(staged, &compact, sink)?;
    let mut board = Board::open_staged(staged, random)?;
    board.read(|connection| {
        store::check::read_every_row(connection).map_err(|problem| {
            let path = staged.to_owned();
            RestoreError::Backup(OpenError::Damaged { path, detail: problem })
        })
    })?;
    let open = board.read::<_, Fault>(store::runs::list_open_supervised)?;
    let caller = Caller::System { part: "restore" };
    // What waited then may have been sent since.
    board.run_one(now, &caller, None, &SupersedeOutbox { life: incarnation.to_owned() })?;
    for run in open {
        let message = "restored from a backup made while it ran".to_owned();
        let verb = CloseRun {
            run_id: run.id,
            verdict_mode: VerdictMode::Report,
            evidence: Evidence::of(ProcessEnd::Lost { message, is_host_fault: false }),
            launch: None,
        };
        board.run_one(now, &caller, None, &verb)?;
    }
    let why = "paused by the restore of a backup".to_owned();
    let schedules_paused = board.run_one(now, &caller, None, &PauseAllSchedules { why })?.0;
    let install_id = install_id.unwrap_or(&found.install.install_id);
    board.begin_new_life(incarnation, install_id)?;
    board.close()?;
    let files_missing = found.files.left_out + found.files.lost.len() as u64;
    Ok(Prepared { install_id: install_id.to_owned(), schedules_paused, files, files_missing })
}

/// Puts a prepared file in the place of the board at `path`; nobody may have that open. Returns where the old file is kept: under
/// a name that nothing had, and with what its journal holds.
///
/// # Errors
/// [`Fault::Database`]; the board is what it was.
pub fn swap(staged: &Path, path: &Path) -> Result<PathBuf, Fault> {
    let failed = |doing: &str| {
        let doing = doing.to_owned();
        move |error: std::io::Error| Fault::Database {
            doing,
            detail: error.to_string(),
            retryable: false,
        }
    };
    remove_if_there(&with_suffix(staged, "-wal")).map_err(failed("remove a journal"))?;
    remove_if_there(&with_suffix(staged, "-shm")).map_err(failed("remove a journal"))?;
    let kept = free_name(path);
    if path.exists() {
        std::fs::hard_link(path, &kept).map_err(failed("move the replaced database away"))?;
    }
    let wal = with_suffix(path, "-wal");
    let has_journal = std::fs::metadata(&wal).is_ok_and(|journal| journal.len() > 0);
    if has_journal && kept.symlink_metadata().is_ok() {
        // What was committed and not moved yet stays with its file.
        std::fs::rename(&wal, with_suffix(&kept, "-wal"))
            .map_err(failed("move its journal away"))?;
    }
    remove_if_there(&wal).map_err(failed("remove the old journal"))?;
    remove_if_there(&with_suffix(path, "-shm")).map_err(failed("remove the old journal"))?;
    std::fs::rename(staged, path).map_err(failed("move the backup into place"))?;
    Ok(kept)
}

/// The first of `….before-restore`, `….before-restore.2` … that nothing has, and nothing beside it.
fn free_name(path: &Path) -> PathBuf {
    let mut number = 1_u32;
    loop {
        let ending = if number == 1 {
            ".before-restore".to_owned()
        } else {
            format!(".before-restore.{number}")
        };
        let name = with_suffix(path, &ending);
        let is_free = |suffix| with_suffix(&name, suffix).symlink_metadata().is_err();
        if ["", "-wal", "-shm", "-journal"].into_iter().all(is_free) {
            return name;
        }
        number += 1;
    }
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
