//! Shell completion: ids, profiles and boards of the running daemon.
//!
//! The registration script that `kanban completions` prints makes the shell call `kanban` with [`VARIABLE`] set and the words
//! so far; [`answer_shell`] answers. A person who types must neither wait nor read an error: there is one attempt to connect, a
//! short time for the answer, and silence when it does not come.

use std::ffi::{OsStr, OsString};
use std::time::Duration;

use clap::CommandFactory as _;
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::api::client::Client;
use crate::api::client::seen::{Schedule, Task};
use crate::cli::Arguments;
use crate::cli::session::{Nothing, OnBoard};
use crate::cli::text::{cut, one_line};
use crate::config::Ambient;
use crate::exit_codes::CliExit;
use crate::kernel::event::EventKind;
use crate::kernel::queries::{BoardRow, ListCandidates, ListTasks, ResolvedTask};
use crate::kernel::rules::task_ref::{TaskRef, read};
use crate::service::assignees::Assignee;

/// The variable that says which shell asks.
pub const VARIABLE: &str = "KANBAN_COMPLETE";

/// Time for an answer of the daemon.
const ANSWER_TIME: Duration = Duration::from_millis(700);

/// Tasks that are offered before an id is begun, the newest.
const TASKS_MAX: u32 = 1000;

/// Columns of a title behind an id.
const TITLE_COLUMNS: usize = 60;

/// Answers a shell that asks for completions or for its registration script; none when this is an ordinary call.
pub fn answer_shell(arguments: &[OsString]) -> Option<CliExit> {
    std::env::var_os(VARIABLE)?;
    let folder = std::env::current_dir().ok();
    let answered = CompleteEnv::with_factory(Arguments::command)
        .var(VARIABLE)
        .bin("kanban")
        .completer("kanban")
        .try_complete(arguments.iter().cloned(), folder.as_deref());
    match answered {
        Ok(true) => Some(CliExit::Ok),
        Ok(false) => None,
        // A person who types is not to be disturbed.
        Err(_) => Some(CliExit::Usage),
    }
}

/// Ids of tasks, with their titles.
pub fn tasks() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let begun = typed.to_str().filter(|text| matches!(read(text), TaskRef::Beginning(_)));
        if let Some(begun) = begun {
            let query = ListCandidates { id: begun.to_owned(), board: board_so_far(), limit: None };
            let found: Vec<ResolvedTask> = ask("/v1/resolve/candidates", &query);
            return offer(found.into_iter().map(|task| (task.id.to_string(), task.title)));
        }
        let newest = ListTasks {
            sort: Some("-created".to_owned()),
            limit: Some(TASKS_MAX),
            board: board_so_far(),
            ..ListTasks::default()
        };
        let tasks: Vec<Task> = ask("/v1/tasks", &newest);
        candidates(typed, tasks.into_iter().map(|task| (task.id.to_string(), task.title)))
    })
}

/// Profiles, and everybody who has a task.
pub fn profiles() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let assignees: Vec<Assignee> = ask("/v1/assignees", &OnBoard { board: board_so_far() });
        let message = |assignee: Assignee| {
            let counts: Vec<String> =
                assignee.counts.iter().map(|(status, count)| format!("{status}={count}")).collect();
            (assignee.name, counts.join(" "))
        };
        candidates(typed, assignees.into_iter().map(message))
    })
}

/// Ids of tasks, and profiles: a verb that takes both does not know which of them a word is.
pub fn tasks_and_profiles() -> ArgValueCompleter {
    let (tasks, profiles) = (tasks(), profiles());
    ArgValueCompleter::new(move |typed: &OsStr| {
        tasks.complete(typed).into_iter().chain(profiles.complete(typed)).collect()
    })
}

/// Schedules.
pub fn schedules() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let on_board = OnBoard { board: board_so_far() };
        let schedules: Vec<Schedule> = ask("/v1/schedules", &on_board);
        candidates(typed, schedules.into_iter().map(|schedule| (schedule.name, schedule.cron)))
    })
}

/// Boards.
pub fn boards() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let boards: Vec<BoardRow> = ask("/v1/boards", &Nothing {});
        let message =
            |board: BoardRow| (board.name.to_string(), board.description.unwrap_or_default());
        candidates(typed, boards.into_iter().map(message))
    })
}

/// Kinds of events, the last of a list that is separated by commas.
pub fn kinds() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let kinds = EventKind::ALL.iter().map(|kind| (kind.as_str().to_owned(), String::new()));
        candidates(typed, kinds)
    })
}

fn candidates(
    typed: &OsStr,
    offered: impl Iterator<Item = (String, String)>,
) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str() else { return Vec::new() };
    offer(offered.filter(|(value, _)| value.starts_with(typed)))
}

fn offer(offered: impl Iterator<Item = (String, String)>) -> Vec<CompletionCandidate> {
    offered
        .enumerate()
        .map(|(location, (value, help))| {
            let help = cut(&one_line(&help), TITLE_COLUMNS);
            CompletionCandidate::new(value)
                .help(Some(help).filter(|help| !help.is_empty()).map(Into::into))
                .display_order(Some(location))
        })
        .collect()
}

/// The board that the words so far name. The completer is not told about them, so they are looked for.
fn board_so_far() -> Option<String> {
    let words: Vec<String> =
        std::env::args_os().filter_map(|word| word.into_string().ok()).collect();
    let named = words.iter().enumerate().rev().find_map(|(location, word)| match word.as_str() {
        "--board" => words.get(location + 1).cloned(),
        word => word.strip_prefix("--board=").map(str::to_owned),
    });
    named.or_else(|| std::env::var("KANBAN_BOARD").ok()).filter(|name| !name.trim().is_empty())
}

/// Asks once; nothing is what everything that goes wrong amounts to.
fn ask<T: DeserializeOwned>(path: &str, query: &impl Serialize) -> Vec<T> {
    let client = Ambient::of_process().ok().and_then(|ambient| Client::new(&ambient).ok());
    let asked = client.map(|client| client.impatient(ANSWER_TIME).get(path, query));
    asked.and_then(Result::ok).unwrap_or_default()
}
