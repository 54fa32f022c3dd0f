//! Ancestors and descendants, read from `/proc` while processes come and go.
//!
//! Upwards, [`ancestry`] places a caller: it is read twice and only believed when both readings agree.
//! Downwards, [`descendants`] is one scan. It can miss what is born during the scan, so it is a list to send
//! signals to and never proof that a tree is empty; a sub-reaper gets that proof from wait(2).

use std::collections::{BTreeMap, VecDeque};
use std::io;

use crate::os::processes::identity::{Liveness, ProcessIdentity};
use crate::os::processes::proc_root::{in_proc, root};
use crate::os::processes::proc_stat::{self, Look, ProcStat};

/// Readings of one ancestry before giving up; processes that end under the walk cost one each.
const WALKS_MAX: usize = 16;

/// Processes on one path to the root of the process tree; far above what anything real has.
const DEPTH_MAX: usize = 4_096;

/// A process found under another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descendant {
    /// Who it is.
    pub identity: ProcessIdentity,
    /// Its parent when it was seen.
    pub parent_pid: i32,
    /// It has ended and only waits to be reaped.
    pub is_over: bool,
}

/// A process and those above it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ancestry {
    /// The process itself, its parent, and so on: up to the first process of the namespace, or to the last one that is shown.
    pub chain: Vec<ProcessIdentity>,
    /// The parent of the last one, when `/proc` hides it.
    pub hidden: Option<HiddenProcess>,
}

/// A process of which no more can be seen than that it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HiddenProcess {
    /// Its PID.
    pub pid: i32,
    /// It belongs to another user.
    pub is_others: bool,
}

impl HiddenProcess {
    /// The number of its session, which getsid(2) tells of every process.
    pub fn session(self) -> Option<i32> {
        nix::unistd::getsid(Some(nix::unistd::Pid::from_raw(self.pid)))
            .ok()
            .map(nix::unistd::Pid::as_raw)
    }
}

/// The process `pid`, its parent, and so on up to the first process of the namespace, or to one that `/proc` hides.
///
/// The result was true at one instant: after the walk every link is looked at again, and the walk is
/// repeated when a process has ended or was given another parent meanwhile.
///
/// # Errors
/// `NotFound` when `pid` is missing, `PermissionDenied` when `/proc` hides it, `TimedOut` when the
/// links never held still, and what reading `/proc` gives.
pub fn ancestry(pid: i32) -> io::Result<Ancestry> {
    let (links, hidden) = stable_walk(pid, proc_stat::look)?;
    let chain = links.iter().map(ProcessIdentity::from_stat).collect::<io::Result<_>>()?;
    Ok(Ancestry { chain, hidden })
}

/// Every process under `root_pid`, parents before their children, the root itself left out.
///
/// Processes that vanish during the scan are left out; one whose parent vanished is looked at again, as it
/// has a new parent by then.
///
/// # Errors
/// `/proc` itself cannot be listed, or the boot id is unreadable.
pub fn descendants(root_pid: i32) -> io::Result<Vec<Descendant>> {
    let mut seen = scan()?;
    adopt_again(&mut seen);
    add_hidden_children(root_pid, &mut seen);
    under(root_pid, &seen)
        .into_iter()
        .map(|stat| {
            let identity = ProcessIdentity::from_stat(&stat)?;
            Ok(Descendant { identity, parent_pid: stat.parent_pid, is_over: stat.is_over() })
        })
        .collect()
}

/// The process that leads a session of its own directly below `parent`; none when there is none, or more than one.
///
/// # Errors
/// `/proc` itself cannot be listed, or the boot id is unreadable.
pub fn leader_below(parent: &ProcessIdentity) -> io::Result<Option<ProcessIdentity>> {
    let is_leader = |pid: i32| {
        let session = nix::unistd::getsid(Some(nix::unistd::Pid::from_raw(pid)));
        session.is_ok_and(|session| session.as_raw() == pid)
    };
    let below = descendants(parent.pid)?;
    let mut leaders = below
        .into_iter()
        .filter(|process| process.parent_pid == parent.pid && !process.is_over)
        .filter(|process| is_leader(process.identity.pid));
    let first = leaders.next().map(|leader| leader.identity);
    let is_only = leaders.next().is_none();
    // What was seen was below this parent only if the parent was still itself.
    let is_same = parent.check() == Liveness::Same;
    Ok(first.filter(|_| is_only && is_same))
}

/// The links of one ancestry, and the hidden process above the last.
type Links = (Vec<ProcStat>, Option<HiddenProcess>);

