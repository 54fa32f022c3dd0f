//! Paths of the daemon's files; they never change while it runs.

use std::path::PathBuf;

use crate::kernel::ids::{RunId, TaskId};
use crate::os::run_files::directory::RunDir;

/// The paths, by value.
#[derive(Debug, Clone)]
pub struct Paths {
    /// Parent of the run directories.
    pub runs_dir: PathBuf,
    /// Parent of the logs.
    pub logs_dir: PathBuf,
    /// Parent of scratch workspaces.
    pub workspaces_dir: PathBuf,
    /// The socket that workers use.
    pub worker_socket: PathBuf,
    /// Directory of the `kanban` program, for the workers' `PATH`.
    pub kanban_dir: Option<PathBuf>,
    /// Directories of skills, in the order of the search.
    pub skill_folders: Vec<PathBuf>,
}

impl Paths {
    /// The directory of a run.
    pub fn run_dir(&self, run_id: RunId) -> RunDir {
        RunDir::new(self.runs_dir.join(run_id.to_string()))
    }

    /// The log of a run.
    pub fn log_path(&self, task_id: &TaskId, run_id: RunId) -> PathBuf {
        self.logs_dir.join(task_id.as_str()).join(format!("{run_id}.log"))
    }

    /// The `kanban` program.
    pub fn kanban(&self) -> String {
        let path = self.kanban_dir.as_ref().map(|dir| dir.join("kanban"));
        path.unwrap_or_else(|| PathBuf::from("kanban")).to_string_lossy().into_owned()
    }

    /// The scratch workspace of a task.
    pub fn scratch_dir(&self, task_id: &TaskId) -> PathBuf {
        self.workspaces_dir.join(task_id.as_str())
    }
}
