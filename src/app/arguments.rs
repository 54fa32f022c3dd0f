//! The command line of `kanband`, where its manual page is made from it too.

use clap::Parser;

/// A durable kanban board and the supervisor of the agents that work on it.
///
/// Runs in the foreground until SIGTERM or SIGINT; workers go on under their shims and are found again by the next start.
/// Where it lives: KANBAN_HOME, else /var/lib/kanband for root and the service user, else $XDG_STATE_HOME/kanband.
#[derive(Debug, Parser)]
#[command(name = "kanband", version)]
pub struct Arguments {
    /// Run in the background and return when the board is served; the log is kanband.log in the home
    ///
    /// Where systemd manages this user's processes it is a transient unit, else a process in a session of its own.
    #[arg(short = 'd', long)]
    pub detach: bool,
    /// Lead a session of its own, as the child of `--detach`
    #[arg(long, hide = true, conflicts_with = "detach")]
    pub own_session: bool,
}
