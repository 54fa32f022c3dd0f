//! `kanban boards`.

use clap::Subcommand;

use crate::api::client::board_path;
use crate::cli::commands::Ended;
use crate::cli::complete;
use crate::cli::session::{Nothing, Session};
use crate::cli::text::{one_line, pad, width};
use crate::exit_codes::CliExit;
use crate::kernel::queries::BoardRow;
use crate::kernel::verbs::{
    CreateBoard, CreateBoardReply, RemoveBoard, RemoveBoardReply, RenameBoard, RenameBoardReply,
};

/// List, create, rename or remove boards.
///
/// Every task belongs to one board: `default`, unless --board or KANBAN_BOARD names another.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban boards list
  kanban boards create shop --description \"the web shop\"
  kanban boards rename shop store
  kanban create \"Fix the cart\" --board shop")]
pub struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List boards (the default)
    #[command(after_help = "Example:\n  kanban boards list --json")]
    List,
    /// Create a board
    #[command(after_help = "Example:\n  kanban boards create shop --description \"the web shop\"")]
    Create {
        /// Name: 1 to 64 lower-case letters, digits, `-` and `_`
        name: String,
        /// Description; `-` reads it from stdin
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
    },
    /// Give a board another name
    ///
    /// Tasks, schedules and subscriptions stay on it. Refused while a run of it is open, and while the configuration names
    /// the board and not its new name.
    #[command(after_help = "Example:\n  kanban boards rename shop store")]
    Rename {
        /// Board
        #[arg(add = complete::boards())]
        name: String,
        /// New name: 1 to 64 lower-case letters, digits, `-` and `_`
        #[arg(value_name = "NEW")]
        to: String,
    },
    /// Remove an empty board
    ///
    /// Refused while it has tasks, archived ones included: `kanban gc` removes those.
    #[command(visible_alias = "remove", after_help = "Example:\n  kanban boards rm shop")]
    Rm {
        /// Board
        #[arg(add = complete::boards())]
        name: String,
    },
}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    match arguments.action {
        None | Some(Action::List) => list(session),
        Some(Action::Create { name, description }) => {
            let description = session.optional_text("--description", description)?;
            let request = CreateBoard { name, description };
            let reply: CreateBoardReply = session.client()?.post("/v1/boards", &request)?;
            if session.output.is_json() {
                session.output.json(&reply)?;
            } else {
                let word = if reply.created { "Created board" } else { "Board already exists:" };
                session.output.line(format!("{word} {}", reply.board.name))?;
            }
            Ok(CliExit::Ok)
        }
        Some(Action::Rename { name, to }) => {
            let path = board_path(&name, "rename")?;
            let request = RenameBoard { name, to };
            let reply: RenameBoardReply = session.client()?.post(&path, &request)?;
            if session.output.is_json() {
                session.output.json(&reply)?;
            } else {
                session
                    .output
                    .line(format!("Renamed board {} to {}", reply.before, reply.board.name))?;
            }
            Ok(CliExit::Ok)
        }
        Some(Action::Rm { name }) => {
            let path = board_path(&name, "remove")?;
            let request = RemoveBoard { name };
            let reply: RemoveBoardReply = session.client()?.post(&path, &request)?;
            if session.output.is_json() {
                session.output.json(&reply)?;
            } else {
                session.output.line(format!("Removed board {}", reply.name))?;
            }
            Ok(CliExit::Ok)
        }
    }
}

fn list(session: &mut Session) -> Ended {
    let boards: Vec<BoardRow> = session.client()?.get("/v1/boards", &Nothing {})?;
    if session.output.is_json() {
        session.output.json(&boards)?;
        return Ok(CliExit::Ok);
    }
    let columns = boards.iter().map(|board| width(board.name.as_str())).max().unwrap_or_default();
    for board in boards {
        let name = pad(board.name.as_str(), columns);
        let description = board.description.as_deref().map_or_else(String::new, one_line);
        let paused = if board.paused_at.is_some() { "(paused)  " } else { "" };
        session.output.line(format!("{name}  {paused}{description}").trim_end())?;
    }
    Ok(CliExit::Ok)
}
