//! The courier's side of its socket: one connection for each kind of call, made again when it breaks.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::net::UnixStream;
use tokio::task::spawn_local;
use tokio::time::{sleep, timeout};

use crate::api::REQUEST_ID_HEADER;
use crate::notify::http::json::JSON;
use crate::os::host::random::random_hex;
use crate::text::json;

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DaemonError {
    /// Nobody answers, or the connection broke.
    #[error("no daemon answers on {}: {detail}", socket.display())]
    Absent {
        /// Where it was looked for.
        socket: PathBuf,
        /// What the system said.
        detail: String,
    },
    /// It is there and cannot do it now.
    #[error("the daemon cannot do it now: {0}")]
    Fault(String),
    /// It says no.
    #[error("the daemon refuses: {0}")]
    Refused(String),
    /// It says something else.
    #[error("the daemon's answer is not understood: {0}")]
    Unreadable(String),
}

/// Longest time for an answer of the daemon that waits for nothing.
pub const CALL_TIME: Duration = Duration::from_secs(10);

/// Pauses between two attempts to reach the daemon.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Waits longer and longer for a daemon that is not there, and says so once.
#[derive(Default)]
pub struct Pause {
    next: Option<Duration>,
}

impl Pause {
    /// Waits, each time longer.
    pub async fn after(&mut self, error: &DaemonError) {
        let pause = self.next.unwrap_or_else(|| {
            tracing::warn!(%error, "waits for the daemon");
            PAUSE_MIN
        });
        sleep(pause).await;
        self.next = Some((pause * 2).min(PAUSE_MAX));
    }

    /// It answers again.
    pub fn end(&mut self) {
        if self.next.take().is_some() {
            tracing::info!("the daemon answers again");
        }
    }
}

/// A connection with the daemon.
pub struct DaemonClient {
    socket: PathBuf,
    kept: Option<SendRequest<Full<Bytes>>>,
}

#[derive(Deserialize)]
struct Refusal {
    error: RefusalDetail,
}

#[derive(Deserialize)]
struct RefusalDetail {
    message: String,
}

impl DaemonClient {
    /// The daemon that listens there. Nothing is connected yet.
    pub fn new(socket: PathBuf) -> Self {
        Self { socket, kept: None }
    }

    /// Asks for something.
    ///
    /// # Errors
    /// There is no answer, or it is no.
    pub async fn get<T: DeserializeOwned>(
        &mut self,
        path: &str,
        time: Duration,
    ) -> Result<T, DaemonError> {
        self.call(Method::GET, path, Bytes::new(), time).await
    }

    /// Has something done. Every call is safe to repeat.
    ///
    /// # Errors
    /// There is no answer, or it is no.
    pub async fn post<T: DeserializeOwned>(
        &mut self,
        path: &str,
        body: &impl Serialize,
        time: Duration,
    ) -> Result<T, DaemonError> {
        let body =
            json::to_vec(body).map_err(|error| DaemonError::Unreadable(error.to_string()))?;
        self.call(Method::POST, path, body.into(), time).await
    }

    async fn call<T: DeserializeOwned>(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
        time: Duration,
    ) -> Result<T, DaemonError> {
        let asked = timeout(time, self.ask(method, path, body)).await;
        let (status, bytes) = match asked {
            Ok(Ok(answer)) => answer,
            Ok(Err(detail)) => {
                self.kept = None;
                return Err(DaemonError::Absent { socket: self.socket.clone(), detail });
            }
            Err(_) => {
                self.kept = None;
                let detail = format!("no answer within {} ms", time.as_millis());
                return Err(DaemonError::Absent { socket: self.socket.clone(), detail });
            }
        };
        if (200..300).contains(&status) {
            return serde_json::from_slice(&bytes)
                .map_err(|error| DaemonError::Unreadable(error.to_string()));
        }
        let detail = serde_json::from_slice::<Refusal>(&bytes).map(|it| it.error.message);
        let detail = detail.unwrap_or_else(|_| format!("status {status}"));
        Err(if status >= 500 { DaemonError::Fault(detail) } else { DaemonError::Refused(detail) })
    }

    async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(u16, Bytes), String> {
        let mut sender = match self.kept.take().filter(|kept| !kept.is_closed()) {
            Some(kept) => kept,
            None => self.connect().await?,
        };
        let mut request = Request::builder()
            .method(&method)
            .uri(path)
            .header("host", "kanband")
            .header("content-type", JSON);
        if method == Method::POST {
            let id = random_hex(16).map_err(|error| error.to_string())?;
            request = request.header(REQUEST_ID_HEADER, id);
        }
        let request = request.body(Full::new(body)).map_err(|error| error.to_string())?;
        let answer = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let status = answer.status().as_u16();
        let read = answer.into_body().collect().await.map_err(|error| error.to_string())?;
        self.kept = Some(sender);
        Ok((status, read.to_bytes()))
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, String> {
        let stream = UnixStream::connect(&self.socket).await.map_err(|error| error.to_string())?;
        let made = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = made.map_err(|error| error.to_string())?;
        spawn_local(async move { drop(connection.await) });
        Ok(sender)
    }
}
