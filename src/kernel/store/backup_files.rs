//! The attached files in a backup: rows of a table that only a copy of the board has.
//!
//! A file is there once, by its SHA-256, in chunks that are counted from 0. One that could not be read when the copy was made is a
//! single chunk without bytes, so that a backup from which something was taken away differs from one that never had it.

use std::io::{self, Read};
use std::path::Path;

use rusqlite::{Connection as Raw, OpenFlags, Row, params};
use sha2::{Digest as _, Sha256};

use super::connection::Connection;
use super::faults::Doing as _;
use super::open_error::OpenError;
use crate::kernel::error::Fault;

/// Bytes of a chunk; the last one of a file may be shorter.
pub const CHUNK_BYTES: usize = 1024 * 1024;

/// Name of the table.
pub(super) const TABLE: &str = "backup_files";

/// The statement that makes it. Released backups have it as it stands here.
pub(super) const SCHEMA: &str = "CREATE TABLE backup_files (
  sha256 TEXT NOT NULL
    CONSTRAINT backup_files_sha256_hex CHECK (length(sha256) = 64 AND sha256 NOT GLOB '*[^0-9a-f]*'),
  chunk INTEGER NOT NULL
    CONSTRAINT backup_files_chunk_not_negative CHECK (chunk >= 0),
  bytes BLOB
    CONSTRAINT backup_files_bytes_bounded CHECK (length(bytes) <= 1048576),
  PRIMARY KEY (sha256, chunk)
) STRICT";

/// What a backup is about to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Bytes of the database, at most.
    pub database_bytes: u64,
    /// Attached files, each counted once however many tasks have it.
    pub files: u64,
    /// Their bytes.
    pub file_bytes: u64,
}

/// A file that a task has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AttachedFile {
    /// Lower-case hex.
    pub sha256: String,
    /// The task.
    pub task_id: String,
    /// How long it is.
    pub size_bytes: u64,
}

/// What is known of the files in a backup that was read through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptFiles {
    /// Whether the backup was made with files.
    pub included: bool,
    /// Files that are in it.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Those that could not be read when it was made.
    pub lost: Vec<AttachedFile>,
    /// Files that tasks have, when it was made without any.
    pub left_out: u64,
}

/// Where the bytes of attached files are read from.
pub trait FileSource {
    /// Opens one.
    ///
    /// # Errors
    /// It is not there or cannot be read.
    fn open(&self, file: &AttachedFile) -> io::Result<Box<dyn Read>>;
}

/// Who takes the bytes of attached files out of a backup.
pub trait FileSink {
    /// Takes the next chunk of a file. A file comes whole before the next one.
    ///
    /// # Errors
    /// It cannot be written.
    fn take(&mut self, sha256: &str, bytes: &[u8]) -> Result<(), Fault>;
}

/// What a backup of this board would hold.
///
/// # Errors
/// [`Fault::Database`].
pub fn sizes(connection: &Connection) -> Result<Sizes, Fault> {
    let doing = "measure the database";
    let sql = "SELECT (SELECT page_count * page_size FROM pragma_page_count('main'), pragma_page_size('main')),
                      count(*), coalesce(sum(size_bytes), 0)
               FROM (SELECT DISTINCT sha256, size_bytes FROM task_attachments)";
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let (database, files, bytes): (i64, i64, i64) =
        connection.query_row(sql, [], read).doing(doing)?;
    let of = |number: i64| u64::try_from(number).unwrap_or_default();
    Ok(Sizes { database_bytes: of(database), files: of(files), file_bytes: of(bytes) })
}

/// Every file that a task of this board has.
///
/// # Errors
/// [`Fault::Database`].
pub fn attached(connection: &Connection) -> Result<Vec<AttachedFile>, Fault> {
    list_attached(connection.raw()).doing("list attachments")
}

fn list_attached(connection: &Raw) -> rusqlite::Result<Vec<AttachedFile>> {
    let mut statement = connection.prepare(
        "SELECT DISTINCT sha256, task_id, size_bytes FROM task_attachments ORDER BY sha256, task_id",
    )?;
    let rows = statement.query_map([], |row| {
        let size: i64 = row.get(2)?;
        let size_bytes = u64::try_from(size).unwrap_or_default();
        Ok(AttachedFile { sha256: row.get(0)?, task_id: row.get(1)?, size_bytes })
    })?;
    rows.collect()
}

/// Writes the attached files into the copy of a board at `copy`, which is thrown away when this fails.
///
/// # Errors
/// [`Fault`]: the copy cannot be written. A file that cannot be read is none.
pub fn add(copy: &Path, source: &dyn FileSource) -> Result<(), Fault> {
    let doing = "write attached files into a backup";
    let connection = open_copy(copy).doing(doing)?;
    connection.execute_batch("BEGIN").doing(doing)?;
    connection.execute_batch(SCHEMA).doing(doing)?;
    let attached = list_attached(&connection).doing(doing)?;
    // Several tasks may have the same bytes; whichever copy of them is whole will do.
    for same in attached.chunk_by(|left, right| left.sha256 == right.sha256) {
        let mut is_kept = false;
        for file in same {
            is_kept = add_one(&connection, file, source).doing(doing)?;
            if is_kept {
                break;
            }
        }
        if let (false, Some(file)) = (is_kept, same.first()) {
            insert(&connection, &file.sha256, 0, None).doing(doing)?;
        }
    }
    connection.execute_batch("COMMIT").doing(doing)?;
    connection.close().map_err(|(_, error)| error).doing(doing)
}

