//! One process as `/proc/<pid>/stat` shows it: the few fields that identity and ancestry need.
//!
//! See proc_pid_stat(5). The second field is the program's name in parentheses and may itself hold
//! spaces and parentheses, so fields are counted from the *last* closing one.

use std::fs::File;
use std::io::{self, Read};

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use crate::os::processes::proc_root::in_proc;

/// The fields of one stat line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcStat {
    /// Process id.
    pub pid: i32,
    /// State letter (`R`, `S`, `D`, `Z`, …).
    pub state: u8,
    /// Parent's process id; 0 for the first process and for one whose parent is in another namespace.
    pub parent_pid: i32,
    /// Threads that have not been released, the leader included.
    pub thread_count: u32,
    /// Start time in clock ticks since boot.
    pub start_ticks: u64,
}

impl ProcStat {
    /// Whether the process has ended and only its entry waits to be reaped.
    ///
    /// The leader of a process whose other threads go on also shows `Z`; such a process is alive.
    pub fn is_over(&self) -> bool {
        matches!(self.state, b'Z' | b'X' | b'x') && self.thread_count <= 1
    }
}

/// What a look at a process shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Its stat line.
    There(ProcStat),
    /// There is no such process.
    Missing,
    /// There is one, and `/proc` does not show it (mount option `hidepid`, proc(5)).
    Hidden {
        /// It belongs to another user: signals to it are not permitted (EPERM).
        is_others: bool,
    },
}

/// Looks at the process that has `pid`.
///
/// # Errors
/// `/proc` cannot be read, or holds something else.
pub fn look(pid: i32) -> io::Result<Look> {
    if pid <= 0 {
        return Ok(Look::Missing);
    }
    // Once more when the process is there but its entry was not: the PID may have gone to a new process
    // between the two looks.
    let mut is_others = false;
    for _look in 0..2 {
        match read_entry(pid) {
            Ok(Some(stat)) => return Ok(Look::There(stat)),
            Ok(None) => {}
            // `hidepid=noaccess` shows the entry and lets nobody open what is in it.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            Err(error) => return Err(error),
        }
        match kill(Pid::from_raw(pid), None) {
            Err(Errno::ESRCH) => return Ok(Look::Missing),
            answer => is_others = answer == Err(Errno::EPERM),
        }
    }
    Ok(Look::Hidden { is_others })
}

/// Reads a process's stat line; none when there is no such process.
///
/// # Errors
/// `/proc` cannot be read. A process that exists but is hidden is an error of kind `PermissionDenied`, never mistaken for a
/// missing one.
pub fn read(pid: i32) -> io::Result<Option<ProcStat>> {
    match look(pid)? {
        Look::There(stat) => Ok(Some(stat)),
        Look::Missing => Ok(None),
        Look::Hidden { .. } => {
            let hidden = format!("process {pid} exists but /proc does not show it");
            Err(io::Error::new(io::ErrorKind::PermissionDenied, hidden))
        }
    }
}

/// Whether no process has this PID, or one that only waits to be reaped. A process that cannot be inspected may live.
pub fn is_gone(pid: i32) -> bool {
    read(pid).is_ok_and(|entry| entry.is_none_or(|entry| entry.is_over()))
}

/// The start time of this process, clock ticks since boot, without allocating: for the instants between fork and exec.
pub(in crate::os) fn own_start_ticks() -> Option<u64> {
    let flags = nix::fcntl::OFlag::O_RDONLY | nix::fcntl::OFlag::O_CLOEXEC;
    let file = nix::fcntl::open(c"/proc/self/stat", flags, nix::sys::stat::Mode::empty()).ok()?;
    let mut line = [0_u8; 1024];
    let length = nix::unistd::read(&file, &mut line).ok()?;
    Some(parse(line.get(..length)?)?.start_ticks)
}

