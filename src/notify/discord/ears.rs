//! What is done in Discord, by the gateway: a WebSocket on which each event has a number, from which another connection goes on.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use serde_json::Value;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{Instant, sleep_until};

use crate::notify::discord::gateway::{
    DISPATCH, Ending, Frame, GOES_ON, HEARTBEAT, HEARTBEAT_ACK, HELLO, INVALID_SESSION, Mark,
    RECONNECT, ending, greeting, heartbeat,
};
use crate::notify::discord::{Discord, USER_AGENT, events};
use crate::notify::http::socket::{Said, Socket};
use crate::notify::inbound::heard::{Heard, Trouble};
use crate::notify::inbound::stream::{Out, Stream};
use crate::os::host::random::random_hex;
use crate::text::json;

/// Beats come about every 41 seconds, and each is answered.
const SILENCE_MAX: Duration = Duration::from_secs(120);

/// How long is waited before another session is begun in the stead of one that is over: one to five seconds, as Discord asks.
const FRESH_PAUSE_MIN: Duration = Duration::from_secs(1);
const FRESH_PAUSE_SPAN: Duration = Duration::from_secs(4);

/// Events after which it is kept how far was heard, though none of them was for us.
const UNKEPT_MAX: usize = 200;

/// Channels that are remembered as looked up.
const ROOMS_MAX: usize = 1_000;

/// The bot as it hears.
pub struct DiscordEars {
    channel: String,
    discord: Discord,
    stream: Option<Stream<Event>>,
    mark: Rc<RefCell<Option<Mark>>>,
    /// Behind the newest event that was given, and whether that is to be kept.
    given: Option<(Mark, bool)>,
    unkept: usize,
    /// Channels by their ids, with those of which they are threads.
    rooms: BTreeMap<String, Option<String>>,
}

/// An event of the gateway.
struct Event {
    kind: Kind,
    mark: Mark,
}

enum Kind {
    /// A session has begun.
    Ready,
    Message(Value),
    /// With what has said to Discord that it was heard.
    Press(Box<events::Interaction>, JoinHandle<()>),
    /// Nothing for us.
    Other,
}

impl DiscordEars {
    /// The ears of a bot.
    pub fn new(channel: String, discord: &Discord) -> Self {
        let (stream, mark, given) = (None, Rc::default(), None);
        let (discord, rooms) = (discord.clone(), BTreeMap::new());
        Self { channel, discord, stream, mark, given, unkept: 0, rooms }
    }

    /// Goes on with a session.
    pub fn resume(&mut self, cursor: Option<&str>) {
        let mark = cursor.and_then(|cursor| serde_json::from_str(cursor).ok());
        *self.mark.borrow_mut() = mark;
    }

    /// What has been done. It may be nothing: the connection has been made then.
    ///
    /// # Errors
    /// Nothing is heard.
    pub async fn hear(&mut self) -> Result<Vec<Heard>, Trouble> {
        let (discord, mark) = (self.discord.clone(), Rc::clone(&self.mark));
        let stream = self.stream.get_or_insert_with(|| {
            Stream::start(|out| Session { discord, mark, out, is_ready: false }.hold())
        });
        let events = match stream.next().await {
            Ok(events) => events,
            Err(trouble) => {
                self.stream = None;
                return Err(trouble);
            }
        };
        let mut found = Vec::new();
        for event in events {
            self.unkept += 1;
            let is_ready = matches!(event.kind, Kind::Ready);
            let heard = self.heard(event.kind, &event.mark.user).await;
            let was_kept = self.given.take().is_some_and(|(_, is_kept)| is_kept);
            let is_due = self.unkept > UNKEPT_MAX;
            self.given = Some((event.mark, was_kept || is_ready || is_due || heard.is_some()));
            found.extend(heard);
        }
        Ok(found)
    }

    /// Everything that was given is done with. Returns how far was heard, when that is to be kept.
    pub fn done(&mut self) -> Option<String> {
        let (mark, is_kept) = self.given.take()?;
        if !is_kept {
            return None;
        }
        self.unkept = 0;
        json::to_string(&mark).ok()
    }

    async fn heard(&mut self, kind: Kind, user: &str) -> Option<Heard> {
        let us = |channel| events::Us { channel, user };
        match kind {
            Kind::Ready | Kind::Other => None,
            Kind::Message(event) => {
                let mut heard = events::written(&event, us(&self.channel))?;
                let chat = &mut heard.inbound.chat;
                if !chat.is_direct {
                    let parent = self.parent_of(&chat.address).await;
                    *chat = events::in_room(chat.address.clone(), parent, false);
                }
                Some(heard)
            }
            Kind::Press(press, called) => {
                // A line for the one who pressed is taken only after that.
                drop(called.await);
                let reply_url = self.discord.reply_url(&press);
                let heard = events::pressed(*press, us(&self.channel))?;
                Some(Heard { reply_url, ..heard })
            }
        }
    }

    /// The channel of which this one is a thread: messages do not say.
    async fn parent_of(&mut self, channel: &str) -> Option<String> {
        if let Some(known) = self.rooms.get(channel) {
            return known.clone();
        }
        let room = self.discord.room_of(channel).await.ok()?;
        if self.rooms.len() >= ROOMS_MAX {
            self.rooms.clear();
        }
        let parent = room.parent().map(str::to_owned);
        self.rooms.insert(channel.to_owned(), parent.clone());
        parent
    }
}

struct Session {
    discord: Discord,
    mark: Rc<RefCell<Option<Mark>>>,
    out: Out<Event>,
    /// Whether this connection is known by the gateway.
    is_ready: bool,
}

/// The beats of a connection.
struct Heart {
    interval: Duration,
    next: Instant,
    is_answered: bool,
}

