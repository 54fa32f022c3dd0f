//! The stage of the stories: it creates their tasks and receives their events.
//!
//! Nothing here looks twice without a reason: events come in over the daemon's stream on a thread of its own, signals over
//! another, both into one channel; a story waits on that.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::private_daemon::interrupted;
use kanband::api::client::{Client, NextLine, task_path};
use kanband::cli::failure::Failure;
use kanband::cli::output::Output;
use kanband::cli::session::OnBoard;
use kanband::cli::text::{cut, one_line, pad};
use kanband::kernel::event::Event;
use kanband::kernel::ids::{EventId, TaskId};
use kanband::kernel::queries::TaskDetails;
use kanband::kernel::run::Run;
use kanband::kernel::task::TaskStatus;
use kanband::kernel::verbs::{CreateReply, CreateTask};
use kanband::os::processes::signals::{SignalWatch, watch};
use kanband::service::events::FollowEvents;

/// How long the whole play may take before it is given up. It takes a few seconds.
const PLAY_TIME: Duration = Duration::from_secs(90);

/// Columns of the word that says what happened.
const WORD_COLUMNS: usize = 12;

/// Something that a story has to know.
#[derive(Debug)]
pub enum News {
    /// Something happened on the board.
    Event(Box<Event>),
    /// The daemon has ended its stream.
    StreamEnded,
    /// Ctrl-C.
    Interrupted,
}

/// Where news come in.
#[derive(Debug)]
pub struct NewsDesk {
    sender: Sender<News>,
    news: Receiver<News>,
    _signals: SignalWatch,
}

impl NewsDesk {
    /// Begins with signals only.
    ///
    /// # Errors
    /// Signals cannot be watched.
    pub fn open() -> io::Result<Self> {
        let (sender, news) = channel();
        let of_signals = sender.clone();
        let signals = watch(move |_signal| {
            // No listener is left: then everything is being ended anyway.
            drop(of_signals.send(News::Interrupted));
        })?;
        Ok(Self { sender, news, _signals: signals })
    }

    /// Whether a stop was requested. Only before the daemon's events are followed.
    pub fn is_interrupted(&self) -> bool {
        self.news.try_recv().is_ok()
    }

    /// Waits for Ctrl-C while the events of a daemon are followed.
    ///
    /// # Errors
    /// The daemon has ended.
    pub fn wait_for_interrupt(&self) -> Result<(), Failure> {
        loop {
            match self.news.recv() {
                Ok(News::Event(_)) => {}
                Ok(News::Interrupted) => return Ok(()),
                Ok(News::StreamEnded) | Err(_) => {
                    return Err(Failure::fault("the demo's daemon has ended"));
                }
            }
        }
    }

    /// Follows the events of the daemon at `socket`, from the first on.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn follow(&self, socket: PathBuf) -> io::Result<()> {
        let sender = self.sender.clone();
        let follow = move || {
            if follow_events(socket, &sender).is_err() {
                drop(sender.send(News::StreamEnded));
            }
        };
        std::thread::Builder::new().name("events".to_owned()).spawn(follow)?;
        Ok(())
    }
}

/// The stream has ended, or no listener is left.
struct Ended;

fn follow_events(socket: PathBuf, sender: &Sender<News>) -> Result<(), Ended> {
    let client = Client::at(socket, None, false).map_err(|_| Ended)?;
    let all = FollowEvents { follow: true, ..FollowEvents::default() };
    let mut lines = client.lines("/v1/events", &all).map_err(|_| Ended)?;
    while let NextLine::Line(line) = lines.next(None) {
        let event: Event = serde_json::from_str(&line).map_err(|_| Ended)?;
        sender.send(News::Event(Box::new(event))).map_err(|_| Ended)?;
    }
    Err(Ended)
}

/// Where the stories are played.
pub struct Stage<'o> {
    /// The daemon.
    pub client: Client,
    /// Where progress is shown.
    pub output: &'o mut Output,
    desk: NewsDesk,
    titles: BTreeMap<TaskId, String>,
    started: Instant,
    seen: EventId,
}

impl<'o> Stage<'o> {
    /// A stage whose news come in at `desk`.
    pub fn new(client: Client, desk: NewsDesk, output: &'o mut Output) -> Self {
        let titles = BTreeMap::new();
        Self { client, output, desk, titles, started: Instant::now(), seen: 0 }
    }

    /// Time since the beginning.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Every task of the play, in the order of its making.
    ///
    /// # Errors
    /// The daemon's.
    pub fn all(&self, ids: &[TaskId]) -> Result<Vec<TaskDetails>, Failure> {
        ids.iter().map(|id| self.show(id)).collect()
    }