/// One look at the entry, without asking whether it is merely hidden.
pub(in crate::os) fn read_entry(pid: i32) -> io::Result<Option<ProcStat>> {
    // The fields wanted end well within this, whatever the rest of the line holds.
    let mut line = [0_u8; 1024];
    let read = File::open(in_proc(format!("{pid}/stat"))).and_then(|mut file| file.read(&mut line));
    let length = match read {
        Ok(length) => length,
        Err(error) if is_missing(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    match line.get(..length).and_then(parse) {
        Some(stat) => Ok(Some(stat)),
        None => {
            let damaged = format!("cannot parse /proc/{pid}/stat");
            Err(io::Error::new(io::ErrorKind::InvalidData, damaged))
        }
    }
}

/// User and system time of a process and of the children that it has reaped, in clock ticks; none when it cannot be read.
pub fn cpu_ticks(pid: i32) -> Option<u64> {
    parse_cpu_ticks(&std::fs::read(in_proc(format!("{pid}/stat"))).ok()?)
}

/// utime, stime, cutime and cstime, fields 14 to 17.
fn parse_cpu_ticks(line: &[u8]) -> Option<u64> {
    let name_end = line.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(line.get(name_end + 1..)?).ok()?;
    let mut times = rest.split_ascii_whitespace().skip(14 - 3).take(4);
    times.try_fold(0_u64, |sum, time| sum.checked_add(time.parse().ok()?))
}

/// ENOENT before the entry is opened, ESRCH when the process goes between open and read.
fn is_missing(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(Errno::ESRCH as i32)
}

fn parse(line: &[u8]) -> Option<ProcStat> {
    let name_end = line.iter().rposition(|byte| *byte == b')')?;
    let name_start = line.iter().position(|byte| *byte == b'(')?;
    let pid = std::str::from_utf8(line.get(..name_start)?).ok()?.trim().parse().ok()?;
    let rest = std::str::from_utf8(line.get(name_end + 1..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    // Numbered as in the man page; state is field 3, and `nth` counts from the last field taken.
    let state = *fields.next()?.as_bytes().first()?;
    let parent_pid = fields.next()?.parse().ok()?;
    let thread_count = fields.nth(20 - 4 - 1)?.parse().ok()?;
    let start_ticks = fields.nth(22 - 20 - 1)?.parse().ok()?;
    Some(ProcStat { pid, state, parent_pid, thread_count, start_ticks })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAIL: &str =
        "S 7 42 42 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 3 0 987654 1000 10 18446744073709551615";

    #[test]
    fn names_with_parentheses_and_spaces_do_not_shift_the_fields() {
        let expected =
            ProcStat { pid: 42, state: b'S', parent_pid: 7, thread_count: 3, start_ticks: 987_654 };
        for name in ["sh", "a b", ") S 1 1", "((", "))) Z 0", "", "x) R 9 9 9 ("] {
            let line = format!("42 ({name}) {TAIL}\n");
            assert_eq!(parse(line.as_bytes()), Some(expected), "name {name:?}");
        }
        let mut not_text = b"42 (\xff\xfe) ".to_vec();
        not_text.extend_from_slice(TAIL.as_bytes());
        assert_eq!(parse(&not_text), Some(expected));
    }

    #[test]
    fn the_four_times_are_added_up() {
        let line = format!("42 (a) 9) {TAIL}\n");
        assert_eq!(parse_cpu_ticks(line.as_bytes()), Some(5 + 6 + 7 + 8));
        assert_eq!(parse_cpu_ticks(b"42 (sh"), None);
        assert!(cpu_ticks(1).is_some() && cpu_ticks(-1).is_none());
    }

    #[test]
    fn a_damaged_line_is_no_process() {
        for line in ["", "42", "42 (sh", "42 (sh) S", "42 (sh) S 7 42", "x (sh) S 7 42 42"] {
            assert_eq!(parse(line.as_bytes()), None, "line {line:?}");
        }
    }

    #[test]
    fn only_a_dead_leader_without_other_threads_is_over() {
        let cases = [(b'S', 1, false), (b'Z', 1, true), (b'Z', 2, false), (b'X', 0, true)];
        for (state, thread_count, over) in cases {
            let stat = ProcStat { pid: 1, state, parent_pid: 0, thread_count, start_ticks: 1 };
            assert_eq!(stat.is_over(), over, "{} with {thread_count} threads", char::from(state));
        }
    }

    #[test]
    fn this_process_knows_its_own_start() {
        let me = std::process::id().cast_signed();
        let ticks = read(me).unwrap().map(|stat| stat.start_ticks);
        assert_eq!(own_start_ticks(), ticks);
    }

    #[test]
    fn pids_that_name_no_single_process_are_missing() {
        // To kill(2), 0 and negative numbers mean groups; they must never get that far.
        for pid in [0, -1, i32::MIN] {
            assert_eq!(read(pid).unwrap(), None);
        }
        assert!(read(1).unwrap().is_some_and(|stat| stat.parent_pid == 0));
    }
}
