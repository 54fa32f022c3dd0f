//! When a log was written: marks beside it, so that its lines can be shown with their times.
//!
//! ```text
//! PATH.times    a line per mark: 20 digits of position, a space, 13 digits of time (ms since 1970)
//! ```
//!
//! A mark says that the output from its position on was written at its time or later. The first stands at position 0 and says when
//! the log was opened. A further one is made with output only, and at most one in [`interval_ms`], which grows with the age of the
//! log: a run of a year has some twelve thousand. A position counts the bytes of output that the files have held so far, those
//! that were overwritten since among them, so a mark stays true when a segment is turned.
//!
//! A mark that cannot be written is left out: it must cost the worker nothing.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

use super::emptied::open_emptied;
use crate::os::host::clock::{epoch_ms, monotonic_ms};

/// Least time between two marks.
const INTERVAL_MS_MIN: u64 = 1_000;

/// Part of the log's age that lies between two marks, at most.
const AGE_PARTS: u64 = 1_024;

/// Length of a mark without its line's end. One of another length was not written whole.
const MARK_BYTES: usize = 34;

/// The name of the marks' file ends like this.
const SUFFIX: &str = ".times";

/// A moment on both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Milliseconds on CLOCK_MONOTONIC.
    pub monotonic_ms: u64,
    /// Milliseconds since 1970-01-01 UTC.
    pub epoch_ms: i64,
}

impl Moment {
    /// Now.
    pub fn now() -> Self {
        Self { monotonic_ms: monotonic_ms(), epoch_ms: epoch_ms() }
    }
}

/// Where the marks of the log at `path` are.
pub fn times_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(SUFFIX);
    PathBuf::from(name)
}

/// The log that the file at `path` holds marks of; none when it is no such file by its name.
pub fn log_of_times(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?.strip_suffix(SUFFIX)?;
    Some(path.with_file_name(name))
}

/// Time between two marks of a log of this age.
fn interval_ms(age_ms: u64) -> u64 {
    (age_ms / AGE_PARTS).max(INTERVAL_MS_MIN)
}

/// Writes the marks of one log.
#[derive(Debug)]
pub(super) struct TimesWriter {
    file: File,
    opened_ms: u64,
    marked_ms: i64,
    /// The last mark was not written whole.
    is_torn: bool,
}

impl TimesWriter {
    /// Begins the marks of the log at `path`; none when that fails, and then none of an earlier log are left, if it can be helped.
    pub(super) fn open(path: &Path, now: Moment) -> Option<Self> {
        let path = times_path(path);
        let Ok(file) = open_emptied(&path) else {
            drop(std::fs::remove_file(&path));
            return None;
        };
        let mut times =
            Self { file, opened_ms: now.monotonic_ms, marked_ms: now.epoch_ms, is_torn: false };
        times.write(0, now.epoch_ms);
        Some(times)
    }

    /// Marks that output from `position` on is written now, unless the last mark is young enough.
    pub(super) fn mark(&mut self, position: u64, now: Moment) {
        let interval_ms = interval_ms(now.monotonic_ms.saturating_sub(self.opened_ms));
        // A clock that was set back makes a mark as well.
        if now.epoch_ms.abs_diff(self.marked_ms) >= interval_ms {
            self.marked_ms = now.epoch_ms;
            self.write(position, now.epoch_ms);
        }
    }

    fn write(&mut self, position: u64, epoch_ms: i64) {
        let ended = if self.is_torn { "\n" } else { "" };
        let line = format!("{ended}{position:020} {:013}\n", epoch_ms.max(0));
        self.is_torn = self.file.write_all(line.as_bytes()).is_err();
    }
}

/// The marks of a log, read.
#[derive(Debug)]
pub struct LogTimes {
    path: PathBuf,
    /// Bytes of the file that have been read.
    read: u64,
    /// Position and time, by position.
    marks: Vec<(u64, i64)>,
}

impl LogTimes {
    /// Reads the marks of the log at `path`; none when it has none: it was begun by an older shim, or they could not be written.
    ///
    /// # Errors
    /// They are there and cannot be read.
    pub fn open(path: &Path) -> io::Result<Option<Self>> {
        let mut times = Self { path: times_path(path), read: 0, marks: Vec::new() };
        Ok(times.read_on()?.then_some(times))
    }

