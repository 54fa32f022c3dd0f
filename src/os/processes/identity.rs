//! The identity of a process: never a bare PID.
//!
//! A PID is reused; the pair of PID and start time (in clock ticks since boot, field 22 of
//! `/proc/<pid>/stat`, see proc_pid_stat(5)) is not, within one boot. The boot id
//! (`/proc/sys/kernel/random/boot_id`) makes it unique for good.

use std::io;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::os::processes::proc_root::in_proc;
use crate::os::processes::proc_stat::{self, ProcStat};

/// Below `/proc`. A container may have covered the host's own, which a fresh mount of `/proc` would uncover.
const BOOT_ID_PATH: &str = "sys/kernel/random/boot_id";

/// Boot id, PID and start ticks: equal only for the same process.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProcessIdentity {
    /// `/proc/sys/kernel/random/boot_id` when the process was seen.
    pub boot_id: String,
    /// Process id in the daemon's PID namespace.
    pub pid: i32,
    /// Start time in clock ticks since boot.
    pub start_ticks: u64,
}

/// What can be said of a process that was seen earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Liveness {
    /// It is still there and runs.
    Same,
    /// It has ended: other boot, no such PID, PID of a newer process, or only waiting to be reaped.
    Gone,
    /// Unknown. Neither signal it nor take its end as proven.
    Unknown,
}

impl ProcessIdentity {
    /// Identity of the process that has `pid` now; none when there is none.
    ///
    /// A process that has ended and waits to be reaped still has one.
    ///
    /// # Errors
    /// `/proc` cannot be read, or hides the process (`PermissionDenied`).
    pub fn of(pid: i32) -> io::Result<Option<Self>> {
        proc_stat::read(pid)?.map(|stat| Self::from_stat(&stat)).transpose()
    }

    /// Identity of this process.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub fn current() -> io::Result<Self> {
        let pid = nix::unistd::getpid().as_raw();
        Self::of(pid)?.ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotFound, "/proc does not show this process")
        })
    }

    /// Looks whether this very process still runs.
    pub fn check(&self) -> Liveness {
        match boot_id() {
            Ok(now) if now == self.boot_id => {}
            Ok(_other_boot) => return Liveness::Gone,
            Err(_unreadable) => return Liveness::Unknown,
        }
        match proc_stat::read(self.pid) {
            Ok(Some(stat)) if stat.start_ticks == self.start_ticks && !stat.is_over() => {
                Liveness::Same
            }
            Ok(_other_or_none) => Liveness::Gone,
            Err(_unreadable) => Liveness::Unknown,
        }
    }

    pub(in crate::os) fn from_stat(stat: &ProcStat) -> io::Result<Self> {
        let boot_id = boot_id()?.to_owned();
        Ok(Self { boot_id, pid: stat.pid, start_ticks: stat.start_ticks })
    }
}

/// This boot's id, read once: no process outlives the boot that it reads.
///
/// # Errors
/// `/proc/sys/kernel/random/boot_id` cannot be read.
pub fn boot_id() -> io::Result<&'static str> {
    static BOOT_ID: OnceLock<String> = OnceLock::new();
    if let Some(id) = BOOT_ID.get() {
        return Ok(id);
    }
    let text = std::fs::read_to_string(in_proc(BOOT_ID_PATH))?;
    Ok(BOOT_ID.get_or_init(|| text.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::processes::test_child::Sleeper;

    #[test]
    fn this_process_is_itself() {
        let me = ProcessIdentity::current().unwrap();
        assert_eq!(me.check(), Liveness::Same);
        assert_eq!(ProcessIdentity::of(me.pid).unwrap(), Some(me));
    }

    #[test]
    fn a_reused_pid_or_another_boot_is_not_mistaken_for_life() {
        let me = ProcessIdentity::current().unwrap();
        let newer = ProcessIdentity { start_ticks: me.start_ticks + 1, ..me.clone() };
        assert_eq!(newer.check(), Liveness::Gone);
        let other_boot = ProcessIdentity { boot_id: "another".to_owned(), ..me };
        assert_eq!(other_boot.check(), Liveness::Gone);
    }

    #[test]
    fn a_zombie_is_gone_although_its_entry_is_there() {
        let mut child = Sleeper::start();
        let identity = child.identity.clone();
        assert_eq!(identity.check(), Liveness::Same);
        child.kill();
        let end = nix::sys::wait::WaitPidFlag::WEXITED | nix::sys::wait::WaitPidFlag::WNOWAIT;
        let pid = nix::unistd::Pid::from_raw(identity.pid);
        nix::sys::wait::waitid(nix::sys::wait::Id::Pid(pid), end).unwrap();
        assert_eq!(identity.check(), Liveness::Gone);
        assert_eq!(ProcessIdentity::of(identity.pid).unwrap().as_ref(), Some(&identity));
        child.reap();
        assert_eq!(identity.check(), Liveness::Gone);
    }
}
