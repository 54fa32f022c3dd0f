//! Ends every run of a home whose daemon is gone for good.
//!
//! A daemon that ends leaves its workers alone, for the next one to find. Where there will be no next one, their shims are
//! asked to stop: each ends its tree and itself.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::os::control_groups::cgroup::end_base_of;
use crate::os::processes::pidfd::{PidFd, Signal};
use crate::os::run_files::directory::RunDir;
use crate::os::run_files::inspection::{Inspected, Inspection, LossCause, ShimAndWorker, inspect};
use crate::os::run_files::remains::{Marks, Remnant, Tree};
use crate::os::run_files::signs::Footing;

/// Ends the runs below `runs`. Returns how many could not be ended within `patience`; none there when it is 0.
///
/// # Errors
/// The directory cannot be listed.
pub fn end_runs(runs: &Path, patience: Duration) -> io::Result<usize> {
    let deadline = Instant::now() + patience;
    let mut dirs = Vec::new();
    match std::fs::read_dir(runs) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        entries => {
            for entry in entries? {
                dirs.push(RunDir::new(entry?.path()));
            }
        }
    }
    // All are asked before the first is waited for.
    let asked: Vec<Stopping> = dirs.iter().map(|dir| ask_to_stop(dir, deadline)).collect();
    let left = asked.into_iter().filter(|stopping| !stopping.is_over_by(deadline)).count();
    if left == 0
        && let Some(home) = runs.parent()
    {
        end_base_of(home, deadline.saturating_duration_since(Instant::now()));
    }
    Ok(left)
}

enum Stopping {
    Over,
    Asked(PidFd),
    Unknown,
}

impl Stopping {
    fn is_over_by(&self, deadline: Instant) -> bool {
        match self {
            Self::Over => true,
            Self::Asked(shim) => {
                let left = deadline.saturating_duration_since(Instant::now());
                shim.wait_exit(left).unwrap_or(false)
            }
            Self::Unknown => false,
        }
    }
}

fn ask_to_stop(dir: &RunDir, deadline: Instant) -> Stopping {
    let runs = dir.path().parent().unwrap_or(dir.path());
    let run_id = dir.path().file_name().and_then(|name| name.to_str()?.parse().ok());
    let footing = Footing::default();
    let marks = Marks { runs_dir: runs, worker_socket: runs };
    let remnant = Remnant { dir, run_id, footing: &footing, spec: None, marks, holder: None };
    loop {
        let Inspected { inspection, spec } = inspect(&remnant);
        match inspection {
            Inspection::Alive(ShimAndWorker { shim, .. }) => {
                return match PidFd::open(&shim) {
                    Ok(Some(shim)) if shim.signal(Signal::SIGTERM).is_ok() => Stopping::Asked(shim),
                    Ok(None) => Stopping::Over,
                    Ok(Some(_)) | Err(_) => Stopping::Unknown,
                };
            }
            // It has its lock and is about to write down who it is.
            Inspection::Beginning(_) if Instant::now() < deadline => std::thread::yield_now(),
            Inspection::Beginning(_) | Inspection::Unknown(_) => return Stopping::Unknown,
            Inspection::ShimDied(loss) if loss.cause != LossCause::OtherBoot => {
                let patience = deadline.saturating_duration_since(Instant::now());
                let socket = spec.as_ref().and_then(|spec| spec.env.get("KANBAN_SOCKET"));
                let marks = Marks { worker_socket: socket.map_or(runs, Path::new), ..marks };
                let remnant = Remnant { spec: spec.as_ref(), marks, ..remnant };
                return match remnant.end(loss.shim.as_ref(), loss.worker.as_ref(), patience) {
                    Tree::Empty => Stopping::Over,
                    Tree::Some | Tree::Unknown(_) => Stopping::Unknown,
                };
            }
            Inspection::ShimDied(_) | Inspection::Ended(_) | Inspection::NeverStarted => {
                return Stopping::Over;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_without_runs_has_none_to_end() {
        let temp = tempfile::tempdir().unwrap();
        assert_eq!(end_runs(&temp.path().join("runs"), Duration::ZERO).unwrap(), 0);
        std::fs::create_dir_all(temp.path().join("runs/1")).unwrap();
        assert_eq!(end_runs(&temp.path().join("runs"), Duration::ZERO).unwrap(), 0);
    }
}
