//! What the daemon sees of a run whose processes it does not watch, judged by the real rules: run directories vanish, and for a
//! while nothing can be told of any process.

use kanband::kernel::error::Fault;
use kanband::kernel::ids::RunId;
use kanband::kernel::outcome::{Evidence, ProcessEnd};
use kanband::kernel::store;
use kanband::kernel::store::footing::{Footing, ProcessKey};
use kanband::os::processes::identity::{Liveness, ProcessIdentity};
use kanband::os::run_files::directory::{ExitRecord, RUN_FILE_VERSION, RunIdentity};
use kanband::os::run_files::inspection::{Inspection, LossCause, judge};
use kanband::os::run_files::lock::LockSign;
use kanband::os::run_files::remains::Tree;
use kanband::os::run_files::signs::{Directory, Search, Seen, Signs};

use crate::processes::{Identity, Role};
use crate::world::World;

/// Longest time in which nothing can be told of processes.
const BLIND_MS: u64 = 5_000;

/// What is known of a run after a look.
pub enum Seeing {
    /// Its shim lives.
    Alive(Identity, Option<Identity>),
    /// It is about to say who it is. The process, when the process table shows it.
    Beginning(Option<Identity>),
    /// It is over, and nothing of it is left.
    Over(Evidence),
    /// It is over, and processes are left.
    Remains,
    /// It is unknown.
    Unknown(String),
}

fn named(identity: Identity) -> ProcessIdentity {
    let Identity { boot, pid, ticks } = identity;
    ProcessIdentity { boot_id: boot.to_string(), pid: pid as i32, start_ticks: ticks }
}

fn of_name(name: &ProcessIdentity) -> Identity {
    let boot = name.boot_id.parse().unwrap();
    Identity { boot, pid: name.pid as u32, ticks: name.start_ticks }
}

fn of_row(row: &Footing, process: Option<&ProcessKey>) -> Option<ProcessIdentity> {
    let (boot_id, process) = (row.boot_id.clone()?, process?);
    let (pid, start_ticks) = (process.pid as i32, process.start_ticks as u64);
    Some(ProcessIdentity { boot_id, pid, start_ticks })
}

/// A record of which only matters that it is there.
fn some_record() -> ExitRecord {
    serde_json::from_value(serde_json::json!({
        "version": RUN_FILE_VERSION, "nonce": "n", "start_failure": null, "code": 0, "signal": null,
        "timed_out": false, "stop_requested": false, "killed": false, "swept_count": 0,
        "started_at_ms": 0, "ended_at_ms": 0, "elapsed_ms": 0, "cpu_us": 0, "max_rss_bytes": 0,
        "log_bytes": 0,
    }))
    .unwrap()
}

impl World {
    /// A foreign hand removes the directory of a run that is not closed.
    pub fn some_files_vanish(&mut self) {
        let open: Vec<RunId> =
            self.files.keys().copied().filter(|run_id| !self.closed.contains(run_id)).collect();
        if open.is_empty() {
            return;
        }
        let run_id = open[self.below(open.len() as u64) as usize];
        self.files.get_mut(&run_id).unwrap().is_removed = true;
        self.totals.directories_removed += 1;
    }

    /// From now on and for a while nothing can be told of any process.
    pub fn looks_begin_to_fail(&mut self) {
        self.blind_until_ms = self.now_ms + 1 + self.below(BLIND_MS);
    }

    fn is_blind(&self) -> bool {
        self.now_ms < self.blind_until_ms
    }

