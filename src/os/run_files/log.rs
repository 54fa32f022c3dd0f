//! A worker's output on disk: its beginning and its end, within a fixed size.
//!
//! ```text
//! PATH          the first `head_bytes` of the output
//! PATH.tail.0   } the end: two segments filled in turn, `tail_bytes` each, so that at least
//! PATH.tail.1   } the last `tail_bytes` are always there
//! ```
//!
//! Each segment begins with a line of fixed length that says how many bytes of output lie between the end of
//! the head and the segment's own first byte; it tells a reader which segment is older and what is missing.
//! One log belongs to one start: opening it for writing empties what an earlier one left.
//!
//! Writing never fails. What cannot be written is counted, and once writing works again a line in its place
//! says how much is lost: a full disk must cost output, not the worker.

mod follower;
mod format;
mod reader;

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

use format::{header, segment_path};

pub use follower::LogFollower;
pub use reader::{RunLogText, read_log};

/// Least size of a segment: smaller ones would be rotated more than written.
const SEGMENT_BYTES_MIN: u64 = 4_096;

/// How far a log is: two marks that differ mean that something was written between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogMark {
    /// Bytes of all its files.
    bytes: u64,
    /// When one of them was last written, nanoseconds since 1970; turning segments may leave the size as it was.
    modified_ns: i128,
}

impl LogMark {
    /// The mark of a log of which nothing is there.
    pub const NONE: Self = Self { bytes: 0, modified_ns: 0 };
}

/// Marks how far the log at `path` is. A file that is not there counts as empty.
pub fn mark(path: &Path) -> LogMark {
    let files = [path.to_owned(), segment_path(path, 0), segment_path(path, 1)];
    let mut mark = LogMark::NONE;
    for metadata in files.iter().filter_map(|file| std::fs::symlink_metadata(file).ok()) {
        let modified_ns =
            i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
        mark.bytes = mark.bytes.saturating_add(metadata.len());
        mark.modified_ns = mark.modified_ns.max(modified_ns);
    }
    mark
}

/// Writes one worker's output.
#[derive(Debug)]
pub struct RunLogWriter {
    path: PathBuf,
    head: File,
    head_room: u64,
    segments: [Segment; 2],
    current: usize,
    segment_bytes: u64,
    /// Output that came after the head, lost bytes included.
    past_head: u64,
    /// Lost since the last successful write.
    gap_bytes: u64,
    gap_cause: String,
    lost_bytes: u64,
}

/// A segment, opened when it is first needed and then kept open: no later renaming can divert it.
#[derive(Debug, Default)]
struct Segment {
    file: Option<File>,
    /// Output it has taken, lost bytes included; `None` until its first line is written.
    taken: Option<u64>,
}

