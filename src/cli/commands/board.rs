//! `kanban board`, and `kanban` alone: the board for people.

mod keys;
mod lanes;
mod live;
mod screen;
mod sections;

use crate::api::client::{Client, ClientError};
use crate::cli::commands::Ended;
use crate::cli::session::Session;
use crate::cli::style::Line;
use crate::cli::table::cell_cut;
use crate::exit_codes::CliExit;
use crate::kernel::queries::GetBoard;
use crate::service::attention::{Attention, ListAttention};
use crate::service::board::BoardSnapshot;
use sections::{Section, sections};

/// Cards of a column that are read: more than are shown, so that those of today can be counted.
const WINDOW: u32 = 50;

/// Cards of a section, where the lines of a terminal do not limit them.
const SHOWN_MAX: usize = 10;

/// Minimum number of columns of a terminal that has the sections beside each other.
const LANES_COLUMNS_MIN: usize = 110;

/// Show the board: what needs you, what runs, what comes next, what was done today.
///
/// A terminal of at least 110 columns has the sections beside each other. `kanban` without a verb shows the same as a list. With --watch
/// the board is drawn again in place whenever it changes: arrows select a task, Enter shows it, `l` follows its log, `a` answers its
/// question, `s` stops it, `q` ends.
#[derive(Debug, Default, clap::Args)]
#[command(after_help = "Examples:
  kanban
  kanban board --watch
  kanban board --board shop --json | jq '.columns[] | {status, total}'")]
pub struct Arguments {
    /// Draw it again whenever something changes
    #[arg(short, long)]
    watch: bool,
}

impl Arguments {
    /// Whether it runs until it is interrupted.
    pub fn is_endless(&self) -> bool {
        self.watch
    }
}

/// What is drawn: the board and its inbox.
#[derive(Debug)]
struct Shown {
    board: BoardSnapshot,
    inbox: Vec<Attention>,
}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    if arguments.watch {
        return live::run(session);
    }
    let columns = session.output.columns();
    draw(session, columns.is_some_and(|columns| columns >= LANES_COLUMNS_MIN))
}

/// Runs `kanban` without a verb.
///
/// # Errors
/// The daemon's refusal.
pub fn run_alone(session: &mut Session) -> Ended {
    draw(session, false)
}

fn draw(session: &mut Session, has_lanes: bool) -> Ended {
    let Shown { board, inbox } = read(&session.client()?, session.board.clone())?;
    if session.output.is_json() {
        session.output.json(&board)?;
        return Ok(CliExit::Ok);
    }
    let times = session.times();
    let columns = session.output.columns();
    session.output.page();
    let head = sections::head(&board);
    let head = columns.map_or_else(|| head.clone(), |columns| cell_cut(&head, columns));
    session.output.styled(&head)?;
    let parts = sections(&board, &inbox, &times);
    let lines: Vec<Line> = match columns {
        Some(columns) if has_lanes => {
            lanes::lines(&parts, columns, SHOWN_MAX).into_iter().map(|line| line.line).collect()
        }
        Some(_) | None => {
            sections::lines(&parts, columns, SHOWN_MAX).into_iter().map(|line| line.line).collect()
        }
    };
    if parts.iter().all(Section::is_empty) {
        for line in sections::first_steps(&board) {
            session.output.styled(&line)?;
        }
    }
    for line in lines {
        session.output.styled(&line)?;
    }
    Ok(CliExit::Ok)
}

fn read(client: &Client, board: Option<String>) -> Result<Shown, ClientError> {
    let wanted = GetBoard { window: Some(WINDOW), board, ..GetBoard::default() };
    let board: BoardSnapshot = client.get("/v1/board", &wanted)?;
    let of_board = ListAttention { board: Some(board.board.clone()), name: None };
    let inbox = client.get("/v1/attention", &of_board)?;
    Ok(Shown { board, inbox })
}
