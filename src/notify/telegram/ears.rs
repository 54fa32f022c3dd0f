//! What is done in the chats of a bot, by long polls of `getUpdates`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::notify::http::Limits;
use crate::notify::inbound::heard::{Heard, Trouble};
use crate::notify::telegram::Telegram;
use crate::notify::telegram::updates::{KINDS, Me, Seen, number_of, seen};

/// Updates of one answer. The provider keeps the others.
const UPDATES_MAX: usize = 16;

/// Longest answer with updates: a message and the one that it answers to are some 100 KiB at most.
const UPDATES_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Time for an answer beyond the time that the provider was asked to wait.
const MARGIN: Duration = Duration::from_secs(15);

/// The bot as it hears.
pub struct TelegramEars {
    channel: String,
    /// With the limits of polls.
    bot: Telegram,
    voice: Telegram,
    poll_time: Duration,
    me: Option<Me>,
    /// Behind the newest update that was given.
    next: Option<i64>,
    /// Behind the newest update that is done with: the next poll confirms it. None once the provider knows: after a quiet week it numbers from
    /// another beginning.
    confirmed: Option<i64>,
    /// How many updates are asked for: one after an answer that was not understood.
    limit: usize,
}

impl TelegramEars {
    /// The ears of a bot.
    pub fn new(channel: String, bot: &Telegram, poll_time: Duration) -> Self {
        let limits = Limits { attempt_time: poll_time + MARGIN, body_bytes_max: UPDATES_BYTES_MAX };
        let (me, next, confirmed) = (None, None, None);
        let (bot, voice) = (bot.limited(limits), bot.clone());
        Self { channel, bot, voice, poll_time, me, next, confirmed, limit: UPDATES_MAX }
    }

    /// What has been done. It may be nothing: the poll has ended then.
    ///
    /// # Errors
    /// Nothing is heard.
    pub async fn hear(&mut self) -> Result<Vec<Heard>, Trouble> {
        let me = match &self.me {
            Some(me) => me.clone(),
            None => self.bot.ask("getMe", &json!({})).await?,
        };
        self.me = Some(me.clone());
        let updates = self.poll().await?;
        self.next = updates.iter().filter_map(number_of).max().and_then(|it| it.checked_add(1));
        let mut found = Vec::new();
        for update in &updates {
            match seen(update, &me, &self.channel) {
                Seen::Thing(heard) => found.push(*heard),
                // The one who pressed waits for an answer, whatever it was.
                Seen::Press(id) => drop(self.voice.end_waiting(&id, None).await),
                Seen::Nothing => {}
            }
        }
        if found.is_empty() {
            self.done();
        }
        Ok(found)
    }

    /// What was given is confirmed by the next poll.
    pub fn done(&mut self) {
        if let Some(next) = self.next.take() {
            self.confirmed = Some(next);
        }
    }

    async fn poll(&mut self) -> Result<Vec<Value>, Trouble> {
        let mut body = json!({
            "timeout": self.poll_time.as_secs(),
            "limit": self.limit,
            "allowed_updates": KINDS,
        });
        if let (Some(offset), Some(fields)) = (self.confirmed, body.as_object_mut()) {
            fields.insert("offset".to_owned(), offset.into());
        }
        let answered = self.bot.ask("getUpdates", &body).await;
        self.limit = if answered.is_ok() { UPDATES_MAX } else { 1 };
        let updates = answered?;
        self.confirmed = None;
        Ok(updates)
    }
}
