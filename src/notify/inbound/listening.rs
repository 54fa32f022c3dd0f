//! What is the same for every bridge: it hears, hands each thing to the daemon, answers as the daemon says, and lets the provider forget.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::failpoint;
use crate::kernel::chat::{Cursor, Inbound, InboundReply};
use crate::kernel::chat_line::Line;
use crate::kernel::notice::{ChannelReport, ChannelState};
use crate::notify::daemon::{CALL_TIME, DaemonClient, DaemonError, Pause};
use crate::notify::inbound::bridge::{Bridge, Voice};
use crate::notify::inbound::heard::{Answer, Heard, Trouble};
use crate::notify::inbound::running;
use crate::notify::secret::Filter;

/// Pauses between two tries: they double.
const PAUSE_MIN: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// Tries that fail in a row before the daemon knows that nothing is heard.
const FAILURES_MAX: u32 = 8;

/// Chats that the log names. Strangers can write from any number of them.
const CHATS_MAX: usize = 256;

/// How often an answer is tried.
const SAY_TRIES: u32 = 3;

/// Longest pause between two tries to answer: people wait for it, and what is heard after it.
const SAY_PAUSE_MAX: Duration = Duration::from_secs(30);

/// What a listener works with.
#[derive(Clone)]
pub struct Listener {
    /// The channel.
    pub channel: String,
    /// The daemon's socket for the courier.
    pub socket: PathBuf,
}

/// Listens until the channel hears nothing any longer.
pub async fn listen(listener: Listener, bridge: Bridge) {
    let Bridge { mut ears, voice, filter } = bridge;
    let desk = Rc::new(Desk { listener, voice, filter, chats: RefCell::default() });
    if ears.has_cursor() {
        ears.resume(desk.cursor().await);
    }
    let mut pause = PAUSE_MIN;
    // Each reason is a line of the log, not each try.
    let mut noted = None;
    let mut hearing = Hearing::default();
    loop {
        match ears.hear().await {
            Ok(heard) => {
                (pause, noted) = (PAUSE_MIN, None);
                if let Some((state, reason)) = hearing.succeeded(ears.unread()) {
                    desk.report(state, &reason).await;
                }
                desk.take_all(heard).await;
                failpoint::hit("courier-before-confirm");
                if let Some(cursor) = ears.done() {
                    desk.keep(cursor).await;
                }
            }
            Err(Trouble::Later { after, reason }) => {
                let reason = Some(desk.filter.error(&reason));
                if noted != reason {
                    tracing::warn!(channel = desk.listener.channel, reason, "nothing is heard now");
                }
                if let Some(reason) = reason.as_deref().filter(|_| hearing.failed()) {
                    desk.report(ChannelState::Deaf, reason).await;
                }
                noted = reason;
                sleep(after.unwrap_or(pause).min(PAUSE_MAX)).await;
                pause = (pause * 2).min(PAUSE_MAX);
            }
            Err(Trouble::Deaf { reason }) => {
                return desk.report(ChannelState::Deaf, &reason).await;
            }
            Err(Trouble::Dead { reason }) => {
                return desk.report(ChannelState::Broken, &reason).await;
            }
        }
    }
}

/// What the daemon knows of what is heard.
#[derive(Debug, Default)]
struct Hearing {
    /// Tries that failed since something was heard.
    failures: u32,
    /// What cannot be read.
    unread: Option<String>,
}

impl Hearing {
    /// A try failed. Whether that is to be reported: once, when it goes on.
    fn failed(&mut self) -> bool {
        self.failures = self.failures.saturating_add(1);
        self.failures == FAILURES_MAX
    }

    /// A try did not. `more` is what cannot be read, when that is another thing than before. Returns what is to be reported.
    fn succeeded(&mut self, more: Option<String>) -> Option<(ChannelState, String)> {
        let was_deaf = std::mem::take(&mut self.failures) >= FAILURES_MAX;
        let has_more = more.is_some();
        self.unread = more.or(self.unread.take());
        match &self.unread {
            Some(unread) if has_more || was_deaf => {
                Some((ChannelState::PartlyDeaf, unread.clone()))
            }
            None if was_deaf => Some((ChannelState::Hears, String::new())),
            Some(_) | None => None,
        }
    }
}