    /// Reads the marks that were made since. Output that was read before has all its marks afterwards. False when there is no file.
    ///
    /// # Errors
    /// They are there and cannot be read.
    pub fn read_on(&mut self) -> io::Result<bool> {
        let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
        let opened: io::Result<File> =
            OpenOptions::new().read(true).custom_flags(flags).open(&self.path);
        let mut file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        file.seek(SeekFrom::Start(self.read))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        self.read += u64::try_from(whole).unwrap_or(u64::MAX);
        for line in text.get(..whole).unwrap_or_default().split(|byte| *byte == b'\n') {
            let newest = self.marks.last().map_or(0, |(position, _)| *position);
            self.marks.extend(parse(line).filter(|(position, _)| *position >= newest));
        }
        Ok(true)
    }

    /// Time of the newest mark at or before `position`, milliseconds since 1970.
    pub fn at(&self, position: u64) -> Option<i64> {
        let behind = self.marks.partition_point(|(marked, _)| *marked <= position);
        self.marks.get(behind.checked_sub(1)?).map(|(_, time)| *time)
    }

    /// Position of the first mark behind `position`.
    pub fn next_behind(&self, position: u64) -> Option<u64> {
        let behind = self.marks.partition_point(|(marked, _)| *marked <= position);
        self.marks.get(behind).map(|(marked, _)| *marked)
    }

    /// Position before which all output is older than `epoch_ms`; none when there is no younger output. Output of the time between
    /// two marks may be older, never missing.
    pub fn since(&self, epoch_ms: i64) -> Option<u64> {
        let opened_ms = self.marks.first().map_or(0, |(_, time)| *time);
        let reaches = |time: i64| {
            let age_ms = u64::try_from(time.saturating_sub(opened_ms)).unwrap_or(0);
            // The age counted until the next mark, which an interval later is older by less than a thousandth.
            let covered_ms = interval_ms(age_ms).saturating_add(age_ms / (AGE_PARTS * 100));
            time.saturating_add(i64::try_from(covered_ms).unwrap_or(i64::MAX)) >= epoch_ms
        };
        self.marks.iter().find(|(_, time)| reaches(*time)).map(|(position, _)| *position)
    }
}

