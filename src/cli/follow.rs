//! Following events: the stream of the daemon, opened again from its last cursor when it breaks.
//!
//! Nothing is missed and nothing is heard twice: the reply to the first request says where it begins, so even a stream that
//! broke before its first event is continued. After a restore of the board the daemon says `resync`: what was heard so far
//! belongs to another life of it.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::api::client::{Client, ClientError, Lines, NextLine};
use crate::kernel::event::Event;
use crate::service::events::FollowEvents;

const PATH: &str = "/v1/events";

/// What was heard.
#[derive(Debug)]
pub enum Heard {
    /// Something happened on the board.
    Event(Box<Event>),
    /// The board was restored, or gc removed events that had not been heard. It has to be read again.
    Resync,
    /// Nothing, in the time that was given.
    Nothing,
}

/// A stream that outlives its connections.
pub struct Follower<'c> {
    client: &'c Client,
    wanted: FollowEvents,
    lines: Lines<'c>,
}

impl<'c> Follower<'c> {
    /// Follows what happens from now on, to one task or to all.
    ///
    /// # Errors
    /// The daemon's.
    pub fn from_now(
        client: &'c Client,
        task: Option<&str>,
        board: Option<&str>,
    ) -> Result<Self, ClientError> {
        let wanted = FollowEvents {
            after: Some("now".to_owned()),
            follow: true,
            tasks: task.map(str::to_owned),
            board: board.map(str::to_owned),
            ..FollowEvents::default()
        };
        let lines = client.lines(PATH, &wanted)?;
        let mut follower = Self { client, wanted, lines };
        follower.remember_beginning();
        Ok(follower)
    }

    fn remember_beginning(&mut self) {
        if let Some(cursor) = self.lines.cursor() {
            self.wanted.after = Some(cursor.to_owned());
        }
    }

    /// What comes next; no limit when no time is given.
    ///
    /// # Errors
    /// The daemon went and does not come back, or speaks another language.
    pub fn next(&mut self, patience: Option<Duration>) -> Result<Heard, ClientError> {
        let deadline = patience.and_then(|patience| Instant::now().checked_add(patience));
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            match self.lines.next(left) {
                NextLine::Line(line) => return self.understand(&line),
                NextLine::End => {
                    self.lines = self.client.lines_again(PATH, &self.wanted)?;
                    self.remember_beginning();
                }
                NextLine::Timeout => return Ok(Heard::Nothing),
                NextLine::Interrupted => return Err(ClientError::Interrupted),
            }
        }
    }

    fn understand(&mut self, line: &str) -> Result<Heard, ClientError> {
        let unreadable = |error: serde_json::Error| ClientError::Unreadable(error.to_string());
        let mut value: Value = crate::kernel::json::from_str(line).map_err(unreadable)?;
        if let Some(cursor) = value.get("resync").and_then(Value::as_str) {
            self.wanted.after = Some(cursor.to_owned());
            return Ok(Heard::Resync);
        }
        if let Some(Value::String(cursor)) = value.get_mut("cursor").map(Value::take) {
            self.wanted.after = Some(cursor);
        }
        Ok(Heard::Event(Box::new(serde_json::from_value(value).map_err(unreadable)?)))
    }
}