impl RunLogWriter {
    /// Opens the log at `path`, whose directory must exist, and empties it.
    ///
    /// # Errors
    /// The head cannot be opened, or is a symbolic link or no regular file.
    pub fn open(path: &Path, head_bytes: u64, tail_bytes: u64) -> io::Result<Self> {
        for index in 0..2 {
            match std::fs::remove_file(segment_path(path, index)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(Self {
            path: path.to_owned(),
            head: open_emptied(path)?,
            head_room: head_bytes,
            segments: [Segment::default(), Segment::default()],
            current: 0,
            segment_bytes: tail_bytes.max(SEGMENT_BYTES_MIN),
            past_head: 0,
            gap_bytes: 0,
            gap_cause: String::new(),
            lost_bytes: 0,
        })
    }

    /// Bytes that should have been kept but could not be written.
    pub fn lost_bytes(&self) -> u64 {
        self.lost_bytes
    }

    /// Appends output.
    pub fn write(&mut self, bytes: &[u8]) {
        let (head, mut rest) = split_at_most(bytes, self.head_room);
        if !head.is_empty() {
            self.head_room -= length(head);
            self.append_to_head(head);
        }
        while !rest.is_empty() {
            let room = self.room_in_segment();
            let (now, later) = split_at_most(rest, room);
            self.append_to_segment(now);
            self.past_head += length(now);
            rest = later;
        }
    }

    fn append_to_head(&mut self, bytes: &[u8]) {
        let note = self.gap_note();
        let written = append(&mut self.head, &note).and_then(|()| {
            self.gap_bytes = 0;
            append(&mut self.head, bytes)
        });
        self.settle(written, bytes);
    }

    /// Room in the current segment, after turning to the other one when it is full. Never 0.
    fn room_in_segment(&mut self) -> u64 {
        let is_full =
            |segment: &Segment| segment.taken.is_some_and(|taken| taken >= self.segment_bytes);
        if self.segments.get(self.current).is_some_and(is_full) {
            self.current = 1 - self.current;
            if let Some(next) = self.segments.get_mut(self.current) {
                next.taken = None;
            }
        }
        let taken = self.segments.get(self.current).and_then(|segment| segment.taken).unwrap_or(0);
        self.segment_bytes - taken
    }

    fn append_to_segment(&mut self, bytes: &[u8]) {
        let note = self.gap_note();
        let path = segment_path(&self.path, self.current);
        let Some(segment) = self.segments.get_mut(self.current) else { return };
        let written = segment.begin(&path, self.past_head).and_then(|file| {
            append(file, &note)?;
            self.gap_bytes = 0;
            append(file, bytes)
        });
        if let Some(taken) = &mut segment.taken {
            *taken += length(bytes);
        }
        self.settle(written, bytes);
    }

    /// Counts what a failed write has lost.
    fn settle(&mut self, written: Result<(), ShortWrite>, bytes: &[u8]) {
        if let Err(failed) = written {
            let lost = length(bytes).saturating_sub(failed.written_bytes);
            self.lost_bytes += lost;
            self.gap_bytes += lost;
            self.gap_cause = failed.error.to_string();
        }
    }

    /// The line that stands for what was lost just before; empty when nothing was.
    fn gap_note(&self) -> Vec<u8> {
        if self.gap_bytes == 0 {
            return Vec::new();
        }
        format!("\n… [{} bytes lost: {}] …\n", self.gap_bytes, self.gap_cause).into_bytes()
    }
}

impl Segment {
    /// The segment's file, emptied and with its first line when it is used again.
    fn begin(&mut self, path: &Path, past_head: u64) -> Result<&mut File, ShortWrite> {
        let file = match self.file.take() {
            Some(file) => file,
            None => open_emptied(path)?,
        };
        let file = self.file.insert(file);
        if self.taken.is_none() {
            file.set_len(0)?;
            append(file, &header(past_head))
                .map_err(|failed| ShortWrite { written_bytes: 0, ..failed })?;
            self.taken = Some(0);
        }
        Ok(file)
    }
}

/// A write that did not take everything.
#[derive(Debug)]
struct ShortWrite {
    written_bytes: u64,
    error: io::Error,
}

impl From<io::Error> for ShortWrite {
    fn from(error: io::Error) -> Self {
        Self { written_bytes: 0, error }
    }
}

fn append(file: &mut File, bytes: &[u8]) -> Result<(), ShortWrite> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let error = match file.write(rest) {
            Ok(0) => io::Error::from(io::ErrorKind::WriteZero),
            Ok(written) => {
                rest = rest.get(written..).unwrap_or_default();
                continue;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => error,
        };
        return Err(ShortWrite { written_bytes: length(bytes) - length(rest), error });
    }
    Ok(())
}

fn open_emptied(path: &Path) -> io::Result<File> {
    // O_NONBLOCK: a pipe planted here must be refused, not waited for.
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(flags.bits())
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.set_len(0)?;
    Ok(file)
}

fn split_at_most(bytes: &[u8], room: u64) -> (&[u8], &[u8]) {
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    bytes.split_at(room.min(bytes.len()))
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
