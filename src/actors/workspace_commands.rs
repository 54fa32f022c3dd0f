//! Commands of the daemon that are no runs: `kanban workspace …` as a worker's user, by which it inspects and removes files of other
//! users, and the programs of channels.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::actors::group_limits::group_limits;
use crate::actors::supervision::RunSupervision;
pub use crate::os::processes::command_as::Bounds;
use crate::os::processes::command_as::{CommandAs, CommandError, Ended, Order};
use crate::os::processes::spawn::Spawner;
use crate::os::processes::user::Account;
use crate::os::run_files::directory::NO_RUN;
use crate::os::run_files::registry::RunRegistry;

/// Runs such commands, each in a process tree of its own.
#[derive(Clone)]
pub struct WorkspaceCommands {
    /// Where the programs are, and what holds the processes together.
    pub supervision: Arc<RunSupervision>,
    /// Starts the shim of a command.
    pub spawner: Spawner,
    /// Where that shim is entered.
    pub shims: Arc<RunRegistry>,
    /// The daemon's own environment.
    pub daemon_env: BTreeMap<String, String>,
}

impl WorkspaceCommands {
    /// What `kanban workspace WORDS…` prints as `user`; as the daemon's own user when there is none. Waits for at most
    /// `patience`.
    ///
    /// # Errors
    /// It could not be started, has failed, or took too long.
    pub fn run(
        &self,
        user: Option<&Account>,
        words: &[&str],
        patience: Duration,
    ) -> Result<String, CommandError> {
        let printed = self.run_within(user, words, Bounds::within(patience))?;
        Ok(String::from_utf8_lossy(&printed).trim().to_owned())
    }

    /// The same within other bounds, as it was printed.
    ///
    /// # Errors
    /// As [`WorkspaceCommands::run`].
    pub fn run_within(
        &self,
        user: Option<&Account>,
        words: &[&str],
        bounds: Bounds,
    ) -> Result<Vec<u8>, CommandError> {
        let mut argv = vec![self.supervision.paths.kanban(), "workspace".to_owned()];
        argv.extend(words.iter().map(|word| (*word).to_owned()));
        self.with(|command| command.output(user, argv, self.env(user), bounds))
    }

    /// Runs the program of a channel to its end. Its environment has what `order` names beside that of every command.
    ///
    /// # Errors
    /// It could not be started, or nobody knows how it ended.
    pub fn run_program(&self, user: Option<&Account>, order: Order) -> Result<Ended, CommandError> {
        let mut env = self.env(user);
        env.extend(order.env);
        self.with(|command| command.run(user, Order { env, ..order }))
    }

    fn with<T>(&self, run: impl FnOnce(&CommandAs<'_>) -> T) -> T {
        let supervision = &self.supervision;
        let limits = group_limits(&supervision.configuration.settings(), None);
        run(&CommandAs {
            spawner: &self.spawner,
            registry: &self.shims,
            runs_dir: &supervision.paths.runs_dir,
            incarnation: supervision.incarnation(),
            holder: supervision.holder.as_ref(),
            containment: &supervision.containment.get(),
            limits: &limits,
        })
    }

    /// Nothing of the daemon's own but where programs are. The run and the socket are marks: whatever is left of such a
    /// command is known by them, and refused.
    fn env(&self, user: Option<&Account>) -> BTreeMap<String, String> {
        let of_daemon = |name: &str| self.daemon_env.get(name).cloned().unwrap_or_default();
        let (home, name) = match user {
            Some(user) => (user.home.clone(), user.name.clone()),
            None => (of_daemon("HOME"), of_daemon("USER")),
        };
        let socket = self.supervision.paths.worker_socket.to_string_lossy().into_owned();
        let variables = [
            ("PATH", of_daemon("PATH")),
            ("HOME", home),
            ("USER", name),
            ("KANBAN_RUN", NO_RUN.to_string()),
            ("KANBAN_SOCKET", socket),
        ];
        let is_set = |(_, value): &(&str, String)| !value.is_empty();
        variables.into_iter().filter(is_set).map(|(name, value)| (name.to_owned(), value)).collect()
    }
}
