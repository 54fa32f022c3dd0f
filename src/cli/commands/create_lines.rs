//! `kanban create --from-jsonl`: a create request per line, or an array of them.
//!
//! They are sent in batches, in their order; each stands alone. The first that is refused ends it and is named; those before
//! it stay.

mod source;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::api::client::seen::{CreateReply, CreateTasksReply};
use crate::api::client::{Client, ClientError, Interrupt};
use crate::cli::commands::Ended;
use crate::cli::commands::create::line_of;
use crate::cli::commands::create_lines::source::Source;
use crate::cli::commands::warnings::with_warnings;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::tasks::with_skill_list;
use crate::exit_codes::CliExit;
use crate::kernel::error::{ErrorCode, Hint};
use crate::kernel::verbs::{CreateTask, CreateTasks};
use crate::os::processes::signals::{SignalWatch, watch};

/// Runs it.
///
/// # Errors
/// A file that cannot be read, or no daemon. A refused line is reported too, after what was created.
pub(super) fn run(file: &Path, session: &mut Session) -> Ended {
    let mut source = Source::open(file, session)?;
    let interrupts = Interrupts::watch()?;
    let client = session.client()?.interrupted_by(interrupts.at_once.clone());
    let mut created = Vec::new();
    let ended = loop {
        let batch = match source.batch(session.board.as_deref()) {
            Ok(batch) if batch.is_empty() => break Ok(()),
            Ok(batch) => batch,
            Err(failure) => break Err(failure),
        };
        let sent = interrupts.begin().and_then(|()| send(&client, batch, &mut created, session));
        if let Err(failure) = sent.and_then(|()| interrupts.end(created.len())) {
            break Err(failure);
        }
    };
    let created = with_warnings(created, &client, session)?;
    if session.output.is_json() {
        session.output.json(&created)?;
    }
    ended.map(|()| CliExit::Ok)
}

/// The failure of a second interrupt, which does not wait for the reply.
fn unheard(made: usize, locations: &[String]) -> Failure {
    let first = locations.first().map(String::as_str).unwrap_or_default();
    let last = locations.last().map(String::as_str).unwrap_or_default();
    let message = format!(
        "interrupted: {made} tasks were created; no reply came for those from {first} to {last}"
    );
    Failure::refused(ErrorCode::Unavailable, message)
        .with_hint("list the newest tasks with `kanban list --sort -created`")
}

/// Interrupts. While a batch is under way, the first waits for its reply, so that all that was created is printed, and the second
/// does not; between two batches, where a file or a person may be waited for, the first ends the process.
struct Interrupts {
    state: Arc<State>,
    at_once: Interrupt,
    _signals: SignalWatch,
}

#[derive(Default)]
struct State {
    is_asked: AtomicBool,
    is_sending: AtomicBool,
    made: AtomicUsize,
}

impl State {
    fn message(&self) -> String {
        let made = self.made.load(Ordering::SeqCst);
        format!("interrupted: {made} tasks were created, the rest was not")
    }
}

impl Interrupts {
    fn watch() -> Result<Self, Failure> {
        let (state, at_once) = (Arc::new(State::default()), Interrupt::default());
        let (of_signals, end) = (state.clone(), at_once.clone());
        let signals = watch(move |_signal| {
            if of_signals.is_asked.swap(true, Ordering::SeqCst) {
                end.now();
            }
            if !of_signals.is_sending.load(Ordering::SeqCst) {
                // All that was created is printed, and nothing is sent any longer: see `begin`.
                eprintln!("error: {}", of_signals.message());
                std::process::exit(CliExit::Refused.code().into());
            }
        });
        let signals = signals
            .map_err(|error| Failure::fault(format!("cannot install signal handlers: {error}")))?;
        Ok(Self { state, at_once, _signals: signals })
    }

    /// Begins a batch, unless the work is to end.
    fn begin(&self) -> Result<(), Failure> {
        // In this order: an interrupt either sees the batch or is seen here.
        self.state.is_sending.store(true, Ordering::SeqCst);
        if self.state.is_asked.load(Ordering::SeqCst) {
            return Err(Failure::refused(ErrorCode::BadRequest, self.state.message()));
        }
        Ok(())
    }

    /// Ends a batch whose tasks are printed.
    fn end(&self, made: usize) -> Result<(), Failure> {
        self.state.made.store(made, Ordering::SeqCst);
        if self.state.is_asked.load(Ordering::SeqCst) {
            return Err(Failure::refused(ErrorCode::BadRequest, self.state.message()));
        }
        self.state.is_sending.store(false, Ordering::SeqCst);
        Ok(())
    }
}

/// Sends a batch and shows what became of it.
fn send(
    client: &Client,
    batch: Vec<(String, CreateTask)>,
    created: &mut Vec<CreateReply>,
    session: &mut Session,
) -> Result<(), Failure> {
    let (locations, tasks): (Vec<String>, Vec<CreateTask>) = batch.into_iter().unzip();
    let made = created.len();
    let reply: CreateTasksReply =
        client.post("/v1/tasks/batch", &CreateTasks { tasks }).map_err(|error| match error {
            ClientError::Interrupted => unheard(made, &locations),
            other => other.into(),
        })?;
    for reply in reply.created {
        if !session.output.is_json() {
            session.output.line(line_of(&reply))?;
        }
        created.push(CreateReply { task: with_skill_list(reply.task), ..reply });
    }
    // What is printed was created: an interrupt that comes now finds the lines written.
    session.output.finish()?;
    let Some(refused) = reply.refused else { return Ok(()) };
    let location = locations.get(refused.index).map(String::as_str).unwrap_or_default();
    // A line is refused in a reply, which is the same for every client.
    let hint = refused.code.known().and_then(Hint::of_code).map(|hint| hint.to_string());
    let hint = hint.or(refused.hint);
    let failure = Failure::refused(refused.code, format!("{location}: {}", refused.message));
    Err(match hint {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    })
}
