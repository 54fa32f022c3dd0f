//! `kanban create --from-jsonl`: a create request per line, or an array of them.
//!
//! They are sent in batches, in their order; each stands alone. The first that is refused ends it and is named; those before
//! it stay.

mod source;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::api::client::seen::{CreateReply, CreateTasksReply};
use crate::api::client::{Client, ClientError, Interrupt};
use crate::cli::commands::Ended;
use crate::cli::commands::create::line_of;
use crate::cli::commands::create_lines::source::Source;
use crate::cli::commands::warnings::with_warnings;
use crate::cli::failure::Failure;
use crate::cli::output::{Output, Wanted};
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
    let interrupts = Interrupts::watch(session.output.is_json())?;
    let client = session.client()?.interrupted_by(interrupts.at_once.clone());
    let ended = loop {
        let batch = match source.batch(session.board.as_deref()) {
            Ok(batch) if batch.is_empty() => break Ok(()),
            Ok(batch) => batch,
            Err(failure) => break Err(failure),
        };
        if let Err(failure) = interrupts.begin() {
            break Err(failure);
        }
        let sent = send(&client, batch, &interrupts, session);
        if let Err(failure) = sent.and_then(|()| interrupts.end()) {
            break Err(failure);
        }
    };
    // From here on an interrupt is the caller's again: everything is sent.
    let created = with_warnings(interrupts.made(), &client, session)?;
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
    made: Mutex<Vec<CreateReply>>,
}

impl State {
    fn made(&self) -> MutexGuard<'_, Vec<CreateReply>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failure(&self) -> Failure {
        let made = self.made().len();
        let message = format!("interrupted: {made} tasks were created, the rest was not");
        Failure::refused(ErrorCode::BadRequest, message)
    }

    /// Ends the process. All that was created is printed, and nothing is sent any longer: see [`Interrupts::begin`].
    #[expect(
        clippy::disallowed_methods,
        reason = "the main thread waits for a file or a person, and cannot be woken"
    )]
    fn end_process(&self, is_json: bool) {
        let mut output = Output::of_process(Wanted { is_json, ..Wanted::default() });
        if is_json {
            // Nobody can be told when the output is gone too.
            drop(output.json(&*self.made()).and_then(|()| output.finish()));
        }
        std::process::exit(self.failure().tell(&mut output).code().into());
    }
}

impl Interrupts {
    fn watch(is_json: bool) -> Result<Self, Failure> {
        let (state, at_once) = (Arc::new(State::default()), Interrupt::default());
        let (of_signals, end) = (state.clone(), at_once.clone());
        let signals = watch(move |_signal| {
            if of_signals.is_asked.swap(true, Ordering::SeqCst) {
                end.now();
            }
            if !of_signals.is_sending.load(Ordering::SeqCst) {
                of_signals.end_process(is_json);
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
        self.unless_asked()
    }

    /// Ends a batch whose tasks are printed.
    fn end(&self) -> Result<(), Failure> {
        self.unless_asked()?;
        self.state.is_sending.store(false, Ordering::SeqCst);
        // One that came between the two was seen by nobody.
        self.unless_asked()
    }

    fn unless_asked(&self) -> Result<(), Failure> {
        if self.state.is_asked.load(Ordering::SeqCst) { Err(self.state.failure()) } else { Ok(()) }
    }

    /// What was created. Only the daemon is waited for now.
    fn made(&self) -> Vec<CreateReply> {
        self.state.is_sending.store(true, Ordering::SeqCst);
        std::mem::take(&mut *self.state.made())
    }
}

/// Sends a batch and shows what became of it.
fn send(
    client: &Client,
    batch: Vec<(String, CreateTask)>,
    interrupts: &Interrupts,
    session: &mut Session,
) -> Result<(), Failure> {
    let (locations, tasks): (Vec<String>, Vec<CreateTask>) = batch.into_iter().unzip();
    let made = interrupts.state.made().len();
    let reply: CreateTasksReply =
        client.post("/v1/tasks/batch", &CreateTasks { tasks }).map_err(|error| match error {
            ClientError::Interrupted => unheard(made, &locations),
            other => other.into(),
        })?;
    for reply in reply.created {
        if !session.output.is_json() {
            session.output.line(line_of(&reply))?;
        }
        let reply = CreateReply { task: with_skill_list(reply.task), ..reply };
        interrupts.state.made().push(reply);
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