/// Where what was heard is taken in.
struct Desk {
    listener: Listener,
    voice: Voice,
    filter: Filter,
    /// Chats that the log has named.
    chats: RefCell<BTreeSet<(String, Option<String>)>>,
}

impl Desk {
    /// Takes everything in: chats side by side, what was done in one in its order.
    async fn take_all(self: &Rc<Self>, heard: Vec<Heard>) {
        let mut lanes: BTreeMap<(String, Option<String>), Vec<Heard>> = BTreeMap::new();
        for one in heard {
            let lane = one.lane();
            self.name_chat(&lane);
            lanes.entry(lane).or_default().push(one);
        }
        let mut taking = JoinSet::new();
        for lane in lanes.into_values() {
            let desk = Rc::clone(self);
            taking.spawn_local(async move {
                let mut daemon = DaemonClient::new(desk.listener.socket.clone());
                for one in lane {
                    desk.take(&mut daemon, one).await;
                }
            });
        }
        while let Some(ended) = taking.join_next().await {
            if let Err(error) = ended {
                // What brings a fault once would bring it again: it is not heard a second time.
                tracing::error!(%error, channel = self.listener.channel, "a fault of the courier");
            }
        }
    }

    /// Writes the address of a chat into the log, once: that is how an operator learns the number of a group.
    fn name_chat(&self, chat: &(String, Option<String>)) {
        let mut chats = self.chats.borrow_mut();
        if chats.len() >= CHATS_MAX || !chats.insert(chat.clone()) {
            return;
        }
        let (channel, (address, thread)) = (self.listener.channel.as_str(), chat);
        let thread = thread.as_deref().unwrap_or("-");
        tracing::info!(channel, address, thread, "a chat is heard");
    }

    async fn take(&self, daemon: &mut DaemonClient, heard: Heard) {
        self.answer(daemon, &heard).await;
        heard.is_done();
    }

    async fn answer(&self, daemon: &mut DaemonClient, heard: &Heard) {
        let Some(reply) = self.hand_in(daemon, &heard.inbound).await else { return };
        heard.is_handed_in();
        failpoint::hit("courier-after-inbound");
        if heard.press.is_some() {
            self.noted("press", self.voice.answer_press(heard, reply.toast.as_deref()).await);
        }
        if reply.is_noted {
            self.noted("sign", self.voice.note(heard).await);
        }
        if let Some(say) = reply.say {
            self.say(&heard.answer(say)).await;
        }
        let Some(run) = reply.run else { return };
        if heard.press.is_some() && run.confirm.is_some() {
            self.noted("buttons", self.voice.take_buttons(heard).await);
        }
        let line = Line {
            socket: self.listener.socket.clone(),
            text: run.line,
            person: heard.person().to_string(),
            confirm: run.confirm,
            name: run.person,
        };
        let (say, is_output) = running::answer(line, self.voice.has_buttons()).await;
        failpoint::hit("courier-after-run");
        self.say(&Answer { is_output, ..heard.answer(say) }).await;
    }

    /// How far the channel was read, as the daemon keeps it.
    async fn cursor(&self) -> Option<String> {
        let mut daemon = DaemonClient::new(self.listener.socket.clone());
        let channel = utf8_percent_encode(&self.listener.channel, NON_ALPHANUMERIC);
        let path = format!("/v1/chat/cursors?channel={channel}");
        let mut pause = Pause::default();
        loop {
            match daemon.get::<Cursor>(&path, CALL_TIME).await {
                Ok(found) => return found.cursor,
                Err(error @ (DaemonError::Absent { .. } | DaemonError::Fault(_))) => {
                    pause.after(&error).await;
                }
                Err(error @ (DaemonError::Refused(_) | DaemonError::Unreadable(_))) => {
                    let channel = self.listener.channel.as_str();
                    tracing::error!(%error, channel, "the daemon does not say how far a channel was read");
                    return None;
                }
            }
        }
    }

