//! `kanban`: words on a command line to requests and back.
//!
//! # How it works
//! [`Arguments`] is what clap reads; each verb is a file in [`commands`] with its arguments and a `run`. A command makes a
//! request struct of the API, sends it with [`crate::api::client`] and shows the reply with [`output`]. A command that does
//! not succeed returns a [`failure::Failure`]; [`run`] turns it into lines on stderr and an exit code.
//!
//! # Invariants
//! Nothing is decided here that the board decides: values are checked only where a request could not be made of them.
//! stdout is data, stderr everything else. No command keeps anything between two calls.

pub mod archive;
pub mod arguments;
pub mod cards;
pub mod commands;
pub mod complete;
pub mod events;
pub mod failure;
pub mod files;
pub mod follow;
pub mod for_chat;
pub mod groups;
pub mod manual;
pub mod meanings;
pub mod output;
pub mod pager;
pub mod predecessor;
pub mod progress;
pub mod session;
pub mod slash;
mod still_copy;
pub mod style;
mod synopsis;
pub mod table;
pub mod task_arg;
pub mod tasks;
pub mod text;
pub mod times;
pub mod words;

use std::cell::Cell;
use std::ffi::OsString;

use clap::{CommandFactory as _, Parser};

use crate::cli::commands::{Command, run_alone};
use crate::cli::failure::{Failure, tell_parser};
use crate::cli::output::{Output, Wanted};
use crate::cli::session::{Session, Surface};
use crate::cli::style::ColourChoice;
use crate::config::Ambient;
use crate::exit_codes::CliExit;

/// Manage the kanban board of the `kanband` daemon.
///
/// Work is described by tasks on a board. The daemon starts each ready task with an assignee as a supervised process;
/// every attempt is kept as a run.
#[derive(Debug, Parser)]
#[command(
    name = "kanban",
    version,
    max_term_width = 100,
    after_help = "Where a task is expected, four or more digits of its id are enough; @last is the last task that you created.\n\
     Exit codes: 0 success, 1 refused, 2 usage error, 3 time-out, 4 daemon not reachable, 5 fault in the daemon."
)]
pub struct Arguments {
    /// Board (default: KANBAN_BOARD, else `default`)
    #[arg(long, global = true, value_name = "NAME", display_order = 900, add = complete::boards())]
    board: Option<String>,

    /// Print replies as JSON, and errors as JSON objects on stderr
    #[arg(long, global = true, display_order = 901)]
    json: bool,

    /// Colours in the output
    #[arg(
        long,
        alias = "colour",
        global = true,
        value_name = "WHEN",
        value_enum,
        default_value_t,
        hide_default_value = true,
        display_order = 902
    )]
    color: ColourChoice,

    /// Do not show long output in a pager
    #[arg(long, global = true, display_order = 903)]
    no_pager: bool,

    #[command(flatten)]
    grouped: groups::Grouped,

    #[command(subcommand)]
    command: Option<Command>,
}

/// Runs one command line and returns how it ended. `arguments` begins with the program's name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> CliExit {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if let Some(exit) = complete::answer_shell(&arguments) {
        return exit;
    }
    match Arguments::try_parse_from(&arguments) {
        Ok(parsed) => run_parsed(parsed, &arguments),
        Err(mut error) => {
            let is_json = arguments.iter().any(|argument| argument == "--json");
            let known = predecessor::instead(&error, &arguments);
            let root = Arguments::command();
            let advice = meanings::advice(&root, known, &mut error, &arguments);
            let wanted = Wanted { is_json, ..Wanted::default() };
            tell_parser(&error, &advice, &mut Output::of_process(wanted))
        }
    }
}

fn run_parsed(arguments: Arguments, words: &[OsString]) -> CliExit {
    let Arguments { json: is_json, color: colour, no_pager, .. } = arguments;
    let wanted = Wanted { is_json, colour, no_pager };
    let ambient = match Ambient::of_process() {
        Ok(ambient) => ambient,
        Err(error) => return Failure::from(error).tell(&mut Output::of_process(wanted)),
    };
    let output = Output::of_process(wanted);
    let board = board_of(&arguments, &ambient);
    let mut session = Session {
        ambient,
        board,
        output,
        surface: Surface::Shell,
        has_read_stdin: Cell::new(false),
        person: None,
    };
    let ended = match arguments.command {
        Some(command) => command.run(&mut session),
        // The board is for people; what runs for a task reads how to use it.
        None if session.is_in_run() => session.output.raw(help().as_bytes()).map(|()| CliExit::Ok),
        None => run_alone(&mut session),
    };
    let written = session.output.close(&session.ambient);
    match ended.and_then(|exit| written.map(|()| exit)) {
        Ok(exit) => exit,
        Err(failure) => {
            let exit = failure.tell(&mut session.output);
            if failure.wants_example() && !session.output.is_json() {
                session.output.complain(&format!(
                    "example: {}",
                    meanings::example(&Arguments::command(), words)
                ));
            }
            exit
        }
    }
}

fn help() -> String {
    Arguments::command().render_help().to_string()
}

/// The board that a command line names.
fn board_of(arguments: &Arguments, ambient: &Ambient) -> Option<String> {
    arguments.board.clone().or_else(|| ambient.var("KANBAN_BOARD").map(str::to_owned))
}
