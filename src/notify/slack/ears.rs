//! What is done in Slack, by Socket Mode: a WebSocket on which each thing comes in an envelope, and is acknowledged by the envelope's id.
//!
//! Slack wants to hear of an envelope within three seconds. One is acknowledged when it is done with, or shortly before that time when the
//! daemon has it, and never before: what is not acknowledged comes again.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep_until};

use crate::notify::http::Failure;
use crate::notify::http::socket::{Said, Socket};
use crate::notify::inbound::heard::{Heard, Trouble};
use crate::notify::inbound::receipt::{Progress, Receipt};
use crate::notify::inbound::stream::{Out, Stream};
use crate::notify::slack::Slack;
use crate::notify::slack::events::{Frame, Us, seen};

/// When an envelope is acknowledged that is not done with. Slack waits for three seconds.
const ACKNOWLEDGED_AFTER: Duration = Duration::from_millis(2_200);

/// Slack asks whether we are there every half minute or more often.
const SILENCE_MAX: Duration = Duration::from_secs(120);

/// How long one is left alone after too many connections were open.
const CROWD_PAUSE: Duration = Duration::from_secs(60);

/// Things that are known when they come again.
const KNOWN_MAX: usize = 256;

/// The application as it hears.
pub struct SlackEars {
    channel: String,
    slack: Slack,
    stream: Option<Stream<Heard>>,
    known: Known,
}

/// Ids of things that were given, the newest last. The next connection has it too: what was being done when one broke, and so was not
/// acknowledged there, comes again when it is done with.
type Known = Rc<RefCell<VecDeque<String>>>;

impl SlackEars {
    /// The ears of an application.
    pub fn new(channel: String, slack: &Slack) -> Self {
        Self { channel, slack: slack.clone(), stream: None, known: Known::default() }
    }

    /// What has been done. It may be nothing: the connection has been made then.
    ///
    /// # Errors
    /// Nothing is heard.
    pub async fn hear(&mut self) -> Result<Vec<Heard>, Trouble> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => {
                let us = Us { channel: self.channel.clone(), user: self.slack.me().await? };
                let (slack, known) = (self.slack.clone(), Rc::clone(&self.known));
                self.stream.insert(Stream::start(|out| Session::new(slack, us, out, known).hold()))
            }
        };
        let heard = stream.next().await;
        if heard.is_err() {
            self.stream = None;
        }
        heard
    }
}

/// An envelope that is not acknowledged yet.
struct Waiting {
    event_id: String,
    envelope_id: String,
    /// The connection that brought it.
    line: u64,
    due: Instant,
    is_handed_in: bool,
}

/// The connection, and the one before it while that is still open.
struct Lines {
    socket: Socket,
    number: u64,
    old: Option<Socket>,
}

/// What happens next.
enum Turn {
    Said(Result<Said, Failure>),
    SaidByOld(Result<Said, Failure>),
    Progress(String, Progress),
    Due,
}

/// How far the thing with this id is.
type Step = (String, Progress);

struct Session {
    slack: Slack,
    us: Us,
    out: Out<Heard>,
    progress: (UnboundedSender<Step>, UnboundedReceiver<Step>),
    waiting: Vec<Waiting>,
    known: Known,
}

impl Session {
    fn new(slack: Slack, us: Us, out: Out<Heard>, known: Known) -> Self {
        Self { slack, us, out, progress: unbounded_channel(), waiting: Vec::new(), known }
    }

    async fn hold(mut self) -> Result<Infallible, Trouble> {
        let mut lines = Lines { socket: self.slack.socket().await?, number: 1, old: None };
        loop {
            match self.turn(&mut lines).await {
                Turn::Said(said) => {
                    let is_to_be_replaced = self.take(&mut lines, said?).await?;
                    if is_to_be_replaced {
                        // The new one first: what people do meanwhile comes on either.
                        let socket = self.slack.socket().await?;
                        lines.old = Some(std::mem::replace(&mut lines.socket, socket));
                        lines.number += 1;
                    }
                }
                Turn::SaidByOld(Ok(Said::Text(text))) => {
                    let line = lines.number - 1;
                    self.take_text(&mut lines, line, &text).await?;
                }
                Turn::SaidByOld(Ok(Said::Closed { .. }) | Err(_)) => lines.old = None,
                Turn::Progress(event_id, progress) => {
                    self.note(&mut lines, &event_id, progress).await?;
                }
                Turn::Due => self.acknowledge_due(&mut lines).await?,
            }
        }
    }

    async fn turn(&mut self, lines: &mut Lines) -> Turn {
        let due = self.waiting.iter().filter(|it| it.is_handed_in).map(|it| it.due).min();
        tokio::select! {
            said = lines.socket.next() => Turn::Said(said),
            said = next_of(&mut lines.old) => Turn::SaidByOld(said),
            // A sender is held here, so it never ends.
            Some((event_id, progress)) = self.progress.1.recv() => Turn::Progress(event_id, progress),
            () = until(due) => Turn::Due,
        }
    }

