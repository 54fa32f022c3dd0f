//! Whether the files of the board are still those that SQLite has open.
//!
//! SQLite continues to write into a file whose name leads elsewhere: removed, renamed, replaced by a copy. What it commits then
//! is durable and cannot be found by the next start. So the daemon looks before each commit and again before each answer:
//! device and inode of `kanban.db`, `-wal` and `-shm` at their paths, and the first bytes of the database. That costs three
//! calls of stat(2) and one of pread(2), some microseconds.
//!
//! What SQLite has open is known by looking, once, right after it has opened: the file at the path must be among this
//! process's descriptors.
//!
//! # Locks
//! SQLite's locks are those of fcntl(2): closing *any* descriptor of a file takes the process's locks on it away. The
//! descriptor through which the first bytes are read is therefore kept as long as a connection may be open, and nothing else
//! of the daemon may open these files. stat(2) opens nothing.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use thiserror::Error;

use crate::os::workspaces::marked::FileIdentity;

/// The first bytes of a database that are looked at, bytes. See "The Database Header" of SQLite's file format.
const HEAD_BYTES: usize = 100;

/// Parts of the head that never change while a database is open, as offset and length: magic, page size, versions and
/// reserved space; text encoding; application id.
const FIXED: [(usize, usize); 3] = [(0, 24), (56, 4), (68, 4)];

/// Why nothing may be written into the board.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BoardLoss {
    /// The path leads nowhere.
    #[error("{} is gone: it was removed or renamed while it was open", path.display())]
    Gone {
        /// The file.
        path: PathBuf,
    },
    /// The path leads to another file.
    #[error("{} was replaced by another file while it was open", path.display())]
    Replaced {
        /// The file.
        path: PathBuf,
    },
    /// The file's contents are no longer those of the board.
    #[error("{} was overwritten while it was open: {what}", path.display())]
    Overwritten {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A check of the whole file has found that it is damaged.
    #[error("{} is damaged: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// Unknown.
    #[error("cannot inspect {}: {error}", path.display())]
    Unknown {
        /// The file.
        path: PathBuf,
        /// The system's words.
        error: String,
    },
}

impl BoardLoss {
    /// What an operator does about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Gone { .. } | Self::Replaced { .. } => {
                "`kanban backup FILE` saves the database that the daemon has open, `kanban restore FILE` restores it \
                 (while runs are open: stop the daemon first, and start it afterwards)"
            }
            Self::Overwritten { .. } | Self::Damaged { .. } => {
                "stop the daemon, `kanban restore` the newest backup, start the daemon"
            }
            Self::Unknown { .. } => "make the directory accessible again",
        }
    }

    /// The commands that help, in short.
    pub fn commands(&self) -> &'static str {
        match self {
            Self::Gone { .. } | Self::Replaced { .. } => {
                "kanban backup FILE, then kanban restore FILE"
            }
            Self::Overwritten { .. } | Self::Damaged { .. } => "kanban restore FILE",
            Self::Unknown { .. } => "kanban doctor",
        }
    }

    /// Whether what SQLite has open may still be completed from its journal. Into a file with foreign contents nothing may be
    /// written at all.
    pub fn is_intact(&self) -> bool {
        match self {
            Self::Gone { .. } | Self::Replaced { .. } => true,
            Self::Overwritten { .. } | Self::Damaged { .. } | Self::Unknown { .. } => false,
        }
    }
}

/// The files of the open board. Shared by all who ask.
#[derive(Debug)]
pub struct BoardFiles(Mutex<Open>);

#[derive(Debug)]
struct Open {
    database: Part,
    journals: [Part; 2],
    head: Head,
    /// That the contents are foreign or damaged. It holds until the board is opened again: contents that were foreign for a moment are
    /// not trusted again.
    spoilt: Option<BoardLoss>,
}

#[derive(Debug)]
struct Part {
    path: PathBuf,
    identity: FileIdentity,
}

#[derive(Debug)]
struct Head {
    file: File,
    bytes: [u8; HEAD_BYTES],
    /// The largest length that was seen, bytes.
    length: u64,
}

impl BoardFiles {
    /// Learns which files the board at `database` consists of. A connection must have opened it just now, and nothing else of
    /// this process.
    ///
    /// # Errors
    /// The files at the paths are not those that are open, or cannot be looked at.
    pub fn learn(database: &Path) -> Result<Self, BoardLoss> {
        let (database, journals) = learn_parts(database)?;
        let head = Head::open(&database)?;
        Ok(Self(Mutex::new(Open { database, journals, head, spoilt: None })))
    }

