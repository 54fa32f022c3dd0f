//! The made-up process table: PIDs that are soon given away again, processes that ignore being asked, processes that hang.

use std::collections::BTreeMap;

use kanband::kernel::ids::RunId;

/// A process of one boot, as the supervisor names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity {
    pub boot: u32,
    pub pid: u32,
    pub ticks: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Shim,
    Worker,
    Descendant,
}

#[derive(Debug, Clone)]
pub struct Process {
    pub identity: Identity,
    pub run_id: RunId,
    pub role: Role,
    pub ignores_term: bool,
    /// Cannot die before: it hangs in the kernel.
    pub hangs_until_ms: u64,
}

/// PIDs there are: few, so that they are used again at once.
const PIDS: u32 = 40;

#[derive(Debug, Default)]
pub struct ProcessTable {
    pub boot: u32,
    next_pid: u32,
    next_ticks: u64,
    by_pid: BTreeMap<u32, Process>,
}

impl ProcessTable {
    pub fn spawn(&mut self, run_id: RunId, role: Role) -> Identity {
        loop {
            self.next_pid = self.next_pid % PIDS + 1;
            if !self.by_pid.contains_key(&self.next_pid) {
                break;
            }
        }
        self.next_ticks += 1;
        let identity = Identity { boot: self.boot, pid: self.next_pid, ticks: self.next_ticks };
        let process = Process { identity, run_id, role, ignores_term: false, hangs_until_ms: 0 };
        self.by_pid.insert(identity.pid, process);
        identity
    }

    /// The process of that name, and no other that has its PID now.
    pub fn get(&self, identity: Identity) -> Option<&Process> {
        self.by_pid.get(&identity.pid).filter(|process| process.identity == identity)
    }

    pub fn get_mut(&mut self, identity: Identity) -> Option<&mut Process> {
        self.by_pid.get_mut(&identity.pid).filter(|process| process.identity == identity)
    }

    pub fn is_alive(&self, identity: Identity) -> bool {
        self.get(identity).is_some()
    }

    pub fn remove(&mut self, identity: Identity) -> Option<Process> {
        self.get(identity)?;
        self.by_pid.remove(&identity.pid)
    }

    pub fn all(&self) -> impl Iterator<Item = &Process> {
        self.by_pid.values()
    }

    /// Processes of a run but for its shim.
    pub fn tree(&self, run_id: RunId) -> Vec<Identity> {
        self.all()
            .filter(|process| process.run_id == run_id && process.role != Role::Shim)
            .map(|process| process.identity)
            .collect()
    }

    pub fn reboot(&mut self) {
        self.by_pid.clear();
        self.boot += 1;
        self.next_ticks = 0;
    }
}