fn stable_walk(pid: i32, look: impl Fn(i32) -> io::Result<Look>) -> io::Result<Links> {
    for _walk in 0..WALKS_MAX {
        let (chain, hidden) = match walk(pid, &look)? {
            Walk::Complete(links) => links,
            Walk::Broken => continue,
            Walk::Hidden => {
                let hidden = format!("process {pid} exists but /proc does not show it");
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, hidden));
            }
            Walk::NoSuchProcess => {
                let missing = format!("no such process: {pid}");
                return Err(io::Error::new(io::ErrorKind::NotFound, missing));
            }
        };
        let mut held = true;
        for link in &chain {
            held = held && matches!(look(link.pid)?, Look::There(now) if is_same_link(link, &now));
        }
        if let Some(HiddenProcess { pid, is_others }) = hidden {
            held = held && look(pid)? == Look::Hidden { is_others };
        }
        if held {
            return Ok((chain, hidden));
        }
    }
    let moving = format!("the ancestors of process {pid} keep changing");
    Err(io::Error::new(io::ErrorKind::TimedOut, moving))
}

enum Walk {
    Complete(Links),
    Broken,
    NoSuchProcess,
    Hidden,
}

fn walk(pid: i32, look: &impl Fn(i32) -> io::Result<Look>) -> io::Result<Walk> {
    let mut chain = Vec::new();
    let mut next = pid;
    while next != 0 {
        if chain.len() >= DEPTH_MAX {
            return Ok(Walk::Broken);
        }
        match look(next)? {
            Look::There(stat) => {
                chain.push(stat);
                next = stat.parent_pid;
            }
            Look::Missing if chain.is_empty() => return Ok(Walk::NoSuchProcess),
            Look::Missing => return Ok(Walk::Broken),
            Look::Hidden { .. } if chain.is_empty() => return Ok(Walk::Hidden),
            Look::Hidden { is_others } => {
                let hidden = HiddenProcess { pid: next, is_others };
                return Ok(Walk::Complete((chain, Some(hidden))));
            }
        }
    }
    Ok(Walk::Complete((chain, None)))
}

/// State and thread count may change without the link changing.
fn is_same_link(then: &ProcStat, now: &ProcStat) -> bool {
    then.start_ticks == now.start_ticks && then.parent_pid == now.parent_pid
}

fn scan() -> io::Result<BTreeMap<i32, ProcStat>> {
    let mut seen = BTreeMap::new();
    for entry in std::fs::read_dir(root())? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        // What vanished, is hidden or unreadable cannot be signalled either.
        if let Ok(Some(stat)) = proc_stat::read_entry(pid) {
            seen.insert(stat.pid, stat);
        }
    }
    Ok(seen)
}

/// Adds the children of the root that `/proc` does not list: those of other users, and those that nobody may look into, such as
/// `ssh-agent`. Their start times are not known and stand as 0. The kernel's list of children names them all the same.
fn add_hidden_children(root_pid: i32, seen: &mut BTreeMap<i32, ProcStat>) {
    let list = std::fs::read_to_string(in_proc(format!("{root_pid}/task/{root_pid}/children")));
    for pid in list.iter().flat_map(|list| list.split_ascii_whitespace()) {
        let Ok(pid) = pid.parse::<i32>() else { continue };
        if let std::collections::btree_map::Entry::Vacant(location) = seen.entry(pid) {
            match proc_stat::look(pid) {
                Ok(Look::There(stat)) => drop(location.insert(stat)),
                Ok(Look::Hidden { .. }) => {
                    let hidden = ProcStat {
                        pid,
                        state: b'S',
                        parent_pid: root_pid,
                        thread_count: 1,
                        start_ticks: 0,
                    };
                    location.insert(hidden);
                }
                Ok(Look::Missing) | Err(_) => {}
            }
        }
    }
}

/// Reads again what was seen under a parent that was not.
fn adopt_again(seen: &mut BTreeMap<i32, ProcStat>) {
    let is_orphan = |stat: &&ProcStat| stat.parent_pid != 0 && !seen.contains_key(&stat.parent_pid);
    let orphans: Vec<i32> = seen.values().filter(is_orphan).map(|stat| stat.pid).collect();
    for pid in orphans {
        match proc_stat::read_entry(pid) {
            Ok(Some(stat)) => seen.insert(pid, stat),
            Ok(None) | Err(_) => seen.remove(&pid),
        };
    }
}

