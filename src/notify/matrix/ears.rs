//! What is done in rooms of Matrix, by long polls of `/sync`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::notify::http::{Limits, Method};
use crate::notify::inbound::heard::{Heard, Trouble};
use crate::notify::matrix::events::{Sync, Written, seen};
use crate::notify::matrix::{Matrix, answers, encoded};

/// Longest answer: events have 64 KiB at most.
const SYNC_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Events of one room in one answer. Of more than that the newest come.
const EVENTS_MAX: usize = 100;

/// Time for an answer beyond the time that the server was asked to wait.
const MARGIN: Duration = Duration::from_secs(30);

/// Answers with something in them that was nothing for us, after which it is kept how far was heard.
const UNKEPT_MAX: usize = 100;

/// Encrypted rooms that are named in one line.
const NAMED_MAX: usize = 3;

/// Rooms that are remembered as looked up.
const ROOMS_MAX: usize = 1_000;

/// The user as it hears.
pub struct MatrixEars {
    channel: String,
    /// With the limits of polls.
    polls: Matrix,
    user: Matrix,
    poll_time: Duration,
    me: Option<String>,
    /// Where the next poll begins; none before the first one: what is older is not heard.
    since: Option<String>,
    /// Behind what was given, and whether that is to be kept.
    next: Option<(String, bool)>,
    unkept: usize,
    /// Events of one room that are asked for: one after an answer that could not be read.
    limit: usize,
    /// Whether a room has one other member.
    direct: BTreeMap<String, bool>,
    /// Encrypted rooms in which something was written.
    encrypted: BTreeSet<String>,
    /// Whether one of them has not been named yet.
    has_unread: bool,
}

#[derive(Deserialize)]
struct Me {
    user_id: String,
}

#[derive(Deserialize)]
struct Members {
    joined: BTreeMap<String, Value>,
}

impl MatrixEars {
    /// The ears of a user.
    pub fn new(channel: String, user: &Matrix, poll_time: Duration) -> Self {
        let limits = Limits { attempt_time: poll_time + MARGIN, body_bytes_max: SYNC_BYTES_MAX };
        Self {
            channel,
            polls: user.limited(limits),
            user: user.clone(),
            poll_time,
            me: None,
            since: None,
            next: None,
            unkept: 0,
            limit: EVENTS_MAX,
            direct: BTreeMap::new(),
            encrypted: BTreeSet::new(),
            has_unread: false,
        }
    }

    /// Goes on where it was.
    pub fn resume(&mut self, cursor: Option<String>) {
        self.since = cursor;
    }

    /// What has been done. It may be nothing: the poll has ended then.
    ///
    /// # Errors
    /// Nothing is heard.
    pub async fn hear(&mut self) -> Result<Vec<Heard>, Trouble> {
        let me = match &self.me {
            Some(me) => me.clone(),
            None => self.user.ask::<Me>("account/whoami").await?.user_id,
        };
        self.me = Some(me.clone());
        let url = self.polls.api(&self.path());
        let answer = self.polls.call(Method::GET, &url, Bytes::new()).await?;
        let sync = answers::result_of::<Sync>(&answer);
        // One that is too long cannot be read; after all other failures nothing less is asked for.
        let is_unreadable = answer.status == 200 && sync.is_err();
        self.limit = if is_unreadable { 1 } else { EVENTS_MAX };
        let sync = sync?;
        if self.since.is_none() {
            // What was said before the board could hear was not said to it.
            self.next = Some((sync.next_batch, true));
            return Ok(Vec::new());
        }
        let seen = seen(&sync, &self.channel, &me);
        for room in &seen.changed {
            self.direct.remove(room);
        }
        self.note_encrypted(seen.encrypted);
        let mut found = Vec::new();
        for written in seen.written {
            found.extend(self.heard(written).await);
        }
        self.unkept += usize::from(seen.is_something);
        // What cannot be read is named once, and not by the next courier again.
        let is_kept = !found.is_empty() || self.has_unread || self.unkept > UNKEPT_MAX;
        self.next = Some((sync.next_batch, is_kept));
        Ok(found)
    }

