//! The command line of `kanband`, where its manual page is made from it too.

use clap::Parser;

/// A durable kanban board and the supervisor of the agents that work on it.
///
/// Runs in the foreground until SIGTERM or SIGINT; workers go on under their shims and are found again by the next start.
/// Where it lives: KANBAN_HOME, else /var/lib/kanband for root and the service user, else $XDG_STATE_HOME/kanband.
#[derive(Debug, Parser)]
#[command(name = "kanband", version)]
pub struct Arguments {}
