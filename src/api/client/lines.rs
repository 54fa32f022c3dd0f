//! Replies that come line by line and may never end.

use std::time::{Duration, Instant};

use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use crate::api::client::{Client, ClientError};

/// Lines of a streamed reply.
pub struct Lines<'c> {
    pub(super) client: &'c Client,
    pub(super) body: Incoming,
    pub(super) partial: Vec<u8>,
    pub(super) cursor: Option<String>,
}

/// What came next.
pub enum NextLine {
    /// A line, without its end.
    Line(String),
    /// The stream is over: the daemon ended it, or went.
    End,
    /// Nothing came in time.
    Timeout,
    /// Somebody has ended the waiting.
    Interrupted,
}

impl Lines<'_> {
    /// The cursor at which an event stream began.
    pub fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// The next line, or none within `patience` (for ever when none is given).
    pub fn next(&mut self, patience: Option<Duration>) -> NextLine {
        let deadline = patience.map(|patience| Instant::now() + patience);
        loop {
            if let Some(end) = self.partial.iter().position(|byte| *byte == b'\n') {
                let rest = self.partial.split_off(end + 1);
                let line = std::mem::replace(&mut self.partial, rest);
                let text = String::from_utf8_lossy(&line);
                return NextLine::Line(text.trim_end_matches('\n').to_owned());
            }
            let frame = self.client.wait(async {
                match deadline {
                    Some(deadline) => tokio::time::timeout_at(deadline.into(), self.body.frame())
                        .await
                        .map_err(|_| ClientError::Timeout),
                    None => Ok(self.body.frame().await),
                }
            });
            match frame {
                Ok(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        self.partial.extend_from_slice(&data);
                    }
                }
                Ok(Some(Err(_)) | None) => return NextLine::End,
                Err(ClientError::Interrupted) => return NextLine::Interrupted,
                Err(_) => return NextLine::Timeout,
            }
        }
    }
}
