//! Processes started a moment ago: a starting daemon without its lock and its socket yet.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::stat::stat;
use nix::time::{ClockId, clock_gettime};
use nix::unistd::{SysconfVar, geteuid, sysconf};

use crate::os::processes::proc_stat::{self, ProcStat};
use crate::os::processes::proc_tree;

/// A process of this process's user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YoungProcess {
    /// Its PID.
    pub pid: i32,
    /// The first fifteen bytes of its program's name.
    pub name: String,
    /// Time since its start.
    pub age: Duration,
    /// It is a fork of a shell above this process that does not execute a program yet.
    pub is_fork_of_shell: bool,
}

/// Processes of this user that are at most `age_max` old, this one and those above it left out.
///
/// # Errors
/// `/proc` cannot be listed.
pub fn young_processes(age_max: Duration) -> io::Result<Vec<YoungProcess>> {
    let me = std::process::id().cast_signed();
    let above: Vec<i32> =
        proc_tree::ancestry(me)?.chain.iter().map(|process| process.pid).collect();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok())
        else {
            continue;
        };
        if above.contains(&pid) || !is_own(pid) {
            continue;
        }
        // One that goes meanwhile is of no interest.
        let Ok(Some(process)) = proc_stat::read(pid) else { continue };
        let Some(age) = age_of(&process).filter(|age| *age <= age_max) else { continue };
        if !process.is_over() {
            let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            found.push(YoungProcess {
                pid,
                name: name.trim_end_matches('\n').to_owned(),
                age,
                is_fork_of_shell: above.contains(&process.parent_pid)
                    && program(pid).is_some_and(|own| program(process.parent_pid) == Some(own)),
            });
        }
    }
    Ok(found)
}

/// The environment of a process of this user as it was when its program began, as far as it is text; none when it may not be
/// read.
pub fn environment_of(pid: i32) -> Option<BTreeMap<String, String>> {
    let bytes = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
    let pairs = bytes.split(|byte| *byte == 0).filter_map(|pair| {
        let (name, value) = std::str::from_utf8(pair).ok()?.split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    });
    Some(pairs.collect())
}

/// The working directory of a process of this user.
pub fn directory_of(pid: i32) -> Option<PathBuf> {
    std::fs::read_link(format!("/proc/{pid}/cwd")).ok()
}

/// The control group of a process in the version 2 hierarchy, or in that of systemd where there is no other.
pub fn group_of(pid: i32) -> Option<PathBuf> {
    let bytes = std::fs::read(format!("/proc/{pid}/cgroup")).ok()?;
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let group = lines.find_map(|line| {
        line.strip_prefix(b"0::").or_else(|| line.strip_prefix(b"1:name=systemd:"))
    })?;
    Some(PathBuf::from(OsStr::from_bytes(group)))
}

fn is_own(pid: i32) -> bool {
    stat(format!("/proc/{pid}").as_str()).is_ok_and(|found| found.st_uid == geteuid().as_raw())
}

fn program(pid: i32) -> Option<PathBuf> {
    std::fs::read_link(format!("/proc/{pid}/exe")).ok()
}

#[expect(clippy::disallowed_methods, reason = "the clock that the kernel counts start ticks on")]
fn age_of(process: &ProcStat) -> Option<Duration> {
    let ticks_per_second = u64::try_from(sysconf(SysconfVar::CLK_TCK).ok()??).ok()?;
    let now = clock_gettime(ClockId::CLOCK_BOOTTIME).ok()?;
    let started_ms = process.start_ticks.saturating_mul(1000).checked_div(ticks_per_second)?;
    Some(Duration::from(now).saturating_sub(Duration::from_millis(started_ms)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::processes::test_child::Sleeper;

    #[test]
    fn a_child_that_was_just_started_is_young_and_executes_its_own_program() {
        let child = Sleeper::start();
        let pid = child.identity.pid;
        let young = young_processes(Duration::from_secs(60)).unwrap();
        let found = young.iter().find(|process| process.pid == pid).unwrap();
        assert_eq!((found.name.as_str(), found.is_fork_of_shell), ("sleep", false));
        let me = std::process::id().cast_signed();
        assert!(young.iter().all(|process| process.pid != me));
        // Between its name and its environment, execve(2) shows none for a moment.
        let begun = std::time::Instant::now();
        let has_path = || environment_of(pid).unwrap().contains_key("PATH");
        while !has_path() && begun.elapsed() < Duration::from_secs(60) {
            std::thread::yield_now();
        }
        assert!(has_path());
        assert!(directory_of(pid).is_some());
        let none = young_processes(Duration::ZERO).unwrap();
        assert!(none.iter().all(|process| process.age.is_zero()));
    }
}