    /// Has the daemon keep how far the channel was read.
    async fn keep(&self, cursor: String) {
        let mut daemon = DaemonClient::new(self.listener.socket.clone());
        let inbound = Inbound::only_cursor(&self.listener.channel, cursor);
        drop(self.hand_in(&mut daemon, &inbound).await);
    }

    /// The daemon's answer, however long it takes to come; none when it refuses the thing, which another try does not change.
    async fn hand_in(&self, daemon: &mut DaemonClient, inbound: &Inbound) -> Option<InboundReply> {
        let mut pause = Pause::default();
        loop {
            let reply = daemon.post("/v1/chat/inbound", inbound, CALL_TIME).await;
            match reply {
                Ok(reply) => return Some(reply),
                Err(error @ (DaemonError::Absent { .. } | DaemonError::Fault(_))) => {
                    pause.after(&error).await;
                }
                Err(error @ (DaemonError::Refused(_) | DaemonError::Unreadable(_))) => {
                    let channel = self.listener.channel.as_str();
                    tracing::error!(%error, channel, "the daemon does not take what was heard");
                    return None;
                }
            }
        }
    }

    async fn say(&self, answer: &Answer) {
        let mut pause = PAUSE_MIN;
        for tries_left in (0..SAY_TRIES).rev() {
            match self.voice.say(answer).await {
                Err(Trouble::Later { after, .. }) if tries_left > 0 => {
                    sleep(after.unwrap_or(pause).min(SAY_PAUSE_MAX)).await;
                    pause *= 4;
                }
                said => return self.noted("answer", said),
            }
        }
    }

    /// What cannot be said is a line in the log: people ask again.
    fn noted(&self, what: &str, done: Result<(), Trouble>) {
        let (Err(Trouble::Later { reason, .. })
        | Err(Trouble::Deaf { reason })
        | Err(Trouble::Dead { reason })) = done
        else {
            return;
        };
        let reason = self.filter.error(&reason);
        let channel = self.listener.channel.as_str();
        tracing::warn!(channel, what, reason, "a person gets no answer");
    }

    /// Says what is heard, until the daemon has heard it.
    async fn report(&self, state: ChannelState, reason: &str) {
        let channel = self.listener.channel.clone();
        let reason = self.filter.error(reason);
        match state {
            ChannelState::Ok | ChannelState::Hears => tracing::info!(channel, "is heard again"),
            ChannelState::PartlyDeaf => tracing::warn!(channel, reason, "not everything is heard"),
            ChannelState::Deaf | ChannelState::Broken => {
                tracing::warn!(channel, reason, "nothing is heard of the channel");
            }
        }
        let report = ChannelReport { channel, state, reason: Some(reason) };
        let mut daemon = DaemonClient::new(self.listener.socket.clone());
        let mut pause = Pause::default();
        loop {
            let said: Result<serde_json::Value, _> =
                daemon.post("/v1/courier/report", &report, CALL_TIME).await;
            match said {
                Ok(_) | Err(DaemonError::Refused(_) | DaemonError::Unreadable(_)) => return,
                Err(error) => pause.after(&error).await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_daemon_learns_once_that_nothing_is_heard_and_once_what_is_heard_again() {
        let mut hearing = Hearing::default();
        let fail =
            |hearing: &mut Hearing, count: u32| (0..count).filter(|_| hearing.failed()).count();
        assert_eq!(hearing.succeeded(None), None);
        assert_eq!(fail(&mut hearing, FAILURES_MAX - 1), 0, "a short outage is nothing to report");
        assert_eq!(hearing.succeeded(None), None);
        assert_eq!(fail(&mut hearing, 3 * FAILURES_MAX), 1);
        assert_eq!(hearing.succeeded(None), Some((ChannelState::Hears, String::new())));
        let partly = |what: &str| Some((ChannelState::PartlyDeaf, what.to_owned()));
        assert_eq!(hearing.succeeded(Some("a room".to_owned())), partly("a room"));
        assert_eq!(hearing.succeeded(None), None);
        assert_eq!(hearing.succeeded(Some("two rooms".to_owned())), partly("two rooms"));
        assert_eq!(fail(&mut hearing, FAILURES_MAX), 1);
        assert_eq!(hearing.succeeded(None), partly("two rooms"), "what it was before");
    }
}