    /// Announces a story.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn announce(&mut self, heading: &str) -> Result<(), Failure> {
        self.tell("")?;
        self.tell(heading)
    }

    /// Makes a task.
    ///
    /// # Errors
    /// The daemon's.
    pub fn create(&mut self, task: &CreateTask) -> Result<TaskId, Failure> {
        let reply: CreateReply = self.client.post("/v1/tasks", task)?;
        let id = reply.task.id;
        self.titles.insert(id.clone(), reply.task.title);
        Ok(id)
    }

    /// A task with its history.
    ///
    /// # Errors
    /// The daemon's.
    pub fn show(&self, id: &TaskId) -> Result<TaskDetails, Failure> {
        Ok(self.client.get(&task_path(id.as_str(), "")?, &OnBoard { board: None })?)
    }

    /// Shows a line of progress, unless the output is for a program.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn tell(&mut self, line: &str) -> Result<(), Failure> {
        if self.output.is_json() {
            return Ok(());
        }
        let columns = self.output.columns().unwrap_or(usize::MAX);
        self.output.line_now(cut(line, columns))
    }

    /// Shows what the demo itself did.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn tell_act(&mut self, act: &str) -> Result<(), Failure> {
        let line = self.progress("(demo)", "", act);
        self.tell(&line)
    }

    /// Waits until nothing changes among `ids`: none of them is ready or running, every run is closed, and
    /// everything that happened to them has been seen. `react` is called for each of their events.
    ///
    /// # Errors
    /// What `react` returns, the time that is over, or Ctrl-C.
    pub fn play(
        &mut self,
        ids: &[TaskId],
        mut react: impl FnMut(&mut Self, &Event) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        loop {
            let event = self.next_event()?;
            if !ids.contains(&event.task_id) {
                continue;
            }
            react(self, &event)?;
            let may_be_last = matches!(event.kind.as_str(), "closed" | "completed" | "blocked");
            if may_be_last && self.is_quiet(ids)? {
                return Ok(());
            }
        }
    }

    fn next_event(&mut self) -> Result<Event, Failure> {
        let left = PLAY_TIME.saturating_sub(self.started.elapsed());
        let event = match self.desk.news.recv_timeout(left) {
            Ok(News::Event(event)) => *event,
            Ok(News::Interrupted) => return Err(interrupted()),
            Ok(News::StreamEnded) | Err(RecvTimeoutError::Disconnected) => {
                return Err(Failure::fault("the demo's daemon has ended"));
            }
            Err(RecvTimeoutError::Timeout) => {
                let seconds = PLAY_TIME.as_secs();
                return Err(Failure::timeout(format!("the demo did not end within {seconds}s")));
            }
        };
        self.seen = event.id;
        if let Some((word, detail)) = words(&event) {
            let title = self.titles.get(&event.task_id).cloned().unwrap_or_default();
            let line = self.progress(word, &title, &detail);
            self.tell(&line)?;
        }
        Ok(event)
    }

    fn progress(&self, word: &str, title: &str, detail: &str) -> String {
        let seconds = self.started.elapsed().as_secs_f32();
        let between = if title.is_empty() || detail.is_empty() { "" } else { "  " };
        format!("{seconds:>6.2}s  {} {title}{between}{detail}", pad(word, WORD_COLUMNS))
    }

    fn is_quiet(&self, ids: &[TaskId]) -> Result<bool, Failure> {
        for id in ids {
            let now = self.show(id)?;
            let is_behind = now.events.last().is_some_and(|event| event.id > self.seen);
            let moves = match now.task.status {
                TaskStatus::Ready | TaskStatus::Running => true,
                TaskStatus::Triage
                | TaskStatus::Todo
                | TaskStatus::Scheduled
                | TaskStatus::Blocked
                | TaskStatus::Review
                | TaskStatus::Done
                | TaskStatus::Archived => false,
            };
            if is_behind || moves || now.runs.iter().any(Run::is_open) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// What an event says to a person who watches; none for what is not worth a line.
fn words(event: &Event) -> Option<(&'static str, String)> {
    let field = |name: &str| {
        let value = event.payload.as_ref().and_then(|payload| payload.get(name));
        match value {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => one_line(text),
            Some(other) => other.to_string(),
        }
    };
    let message = match event.kind.as_str() {
        "promoted" => ("ready", "its parents are done".to_owned()),
        "spawned" => ("started", format!("pid {}", field("pid"))),
        "heartbeat" => ("alive", field("note")),
        "commented" => ("commented", format!("by {}", field("author"))),
        "completed" => ("done", field("summary")),
        "blocked" => ("blocked", field("reason")),
        "unblocked" => ("unblocked", String::new()),
        "crashed" => ("crashed", field("error")),
        "spawn_failed" => ("not started", field("error")),
        "gave_up" => ("gave up", format!("after {} failures; it is blocked", field("failures"))),
        _ => return None,
    };
    Some(message)
}
