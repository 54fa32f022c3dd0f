//! One leaf: the control group that holds a run's worker tree and nothing else.
//!
//! See the kernel's cgroup-v2 document. A process cannot leave its leaf by forking, by becoming an orphan or by starting a
//! session; only a privileged one can move itself elsewhere, and a run of such a worker still has its sub-reaper. `populated 0`
//! in `cgroup.events` says that no process lives in the leaf or below it; rmdir(2) works only then, so a leaf that is gone was
//! empty.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

/// Directories below a leaf that [`Leaf::remove`] looks at; a worker that made more has to be helped by a person.
const GROUPS_MAX: usize = 10_000;

/// A leaf by its directory; the directory need not be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    path: PathBuf,
}

/// What a leaf has counted. None where the controller is not there to count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeafUsage {
    /// Most memory that all its processes had at one time, bytes.
    pub memory_peak_bytes: Option<u64>,
    /// User and system time of everything that ever was in it, microseconds.
    pub cpu_us: Option<u64>,
    /// Processes that were killed because memory ran out, by its own limit or the machine's.
    pub oom_kill_count: Option<u64>,
}

impl Leaf {
    /// The leaf at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Its directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its directory, opened: what clone3(2) takes.
    ///
    /// # Errors
    /// It is not there or may not be opened.
    pub fn open(&self) -> io::Result<OwnedFd> {
        File::open(&self.path).map(OwnedFd::from)
    }

    /// Kills everything in it and below it, at once and for certain: who is being forked dies too. A leaf that is gone has
    /// nothing to kill.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn kill(&self) -> io::Result<()> {
        missing_is(write(&self.path.join("cgroup.kill"), "1"), ())
    }

    /// Whether a process lives in it or below it. A leaf that is gone was empty, but only where control groups can be seen at
    /// all: in another mount namespace every leaf is missing.
    ///
    /// # Errors
    /// Unknown; then it must not count as empty.
    pub fn is_populated(&self) -> io::Result<bool> {
        let events = missing_is(self.read("cgroup.events"), String::new())?;
        if events.is_empty() {
            return match is_in_hierarchy(&self.path)? {
                true => Ok(false),
                false => Err(io::Error::new(
                    io::ErrorKind::NotFound,
                    "the cgroup v2 hierarchy is not mounted any longer",
                )),
            };
        }
        match value_of(&events, "populated") {
            Some(populated) => Ok(populated != 0),
            None => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "cgroup.events has no line `populated`",
            )),
        }
    }

    /// Removes it with every group that was made below it. One that is gone is no error.
    ///
    /// # Errors
    /// A process is in it, or the kernel refuses.
    pub fn remove(&self) -> io::Result<()> {
        // Parents before their children in the list, so the list is emptied from its end.
        let mut groups = vec![self.path.clone()];
        let mut at = 0;
        while let Some(group) = groups.get(at).cloned() {
            at += 1;
            let Ok(entries) = std::fs::read_dir(&group) else { continue };
            let below = entries
                .flatten()
                .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
                .map(|entry| entry.path());
            groups.extend(below.take(GROUPS_MAX.saturating_sub(at)));
        }
        for group in groups.iter().rev() {
            missing_is(std::fs::remove_dir(group), ())?;
        }
        Ok(())
    }

    /// What it has counted so far; to be read before it is removed.
    pub fn usage(&self) -> LeafUsage {
        let number = |file: &str| self.read(file).ok()?.trim().parse().ok();
        let keyed = |file: &str, key: &str| value_of(&self.read(file).ok()?, key);
        LeafUsage {
            memory_peak_bytes: number("memory.peak"),
            cpu_us: keyed("cpu.stat", "usage_usec"),
            oom_kill_count: keyed("memory.events", "oom_kill"),
        }
    }

    fn read(&self, file: &str) -> io::Result<String> {
        std::fs::read_to_string(self.path.join(file))
    }
}

