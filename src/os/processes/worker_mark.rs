//! The mark of a worker that it cannot drop: a hard limit of POSIX message queues (RLIMIT_MSGQUEUE, getrlimit(2)) below the daemon's.
//!
//! Control group, ancestors, session and environment say of which run a process is. A process of the daemon's own user can leave
//! them all: it kills its supervisor, changes its group, takes a session of its own and clears its environment. What is left is
//! this limit. It is inherited through fork and exec, raising it takes CAP_SYS_RESOURCE in the first user namespace, and
//! `/proc/PID/limits` shows it to everybody who sees the process. It is not a mark of *which* run, so it only takes rights away:
//! who bears it is no operator.
//!
//! - The limit is the least used of all, and the mark takes one byte of it; nobody misses that byte.
//! - The daemon's own limit is read once, when it starts: a process of the same user could lower it later (prlimit(2)).
//! - A daemon that was started inside a run bears the mark itself, and compares with what it has.
//! - With a limit of 0 there is nothing below it, and so no mark. The same holds where the kernel does not show limits.

use std::io;
use std::sync::OnceLock;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// The line of `/proc/PID/limits`.
const LINE: &str = "Max msgqueue size";

/// A limit that is none.
const UNLIMITED: u64 = u64::MAX;

/// Whether the workers of this process bear a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerMark {
    /// A process with a hard limit below this one, bytes, is a worker's.
    Below(u64),
    /// The hard limit of this process is 0: there is no lower one.
    LimitIsZero,
    /// The kernel does not show the limits of processes.
    NotShown,
}

/// What a process bears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Borne {
    /// The mark of a worker.
    Mark {
        /// Its hard limit, bytes.
        limit: u64,
        /// What a process without the mark has at least.
        own: u64,
    },
    /// No mark.
    None,
    /// Unknown: its limits cannot be read.
    Unknown,
}

impl WorkerMark {
    /// The mark of this process's workers, as it was when this was asked first.
    pub fn of_process() -> Self {
        static MARK: OnceLock<WorkerMark> = OnceLock::new();
        *MARK.get_or_init(|| {
            let own = getrlimit(Resource::RLIMIT_MSGQUEUE).ok().map(|(_, hard)| hard);
            Self::of(own, hard_limit_of(nix::unistd::getpid().as_raw()).ok())
        })
    }

    /// By the hard limit of this process, and by what is shown of it.
    fn of(own: Option<u64>, shown: Option<u64>) -> Self {
        match own {
            Some(0) => Self::LimitIsZero,
            Some(own) if shown == Some(own) => Self::Below(own),
            Some(_) | None => Self::NotShown,
        }
    }

    /// The highest limit that a worker may have, bytes; none where workers bear no mark.
    pub fn of_workers(self) -> Option<u64> {
        match self {
            Self::Below(own) => own.checked_sub(1),
            Self::LimitIsZero | Self::NotShown => None,
        }
    }

    /// What a process bears whose hard limit is `limit`, none where that cannot be read. Where there is a mark, an unreadable limit
    /// is not a high one: nobody gains by it. No operator loses by it either, because the file is as readable as those by which
    /// the process was identified before.
    pub fn judge(self, limit: Option<u64>) -> Borne {
        match (self, limit) {
            (Self::LimitIsZero | Self::NotShown, _) => Borne::None,
            (Self::Below(own), Some(limit)) if limit < own => Borne::Mark { limit, own },
            (Self::Below(_), Some(_)) => Borne::None,
            (Self::Below(_), None) => Borne::Unknown,
        }
    }
}

/// The hard limit of POSIX message queues of the process that has `pid` now, bytes.
///
/// # Errors
/// `/proc` does not show it.
pub fn hard_limit_of(pid: i32) -> io::Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/limits"))?;
    hard_limit(&text).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
}

/// The third column, behind a name that has spaces itself: soft limit, hard limit, unit.
fn hard_limit(limits: &str) -> Option<u64> {
    let values = limits.lines().find_map(|line| line.strip_prefix(LINE))?;
    match values.split_ascii_whitespace().nth(1)? {
        "unlimited" => Some(UNLIMITED),
        number => number.parse().ok(),
    }
}

