//! What a database is opened with, and why one is not opened.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// Oldest SQLite that may be linked: 3.51.3.
pub const SQLITE_VERSION_MIN: i32 = 3_051_003;

/// Differences of a file that are reported one by one.
const TOLD_MAX: usize = 5;

/// Something that a file has and should not, or should have and has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// One line for people.
    pub description: String,
    /// The statement that takes it away, where one does.
    pub remedy: Option<String>,
}

/// Why a database file was not opened. Nothing was changed in it.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The linked SQLite is too old.
    #[error("{}", self.problem())]
    OldLibrary {
        /// Its version number.
        found: i32,
    },
    /// The file was written by a newer program.
    #[error("{path} {}", self.problem())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version known here.
        known: i64,
        /// The copy that was kept before the newest migration away from a version known here, if it is still there.
        kept: Option<PathBuf>,
    },
    /// The file is not a board.
    #[error("{path} {}", self.problem())]
    NotABoard {
        /// The file.
        path: PathBuf,
        /// What is missing.
        detail: String,
    },
    /// The file is damaged.
    #[error("{path} {}", self.problem())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the check said.
        detail: String,
    },
    /// The file has a structure of its own.
    #[error("{path} {}", self.problem())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// In what it differs from a board.
        differences: Vec<Difference>,
    },
    /// There is no room to bring the file up to date.
    #[error("{path} {}", self.problem())]
    NoRoom {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// Bytes that are free.
        free_bytes: u64,
        /// Bytes that the copy, the new tables and the journal take at most.
        needed_bytes: u64,
    },
    /// The file could not be opened or read.
    #[error("{path} {}", self.problem())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// The system's words.
        detail: String,
    },
}

impl OpenError {
    /// What is wrong with the file, without its name.
    pub fn problem(&self) -> String {
        match self {
            Self::OldLibrary { found } => {
                format!("SQLite {found} is too old: {SQLITE_VERSION_MIN} or later is required")
            }
            Self::Newer { found, known, kept, .. } => {
                let description = format!(
                    "has schema version {found}, but this program supports versions up to {known}: use the kanband that wrote it"
                );
                match kept {
                    Some(kept) => format!(
                        "{description}, or restore the backup made before the upgrade (later changes are lost): kanban restore {}",
                        kept.display()
                    ),
                    None => description,
                }
            }
            Self::NoRoom { found, free_bytes, needed_bytes, .. } => format!(
                "has schema version {found}; upgrading it takes up to {} MiB for the kept copy, the new tables and the \
                 journal, and {} MiB are free: free some space, then start kanband again",
                needed_bytes.div_ceil(1024 * 1024),
                free_bytes / (1024 * 1024)
            ),
            Self::NotABoard { detail, .. } => format!("is not a database of kanband: {detail}"),
            Self::Damaged { detail, .. } => format!("is damaged: {}", detail.replace('\n', " ")),
            Self::Foreign { differences, .. } => {
                let description: Vec<&str> = differences
                    .iter()
                    .take(TOLD_MAX)
                    .map(|found| found.description.as_str())
                    .collect();
                let more = match differences.len().saturating_sub(TOLD_MAX) {
                    0 => String::new(),
                    more => format!("; and {more} more"),
                };
                format!(
                    "does not have the structure of a kanband database: {}{more}",
                    description.join("; ")
                )
            }
            Self::Unusable { detail, .. } => format!("cannot be opened: {detail}"),
        }
    }

    /// The statements that would make the file a board again, where statements do.
    pub fn remedy(&self) -> Option<String> {
        let Self::Foreign { differences, .. } = self else { return None };
        let statements: Option<Vec<&str>> =
            differences.iter().map(|found| found.remedy.as_deref()).collect();
        Some(statements?.join(" "))
    }

    pub(super) fn from_sqlite(path: &Path, error: &rusqlite::Error) -> Self {
        let path = path.to_owned();
        let detail = error.to_string();
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) => {
                Self::Damaged { path, detail }
            }
            _ => Self::Unusable { path, detail },
        }
    }
}

/// Whether a missing file is made, and an empty one filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Make it.
    Create,
    /// Refuse.
    Refuse,
}

/// Values of a new database, made by the caller because they are random.
#[derive(Debug, Clone)]
pub struct Birth {
    /// Id of this installation; never changes.
    pub install_id: String,
    /// Names this life of the database; a restore begins a new one.
    pub incarnation: String,
    /// Epoch seconds.
    pub now: i64,
}
