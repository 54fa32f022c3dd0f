//! What a run sees of the machine that its neighbours do not: a `/tmp` and a `/var/tmp` of its own, and a `/proc` that hides the
//! processes of other users.
//!
//! Both are mounts in a mount namespace that the holder, which is root, makes between fork and exec of the shim. The namespace is a
//! slave of the host's (MS_SLAVE, mount_namespaces(7)): what is mounted on the host later arrives, what is mounted in it stays there.
//! It goes with its last process, whatever ended that, and with it go the mounts and everything in them.
//!
//! - **`/tmp` and `/var/tmp`** are two directories of one tmpfs, so that one size bounds both. It is memory (and swap), which counts
//!   towards the memory limit of the run's control group.
//! - **`/proc`** is mounted with `hidepid=invisible`, by its name: the name is known from Linux 5.8 on, where the option belongs to
//!   the mount. Before that it belonged to the PID namespace, so it would change the whole host, and was a number.

#![expect(unsafe_code, reason = "unshare(2) and mount(2), between fork and exec")]

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::libc;
use nix::sys::stat::{Mode, umask};
use nix::unistd::{ForkResult, chdir, fchdir, fork, mkdir};

use crate::os::processes::wait::{WaitStatus, reap_child};

/// The directories that a run has for itself.
pub const OWN_DIRECTORIES: [&str; 2] = ["/tmp", "/var/tmp"];

/// What the mounts call their source, by which they are known.
const SOURCE: &CStr = c"kanband-run";

/// Files and directories of a run's own `/tmp`, at most: their names are memory of the kernel.
const INODES_MAX: u32 = 1_000_000;

/// Which parts a run gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunView {
    /// Size of its own `/tmp` and `/var/tmp` together, bytes; none to share the host's.
    pub tmp_bytes: Option<u64>,
    /// Whether `/proc` hides the processes of other users.
    pub hides_processes: bool,
}

/// A view, ready for the instants between fork and exec.
#[derive(Debug)]
pub struct PreparedView {
    tmp_options: Option<CString>,
    hides_processes: bool,
}

impl RunView {
    /// Whether it is the host's.
    pub fn is_hosts(self) -> bool {
        self.tmp_bytes.is_none() && !self.hides_processes
    }

    /// Prepares it.
    ///
    /// # Errors
    /// None that can occur: a number has no zero byte.
    pub fn prepare(self) -> io::Result<PreparedView> {
        let options =
            |bytes| CString::new(format!("mode=0755,size={bytes},nr_inodes={INODES_MAX}"));
        Ok(PreparedView {
            tmp_options: self.tmp_bytes.map(options).transpose()?,
            hides_processes: self.hides_processes,
        })
    }

    /// Tries it out in a child that ends at once.
    ///
    /// # Errors
    /// What the kernel says when it makes it.
    pub fn try_out(self) -> io::Result<()> {
        let prepared = self.prepare()?;
        // SAFETY: the caller has one thread, and the child makes only system calls until it ends.
        match unsafe { fork() }? {
            ForkResult::Child => {
                let code = prepared.enter().map_or_else(|errno| errno as libc::c_int, |()| 0);
                // SAFETY: ends the child without running anything that belongs to the parent.
                unsafe { libc::_exit(code) }
            }
            ForkResult::Parent { child } => match reap_child(child.as_raw())? {
                WaitStatus::Exited(0) => Ok(()),
                WaitStatus::Exited(errno) => Err(io::Error::from_raw_os_error(errno)),
                WaitStatus::Signaled(_) => Err(io::ErrorKind::Interrupted.into()),
            },
        }
    }
}

impl PreparedView {
    /// Leaves the host's mounts and makes those of the view. Only for a child between fork and exec that is still root; the
    /// working directory is `/` afterwards.
    ///
    /// # Errors
    /// What the kernel says. The mounts are then in no defined state, and the child has to end.
    pub(in crate::os) fn enter(&self) -> nix::Result<()> {
        // SAFETY: the call takes a number.
        Errno::result(unsafe { libc::unshare(libc::CLONE_NEWNS) })?;
        mount(None, c"/", None, libc::MS_REC | libc::MS_SLAVE, None)?;
        if let Some(options) = &self.tmp_options {
            own_tmp(options)?;
        }
        if self.hides_processes {
            let flags = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
            mount(Some(SOURCE), c"/proc", Some(c"proc"), flags, Some(c"hidepid=invisible"))?;
        }
        chdir(c"/")
    }
}

