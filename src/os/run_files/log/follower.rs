//! Reads a log while it is written: new output since the last read, and how much was dropped.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

use super::reader::{read_segments, read_text};

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
    /// Begins at the log of `path`, which need not be there yet, and returns what it holds now: all of it, or the end as
    /// [`super::read_log`] cuts it.
    ///
    /// # Errors
    /// A file of the log is there and cannot be read.
    pub fn begin(path: &Path, tail: Option<u64>) -> io::Result<(Self, Vec<u8>)> {
        let mut follower = Self { path: path.to_owned(), head_read: 0, past_head: 0 };
        let whole = follower.read_on()?;
        Ok((follower, tail.map_or(whole.clone(), |window| read_text(whole, window))))
    }

    /// Begins behind so many bytes of output, where an earlier follower has read to: see [`Self::position`]. Nothing is read yet.
    ///
    /// # Errors
    /// A file of the log is there and cannot be read.
    pub fn begin_at(path: &Path, position: u64) -> io::Result<Self> {
        let head = match std::fs::symlink_metadata(path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        // A head that is not complete holds all output so far: nothing was read behind it.
        let head_read = position.min(head);
        Ok(Self { path: path.to_owned(), head_read, past_head: position - head_read })
    }

    /// How many bytes of output lie before what comes next, read or gone.
    pub fn position(&self) -> u64 {
        self.head_read.saturating_add(self.past_head)
    }

    /// What has come since. In the place of what was overwritten before it could be read stands a line that counts it.
    ///
    /// # Errors
    /// A file of the log is there and cannot be read.
    pub fn read_on(&mut self) -> io::Result<Vec<u8>> {
        // The tail begins when the head is complete, so a head that is read after it fits to it.
        let mut segments = read_segments(&self.path)?;
        let mut out = self.read_head()?;
        segments.sort_by_key(|(begin, _)| *begin);
        for (begin, content) in segments {
            let end = begin.saturating_add(u64::try_from(content.len()).unwrap_or(u64::MAX));
            if end <= self.past_head {
                continue;
            }
            if begin > self.past_head {
                let gone = begin - self.past_head;
                out.extend_from_slice(format!("\n… [{gone} bytes omitted] …\n").as_bytes());
                self.past_head = begin;
            }
            let known = usize::try_from(self.past_head - begin).unwrap_or(usize::MAX);
            out.extend_from_slice(content.get(known..).unwrap_or_default());
            self.past_head = end;
        }
        Ok(out)
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
    use super::*;

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn every_look_brings_what_is_new_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let (mut follower, begun) = LogFollower::begin(&path, None).unwrap();
        assert!(begun.is_empty(), "it need not be there yet");
        let mut log = RunLogWriter::open(&path, 8, 4096).unwrap();
        log.write(b"abc");
        assert_eq!(text(follower.read_on().unwrap()), "abc");
        assert_eq!(text(follower.read_on().unwrap()), "");
        log.write(b"defghij");
        assert_eq!(text(follower.read_on().unwrap()), "defghij", "over the end of the head");
        log.write(b"k");
        assert_eq!(text(follower.read_on().unwrap()), "k");
    }

    #[test]
    fn another_follower_goes_on_where_one_has_read_to() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut log = RunLogWriter::open(&path, 8, 4096).unwrap();
        for (written, expected) in [("abc", "abc"), ("defgh", "defgh"), ("ijk", "ijk"), ("l", "l")]
        {
            let (before, _) = LogFollower::begin(&path, None).unwrap();
            log.write(written.as_bytes());
            let mut after = LogFollower::begin_at(&path, before.position()).unwrap();
            assert_eq!(text(after.read_on().unwrap()), expected);
            assert_eq!(text(after.read_on().unwrap()), "");
        }
        let mut beyond = LogFollower::begin_at(&path, 9_000).unwrap();
        assert_eq!(text(beyond.read_on().unwrap()), "");
        let mut nothing = LogFollower::begin_at(&dir.path().join("none"), 3).unwrap();
        assert_eq!(text(nothing.read_on().unwrap()), "");
    }

    #[test]
    fn both_segments_are_followed_and_what_was_missed_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut log = RunLogWriter::open(&path, 0, 4096).unwrap();
        let (mut follower, _) = LogFollower::begin(&path, None).unwrap();
        let mut all = String::new();
        for n in 0..6 {
            let part = format!("{n}").repeat(2048);
            log.write(part.as_bytes());
            assert_eq!(text(follower.read_on().unwrap()), part);
            all.push_str(&part);
        }
        // Five segments' worth between two looks: two are there, the rest is gone.
        for n in 0..5 {
            log.write(format!("{n}").repeat(4096).as_bytes());
        }
        let got = text(follower.read_on().unwrap());
        assert!(got.starts_with("\n… [12288 bytes omitted] …\n333"), "{}", &got[..60]);
        assert!(got.ends_with("444"));
    }

    #[test]
    fn it_can_begin_at_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut log = RunLogWriter::open(&path, 4096, 4096).unwrap();
        log.write(b"one\ntwo\nthree\n");
        let (mut follower, begun) = LogFollower::begin(&path, Some(9)).unwrap();
        assert_eq!(text(begun), "three\n");
        log.write(b"four\n");
        assert_eq!(text(follower.read_on().unwrap()), "four\n");
    }
}