/// Writes one file; false, and nothing of it, when what is read is not what was attached.
fn add_one(
    connection: &Raw,
    file: &AttachedFile,
    source: &dyn FileSource,
) -> rusqlite::Result<bool> {
    let Ok(mut bytes) = source.open(file) else { return Ok(false) };
    let mut hash = Sha256::new();
    let mut chunk = Vec::with_capacity(CHUNK_BYTES);
    for number in 0_i64.. {
        chunk.clear();
        let read = bytes.by_ref().take(CHUNK_BYTES as u64).read_to_end(&mut chunk);
        let is_over = read.is_err() || (chunk.is_empty() && number > 0);
        if is_over {
            break;
        }
        hash.update(&chunk);
        insert(connection, &file.sha256, number, Some(&chunk))?;
        if chunk.len() < CHUNK_BYTES {
            break;
        }
    }
    let is_whole = hex(hash) == file.sha256;
    if !is_whole {
        connection.execute("DELETE FROM backup_files WHERE sha256 = ?1", [&file.sha256])?;
    }
    Ok(is_whole)
}

fn insert(
    connection: &Raw,
    sha256: &str,
    number: i64,
    bytes: Option<&[u8]>,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT INTO backup_files (sha256, chunk, bytes) VALUES (?1, ?2, ?3)")?
        .execute(params![sha256, number, bytes])
        .map(drop)
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A copy that nobody else has open: it is whole or thrown away, so it needs no journal.
fn open_copy(copy: &Path) -> rusqlite::Result<Raw> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Raw::open_with_flags(copy, flags)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "journal_mode", "OFF")?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    Ok(connection)
}

fn has_table(connection: &Raw) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = ?1)";
    connection.query_row(sql, [TABLE], |row| row.get(0))
}

/// Whether a row of a file's backup is what should come next.
struct Reading {
    sha256: String,
    next: i64,
    bytes: u64,
    hash: Sha256,
    /// A chunk that is shorter than a whole one was seen: it is the last.
    is_over: bool,
    is_lost: bool,
}

/// Reads the files of a backup through, each against its SHA-256, and the list of them against what its tasks have.
///
/// # Errors
/// [`OpenError::Damaged`]: a chunk is missing, was changed, or is too many.
pub(super) fn verify(connection: &Raw, path: &Path) -> Result<KeptFiles, OpenError> {
    let at = |error: rusqlite::Error| OpenError::from_sqlite(path, &error);
    let damaged = |detail: String| OpenError::Damaged { path: path.to_owned(), detail };
    if !has_attachments(connection).map_err(at)? {
        return Ok(KeptFiles::default());
    }
    let attached = list_attached(connection).map_err(at)?;
    if !has_table(connection).map_err(at)? {
        let left_out = attached.chunk_by(|left, right| left.sha256 == right.sha256).count() as u64;
        return Ok(KeptFiles { left_out, ..KeptFiles::default() });
    }
    let mut kept = KeptFiles { included: true, ..KeptFiles::default() };
    let mut missing = attached.chunk_by(|left, right| left.sha256 == right.sha256);
    let mut found = |file: &Reading| {
        let of_tasks = missing.next().and_then(<[AttachedFile]>::first);
        let problem = match of_tasks {
            Some(attached) if attached.sha256 < file.sha256 => {
                Some(format!("the attached file {} is missing", attached.sha256))
            }
            Some(attached) if attached.sha256 == file.sha256 => {
                let is_short = !file.is_lost && attached.size_bytes != file.bytes;
                is_short.then(|| format!("the attached file {} is not whole", file.sha256))
            }
            Some(_) | None => Some(format!("no task has the file {}", file.sha256)),
        };
        match (problem, of_tasks) {
            (Some(problem), _) => return Err(problem),
            (None, Some(lost)) if file.is_lost => kept.lost.push(lost.clone()),
            (None, _) => {
                kept.files += 1;
                kept.bytes += file.bytes;
            }
        }
        Ok(())
    };
    each_file(connection, |_, _| Ok(()), &mut found).map_err(|error| match error {
        Walk::Sqlite(error) => at(error),
        Walk::Damaged(detail) => damaged(detail),
        Walk::Sink(fault) => damaged(fault.to_string()),
    })?;
    match missing.next().and_then(<[AttachedFile]>::first) {
        Some(file) => Err(damaged(format!("the attached file {} is missing", file.sha256))),
        None => Ok(kept),
    }
}

/// Why the files of a backup were not read to the end.
enum Walk {
    Sqlite(rusqlite::Error),
    Damaged(String),
    Sink(Fault),
}

