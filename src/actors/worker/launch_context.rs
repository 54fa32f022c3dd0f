//! What launches are made from: where things are, by value; and the cells of what changes while the daemon runs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::actors::configuration::Configuration;
use crate::actors::live::Live;
use crate::config::Settings;
use crate::config::worker_user::DaemonUser;
use crate::kernel::ids::{RunId, TaskId};
use crate::kernel::policy::Policy;
use crate::os::control_groups::cgroup::Containment;
use crate::os::holder::client::Holder;
use crate::os::run_files::directory::RunDir;

/// Where things are and how they are set, for every launch.
pub struct LaunchContext {
    /// The settings and the policy; replaced whole when the configuration is read again.
    pub configuration: Live<Configuration>,
    /// Parent of the run directories.
    pub runs_dir: PathBuf,
    /// Parent of the logs.
    pub logs_dir: PathBuf,
    /// Parent of scratch workspaces.
    pub workspaces_dir: PathBuf,
    /// The daemon's own environment; workers get what the allow-list lets through.
    pub daemon_env: BTreeMap<String, String>,
    /// The socket that workers use.
    pub worker_socket: PathBuf,
    /// Directory of the `kanban` program, for the workers' `PATH`.
    pub kanban_dir: Option<PathBuf>,
    /// Folders of skills, in the order in which one is looked for.
    pub skill_folders: Vec<PathBuf>,
    /// What every worker is to know about its part.
    pub guidance: &'static str,
    /// The life of the database that the runs belong to.
    pub incarnation: Live<String>,
    /// What holds the processes of a run together; replaced whole when the holder of the runs was started anew.
    pub containment: Live<Containment>,
    /// The holder of the runs, where there is one: it starts the shims.
    pub holder: Option<Holder>,
    /// Whose the daemon is, for the question whose the workers are.
    pub daemon_user: DaemonUser,
}

impl LaunchContext {
    /// The settings now.
    pub fn settings(&self) -> Arc<Settings> {
        self.configuration.settings()
    }

    /// What of them the board's rules need.
    pub fn policy(&self) -> Arc<Policy> {
        self.configuration.policy()
    }

    /// What holds the processes of a run together now.
    pub fn containment(&self) -> Arc<Containment> {
        self.containment.get()
    }

    /// The user that workers of a profile run as; none for the daemon's own.
    ///
    /// # Errors
    /// One line: the daemon cannot start workers as that user.
    pub fn worker_user(&self, profile: &str) -> Result<Option<String>, String> {
        self.configuration.worker_user(&self.daemon_user, profile)
    }

    /// The life of the database now.
    pub fn incarnation(&self) -> String {
        self.incarnation.get().as_ref().clone()
    }

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
