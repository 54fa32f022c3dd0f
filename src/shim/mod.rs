//! The shim: one small process per run that is the parent of the worker and outlives the daemon.
//!
//! It holds the run lock for life, starts the worker, keeps its output and its deadline, ends every process
//! that descends from it, and writes how it ended. The daemon watches it by pidfd and reads the record; it
//! controls it by signals only (SIGTERM: stop ladder, SIGQUIT: kill at once).
//!
//! One thread, no allocation to speak of while nothing happens, and nothing of the board: only `std`, `nix`,
//! `serde` and the leaf modules of [`crate::os`] (checked by `tests/tidy/shim.rs`).
//!
//! | file | what it decides |
//! |---|---|
//! | `run` | the order of things: lock, identity, worker, record |
//! | `setup` | the commands before the worker |
//! | `place` | the directory of the work is the one that was leased |
//! | `stdio` | where the standard descriptors lead |
//! | `worker` | from the spec to a started worker, or why not |
//! | `watch` | the loop over signals, output and time |
//! | `ladder` | when to ask the tree to end and when to kill it (pure) |
//! | `tree` | sending a signal to everything below this process |
//! | `log_pump` | output from pipe to file, at the spec's pace |
//! | `handing` | what the daemon has made for the run becomes the worker's user's |
//! | `holder` | the other program in this binary: starts shims for a daemon that may not |

mod fence;
mod handing;
pub mod holder;
pub mod ladder;
mod log_pump;
mod run;
mod setup;
mod stdio;
mod tree;
mod watch;
mod work_directory;
mod worker;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::os::processes::proc_root::HOST_PROC_DESCRIPTOR;
use crate::os::processes::user::RunAs;
use crate::os::run_files::directory::RunDir;
use crate::os::run_files::shim_start::{DESCRIPTOR_LIMIT_OPTION, HOST_PROC_OPTION, RUN_AS_OPTION};

/// How the shim itself ends. How the run ended is in its exit record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShimExit {
    /// 0: the exit record is in place.
    Done,
    /// 2: called with other arguments than a run directory, a nonce and, perhaps, the worker's user.
    Usage,
    /// 70: the process could not be set up; nothing was started.
    SetUp,
    /// 71: another shim holds the run lock; nothing was started.
    LockHeld,
    /// 72: the spec is that of another start; nothing was started.
    OtherNonce,
    /// 73: the run directory, its spec or its identity could not be read or written; nothing was started.
    Files,
    /// 74: this start has been made before; nothing was started.
    AlreadyStarted,
    /// 75: the tree is empty, but the exit record could not be written.
    Record,
}

impl ShimExit {
    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Usage => 2,
            Self::SetUp => 70,
            Self::LockHeld => 71,
            Self::OtherNonce => 72,
            Self::Files => 73,
            Self::AlreadyStarted => 74,
            Self::Record => 75,
        }
    }

    fn reason(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Usage => {
                "usage: kanban-shim RUN-DIRECTORY NONCE [--as UID:GID:GROUPS] [--open-files N] [--host-proc 4] (started by kanband, not by hand), \
                 or kanban-shim --hold [OPTIONS]"
            }
            Self::SetUp => "cannot set up the process",
            Self::LockHeld => "another shim holds the run lock",
            Self::OtherNonce => "the spec belongs to another start",
            Self::Files => "cannot access the files of the run",
            Self::AlreadyStarted => "this start was already made",
            Self::Record => "cannot write the exit record",
        }
    }
}

impl From<ShimExit> for ExitCode {
    fn from(exit: ShimExit) -> Self {
        Self::from(exit.code())
    }
}

/// The whole program. `arguments` begin with the program's name.
pub fn main(arguments: impl Iterator<Item = OsString>) -> ShimExit {
    let mut arguments = arguments.skip(1).peekable();
    if arguments.peek().is_some_and(|first| first == "--hold") {
        return holder::main(arguments.skip(1));
    }
    let exit = match Start::of(arguments) {
        Some(start) => run::run(&start).err().unwrap_or(ShimExit::Done),
        None => ShimExit::Usage,
    };
    if exit != ShimExit::Done {
        // For people who try it by hand; under the daemon this goes to /dev/null.
        let _unheard = writeln!(std::io::stderr(), "kanban-shim: {}", exit.reason());
    }
    exit
}

