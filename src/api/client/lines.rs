//! Replies that come line by line and may never end.

use std::time::{Duration, Instant};

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde::Serialize;

use crate::api::EVENT_CURSOR_HEADER;
use crate::api::client::error::ClientError;
use crate::api::client::exchange::{Client, Known, Outgoing};
use crate::api::client::query::with_query;

/// Lines of a streamed reply.
pub struct Lines<'c> {
    client: &'c Client,
    body: Incoming,
    partial: Vec<u8>,
    cursor: Option<String>,
}

/// What came next.
pub enum NextLine {
    /// A line, without its end.
    Line(String),
    /// The stream is over: the daemon ended it, or went.
    End,
    /// Nothing came in time.
    Timeout,
    /// The wait was interrupted.
    Interrupted,
}

impl Client {
    /// Opens a stream of lines.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn lines(&self, path: &str, query: &impl Serialize) -> Result<Lines<'_>, ClientError> {
        self.open_lines(path, query, Known::Nothing)
    }

    /// Opens a stream of lines again that the daemon has ended: it may be on its way back.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn lines_again(
        &self,
        path: &str,
        query: &impl Serialize,
    ) -> Result<Lines<'_>, ClientError> {
        self.open_lines(path, query, Known::WasThere)
    }

    fn open_lines(
        &self,
        path: &str,
        query: &impl Serialize,
        known: Known,
    ) -> Result<Lines<'_>, ClientError> {
        let outgoing = Outgoing::get(with_query(path, query)?);
        let (parts, body) = self.wait(self.send_patiently(&outgoing, known))?.into_parts();
        let cursor = parts.headers.get(EVENT_CURSOR_HEADER).and_then(|value| value.to_str().ok());
        let cursor = cursor.map(str::to_owned);
        Ok(Lines { client: self, body, partial: Vec::new(), cursor })
    }
}

impl Lines<'_> {
    /// The cursor at which an event stream began.
    pub fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// The next line, or none within `patience` (no limit when none is given).
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
