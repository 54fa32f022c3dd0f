//! The lease of a runner's runs: until when they may continue without an answer from its board.
//!
//! One file for all of them, `runs/lease`. The runner's daemon writes it when the board has answered a renewal; the shim of each
//! leased run reads it before it starts its worker, and again when the time that it knows is over. A process that finds it over ends its
//! runs, whatever else is dead by then, so that the board may start them elsewhere after that time.
//!
//! The time is one of CLOCK_BOOTTIME (clock_gettime(2)), which includes suspends and cannot be set. It means nothing after another
//! boot or in another time namespace (time_namespaces(7)), so the file names both.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use crate::os::processes::identity::boot_id;
use crate::os::run_files::directory::write_private;

/// First word of the file's lines.
const FORMAT: &str = "lease-1";

/// Bytes of a line, filled up with blanks: a new one takes the place of the old one, without more room on the disk.
const LINE_BYTES: usize = 128;

/// How often a file is read that is being written.
const READS_MAX: usize = 8;

/// On whose clock a lease counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseClock {
    /// The boot.
    pub boot_id: String,
    /// Inode of the time namespace; 0 where the kernel has none.
    pub time_namespace: u64,
}

impl LeaseClock {
    /// That of this process.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub fn here() -> io::Result<Self> {
        let time_namespace = match std::fs::metadata("/proc/self/ns/time") {
            Ok(found) => found.ino(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        Ok(Self { boot_id: boot_id()?.to_owned(), time_namespace })
    }
}

/// A lease as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// On whose clock.
    pub clock: LeaseClock,
    /// Epoch of the host.
    pub epoch: u64,
    /// When it is over, milliseconds on CLOCK_BOOTTIME.
    pub until_ms: u64,
}

/// Why a run may not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseEnd {
    /// The time is over.
    Passed,
    /// The board has given up what the host ran in the epoch of this run.
    OtherEpoch,
    /// It is of an earlier boot.
    OtherBoot,
    /// It counts on another clock: whether it is over is unknown.
    OtherTimeNamespace,
}

impl Lease {
    /// Until when a run of this epoch may go on, for a process on the clock `here`. Called by shims.
    ///
    /// # Errors
    /// Why it may not.
    pub fn judge(&self, epoch: u64, here: &LeaseClock, now_ms: u64) -> Result<u64, LeaseEnd> {
        if self.clock.boot_id != here.boot_id {
            return Err(LeaseEnd::OtherBoot);
        }
        if self.clock.time_namespace != here.time_namespace {
            return Err(LeaseEnd::OtherTimeNamespace);
        }
        if self.epoch != epoch {
            return Err(LeaseEnd::OtherEpoch);
        }
        if now_ms >= self.until_ms { Err(LeaseEnd::Passed) } else { Ok(self.until_ms) }
    }

    fn line(&self) -> String {
        let Self { clock: LeaseClock { boot_id, time_namespace }, epoch, until_ms } = self;
        let words = format!("{FORMAT} {boot_id} {time_namespace} {epoch} {until_ms}");
        format!("{words:<width$}\n", width = LINE_BYTES - 1)
    }

    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        words.next().filter(|word| *word == FORMAT)?;
        let boot_id = words.next()?.to_owned();
        let time_namespace = words.next()?.parse().ok()?;
        let (epoch, until_ms) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let clock = LeaseClock { boot_id, time_namespace };
        words.next().is_none().then_some(Self { clock, epoch, until_ms })
    }
}

/// The file, open for renewals.
#[derive(Debug)]
pub struct LeaseFile {
    path: PathBuf,
    file: File,
}

impl LeaseFile {
    /// Makes the file, or replaces what is there. Called by the runner when the board has given it an epoch.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn create(path: &Path, lease: &Lease) -> io::Result<Self> {
        write_private(path, &text(lease))?;
        let file = OpenOptions::new().write(true).open(path)?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Writes a renewal over the one before. Needs no room on the disk.
    ///
    /// # Errors
    /// It cannot be written; then what shims know stays.
    pub fn renew(&self, lease: &Lease) -> io::Result<()> {
        self.file.write_all_at(&text(lease), 0).map_err(|error| {
            io::Error::new(error.kind(), format!("{}: {error}", self.path.display()))
        })
    }
}

/// The same line twice: a reader that finds two different ones has met a writer.
fn text(lease: &Lease) -> Vec<u8> {
    lease.line().repeat(2).into_bytes()
}

/// Reads the file. Called by shims.
///
/// # Errors
/// It is missing (`NotFound`), cannot be read, or is damaged (`InvalidData`).
pub fn read_lease(path: &Path) -> io::Result<Lease> {
    for _ in 0..READS_MAX {
        let text = std::fs::read_to_string(path)?;
        let (first, second) = text.split_at_checked(LINE_BYTES).unwrap_or((&text, ""));
        if first == second
            && let Some(lease) = Lease::parse(first)
        {
            return Ok(lease);
        }
    }
    let problem = format!("{} is no lease that this version reads", path.display());
    Err(io::Error::new(io::ErrorKind::InvalidData, problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease() -> Lease {
        let clock = LeaseClock { boot_id: "b-1".to_owned(), time_namespace: 4 };
        Lease { clock, epoch: 7, until_ms: 1_000 }
    }

    #[test]
    fn a_run_goes_on_only_in_its_epoch_on_its_clock_and_in_time() {
        let here = lease().clock;
        let other_boot = LeaseClock { boot_id: "b-2".to_owned(), ..here.clone() };
        let other_time = LeaseClock { time_namespace: 5, ..here.clone() };
        for (epoch, clock, now_ms, expected) in [
            (7, &here, 0, Ok(1_000)),
            (7, &here, 999, Ok(1_000)),
            (7, &here, 1_000, Err(LeaseEnd::Passed)),
            (6, &here, 0, Err(LeaseEnd::OtherEpoch)),
            (8, &here, 0, Err(LeaseEnd::OtherEpoch)),
            (7, &other_boot, 0, Err(LeaseEnd::OtherBoot)),
            (7, &other_time, 0, Err(LeaseEnd::OtherTimeNamespace)),
        ] {
            assert_eq!(lease().judge(epoch, clock, now_ms), expected, "{epoch} {clock:?} {now_ms}");
        }
    }

    #[test]
    fn it_is_read_as_it_was_written_and_a_renewal_takes_no_more_room() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("lease");
        assert_eq!(read_lease(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
        let file = LeaseFile::create(&path, &lease()).unwrap();
        assert_eq!(read_lease(&path).unwrap(), lease());
        let inode = path.metadata().unwrap().ino();
        let later = Lease { until_ms: u64::MAX, epoch: u64::MAX, ..lease() };
        file.renew(&later).unwrap();
        assert_eq!(read_lease(&path).unwrap(), later);
        let found = path.metadata().unwrap();
        assert_eq!((found.ino(), found.len()), (inode, 2 * LINE_BYTES as u64));
    }

    #[test]
    fn what_is_damaged_or_half_written_is_no_lease() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("lease");
        let line = lease().line();
        let later = Lease { until_ms: 9_000, ..lease() }.line();
        for text in [
            String::new(),
            line.clone(),
            format!("{line}{later}"),
            format!("{later}{line}"),
            line.repeat(2).replace("lease-1", "lease-2"),
            line.repeat(2).replace(" 7 ", " x "),
            line.repeat(3),
        ] {
            std::fs::write(&path, &text).unwrap();
            let error = read_lease(&path).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{text:?}");
        }
    }
}
