//! Signals to everything below this process, and to nothing else.
//!
//! A direct child keeps its PID until it is reaped, and only this process reaps it, so it is signalled by PID.
//! What lies deeper may be reaped by its own parent at any moment; it goes through a pidfd that is compared
//! after opening. Killing also works where pidfds are forbidden: each dead parent hands its children up.

use std::collections::BTreeSet;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpid};

use crate::os::control_groups::leaf::Leaf;
use crate::os::processes::pidfd::{Delivery, PidFd};
use crate::os::processes::proc_tree::{Descendant, descendants};
use crate::shim::ladder::Round;

/// What the last round of killing has met.
#[derive(Debug, Default)]
pub struct Killer {
    met: BTreeSet<Name>,
}

/// A process of this boot: PID and start ticks.
type Name = (i32, u64);

/// Who has been asked to end.
#[derive(Debug, Default)]
pub struct Asker {
    asked: BTreeSet<Name>,
}

/// Number of processes below this one that are not merely waiting to be reaped.
pub fn count_living() -> u32 {
    u32::try_from(living().len()).unwrap_or(u32::MAX)
}

impl Asker {
    /// Asks every process below this one that has not been asked.
    ///
    /// But for what a worker starts after it was asked and while it lives: that is how it cleans up.
    pub fn round(&mut self, worker_pid: i32) {
        let mut spared = BTreeSet::new();
        for process in living() {
            let pid = process.identity.pid;
            let has_been_asked = self.asked.contains(&name(&process));
            // Parents come before their children, so a child finds its parent here.
            if spared.contains(&process.parent_pid) || (pid == worker_pid && has_been_asked) {
                spared.insert(pid);
            } else if !has_been_asked {
                self.asked.insert(name(&process));
                send(&process, Signal::SIGTERM);
                // A stopped process would sleep through its grace.
                send(&process, Signal::SIGCONT);
            }
        }
    }
}

impl Killer {
    /// Kills everything in the leaf, and every process below this one that can be seen now.
    pub fn round(&mut self, leaf: Option<&Leaf>) -> Round {
        // First: this one kill meets them all at the same time. The rest is for who has left the leaf.
        let has_killed =
            leaf.is_some_and(|leaf| leaf.is_populated().unwrap_or(true) && leaf.kill().is_ok());
        let mut round = Round { has_killed, has_found_new: false };
        let mut met = BTreeSet::new();
        for process in living() {
            round.has_killed |= send(&process, Signal::SIGKILL);
            round.has_found_new |= !self.met.contains(&name(&process));
            met.insert(name(&process));
        }
        self.met = met;
        round
    }
}

fn name(process: &Descendant) -> Name {
    (process.identity.pid, process.identity.start_ticks)
}

fn living() -> Vec<Descendant> {
    // Without /proc nothing can be found, but the proof by wait(2) still holds: the run stays open.
    let mut found = descendants(getpid().as_raw()).unwrap_or_default();
    found.retain(|process| !process.is_over);
    found
}

/// Whether the signal was accepted for the process.
fn send(process: &Descendant, signal: Signal) -> bool {
    let pid = process.identity.pid;
    if process.parent_pid == getpid().as_raw() {
        return kill(Pid::from_raw(pid), signal).is_ok();
    }
    match PidFd::open(&process.identity) {
        Ok(Some(pidfd)) => matches!(pidfd.signal(signal), Ok(Delivery::Sent)),
        Ok(None) | Err(_) => false,
    }
}