/// What a shim is called with.
struct Start {
    dir: RunDir,
    nonce: String,
    /// The user of the worker, when that is not this process's. It comes from the starter of this process and from nowhere
    /// else: the spec is a file that the daemon's user can write.
    run_as: Option<RunAs>,
    /// The soft limit of open files that this process and its worker are to have; none to keep the one that it was started with.
    open_files: Option<u64>,
    /// Whether the host's `/proc` is handed over, because this process has another one.
    has_host_proc: bool,
}

impl Start {
    fn of(mut arguments: impl Iterator<Item = OsString>) -> Option<Self> {
        let (path, nonce) = (arguments.next()?, arguments.next()?.into_string().ok()?);
        if path.is_empty() || nonce.is_empty() {
            return None;
        }
        let (mut run_as, mut open_files, mut has_host_proc) = (None, None, false);
        while let Some(option) = arguments.next() {
            let value = arguments.next()?;
            let value = value.to_str()?;
            if option == RUN_AS_OPTION && run_as.is_none() {
                run_as = Some(RunAs::from_argument(value)?);
            } else if option == DESCRIPTOR_LIMIT_OPTION && open_files.is_none() {
                open_files = Some(value.parse().ok()?);
            } else if option == HOST_PROC_OPTION && !has_host_proc {
                has_host_proc = value.parse() == Ok(HOST_PROC_DESCRIPTOR);
                has_host_proc.then_some(())?;
            } else {
                return None;
            }
        }
        // The working directory changes later on.
        let path = std::path::absolute(PathBuf::from(path)).ok()?;
        Some(Self { dir: RunDir::new(path), nonce, run_as, open_files, has_host_proc })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_those_that_are_documented() {
        let exits = [
            (ShimExit::Done, 0),
            (ShimExit::Usage, 2),
            (ShimExit::SetUp, 70),
            (ShimExit::LockHeld, 71),
            (ShimExit::OtherNonce, 72),
            (ShimExit::Files, 73),
            (ShimExit::AlreadyStarted, 74),
            (ShimExit::Record, 75),
        ];
        for (exit, code) in exits {
            assert_eq!(exit.code(), code, "{exit:?}");
        }
    }

    #[test]
    fn anything_but_a_directory_a_nonce_and_a_user_is_a_usage_error() {
        let cases: [(&[&str], bool); 17] = [
            (&["/run/7", "nonce"], true),
            (&["/run/7", "nonce", "--as", "5:60:60"], true),
            (&[], false),
            (&["/run/7"], false),
            (&["/run/7", ""], false),
            (&["", "nonce"], false),
            (&["/run/7", "nonce", "more"], false),
            (&["/run/7", "nonce", "--as"], false),
            (&["/run/7", "nonce", "--as", "games"], false),
            (&["/run/7", "nonce", "--as", "5:60:60", "more"], false),
            (&["/run/7", "nonce", "--as", "5:60:60", "--open-files", "1024"], true),
            (&["/run/7", "nonce", "--open-files", "1024"], true),
            (&["/run/7", "nonce", "--open-files", "many"], false),
            (&["/run/7", "nonce", "--as", "5:60:60", "--host-proc", "4"], true),
            (&["/run/7", "nonce", "--host-proc", "5"], false),
            (&["/run/7", "nonce", "--host-proc"], false),
            (&["/run/7", "nonce", "--as", "5:60:60", "--as", "5:60:60"], false),
        ];
        for (arguments, is_start) in cases {
            let start = Start::of(arguments.iter().map(OsString::from));
            assert_eq!(start.is_some(), is_start, "{arguments:?}");
        }
    }
}