    /// What a look at a run says.
    pub fn see(&self, run_id: RunId) -> Seeing {
        let signs = self.signs(run_id);
        let known = signs.shim.as_ref().map(|(shim, _)| of_name(shim).boot);
        let is_other_boot = known.is_some_and(|boot| boot != self.processes.boot);
        let tree = match self.processes.tree(run_id).is_empty() {
            _ if self.is_blind() => Tree::Unknown("blind".to_owned()),
            true => Tree::Empty,
            false => Tree::Some,
        };
        match judge(&signs, is_other_boot, Some(&tree)) {
            Inspection::Alive(processes) => {
                Seeing::Alive(of_name(&processes.shim), processes.worker.as_ref().map(of_name))
            }
            Inspection::Beginning(shim) => Seeing::Beginning(shim.as_ref().map(of_name)),
            Inspection::Ended(_) => Seeing::Over(self.files[&run_id].exit.clone().unwrap()),
            Inspection::NeverStarted => Seeing::Over(Evidence::of(ProcessEnd::NotStarted)),
            Inspection::Unknown(why) => Seeing::Unknown(why),
            Inspection::ShimDied(loss) if loss.cause == LossCause::OtherBoot => {
                Seeing::Over(lost(false))
            }
            Inspection::ShimDied(_) => match tree {
                Tree::Empty => Seeing::Over(lost(true)),
                Tree::Some => Seeing::Remains,
                Tree::Unknown(why) => Seeing::Unknown(why),
            },
        }
    }

    fn signs(&self, run_id: RunId) -> Signs {
        let row = self.bench.board.read::<_, Fault>(|c| store::footing::get(c, run_id)).unwrap();
        let files = self.files.get(&run_id).cloned().unwrap_or_default();
        let has_log = files.has_log;
        let files = (!files.is_removed && self.files.contains_key(&run_id)).then_some(files);
        let identity = files.as_ref().and_then(|files| files.identity);
        let shim = of_row(&row, row.shim.as_ref()).or(identity.map(|(shim, _)| named(shim)));
        let worker = of_row(&row, row.worker.as_ref());
        let worker = worker.or_else(|| identity.and_then(|(_, worker)| worker).map(named));
        let shim = shim.map(|shim| {
            let life = match self.processes.is_alive(of_name(&shim)) {
                _ if self.is_blind() => Liveness::Unknown,
                true => Liveness::Same,
                false => Liveness::Gone,
            };
            (shim, life)
        });
        let lock = match &files {
            Some(_) if self.is_locked(run_id) => LockSign::Held,
            Some(files) if files.locked_by.is_some() => LockSign::Free,
            Some(_) | None => LockSign::Missing,
        };
        let of_run = |role: Role| {
            let process = self.processes.all().find(|one| one.run_id == run_id && one.role == role);
            process.map(|process| named(process.identity))
        };
        let search = match &shim {
            _ if self.is_blind() => Search::Failed("blind".to_owned()),
            Some((_, Liveness::Same)) => Search::NotDone,
            _ => of_run(Role::Shim).map_or(Search::Nobody, Search::Shim),
        };
        let exit = files.as_ref().and_then(|files| files.exit.as_ref());
        let identity = identity.map(|(shim, worker)| RunIdentity {
            version: RUN_FILE_VERSION,
            nonce: "n".to_owned(),
            shim: named(shim),
            worker: worker.map(named),
            deadline_ms: None,
        });
        Signs {
            directory: if files.is_some() { Directory::Own } else { Directory::Missing },
            lock,
            exit: exit.map_or(Seen::Missing, |_| Seen::There(some_record())),
            identity: identity.map_or(Seen::Missing, Seen::There),
            spec: Seen::Missing,
            shim,
            worker,
            search,
            has_log,
        }
    }

    /// The worker of a run, by the process table.
    pub fn worker_by_process_table(&self, run_id: RunId) -> Option<Identity> {
        let is_worker = |role: Role| role == Role::Worker;
        let mut of_run = self.processes.all().filter(|one| one.run_id == run_id);
        let found = of_run.find(|one| is_worker(one.role)).map(|one| one.identity);
        found.filter(|_| !self.is_blind())
    }
}

fn lost(is_host_fault: bool) -> Evidence {
    Evidence::of(ProcessEnd::Lost { message: "lost".to_owned(), is_host_fault })
}