    /// Whether the connection is to be replaced by another one.
    async fn take(&mut self, lines: &mut Lines, said: Said) -> Result<bool, Trouble> {
        let text = match said {
            Said::Text(text) => text,
            Said::Closed { .. } => return Err(Trouble::later("Slack has closed the connection")),
        };
        let line = lines.number;
        self.take_text(lines, line, &text).await
    }

    async fn take_text(
        &mut self,
        lines: &mut Lines,
        line: u64,
        text: &str,
    ) -> Result<bool, Trouble> {
        let Ok(frame) = serde_json::from_str::<Frame>(text) else { return Ok(false) };
        let is_current = line == lines.number;
        match (frame.kind.as_str(), frame.reason.as_str()) {
            ("hello", _) => self.out.ready().map(|()| false),
            ("disconnect", "link_disabled") => {
                let reason = "Socket Mode was turned off in the settings of the application";
                Err(Trouble::Deaf { reason: reason.to_owned() })
            }
            ("disconnect", "too_many_websockets") if is_current => Err(Trouble::Later {
                after: Some(CROWD_PAUSE),
                reason: "too many connections of this application are open".to_owned(),
            }),
            ("disconnect", _) => Ok(is_current),
            _ => self.take_envelope(lines, line, &frame).await.map(|()| false),
        }
    }

    async fn take_envelope(
        &mut self,
        lines: &mut Lines,
        line: u64,
        frame: &Frame,
    ) -> Result<(), Trouble> {
        let Some(envelope_id) = frame.envelope_id.clone() else { return Ok(()) };
        let Some(heard) = seen(frame, &self.us) else {
            return lines.acknowledge(line, &envelope_id).await;
        };
        let event_id = heard.inbound.event_id.clone();
        let is_waiting = self.waiting.iter().any(|it| it.event_id == event_id);
        let is_known = self.known.borrow().contains(&event_id);
        if is_known && !is_waiting {
            return lines.acknowledge(line, &envelope_id).await;
        }
        if !is_known {
            let receipt = Some(Receipt::new(&event_id, &self.progress.0));
            self.out.give(Heard { receipt, ..heard })?;
            let mut known = self.known.borrow_mut();
            known.push_back(event_id.clone());
            while known.len() > KNOWN_MAX {
                known.pop_front();
            }
        }
        let is_handed_in = self.waiting.iter().any(|it| it.event_id == event_id && it.is_handed_in);
        let due = Instant::now() + ACKNOWLEDGED_AFTER;
        self.waiting.push(Waiting { event_id, envelope_id, line, due, is_handed_in });
        Ok(())
    }

    async fn note(
        &mut self,
        lines: &mut Lines,
        event_id: &str,
        progress: Progress,
    ) -> Result<(), Trouble> {
        match progress {
            Progress::HandedIn => {
                let of_it = self.waiting.iter_mut().filter(|it| it.event_id == event_id);
                of_it.for_each(|it| it.is_handed_in = true);
                Ok(())
            }
            Progress::Done => self.acknowledge(lines, |it| it.event_id == event_id).await,
        }
    }

    async fn acknowledge_due(&mut self, lines: &mut Lines) -> Result<(), Trouble> {
        let now = Instant::now();
        self.acknowledge(lines, |it| it.is_handed_in && it.due <= now).await
    }

    async fn acknowledge(
        &mut self,
        lines: &mut Lines,
        is_meant: impl Fn(&Waiting) -> bool,
    ) -> Result<(), Trouble> {
        let (meant, others) = self.waiting.drain(..).partition(|it| is_meant(it));
        self.waiting = others;
        let meant: Vec<Waiting> = meant;
        for one in meant {
            lines.acknowledge(one.line, &one.envelope_id).await?;
        }
        Ok(())
    }
}

impl Lines {
    /// On the connection that brought it. When that is gone, Slack brings it again, and it is known then.
    async fn acknowledge(&mut self, line: u64, envelope_id: &str) -> Result<(), Trouble> {
        let text = json!({ "envelope_id": envelope_id }).to_string();
        if line == self.number {
            self.socket.say(text).await?;
        } else if let Some(old) = self.old.as_mut().filter(|_| line + 1 == self.number)
            && old.say(text).await.is_err()
        {
            self.old = None;
        }
        Ok(())
    }
}

impl Slack {
    /// A new WebSocket.
    async fn socket(&self) -> Result<Socket, Trouble> {
        let url = self.line().await?;
        Ok(Socket::open(&self.http, &url, AGENT, SILENCE_MAX).await?)
    }
}

/// How the courier names itself.
const AGENT: &str = concat!("kanban-courier/", env!("CARGO_PKG_VERSION"));

async fn next_of(socket: &mut Option<Socket>) -> Result<Said, Failure> {
    match socket {
        Some(socket) => socket.next().await,
        None => pending().await,
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => pending().await,
    }
}