/// Gives this process the mark, and with it everything that it starts. A lower limit stays. System calls only: for the instants
/// between fork and exec.
///
/// # Errors
/// The limit cannot be read or set.
pub(in crate::os) fn bear(highest: u64) -> nix::Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_MSGQUEUE)?;
    let hard = hard.min(highest);
    setrlimit(Resource::RLIMIT_MSGQUEUE, soft.min(hard), hard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hard_limit_is_the_second_number_of_its_line() {
        let text = |soft: &str, hard: &str| {
            format!(
                "Limit                     Soft Limit           Hard Limit           Units     \n\
                 Max pending signals       95857                95857                signals   \n\
                 Max msgqueue size         {soft:20} {hard:20} bytes     \n\
                 Max nice priority         0                    0                    \n"
            )
        };
        for (soft, hard, expected) in [
            ("819200", "819199", Some(819_199)),
            ("0", "unlimited", Some(UNLIMITED)),
            ("unlimited", "18446744073709551614", Some(UNLIMITED - 1)),
            ("1", "many", None),
        ] {
            assert_eq!(hard_limit(&text(soft, hard)), expected, "{hard}");
        }
        assert_eq!(hard_limit("Max pending signals 1 2 signals\n"), None);
        let (_, hard) = getrlimit(Resource::RLIMIT_MSGQUEUE).unwrap();
        assert_eq!(hard_limit_of(std::process::id().cast_signed()).unwrap(), hard);
    }

    #[test]
    fn there_is_a_mark_only_below_a_limit_that_others_can_read() {
        for (own, shown, mark, of_workers) in [
            (Some(819_200), Some(819_200), WorkerMark::Below(819_200), Some(819_199)),
            (Some(UNLIMITED), Some(UNLIMITED), WorkerMark::Below(UNLIMITED), Some(UNLIMITED - 1)),
            (Some(1), Some(1), WorkerMark::Below(1), Some(0)),
            (Some(0), Some(0), WorkerMark::LimitIsZero, None),
            (Some(819_200), None, WorkerMark::NotShown, None),
            (Some(819_200), Some(1), WorkerMark::NotShown, None),
            (None, Some(1), WorkerMark::NotShown, None),
        ] {
            assert_eq!(WorkerMark::of(own, shown), mark, "{own:?} {shown:?}");
            assert_eq!(mark.of_workers(), of_workers);
        }
    }

    #[test]
    fn who_has_less_than_the_daemon_bears_the_mark_and_what_is_unknown_is_no_operator() {
        let below = WorkerMark::Below(100);
        for (mark, limit, expected) in [
            (below, Some(99), Borne::Mark { limit: 99, own: 100 }),
            // A worker can lower it further, and a daemon inside a run does so.
            (below, Some(0), Borne::Mark { limit: 0, own: 100 }),
            (below, Some(100), Borne::None),
            (below, Some(UNLIMITED), Borne::None),
            (below, None, Borne::Unknown),
            (WorkerMark::LimitIsZero, Some(0), Borne::None),
            (WorkerMark::LimitIsZero, None, Borne::None),
            (WorkerMark::NotShown, Some(1), Borne::None),
            (WorkerMark::NotShown, None, Borne::None),
        ] {
            assert_eq!(mark.judge(limit), expected, "{mark:?} {limit:?}");
        }
    }

    /// In the process that the next test makes of itself.
    const IN_CHILD: &str = "KANBAND_TEST_BEARS_MARK";

    #[test]
    fn the_mark_lowers_both_limits_and_raises_none() {
        if std::env::var_os(IN_CHILD).is_some() {
            let get = || getrlimit(Resource::RLIMIT_MSGQUEUE).unwrap();
            setrlimit(Resource::RLIMIT_MSGQUEUE, 100, 200).unwrap();
            for (highest, expected) in [(199, (100, 199)), (500, (100, 199)), (50, (50, 50))] {
                bear(highest).unwrap();
                assert_eq!(get(), expected, "{highest}");
            }
            return;
        }
        let me = "os::processes::worker_mark::tests::the_mark_lowers_both_limits_and_raises_none";
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        let ended = child.args(["--exact", me]).env(IN_CHILD, "1").output().unwrap();
        let printed = String::from_utf8_lossy(&ended.stdout);
        assert!(ended.status.success() && printed.contains("1 passed"), "{printed}");
    }
}
