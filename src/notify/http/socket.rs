//! A WebSocket to an address that the guard has let through.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::kernel::rules::url::SecretUrl;
use crate::notify::http::connection::Stream;
use crate::notify::http::failure::Failure;
use crate::notify::http::{HttpClient, Rules};

/// Longest message that is taken.
const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What is read at a time. The library's own buffers are of 128 KiB each.
const BUFFER_BYTES: usize = 4 * 1024;

/// Longest time to write a message.
const WRITE_TIME: Duration = Duration::from_secs(10);

/// What the other side says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// A text.
    Text(String),
    /// Nothing further.
    Closed {
        /// The code of the end, when it has one.
        code: Option<u16>,
    },
}

/// An open WebSocket.
pub struct Socket {
    stream: WebSocketStream<Stream>,
    host: String,
    silence_max: Duration,
}

impl Socket {
    /// Opens one. It is given up when the other side says nothing for `silence_max`, not even that it is there.
    ///
    /// # Errors
    /// It cannot be had.
    pub async fn open(
        http: &HttpClient,
        url: &SecretUrl,
        agent: &str,
        silence_max: Duration,
    ) -> Result<Self, Failure> {
        let rules: &Rules = http.rules();
        let stream = rules.stream(url).await?;
        let host = url.host().to_owned();
        let failed = |error: &Error| Failure::not_sent("no_socket", format!("{host}: {error}"));
        let scheme = if url.is_encrypted() { "wss" } else { "ws" };
        let text = format!("{scheme}://{}{}", url.authority(), url.path());
        let mut request = text.into_client_request().map_err(|error| failed(&error))?;
        if let Ok(agent) = HeaderValue::from_str(agent) {
            request.headers_mut().insert("user-agent", agent);
        }
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER_BYTES)
            .write_buffer_size(0)
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let greeting = client_async_with_config(request, stream, Some(config));
        match timeout(rules.connect_time, greeting).await {
            Ok(Ok((stream, _answer))) => Ok(Self { stream, host, silence_max }),
            Ok(Err(error)) => Err(failed(&error)),
            Err(_) => Err(Failure::not_sent("connect_timeout", format!("{host}: no answer"))),
        }
    }

    /// The next word of the other side. It may be asked again after it was given up.
    ///
    /// # Errors
    /// The connection is broken.
    pub async fn next(&mut self) -> Result<Said, Failure> {
        loop {
            let Ok(frame) = timeout(self.silence_max, self.stream.next()).await else {
                let seconds = self.silence_max.as_secs();
                let error = format!("{} has said nothing for {seconds} s", self.host);
                return Err(Failure::lost("silence", error));
            };
            match frame {
                None => return Ok(Said::Closed { code: None }),
                Some(Ok(Message::Text(text))) => return Ok(Said::Text(text.as_str().to_owned())),
                Some(Ok(Message::Close(frame))) => {
                    return Ok(Said::Closed { code: frame.map(|it| it.code.into()) });
                }
                // The library answers pings.
                Some(Ok(
                    Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_),
                )) => {}
                Some(Err(Error::ConnectionClosed | Error::AlreadyClosed)) => {
                    return Ok(Said::Closed { code: None });
                }
                Some(Err(error)) => return Err(self.broken(&error)),
            }
        }
    }

    /// Says something.
    ///
    /// # Errors
    /// The connection is broken.
    pub async fn say(&mut self, text: String) -> Result<(), Failure> {
        self.write(Message::text(text)).await
    }

    /// Ends it with a code, whatever the other side says to that.
    pub async fn close(mut self, code: u16) {
        let frame = CloseFrame { code: CloseCode::from(code), reason: "".into() };
        drop(self.write(Message::Close(Some(frame))).await);
    }

    async fn write(&mut self, message: Message) -> Result<(), Failure> {
        match timeout(WRITE_TIME, self.stream.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.broken(&error)),
            Err(_) => {
                Err(Failure::lost("timeout", format!("{} takes nothing any longer", self.host)))
            }
        }
    }

    fn broken(&self, error: &Error) -> Failure {
        Failure::lost("broken_off", format!("{}: {error}", self.host))
    }
}
