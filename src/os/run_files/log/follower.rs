//! Reads a log while it is written: new output since the last read, and how much was dropped.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

use super::piece::LogPiece;
use super::reader::read_segments;

/// A place in a log, from which it is read on.
#[derive(Debug)]
pub struct LogFollower {
    path: PathBuf,
    /// Bytes of the head that have been read.
    head_read: u64,
    /// Output after the head that has been read or is gone.
    past_head: u64,
}

impl LogFollower {
    /// Begins at the log of `path`, which need not be there yet, and returns what it holds now.
    ///
    /// # Errors
    /// A file of the log is there and cannot be read.
    pub fn begin(path: &Path) -> io::Result<(Self, Vec<LogPiece>)> {
        let mut follower = Self { path: path.to_owned(), head_read: 0, past_head: 0 };
        let whole = follower.read_on()?;
        Ok((follower, whole))
    }

    /// Position of what comes next: bytes that were read or are gone.
    pub fn position(&self) -> u64 {
        self.head_read.saturating_add(self.past_head)
    }

    /// What has come since.
    ///
    /// # Errors
    /// A file of the log is there and cannot be read.
    pub fn read_on(&mut self) -> io::Result<Vec<LogPiece>> {
        // The tail begins when the head is complete, so a head that is read after it fits to it.
        let mut segments = read_segments(&self.path)?;
        let at = self.head_read;
        let mut pieces = vec![LogPiece { at, gone: 0, bytes: self.read_head()? }];
        segments.sort_by_key(|(begin, _)| *begin);
        for (begin, mut bytes) in segments {
            let end = begin.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            if end <= self.past_head {
                continue;
            }
            let gone = begin.saturating_sub(self.past_head);
            self.past_head = self.past_head.max(begin);
            let known = usize::try_from(self.past_head - begin).unwrap_or(usize::MAX);
            bytes.drain(..known.min(bytes.len()));
            pieces.push(LogPiece { at: self.position(), gone, bytes });
            self.past_head = end;
        }
        pieces.retain(|piece| !piece.bytes.is_empty());
        Ok(pieces)
    }

    fn read_head(&mut self) -> io::Result<Vec<u8>> {
        let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
        let opened: io::Result<File> =
            OpenOptions::new().read(true).custom_flags(flags).open(&self.path);
        let mut file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        file.seek(SeekFrom::Start(self.head_read))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        self.head_read += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::RunLogWriter;
    use super::super::piece::from_position;
    use super::*;

    /// The output, and how much of it is gone.
    fn text(pieces: Vec<LogPiece>) -> (String, u64) {
        let gone = pieces.iter().map(|piece| piece.gone).sum();
        let bytes = pieces.into_iter().flat_map(|piece| piece.bytes).collect();
        (String::from_utf8(bytes).unwrap(), gone)
    }

    fn news(follower: &mut LogFollower) -> String {
        let (text, gone) = text(follower.read_on().unwrap());
        assert_eq!(gone, 0);
        text
    }

    #[test]
    fn every_look_brings_what_is_new_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let (mut follower, begun) = LogFollower::begin(&path).unwrap();
        assert!(begun.is_empty(), "it need not be there yet");
        let mut log = RunLogWriter::open(&path, 8, 4096).unwrap();
        log.write(b"abc");
        assert_eq!(news(&mut follower), "abc");
        assert_eq!(news(&mut follower), "");
        log.write(b"defghij");
        assert_eq!(news(&mut follower), "defghij", "over the end of the head");
        log.write(b"k");
        assert_eq!(news(&mut follower), "k");
    }

    #[test]
    fn another_follower_goes_on_where_one_has_read_to() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut log = RunLogWriter::open(&path, 8, 4096).unwrap();
        for written in ["abc", "defgh", "ijk", "l"] {
            let (before, _) = LogFollower::begin(&path).unwrap();
            log.write(written.as_bytes());
            let (mut after, whole) = LogFollower::begin(&path).unwrap();
            let rest = from_position(whole, before.position());
            assert_eq!(text(rest), (written.to_owned(), 0));
            assert_eq!(news(&mut after), "");
        }
    }

    #[test]
    fn both_segments_are_followed_and_what_was_missed_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut log = RunLogWriter::open(&path, 0, 4096).unwrap();
        let (mut follower, _) = LogFollower::begin(&path).unwrap();
        for n in 0..6 {
            let part = format!("{n}").repeat(2048);
            log.write(part.as_bytes());
            assert_eq!(news(&mut follower), part);
        }
        // Five segments' worth between two looks: two are there, the rest is gone.
        for n in 0..5 {
            log.write(format!("{n}").repeat(4096).as_bytes());
        }
        let pieces = follower.read_on().unwrap();
        assert_eq!((pieces[0].at, pieces[0].gone), (6 * 2048 + 12_288, 12_288));
        assert_eq!(pieces.last().unwrap().end(), follower.position());
        let (got, _) = text(pieces);
        assert_eq!(got, ["3", "4"].map(|n| n.repeat(4096)).concat());
    }

    #[test]
    fn a_position_stays_true_when_output_was_lost_in_between() {
        // /dev/full takes nothing: what is written meanwhile is lost, and a line that stands for it is output as any other.
        let full = || OpenOptions::new().append(true).open("/dev/full").unwrap();
        for (head, lost_bytes) in [(8, 3), (8, 900), (5_000, 3), (5_000, 900)] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("log");
            let mut log = RunLogWriter::open(&path, head, 4096).unwrap();
            let (mut follower, _) = LogFollower::begin(&path).unwrap();
            let mut followed = String::new();
            for round in 0..8 {
                log.write(format!("{round}").repeat(1_000).as_bytes());
                followed.push_str(&news(&mut follower));
                log.with_output_to(&full(), |log| log.write("x".repeat(lost_bytes).as_bytes()));
                log.write(b"|");
                followed.push_str(&news(&mut follower));
                // Another one, from the position of this one, hears the same and nothing twice.
                let position = follower.position();
                log.write(b"+");
                let (_, whole) = LogFollower::begin(&path).unwrap();
                assert_eq!(text(from_position(whole, position)), ("+".to_owned(), 0));
                followed.push_str(&news(&mut follower));
            }
            let note =
                format!("\n… [{lost_bytes} bytes lost: No space left on device (os error 28)] …\n");
            let expected: String = (0..8)
                .map(|round| format!("{}{note}|+", format!("{round}").repeat(1_000)))
                .collect();
            assert_eq!(followed, expected, "{head} {lost_bytes}");
        }
    }
}