    /// The same again after every connection was closed and the board was opened again.
    ///
    /// # Errors
    /// As [`BoardFiles::learn`]; then nothing may be written.
    pub fn learn_again(&self, database: &Path) -> Result<(), BoardLoss> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (database, journals) = learn_parts(database)?;
        if database.identity != open.database.identity {
            // No connection has the old file open, so closing its head takes nothing away.
            open.head = Head::open(&database)?;
        }
        (open.database, open.journals, open.spoilt) = (database, journals, None);
        Ok(())
    }

    /// Has nothing more be written into a file that is damaged.
    pub fn report_damage(&self, what: String) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let path = open.database.path.clone();
        open.spoilt.get_or_insert(BoardLoss::Damaged { path, what });
    }

    /// Whether writing may go on.
    ///
    /// # Errors
    /// [`BoardLoss`].
    pub fn check(&self) -> Result<(), BoardLoss> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Open { database, journals, head, spoilt } = &mut *open;
        if let Some(loss) = spoilt {
            return Err(loss.clone());
        }
        let length = database.check()?;
        let checked = head.check(&database.path, length);
        if let Err(loss @ BoardLoss::Overwritten { .. }) = &checked {
            *spoilt = Some(loss.clone());
        }
        checked?;
        journals.iter().try_for_each(|part| part.check().map(drop))
    }
}

impl Part {
    /// Compares what the path leads to; returns the file's length.
    fn check(&self) -> Result<u64, BoardLoss> {
        let (identity, length) = look(&self.path)?;
        if identity == self.identity {
            Ok(length)
        } else {
            Err(BoardLoss::Replaced { path: self.path.clone() })
        }
    }
}

impl Head {
    fn open(database: &Part) -> Result<Self, BoardLoss> {
        let path = &database.path;
        let unknown = |error| unknown(path, &error);
        let file = File::open(path).map_err(unknown)?;
        let found = FileIdentity::of(&file).map_err(unknown)?;
        if found != database.identity {
            return Err(BoardLoss::Replaced { path: path.clone() });
        }
        let mut bytes = [0; HEAD_BYTES];
        file.read_exact_at(&mut bytes, 0).map_err(unknown)?;
        let length = file.metadata().map_err(unknown)?.len();
        Ok(Self { file, bytes, length })
    }

    /// Compares what never changes, and the length with the number of pages that the head tells of: a file may shrink, but
    /// never below that.
    fn check(&mut self, path: &Path, length: u64) -> Result<(), BoardLoss> {
        let overwritten =
            |what: &str| BoardLoss::Overwritten { path: path.to_owned(), what: what.to_owned() };
        let mut bytes = [0; HEAD_BYTES];
        match self.file.read_exact_at(&mut bytes, 0) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(overwritten("its database header is gone"));
            }
            read => read.map_err(|error| unknown(path, &error))?,
        }
        let is_same = FIXED.iter().all(|(offset, count)| {
            let range = *offset..offset + count;
            bytes.get(range.clone()) == self.bytes.get(range)
        });
        if !is_same {
            return Err(overwritten("its header is that of another database"));
        }
        if length < self.length && length < told_length(&bytes) {
            return Err(overwritten("it is shorter than its header says"));
        }
        self.length = length;
        Ok(())
    }
}

/// The length of a database by its head: page size times pages.
fn told_length(head: &[u8; HEAD_BYTES]) -> u64 {
    let number = |range: std::ops::Range<usize>| {
        head.get(range).into_iter().flatten().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte))
    };
    let page_size = match number(16..18) {
        1 => 65536,
        size => size,
    };
    page_size * number(28..32)
}

/// The database with links resolved, as SQLite opens it, and its two journals.
fn learn_parts(database: &Path) -> Result<(Part, [Part; 2]), BoardLoss> {
    let real = database.canonicalize().map_err(|error| unknown(database, &error))?;
    let beside = |suffix: &str| {
        let mut name = real.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let own = own_descriptors().map_err(|error| unknown(database, &error))?;
    let part = |path: PathBuf| {
        let (identity, _) = look(&path)?;
        if own.contains(&identity) {
            Ok(Part { path, identity })
        } else {
            Err(BoardLoss::Replaced { path })
        }
    };
    Ok((part(database.to_owned())?, [part(beside("-wal"))?, part(beside("-shm"))?]))
}

fn look(path: &Path) -> Result<(FileIdentity, u64), BoardLoss> {
    match std::fs::metadata(path) {
        Ok(found) => Ok((FileIdentity { device: found.dev(), inode: found.ino() }, found.len())),
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            Err(BoardLoss::Gone { path: path.to_owned() })
        }
        Err(error) => Err(unknown(path, &error)),
    }
}

fn unknown(path: &Path, error: &io::Error) -> BoardLoss {
    BoardLoss::Unknown { path: path.to_owned(), error: error.to_string() }
}

