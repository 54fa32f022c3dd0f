//! A board file of the predecessor, read from a copy.
//!
//! SQLite may write beside a file that it only reads, and the owner of the file may be writing to it. So the file and its
//! journal are copied into a private directory, again until neither has changed meanwhile, and only the copy is opened. The
//! `-shm` beside it is memory of other processes and means nothing here.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::cli::commands::import::{Source, scratch};
use crate::cli::failure::Failure;
use crate::cli::files::PrivateDir;
use crate::kernel::error::ErrorCode;
use crate::kernel::transfer::fit::fit;
use crate::kernel::transfer::hermes::{HermesBoard, read};
use crate::kernel::transfer::record::TaskRecord;
use crate::kernel::transfer::report::{ColumnLeftOut, LeftOut, Note, Told};

/// Attempts at a copy that nobody writes into.
const ATTEMPTS: usize = 20;

/// What belongs to a database file beside its `-shm`.
const SUFFIXES: [&str; 3] = ["", "-wal", "-journal"];

pub(super) struct HermesFile {
    board: HermesBoard,
}

impl HermesFile {
    /// Reads the file at `path`.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let unreadable = |error: io::Error| {
            Failure::refused(
                ErrorCode::InvalidValue,
                format!("{} cannot be read: {error}", path.display()),
            )
        };
        // A journal lies beside the file itself, not beside a link to it.
        let real = path.canonicalize().map_err(unreadable)?;
        if real.is_dir() {
            let told = format!("{} is a directory", path.display());
            return Err(Failure::refused(ErrorCode::InvalidValue, told)
                .with_hint("the board is the file kanban.db in it"));
        }
        let folder = PrivateDir::new("kanban-import").map_err(unreadable)?;
        let copy = folder.path().join("board.db");
        let is_still = copy_still(&real, &copy).map_err(unreadable)?;
        if !is_still {
            let told = format!("{} is being written to all the time", path.display());
            return Err(Failure::refused(ErrorCode::InvalidValue, told)
                .with_hint("stop the program that uses it, or copy the file first"));
        }
        let mut board = read(&copy, path)
            .map_err(|error| Failure::refused(ErrorCode::InvalidValue, error.to_string()))?;
        for record in &mut board.records {
            let mut told = Told::of(&record.task.id);
            fit(record, &mut told);
            told.notes.extend(scratch::tell(record, &real));
            board.notes.extend(Note::all_of(&record.task.id, told.notes));
            board.left_out.extend(told.left_out);
        }
        Ok(Self { board })
    }
}

impl Source for HermesFile {
    fn kind(&self) -> &'static str {
        "hermes"
    }

    fn each(&self, take: &mut dyn FnMut(TaskRecord) -> Result<(), Failure>) -> Result<(), Failure> {
        self.board.records.iter().cloned().try_for_each(take)
    }

    fn links(&self) -> Vec<(String, String)> {
        self.board.links.clone()
    }

    fn notes(&self) -> &[Note] {
        &self.board.notes
    }

    fn left_out(&self) -> &[LeftOut] {
        &self.board.left_out
    }

    fn columns_left_out(&self) -> &[ColumnLeftOut] {
        &self.board.columns
    }
}

/// Copies the file and what belongs to it; false when it never stood still.
fn copy_still(from: &Path, to: &Path) -> io::Result<bool> {
    for _ in 0..ATTEMPTS {
        let before = stamps(from)?;
        for suffix in SUFFIXES {
            copy_one(&with_suffix(from, suffix), &with_suffix(to, suffix), suffix.is_empty())?;
        }
        if stamps(from)? == before {
            return Ok(true);
        }
    }
    Ok(false)
}

fn copy_one(from: &Path, to: &Path, is_needed: bool) -> io::Result<()> {
    match File::open(from) {
        Ok(mut source) => {
            let mut target = File::create(to)?;
            io::copy(&mut source, &mut target).map(drop)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && !is_needed => {
            match std::fs::remove_file(to) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                Ok(()) | Err(_) => Ok(()),
            }
        }
        Err(error) => Err(error),
    }
}

/// What changes when somebody writes: which file it is, its length and its time; none where there is no file.
type Stamp = Option<(u64, u64, i64, i64)>;

fn stamps(path: &Path) -> io::Result<Vec<Stamp>> {
    let stamp = |suffix: &&str| match std::fs::metadata(with_suffix(path, suffix)) {
        Ok(file) => Ok(Some((file.ino(), file.len(), file.mtime(), file.mtime_nsec()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    };
    SUFFIXES.iter().map(stamp).collect()
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
