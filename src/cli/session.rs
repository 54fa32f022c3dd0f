//! What every command works with: its surroundings, the board it means, where it writes.

use serde::Serialize;

use crate::api::client::Client;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::times::Times;
use crate::config::Ambient;
use crate::os::host::host_name;

/// One call of `kanban`.
#[derive(Debug)]
pub struct Session {
    /// The surroundings of the process.
    pub ambient: Ambient,
    /// The board that was named.
    pub board: Option<String>,
    /// Where to write.
    pub output: Output,
}

/// Query of an operation that takes nothing else.
#[derive(Debug, Clone, Serialize)]
pub struct OnBoard {
    /// The board that was named.
    pub board: Option<String>,
}

impl Session {
    /// A client of the daemon of these surroundings. Nothing is connected yet.
    ///
    /// # Errors
    /// It cannot be told where the daemon is.
    pub fn client(&self) -> Result<Client, Failure> {
        Ok(Client::new(&self.ambient)?)
    }

    /// The board that was named, as a query.
    pub fn on_board(&self) -> OnBoard {
        OnBoard { board: self.board.clone() }
    }

    /// Now, here.
    pub fn times(&self) -> Times {
        Times::of_process()
    }

    /// Whether this process was started for a run. The daemon knows better; this only says which names to leave out.
    pub fn is_in_run(&self) -> bool {
        self.ambient.var("KANBAN_RUN").is_some()
    }

    /// The name of the profile that this process works under, if it was given one.
    pub fn profile(&self) -> Option<&str> {
        self.ambient.var("HERMES_PROFILE_NAME").or_else(|| self.ambient.var("HERMES_PROFILE"))
    }

    /// The name of whoever calls: the profile, else the user.
    pub fn own_name(&self) -> String {
        let user = || {
            self.ambient.user_name.clone().unwrap_or_else(|| format!("uid:{}", self.ambient.uid))
        };
        self.profile().map_or_else(user, str::to_owned)
    }

    /// `<user>@<host>`: who claims, when nobody else is named.
    pub fn user_at_host(&self) -> String {
        let user =
            self.ambient.user_name.clone().unwrap_or_else(|| format!("uid:{}", self.ambient.uid));
        format!("{user}@{}", host_name().unwrap_or_else(|| "localhost".to_owned()))
    }
}