/// What this process has open. Nothing is opened or closed by the look but the directory itself.
fn own_descriptors() -> io::Result<Vec<FileIdentity>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd")? {
        // One that was closed meanwhile is none of the board's.
        if let Ok(file) = std::fs::metadata(entry?.path()) {
            found.push(FileIdentity { device: file.dev(), inode: file.ino() });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::fs::symlink;

    use super::*;

    /// A head of a database of `pages` pages of 4096 bytes, and the pages.
    fn contents(pages: u32) -> Vec<u8> {
        let mut bytes = vec![0; 4096 * pages as usize];
        bytes[..16].copy_from_slice(b"SQLite format 3\0");
        bytes[16..18].copy_from_slice(&[0x10, 0]);
        bytes[28..32].copy_from_slice(&pages.to_be_bytes());
        bytes
    }

    struct Bench {
        dir: tempfile::TempDir,
        files: BoardFiles,
        _open: Vec<File>,
    }

    impl Bench {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let mut open = Vec::new();
            for (name, bytes) in [("b.db", contents(4)), ("b.db-wal", vec![]), ("b.db-shm", vec![])]
            {
                let mut file = File::create(dir.path().join(name)).unwrap();
                file.write_all(&bytes).unwrap();
                open.push(file);
            }
            let files = BoardFiles::learn(&dir.path().join("b.db")).unwrap();
            Self { dir, files, _open: open }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.dir.path().join(name)
        }
    }

    #[test]
    fn a_file_that_is_gone_or_replaced_is_told_and_one_that_is_back_is_the_same() {
        for name in ["b.db", "b.db-wal", "b.db-shm"] {
            let bench = Bench::new();
            assert_eq!(bench.files.check(), Ok(()));
            let (path, away) = (bench.path(name), bench.path("away"));
            std::fs::rename(&path, &away).unwrap();
            assert_eq!(bench.files.check(), Err(BoardLoss::Gone { path: path.clone() }));
            std::fs::copy(&away, &path).unwrap();
            assert_eq!(bench.files.check(), Err(BoardLoss::Replaced { path: path.clone() }));
            std::fs::rename(&away, &path).unwrap();
            assert_eq!(bench.files.check(), Ok(()));
        }
    }

    #[test]
    fn a_directory_on_the_way_that_leads_elsewhere_is_told() {
        let bench = Bench::new();
        let link = bench.path("link");
        symlink(bench.dir.path(), &link).unwrap();
        let files = BoardFiles::learn(&link.join("b.db")).unwrap();
        assert_eq!(files.check(), Ok(()));
        std::fs::remove_file(&link).unwrap();
        symlink("/", &link).unwrap();
        assert_eq!(files.check(), Err(BoardLoss::Gone { path: link.join("b.db") }));
    }

    #[test]
    fn overwritten_contents_are_told_and_a_file_that_grows_or_shrinks_by_itself_is_fine() {
        let write = |bench: &Bench, bytes: &[u8]| {
            // In place, as `cp` does.
            let mut file = File::create(bench.path("b.db")).unwrap();
            file.write_all(bytes).unwrap();
        };
        let set = |offset: usize, byte: u8| {
            let mut bytes = contents(4);
            bytes[offset] = byte;
            bytes
        };
        for (what, bytes, is_fine) in [
            ("more pages", contents(6), true),
            ("fewer pages", contents(3), true),
            ("another number of changes", set(27, 9), true),
            ("another schema version", set(63, 9), true),
            ("nothing", vec![], false),
            ("text", b"notes\n".repeat(100), false),
            ("another page size", set(16, 0x20), false),
            ("another application", set(68, 1), false),
            ("another encoding", set(59, 2), false),
            ("half of it", contents(4)[..8192].to_vec(), false),
        ] {
            let bench = Bench::new();
            assert_eq!(bench.files.check(), Ok(()), "before {what}");
            write(&bench, &bytes);
            let found = bench.files.check();
            let message = matches!(&found, Err(BoardLoss::Overwritten { .. }));
            assert_eq!((found.is_ok(), message), (is_fine, !is_fine), "{what}: {found:?}");
            write(&bench, &contents(4));
            assert_eq!(bench.files.check(), found, "it is not trusted again after {what}");
        }
    }

    #[test]
    fn files_that_are_not_open_are_not_learned() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("b.db");
        for name in ["b.db", "b.db-wal", "b.db-shm"] {
            std::fs::write(dir.path().join(name), contents(1)).unwrap();
        }
        let refused = BoardFiles::learn(&path).unwrap_err();
        assert_eq!(refused, BoardLoss::Replaced { path });
    }
}
