//! `kanban mcp`.

use std::path::PathBuf;

use crate::cli::commands::Ended;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::exit_codes::CliExit;
use crate::mcp::server::{Options, serve};

/// Serve the board's tools to an agent (MCP on standard input and output).
///
/// Started by an agent's program, not by hand. Inside a run it shows the worker's tools, with `--orchestrator` those of
/// somebody who plans work for others too, else none. What a call may do is decided by the daemon.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example (the entry of an agent's MCP configuration):
  {\"mcpServers\": {\"kanban\": {\"command\": \"kanban\", \"args\": [\"mcp\"]}}}")]
pub struct Arguments {
    /// Socket of the daemon, for clients that pass no environment on
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Show the tools of an orchestrator
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