/// A mark; none when the line is none, or a part of one.
fn parse(line: &[u8]) -> Option<(u64, i64)> {
    let line = Some(line).filter(|line| line.len() == MARK_BYTES)?;
    let (position, time) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    Some((position.parse().ok()?, time.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::RunLogWriter;
    use super::super::follower::LogFollower;
    use super::*;

    /// So many milliseconds after the log was opened.
    fn after(age_ms: u64) -> Moment {
        let epoch_ms = 1_700_000_000_000 + i64::try_from(age_ms).unwrap();
        Moment { monotonic_ms: 5_000 + age_ms, epoch_ms }
    }

    fn log(head: u64) -> (tempfile::TempDir, PathBuf, RunLogWriter) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("1.log");
        let mut log = RunLogWriter::open(&path, head, 4_096).unwrap();
        log.keep_times(after(0));
        (dir, path, log)
    }

    fn ages(times: &LogTimes, positions: &[u64]) -> Vec<Option<i64>> {
        positions.iter().map(|at| times.at(*at).map(|time| time - after(0).epoch_ms)).collect()
    }

    #[test]
    fn output_has_the_time_of_the_newest_mark_at_or_before_it() {
        let (_dir, path, mut log) = log(100);
        for (age_ms, text) in [(0, "one\n"), (999, "two\n"), (1_000, "three\n"), (90_000, "four\n")]
        {
            log.write_at(text.as_bytes(), after(age_ms));
        }
        let times = LogTimes::open(&path).unwrap().unwrap();
        assert_eq!(times.marks.len(), 3);
        let found = ages(&times, &[0, 4, 8, 13, 14, 99]);
        assert_eq!(found, [0, 0, 1_000, 1_000, 90_000, 90_000].map(Some));
        assert_eq!((times.next_behind(0), times.next_behind(8)), (Some(8), Some(14)));
        assert_eq!(times.next_behind(14), None);
        let mode = std::fs::metadata(times_path(&path)).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600, "as private as the log");
        assert_eq!(log_of_times(&times_path(&path)), Some(path.clone()));
        assert_eq!(log_of_times(&path), None);
    }

    #[test]
    fn a_mark_is_found_again_when_the_middle_of_the_log_is_gone() {
        let (_dir, path, mut log) = log(10);
        for line in 0..3_000_u64 {
            log.write_at(format!("{line:07}\n").as_bytes(), after(line * 1_000));
        }
        let times = LogTimes::open(&path).unwrap().unwrap();
        let (_, pieces) = LogFollower::begin(&path).unwrap();
        assert!(pieces.iter().any(|piece| piece.gone > 0), "some of it is gone");
        for piece in pieces {
            // Of each piece the first line that begins in it.
            let begin = piece.at.next_multiple_of(8);
            let text = &piece.bytes[usize::try_from(begin - piece.at).unwrap()..];
            let Some(line) = text.get(..7) else { continue };
            let line: i64 = std::str::from_utf8(line).unwrap().parse().unwrap();
            let age_ms = times.at(begin).unwrap() - after(0).epoch_ms;
            assert!((line * 1_000 - age_ms) / 1_000 <= line / 1_000 + 1, "{line}: {age_ms}");
        }
    }

    #[test]
    fn marks_get_rarer_with_the_age_of_the_log() {
        let (_dir, path, mut log) = log(1 << 20);
        let year_ms: u64 = 365 * 24 * 3_600_000;
        let mut age_ms = 0;
        while age_ms < year_ms {
            log.write_at(b".", after(age_ms));
            age_ms += 1_000 + age_ms / 2_048;
        }
        let marks = LogTimes::open(&path).unwrap().unwrap().marks.len();
        assert!((6_000..13_000).contains(&marks), "{marks}");
    }

    #[test]
    fn output_since_a_time_is_never_missed_and_silence_is_not_repeated() {
        let (_dir, path, mut log) = log(1 << 20);
        for (age_ms, text) in [(0, "a"), (500, "b"), (60_000, "c"), (60_500, "d")] {
            log.write_at(text.as_bytes(), after(age_ms));
        }
        let times = LogTimes::open(&path).unwrap().unwrap();
        for (age_ms, expected) in [
            (0, Some(0)),
            (500, Some(0)),
            // A mark covers the second behind it.
            (1_000, Some(0)),
            (1_001, Some(2)),
            (60_000, Some(2)),
            (60_900, Some(2)),
            (61_060, None),
        ] {
            assert_eq!(times.since(after(age_ms).epoch_ms), expected, "{age_ms}");
        }
    }

    #[test]
    fn a_clock_that_is_set_back_makes_a_mark() {
        let (_dir, path, mut log) = log(100);
        log.write_at(b"a", after(5_000));
        log.write_at(b"b", Moment { monotonic_ms: 10_100, ..after(0) });
        let times = LogTimes::open(&path).unwrap().unwrap();
        assert_eq!(ages(&times, &[0, 1]), [Some(5_000), Some(0)]);
    }

    #[test]
    fn marks_that_are_not_whole_are_left_out_and_the_next_ones_count() {
        let (_dir, path, mut log) = log(100);
        log.write_at(b"a", after(1_000));
        let file = times_path(&path);
        let whole = std::fs::read(&file).unwrap();
        let torn = [whole.as_slice(), b"00000000000000000001 170"].concat();
        std::fs::write(&file, &torn).unwrap();
        let mut times = LogTimes::open(&path).unwrap().unwrap();
        assert_eq!(times.marks.len(), 2);
        let next = format!("{:020} {:013}\n", 1, after(9_000).epoch_ms);
        let damaged = [torn.as_slice(), b"\nnot a mark at all\n", next.as_bytes()].concat();
        std::fs::write(&file, damaged).unwrap();
        times.read_on().unwrap();
        assert_eq!(ages(&times, &[0, 1]), [Some(1_000), Some(9_000)]);
    }

    #[test]
    fn a_log_without_marks_is_written_all_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("1.log");
        assert!(LogTimes::open(&path).unwrap().is_none());
        std::fs::create_dir(times_path(&path)).unwrap();
        let mut log = RunLogWriter::open(&path, 100, 4_096).unwrap();
        log.keep_times(after(0));
        log.write(b"text");
        assert_eq!(std::fs::read(&path).unwrap(), b"text");
        // A full disk takes no mark, and the worker loses nothing by it.
        std::fs::remove_dir(times_path(&path)).unwrap();
        log.keep_times(after(0));
        log.times.as_mut().unwrap().file =
            OpenOptions::new().append(true).open("/dev/full").unwrap();
        log.write_at(b" more", after(5_000));
        assert_eq!((std::fs::read(&path).unwrap(), log.lost_bytes()), (b"text more".to_vec(), 0));
    }
}
