//! A worker's output on disk: its beginning and its end, within a fixed size.
//!
//! ```text
//! PATH          the first `head_bytes` of the output
//! PATH.tail.0   } the end: two segments filled in turn, `tail_bytes` each, so that at least
//! PATH.tail.1   } the last `tail_bytes` are always there
//! PATH.times    when what was written, see `times.rs`; of a worker's log alone
//! ```
//!
//! Each segment begins with a line of fixed length that says how many bytes of output lie between the end of
//! the head and the segment's own first byte; it tells a reader which segment is older and what is missing.
//! A position in a log counts what its files have held, from the beginning of the head: output, and the lines that stand
//! for what could not be written.
//! One log belongs to one start: opening it for writing empties what an earlier one left.
//!
//! Writing never fails. What cannot be written is counted, and once writing works again a line in its place
//! says how much is lost: a full disk must cost output, not the worker.

mod emptied;
mod follower;
mod format;
mod piece;
mod reader;
mod removal;
mod times;

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use emptied::open_emptied;
use format::{header, segment_path};
use times::TimesWriter;

pub use follower::LogFollower;
pub use piece::{LogPiece, from_position, is_line_begun, last_bytes, line_begin};
pub use reader::{RunLogText, read_log};
pub use removal::{count_log_files, remove_logs_older_than};
#[cfg(test)]
pub use times::times_path;
pub use times::{LogTimes, Moment};

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
    /// Bytes that the head has taken.
    head_taken: u64,
    segments: [Segment; 2],
    current: usize,
    segment_bytes: u64,
    /// Bytes that the segments have taken.
    past_head: u64,
    /// Lost since the last successful write.
    gap_bytes: u64,
    gap_cause: String,
    lost_bytes: u64,
    times: Option<TimesWriter>,
}

/// A segment, opened when it is first needed and then kept open: no later renaming can divert it.
#[derive(Debug, Default)]
struct Segment {
    file: Option<File>,
    /// Bytes that it has taken behind its first line; `None` until that is written.
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
            head_taken: 0,
            segments: [Segment::default(), Segment::default()],
            current: 0,
            segment_bytes: tail_bytes.max(SEGMENT_BYTES_MIN),
            past_head: 0,
            gap_bytes: 0,
            gap_cause: String::new(),
            lost_bytes: 0,
            times: None,
        })
    }

    /// Keeps from now on when what is written, beside the log. Where that cannot be written the log goes without.
    pub fn keep_times(&mut self, now: Moment) {
        self.times = TimesWriter::open(&self.path, now);
    }

    /// Bytes that should have been kept but could not be written.
    pub fn lost_bytes(&self) -> u64 {
        self.lost_bytes
    }

    /// Appends output.
    pub fn write(&mut self, bytes: &[u8]) {
        self.write_at(bytes, Moment::now());
    }

    /// Appends output that came at this moment.
    fn write_at(&mut self, bytes: &[u8], now: Moment) {
        let position = self.head_taken.saturating_add(self.past_head);
        if let Some(times) = self.times.as_mut().filter(|_times| !bytes.is_empty()) {
            times.mark(position, now);
        }
        let (head, mut rest) = split_at_most(bytes, self.head_room);
        if !head.is_empty() {
            self.head_room -= length(head);
            self.append_to_head(head);
        }
        while !rest.is_empty() {
            let room = self.room_in_segment();
            let (now, later) = split_at_most(rest, room);
            self.append_to_segment(now);
            rest = later;
        }
    }

    fn append_to_head(&mut self, bytes: &[u8]) {
        let note = self.gap_note();
        let appended = append_with_note(&mut self.head, &note, bytes);
        self.head_taken += appended.taken_bytes();
        self.settle(appended, bytes);
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
        let appended = match segment.begin(&path, self.past_head) {
            Ok(file) => append_with_note(file, &note, bytes),
            Err(error) => Appended { error: Some(error), ..Appended::default() },
        };
        if let Some(taken) = &mut segment.taken {
            *taken += appended.taken_bytes();
        }
        self.past_head += appended.taken_bytes();
        self.settle(appended, bytes);
    }

    /// Counts what a failed write has lost. Of lines that count it the last one says all.
    fn settle(&mut self, appended: Appended, bytes: &[u8]) {
        if appended.is_note_whole {
            self.gap_bytes = 0;
        }
        if let Some(error) = appended.error {
            let lost = length(bytes).saturating_sub(appended.output_bytes);
            self.lost_bytes += lost;
            self.gap_bytes += lost;
            self.gap_cause = error.to_string();
        }
    }

    /// Has `act` write to `file` instead of to its own files.
    #[cfg(test)]
    fn with_output_to(&mut self, file: &File, act: impl FnOnce(&mut Self)) {
        let same = || file.try_clone().unwrap();
        let head = std::mem::replace(&mut self.head, same());
        let files = self.segments.each_mut().map(|segment| {
            let before = segment.file.replace(same());
            segment.taken = segment.taken.or(Some(0));
            before
        });
        act(self);
        self.head = head;
        for (segment, file) in self.segments.iter_mut().zip(files) {
            segment.taken = segment.taken.filter(|_taken| file.is_some());
            segment.file = file;
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
    fn begin(&mut self, path: &Path, past_head: u64) -> io::Result<&mut File> {
        let file = match self.file.take() {
            Some(file) => file,
            None => open_emptied(path)?,
        };
        let file = self.file.insert(file);
        if self.taken.is_none() {
            file.set_len(0)?;
            if let (_, Some(error)) = append(file, &header(past_head)) {
                return Err(error);
            }
            self.taken = Some(0);
        }
        Ok(file)
    }
}

/// What a file has taken of a note and the output behind it.
#[derive(Debug, Default)]
struct Appended {
    note_bytes: u64,
    output_bytes: u64,
    is_note_whole: bool,
    error: Option<io::Error>,
}

impl Appended {
    fn taken_bytes(&self) -> u64 {
        self.note_bytes + self.output_bytes
    }
}

fn append_with_note(file: &mut File, note: &[u8], output: &[u8]) -> Appended {
    let (note_bytes, error) = append(file, note);
    if error.is_some() {
        return Appended { note_bytes, error, ..Appended::default() };
    }
    let (output_bytes, error) = append(file, output);
    Appended { note_bytes, output_bytes, is_note_whole: true, error }
}

/// Appends as much as can be written: how much, and why not all.
fn append(file: &mut File, bytes: &[u8]) -> (u64, Option<io::Error>) {
    let mut rest = bytes;
    let error = loop {
        if rest.is_empty() {
            break None;
        }
        match file.write(rest) {
            Ok(0) => break Some(io::ErrorKind::WriteZero.into()),
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break Some(error),
        }
    };
    (length(bytes) - length(rest), error)
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