/// A tmpfs over `/tmp`, and two directories of it over `/var/tmp` and, at last, over itself: nobody reaches its root.
fn own_tmp(options: &CStr) -> nix::Result<()> {
    let flags = libc::MS_NOSUID | libc::MS_NODEV;
    mount(Some(SOURCE), c"/tmp", Some(c"tmpfs"), flags, Some(options))?;
    let mask = umask(Mode::empty());
    let everybodys = Mode::from_bits_truncate(0o1777);
    for directory in [c"/tmp/tmp", c"/tmp/var-tmp"] {
        mkdir(directory, everybodys)?;
    }
    umask(mask);
    let [tmp, var_tmp] = [c"/tmp/tmp", c"/tmp/var-tmp"].map(|path| {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        open(path, flags, Mode::empty())
    });
    // By descriptor: where one of the two is a link to the other, the first mount hides what the second comes from.
    for (from, over) in [(var_tmp?, c"/var/tmp"), (tmp?, c"/tmp")] {
        match bind(&from, over) {
            // A host without it.
            Err(Errno::ENOENT) => {}
            bound => bound?,
        }
    }
    Ok(())
}

fn bind(from: &OwnedFd, over: &CStr) -> nix::Result<()> {
    fchdir(from)?;
    mount(Some(c"."), over, None, libc::MS_BIND, None)
}

fn mount(
    source: Option<&CStr>,
    target: &CStr,
    kind: Option<&CStr>,
    flags: libc::c_ulong,
    options: Option<&CStr>,
) -> nix::Result<()> {
    let pointer = |text: Option<&CStr>| text.map_or(std::ptr::null(), CStr::as_ptr);
    // SAFETY: every pointer is null or to a string that ends with NUL and outlives the call.
    let mounted = unsafe {
        libc::mount(pointer(source), target.as_ptr(), pointer(kind), flags, pointer(options).cast())
    };
    Errno::result(mounted).map(drop)
}

/// Whether a path, as it is written, is in one of the directories that a run may have for itself.
pub fn is_in_own_directory(path: &Path) -> bool {
    OWN_DIRECTORIES.iter().any(|own| path.starts_with(own))
}

/// Whether this process sees a run's own `/tmp`: what it leaves there nobody else finds.
pub fn has_own_tmp() -> bool {
    std::fs::read_to_string("/proc/self/mountinfo").is_ok_and(|mounts| is_own_tmp(&mounts))
}

/// The last mount at `/tmp` covers those before it.
fn is_own_tmp(mountinfo: &str) -> bool {
    let mut at_tmp = mountinfo.lines().filter(|line| line.split(' ').nth(4) == Some("/tmp"));
    let source = at_tmp.next_back().and_then(|line| line.split_once(" - ")?.1.split(' ').nth(1));
    source.is_some_and(|source| source.as_bytes() == SOURCE.to_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_mount_that_covers_the_others_tells_whose_tmp_it_is() {
        let hosts = "40 1 0:40 / /tmp rw,nosuid,nodev - tmpfs tmpfs rw\n";
        let own = "90 1 0:55 /tmp /tmp rw,nosuid,nodev - tmpfs kanband-run rw,size=1k\n";
        let elsewhere = "91 1 0:55 /var-tmp /var/tmp rw - tmpfs kanband-run rw\n";
        for (mounts, expected) in [
            (String::new(), false),
            (hosts.to_owned(), false),
            (elsewhere.to_owned(), false),
            (format!("{hosts}{own}{elsewhere}"), true),
            (format!("{own}{hosts}"), false),
        ] {
            assert_eq!(is_own_tmp(&mounts), expected, "{mounts}");
        }
    }

    #[test]
    fn paths_are_compared_by_whole_names() {
        for (path, expected) in [
            ("/tmp", true),
            ("/tmp/a/b", true),
            ("/var/tmp/x", true),
            ("/tmpfs/a", false),
            ("/var/x", false),
            ("tmp/a", false),
        ] {
            assert_eq!(is_in_own_directory(Path::new(path)), expected, "{path}");
        }
    }

    #[test]
    fn a_view_without_parts_is_the_hosts() {
        let view = |tmp_bytes, hides_processes| RunView { tmp_bytes, hides_processes };
        assert!(view(None, false).is_hosts());
        assert!(!view(Some(1), false).is_hosts() && !view(None, true).is_hosts());
    }
}
