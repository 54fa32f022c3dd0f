//! `kanban mcp`.

use std::path::PathBuf;

use crate::cli::commands::Ended;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::exit_codes::CliExit;
use crate::mcp::server::{Options, serve};

/// Serve the board's tools to an agent (MCP over stdin and stdout).
///
/// Started by the agent's program. Inside a run it offers the worker's tools; with `--orchestrator` the tools for
/// planning work as well; otherwise none. The daemon decides what each call may do.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example (the entry of an agent's MCP configuration):
  {\"mcpServers\": {\"kanban\": {\"command\": \"kanban\", \"args\": [\"mcp\"]}}}")]
pub struct Arguments {
    /// Socket of the daemon, for clients that do not pass on environment variables
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Offer the orchestrator's tools
    #[arg(long)]
    orchestrator: bool,
}

/// Runs it.
///
/// # Errors
/// The protocol could not be spoken.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let mut ambient = session.ambient.clone();
    if let Some(socket) = &arguments.socket {
        ambient.env.insert("KANBAN_SOCKET".to_owned(), socket.to_string_lossy().into_owned());
    }
    serve(Options { ambient, is_orchestrator: arguments.orchestrator }).map_err(Failure::fault)?;
    Ok(CliExit::Ok)
}