/// Hands out every chunk in its order, and every file after its last chunk, once its SHA-256 is known to be right.
fn each_file(
    connection: &Raw,
    mut chunk: impl FnMut(&str, Option<&[u8]>) -> Result<(), Fault>,
    found: &mut impl FnMut(&Reading) -> Result<(), String>,
) -> Result<(), Walk> {
    let mut statement = connection
        .prepare("SELECT sha256, chunk, bytes FROM backup_files ORDER BY sha256, chunk")
        .map_err(Walk::Sqlite)?;
    let mut rows = statement.query([]).map_err(Walk::Sqlite)?;
    let mut reading: Option<Reading> = None;
    while let Some(row) = rows.next().map_err(Walk::Sqlite)? {
        let sha256: String = row.get(0).map_err(Walk::Sqlite)?;
        let number: i64 = row.get(1).map_err(Walk::Sqlite)?;
        let bytes = row.get_ref(2).map_err(Walk::Sqlite)?;
        let bytes = bytes.as_blob_or_null().map_err(|error| Walk::Damaged(error.to_string()))?;
        if reading.as_ref().is_none_or(|file| file.sha256 != sha256) {
            finish(reading.take(), found)?;
            reading = Some(Reading::of(sha256));
        }
        if let Some(file) = &mut reading {
            file.add(number, bytes).map_err(Walk::Damaged)?;
            chunk(&file.sha256, bytes).map_err(Walk::Sink)?;
        }
    }
    finish(reading, found)
}

fn finish(
    file: Option<Reading>,
    found: &mut impl FnMut(&Reading) -> Result<(), String>,
) -> Result<(), Walk> {
    let Some(file) = file else { return Ok(()) };
    if !file.is_lost && hex(file.hash.clone()) != file.sha256 {
        let detail = format!("the attached file {} does not have its SHA-256", file.sha256);
        return Err(Walk::Damaged(detail));
    }
    found(&file).map_err(Walk::Damaged)
}

impl Reading {
    fn of(sha256: String) -> Self {
        let hash = Sha256::new();
        Self { sha256, next: 0, bytes: 0, hash, is_over: false, is_lost: false }
    }

    fn add(&mut self, number: i64, bytes: Option<&[u8]>) -> Result<(), String> {
        let is_next = number == self.next && !self.is_over;
        if !is_next || (bytes.is_none() && number > 0) {
            return Err(format!("the attached file {} lacks a part", self.sha256));
        }
        self.next += 1;
        self.is_lost = bytes.is_none();
        let bytes = bytes.unwrap_or_default();
        self.is_over = bytes.len() < CHUNK_BYTES;
        self.bytes += bytes.len() as u64;
        self.hash.update(bytes);
        Ok(())
    }
}

fn has_attachments(connection: &Raw) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = 'task_attachments')";
    connection.query_row(sql, [], |row| row.get(0))
}

/// Hands the files of the backup at `path`, which was verified, to `sink`, and makes it a board without them: the table goes, and the
/// room that it took. `compact` is a name beside it that nothing has. Returns which files came.
///
/// # Errors
/// [`Fault`]: something cannot be written.
pub fn take_out(
    path: &Path,
    compact: &Path,
    sink: &mut dyn FileSink,
) -> Result<Vec<AttachedFile>, Fault> {
    let doing = "take the attached files out of the backup";
    let connection = open_copy(path).doing(doing)?;
    if !has_table(&connection).doing(doing)? {
        return Ok(Vec::new());
    }
    let mut came = Vec::new();
    let mut found = |file: &Reading| {
        if !file.is_lost {
            came.push(file.sha256.clone());
        }
        Ok(())
    };
    // A lost file has no bytes to hand out; an empty one has an empty chunk.
    let hand_out =
        |sha256: &str, bytes: Option<&[u8]>| bytes.map_or(Ok(()), |bytes| sink.take(sha256, bytes));
    each_file(&connection, hand_out, &mut found).map_err(|error| match error {
        Walk::Sqlite(error) => super::faults::fault(doing, &error),
        Walk::Damaged(value) => Fault::Corrupt { what: "attached file", value },
        Walk::Sink(fault) => fault,
    })?;
    let mut files = list_attached(&connection).doing(doing)?;
    files.retain(|file| came.binary_search(&file.sha256).is_ok());
    connection.execute_batch("DROP TABLE backup_files").doing(doing)?;
    super::private_file::create_private(compact).map_err(|error| Fault::File {
        doing: doing.to_owned(),
        detail: error.to_string(),
        retryable: false,
    })?;
    let into = compact.to_string_lossy().into_owned();
    connection.execute("VACUUM main INTO ?1", [into]).doing(doing)?;
    connection.close().map_err(|(_, error)| error).doing(doing)?;
    std::fs::rename(compact, path).map_err(|error| Fault::File {
        doing: doing.to_owned(),
        detail: error.to_string(),
        retryable: false,
    })?;
    Ok(files)
}