    /// What was given is done with. Returns how far was heard, when that is to be kept.
    pub fn done(&mut self) -> Option<String> {
        let (next, is_kept) = self.next.take()?;
        self.since = Some(next.clone());
        if is_kept {
            self.unkept = 0;
        }
        is_kept.then_some(next)
    }

    fn path(&self) -> String {
        let (since, wait) = match &self.since {
            Some(since) => (format!("&since={}", encoded(since)), self.poll_time),
            None => (String::new(), Duration::ZERO),
        };
        let nothing = || json!({ "types": [] });
        let timeline = json!({
            "limit": if self.since.is_some() { self.limit } else { 1 },
            "types": ["m.room.message", "m.room.encrypted", "m.room.member"],
        });
        let filter = json!({
            "presence": nothing(),
            "account_data": nothing(),
            "room": {
                "ephemeral": nothing(), "account_data": nothing(), "state": nothing(), "timeline": timeline,
            },
        });
        let (wait, filter) = (wait.as_millis(), encoded(&filter.to_string()));
        format!("sync?timeout={wait}&filter={filter}{since}")
    }

    async fn heard(&mut self, written: Written) -> Option<Heard> {
        let Written { mut deed, message_id, words } = written;
        deed.chat.is_direct = self.is_direct(&deed.chat.address).await;
        words.concern_us(deed.chat.is_direct).then(|| deed.text(Some(message_id), words))
    }

    /// Whether nobody else reads a room. When that cannot be learnt, others do.
    async fn is_direct(&mut self, room: &str) -> bool {
        if let Some(known) = self.direct.get(room) {
            return *known;
        }
        let path = format!("rooms/{}/joined_members", encoded(room));
        let Ok(members) = self.user.ask::<Members>(&path).await else { return false };
        if self.direct.len() >= ROOMS_MAX {
            self.direct.clear();
        }
        let is_direct = members.joined.len() == 2;
        self.direct.insert(room.to_owned(), is_direct);
        is_direct
    }

    fn note_encrypted(&mut self, rooms: Vec<String>) {
        for room in rooms {
            if self.encrypted.len() < ROOMS_MAX {
                self.has_unread |= self.encrypted.insert(room);
            }
        }
    }

    /// Which rooms cannot be read, when there is another one since the last call.
    pub fn unread(&mut self) -> Option<String> {
        std::mem::take(&mut self.has_unread).then(|| unread_in_words(&self.encrypted))
    }
}

/// The first rooms by their ids, and how many others there are.
fn unread_in_words(rooms: &BTreeSet<String>) -> String {
    let named: Vec<&str> = rooms.iter().take(NAMED_MAX).map(String::as_str).collect();
    let others = rooms.len().saturating_sub(NAMED_MAX);
    let others = if others == 0 { String::new() } else { format!(" and {others} more") };
    format!(
        "encrypted rooms cannot be read: {}{others}; write in a room that is not encrypted",
        named.join(", ")
    )
}

impl Matrix {
    /// Asks for something.
    async fn ask<T: DeserializeOwned>(&self, tail: &str) -> Result<T, Trouble> {
        let answer = self.call(Method::GET, &self.api(tail), Bytes::new()).await?;
        answers::result_of(&answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_that_cannot_be_read_are_named_up_to_a_number() {
        let rooms = |count: usize| (0..count).map(|at| format!("!{at}:x")).collect();
        for (count, expected) in
            [(1, "read: !0:x; "), (3, "!0:x, !1:x, !2:x; "), (5, "!1:x, !2:x and 2 more; ")]
        {
            let said = unread_in_words(&rooms(count));
            assert!(said.contains(expected), "{said}");
        }
    }
}