impl Session {
    async fn hold(mut self) -> Result<Infallible, Trouble> {
        loop {
            self.is_ready = false;
            let token = self.discord.token()?.to_owned();
            let mark = self.mark.borrow().clone();
            let mut socket = self.discord.socket(mark.as_ref()).await?;
            let mut heart = begin(&mut socket).await?;
            socket.say(greeting(&token, mark.as_ref())).await?;
            let ended = self.talk(&mut socket, &mut heart).await;
            match ended? {
                // The gateway wants it to go on at once, elsewhere.
                Ending::GoesOn if self.is_ready => socket.close(GOES_ON).await,
                Ending::GoesOn => {
                    socket.close(GOES_ON).await;
                    return Err(Trouble::later("the gateway has ended the connection"));
                }
                Ending::Fresh => {
                    *self.mark.borrow_mut() = None;
                    let after = Some(FRESH_PAUSE_MIN + share_of(FRESH_PAUSE_SPAN));
                    let reason = "the gateway has ended the session".to_owned();
                    return Err(Trouble::Later { after, reason });
                }
                Ending::Deaf(reason) => return Err(Trouble::Deaf { reason: reason.to_owned() }),
                Ending::Dead(reason) => return Err(Trouble::Dead { reason: reason.to_owned() }),
            }
        }
    }

    /// Until the connection ends.
    async fn talk(&mut self, socket: &mut Socket, heart: &mut Heart) -> Result<Ending, Trouble> {
        loop {
            let said = tokio::select! {
                said = socket.next() => said?,
                () = sleep_until(heart.next) => {
                    if !heart.is_answered {
                        return Err(Trouble::later("the gateway does not answer beats"));
                    }
                    heart.is_answered = false;
                    heart.next = Instant::now() + heart.interval;
                    socket.say(heartbeat(self.seq())).await?;
                    continue;
                }
            };
            let text = match said {
                Said::Text(text) => text,
                Said::Closed { code } => {
                    let ending = ending(code);
                    if ending == Ending::GoesOn {
                        return Err(Trouble::later("the gateway has closed the connection"));
                    }
                    return Ok(ending);
                }
            };
            let Ok(frame) = serde_json::from_str::<Frame>(&text) else { continue };
            match frame.op {
                DISPATCH => self.take(frame)?,
                HEARTBEAT => socket.say(heartbeat(self.seq())).await?,
                HEARTBEAT_ACK => heart.is_answered = true,
                RECONNECT => return Ok(Ending::GoesOn),
                INVALID_SESSION if frame.d == true => {
                    return Err(Trouble::later("the gateway does not go on with the session now"));
                }
                INVALID_SESSION => return Ok(Ending::Fresh),
                _ => {}
            }
        }
    }

    fn seq(&self) -> Option<u64> {
        self.mark.borrow().as_ref().map(|mark| mark.seq)
    }

    fn take(&mut self, frame: Frame) -> Result<(), Trouble> {
        let kind = frame.t.as_deref().unwrap_or_default();
        let mark = match kind {
            "READY" => Mark::of_ready(&frame),
            _ => self.mark.borrow().clone().zip(frame.s).map(|(mark, seq)| Mark { seq, ..mark }),
        };
        let Some(mark) = mark else {
            return Err(Trouble::later("the gateway says nothing of the session"));
        };
        let kind = match kind {
            "READY" | "RESUMED" => {
                self.is_ready = true;
                Kind::Ready
            }
            "MESSAGE_CREATE" => Kind::Message(frame.d),
            "INTERACTION_CREATE" => match events::interaction(&frame.d) {
                Some(press) => {
                    // Discord waits for three seconds.
                    let call =
                        self.discord.clone().acknowledge(press.id.clone(), press.token.clone());
                    Kind::Press(Box::new(press), spawn_local(call))
                }
                None => Kind::Other,
            },
            _ => Kind::Other,
        };
        self.out.give(Event { kind, mark: mark.clone() })?;
        *self.mark.borrow_mut() = Some(mark);
        Ok(())
    }
}

/// The first word of the gateway, which says how often it wants to hear of us.
async fn begin(socket: &mut Socket) -> Result<Heart, Trouble> {
    let frame: Frame = match socket.next().await? {
        Said::Text(text) => serde_json::from_str(&text).unwrap_or_default(),
        Said::Closed { .. } => Frame::default(),
    };
    let interval = frame.d.get("heartbeat_interval").and_then(Value::as_u64);
    let Some(interval) = interval.filter(|ms| frame.op == HELLO && *ms > 0) else {
        return Err(Trouble::later("the gateway does not greet"));
    };
    let interval = Duration::from_millis(interval);
    // Not all at once after an outage.
    Ok(Heart { interval, next: Instant::now() + share_of(interval), is_answered: true })
}

/// Any part of a time.
fn share_of(time: Duration) -> Duration {
    let drawn = random_hex(2).ok().and_then(|hex| u32::from_str_radix(&hex, 16).ok());
    time * drawn.unwrap_or(0) / u32::from(u16::MAX)
}

impl Discord {
    /// A new WebSocket: where a session goes on, or where the gateway is.
    async fn socket(&self, mark: Option<&Mark>) -> Result<Socket, Trouble> {
        let url = match mark {
            Some(mark) => mark.url.clone(),
            None => self.gateway().await?,
        };
        let url: Result<crate::kernel::rules::url::SecretUrl, _> =
            url.replacen("ws", "http", 1).parse();
        let url =
            url.map_err(|error| Trouble::later(format!("the address of the gateway: {error}")))?;
        let url = url.below("?v=10&encoding=json");
        Ok(Socket::open(self.http(), &url, USER_AGENT, SILENCE_MAX).await?)
    }
}