fn under(root_pid: i32, seen: &BTreeMap<i32, ProcStat>) -> Vec<ProcStat> {
    let mut children: BTreeMap<i32, Vec<ProcStat>> = BTreeMap::new();
    for stat in seen.values() {
        children.entry(stat.parent_pid).or_default().push(*stat);
    }
    let mut found = Vec::new();
    let mut open = VecDeque::from([root_pid]);
    while let Some(parent_pid) = open.pop_front() {
        // Taken out, so that a reading in which two processes are each other's parent still ends.
        for child in children.remove(&parent_pid).unwrap_or_default() {
            open.push_back(child.pid);
            found.push(child);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::os::processes::test_child::Sleeper;

    fn stat(pid: i32, parent_pid: i32) -> ProcStat {
        ProcStat {
            pid,
            state: b'S',
            parent_pid,
            thread_count: 1,
            start_ticks: u64::from(pid.unsigned_abs()) * 10,
        }
    }

    fn table(links: &[(i32, i32)]) -> BTreeMap<i32, ProcStat> {
        links.iter().map(|(pid, parent_pid)| (*pid, stat(*pid, *parent_pid))).collect()
    }

    fn shown(links: &[(i32, i32)], pid: i32) -> Look {
        table(links).get(&pid).map_or(Look::Missing, |stat| Look::There(*stat))
    }

    fn pids(found: &[ProcStat]) -> Vec<i32> {
        found.iter().map(|stat| stat.pid).collect()
    }

    #[test]
    fn the_tree_is_found_parents_first_and_nothing_else() {
        let seen = table(&[(1, 0), (2, 1), (10, 1), (11, 10), (5, 11), (12, 10), (20, 2)]);
        assert_eq!(pids(&under(10, &seen)), [11, 12, 5]);
        assert_eq!(pids(&under(5, &seen)), [0; 0]);
        let circle = table(&[(3, 4), (4, 3)]);
        assert_eq!(pids(&under(3, &circle)), [4, 3]);
    }

    #[test]
    fn an_ancestry_that_changes_under_the_walk_is_read_again() {
        // 9's parent 8 ends after the first walk; from then on 9 belongs to 2.
        let looks = RefCell::new(0);
        let chain = stable_walk(9, |pid| {
            *looks.borrow_mut() += 1;
            let before = *looks.borrow() <= 4;
            let links: &[(i32, i32)] =
                if before { &[(1, 0), (2, 1), (8, 2), (9, 8)] } else { &[(1, 0), (2, 1), (9, 2)] };
            Ok(shown(links, pid))
        });
        assert_eq!(pids(&chain.unwrap().0), [9, 2, 1]);
    }

    #[test]
    fn a_pid_reused_on_the_way_up_is_read_again() {
        let looks = RefCell::new(0);
        let chain = stable_walk(9, |pid| {
            *looks.borrow_mut() += 1;
            let mut found = shown(&[(1, 0), (8, 1), (9, 8)], pid);
            if let Look::There(stat) = &mut found
                && stat.pid == 8
            {
                stat.start_ticks += u64::from(*looks.borrow() > 3);
            }
            Ok(found)
        });
        let (chain, _) = chain.unwrap();
        assert_eq!((pids(&chain), chain[1].start_ticks), (vec![9, 8, 1], 81));
    }

    #[test]
    fn an_ancestry_that_never_holds_still_is_an_error() {
        let looks = RefCell::new(0_u64);
        let moving = stable_walk(9, |pid| {
            *looks.borrow_mut() += 1;
            Ok(Look::There(ProcStat { start_ticks: *looks.borrow(), ..stat(pid, pid - 1) }))
        });
        assert_eq!(moving.unwrap_err().kind(), io::ErrorKind::TimedOut);
        let endless =
            stable_walk(9, |pid| Ok(Look::There(stat(pid, if pid == 9 { 8 } else { 9 }))));
        assert_eq!(endless.unwrap_err().kind(), io::ErrorKind::TimedOut);
        let missing = stable_walk(9, |_| Ok(Look::Missing)).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_walk_ends_below_a_process_that_is_hidden_for_good() {
        let hides = |hidden: i32, is_others: bool| {
            stable_walk(9, move |pid| {
                let seen = shown(&[(1, 0), (2, 1), (8, 2), (9, 8)], pid);
                Ok(if pid == hidden { Look::Hidden { is_others } } else { seen })
            })
        };
        for is_others in [true, false] {
            let (chain, hidden) = hides(2, is_others).unwrap();
            assert_eq!(pids(&chain), [9, 8]);
            assert_eq!(hidden, Some(HiddenProcess { pid: 2, is_others }));
        }
        assert_eq!(hides(9, true).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        // The hidden one ends during the walk, and its child is given another parent.
        let looks = RefCell::new(0);
        let walked = stable_walk(9, |pid| {
            *looks.borrow_mut() += 1;
            let is_early = *looks.borrow() <= 4;
            Ok(match pid {
                8 if *looks.borrow() <= 2 => Look::Hidden { is_others: true },
                8 => Look::Missing,
                _ if is_early => shown(&[(1, 0), (9, 8)], pid),
                _ => shown(&[(1, 0), (9, 1)], pid),
            })
        });
        let (chain, hidden) = walked.unwrap();
        assert_eq!((pids(&chain), hidden), (vec![9, 1], None));
    }

    #[test]
    fn this_process_descends_from_the_first_and_its_child_from_it() {
        let me = ProcessIdentity::current().unwrap();
        let Ancestry { chain, .. } = ancestry(me.pid).unwrap();
        assert_eq!(chain.first(), Some(&me));
        assert!(chain.len() >= 2);
        let child = Sleeper::start();
        let found = descendants(me.pid).unwrap();
        let seen = found.iter().find(|found| found.identity == child.identity).cloned();
        assert_eq!(seen.map(|seen| (seen.parent_pid, seen.is_over)), Some((me.pid, false)));
        assert!(found.iter().all(|found| found.identity != me));
    }
}