/// Whether the innermost directory of `path` that is there is one of cgroup v2.
fn is_in_hierarchy(path: &Path) -> io::Result<bool> {
    for directory in path.ancestors() {
        match nix::sys::statfs::statfs(directory) {
            Ok(found) => {
                return Ok(found.filesystem_type() == nix::sys::statfs::CGROUP2_SUPER_MAGIC);
            }
            Err(Errno::ENOENT | Errno::ENODEV) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(false)
}

/// Makes a group, which everybody may look into whatever the file mode mask is: programs find their own limits there.
///
/// # Errors
/// As mkdir(2); one that is there is `AlreadyExists`.
pub fn make_group(directory: &Path) -> io::Result<()> {
    std::fs::create_dir(directory)?;
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o755))
}

/// Puts this process, all threads of it, into the group at `directory`.
///
/// # Errors
/// The kernel refuses.
pub fn enter(directory: &Path) -> io::Result<()> {
    write(&directory.join("cgroup.procs"), "0")
}

/// Whether this process is in a group whose path ends with that of `directory`; not being able to tell is no.
pub fn is_in(directory: &Path) -> bool {
    let Ok(groups) = std::fs::read_to_string("/proc/self/cgroup") else { return false };
    let Some(group) = groups.lines().find_map(|line| line.strip_prefix("0::")) else {
        return false;
    };
    let (mut own, mut wanted) = (Path::new(group).components().rev(), directory.components().rev());
    // The last two names are the installation's own and the kind of group; above them lies the mount.
    let is_same = (0..2).all(|_| own.next() == wanted.next());
    is_same && wanted.next().is_some()
}

/// Writes into a file of a control group, which is never created by that.
pub(in crate::os) fn write(file: &Path, text: &str) -> io::Result<()> {
    use std::io::Write as _;
    // In one write(2): each is an order of its own.
    std::fs::OpenOptions::new().write(true).open(file)?.write_all(text.as_bytes())
}

/// ENOENT where the directory is gone, ENODEV where it went between open and use.
fn missing_is<T>(result: io::Result<T>, otherwise: T) -> io::Result<T> {
    match result {
        Err(error)
            if error.kind() == io::ErrorKind::NotFound
                || error.raw_os_error() == Some(nix::libc::ENODEV) =>
        {
            Ok(otherwise)
        }
        result => result,
    }
}

/// The number behind `key` in a file of lines `key number`.
fn value_of(text: &str, key: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    lines.find(|(name, _)| *name == key)?.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keyed_files_are_read_by_their_whole_key() {
        let text = "low 0\noom 2\noom_kill 7\noom_group_kill 1\n";
        for (key, value) in [("oom", Some(2)), ("oom_kill", Some(7)), ("oo", None), ("", None)] {
            assert_eq!(value_of(text, key), value, "{key:?}");
        }
        assert_eq!(value_of("usage_usec 12 \n", "usage_usec"), Some(12));
        assert_eq!(value_of("usage_usec many\n", "usage_usec"), None);
    }

    #[test]
    fn a_leaf_that_is_gone_needs_nothing_and_is_empty_only_where_there_are_control_groups() {
        let temp = tempfile::tempdir().unwrap();
        let leaf = Leaf::new(temp.path().join("gone"));
        let unseen = leaf.is_populated().unwrap_err();
        assert!(unseen.to_string().contains("the cgroup v2 hierarchy is not mounted"), "{unseen}");
        let groups = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].map(Path::new);
        if let Some(mount) = groups.iter().find(|mount| mount.join("cgroup.procs").exists()) {
            let gone = Leaf::new(mount.join("kanband-none/runs/7"));
            assert!(!gone.is_populated().unwrap(), "{}", mount.display());
        }
        leaf.kill().unwrap();
        leaf.remove().unwrap();
        assert_eq!(leaf.usage(), LeafUsage::default());
        assert!(leaf.open().is_err());
    }

    #[test]
    fn what_cannot_be_read_is_not_taken_for_empty() {
        let temp = tempfile::tempdir().unwrap();
        let leaf = Leaf::new(temp.path());
        std::fs::write(temp.path().join("cgroup.events"), "frozen 0\n").unwrap();
        assert!(leaf.is_populated().is_err());
        std::fs::write(temp.path().join("cgroup.events"), "populated 1\nfrozen 0\n").unwrap();
        assert!(leaf.is_populated().unwrap());
    }
}
