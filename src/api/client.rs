//! The client of the API, for the command line: blocking calls over the Unix socket.
//!
//! A call that changes something carries a request id of its own, so it can be repeated when its reply was lost: the daemon
//! may restart at any moment, and a lost reply must never turn success into an error. Inside a run the client repeats for up
//! to 60 seconds while the daemon does not answer; outside for 5 seconds when a connection breaks, and fails at once when
//! there is none to begin with. One that is starting (see [`presence`]) is waited for, for 3 seconds.

pub mod absence;
mod error;
mod file;
mod handoff;
mod lines;
pub mod presence;
mod query;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Either, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::runtime::Runtime;
use tokio::sync::Notify;

pub use crate::api::client::error::ClientError;
use crate::api::client::error::error_of;
pub use crate::api::client::file::Download;
use crate::api::client::file::FileBody;
pub use crate::api::client::handoff::{artifact_of, artifacts_field};
pub use crate::api::client::lines::{Lines, NextLine};
use crate::api::client::presence::Presence;
use crate::api::client::query::with_query;
use crate::api::error::ErrorDetail;
use crate::api::{EVENT_CURSOR_HEADER, REQUEST_ID_HEADER, RUN_HEADER, TOKEN_HEADER};
use crate::config::Ambient;
use crate::kernel::error::ErrorCode;
use crate::kernel::json;
use crate::kernel::limits::{REQUEST_BYTES_MAX, WORKER_PATIENCE_SECONDS};
use crate::os::host::random::random_hex;

/// How long a worker's call is repeated while the daemon does not answer.
const PATIENCE_IN_RUN: Duration = Duration::from_secs(WORKER_PATIENCE_SECONDS);

/// How long other calls are repeated after a connection broke.
const PATIENCE_OUTSIDE: Duration = Duration::from_secs(5);

/// How long a daemon that is starting is waited for.
const PATIENCE_FOR_START: Duration = Duration::from_secs(3);

/// Longest time for one answer to begin.
const ANSWER_TIME: Duration = Duration::from_secs(120);

/// Pause between two attempts.
const PAUSE: Duration = Duration::from_millis(50);

/// Everything but letters, digits and `-._~` is encoded in a path (RFC 3986, section 2.3).
const IN_PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'!')
    .add(b'"')
    .add(b'#')
    .add(b'$')
    .add(b'%')
    .add(b'&')
    .add(b'\'')
    .add(b'(')
    .add(b')')
    .add(b'*')
    .add(b'+')
    .add(b',')
    .add(b'/')
    .add(b':')
    .add(b';')
    .add(b'<')
    .add(b'=')
    .add(b'>')
    .add(b'?')
    .add(b'@')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Ends whatever a client waits for, from another thread: once, then the next wait is an ordinary one.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<Notify>);

impl Interrupt {
    /// Ends it.
    pub fn now(&self) {
        self.0.notify_one();
    }
}

/// A client of one daemon.
pub struct Client {
    socket: PathBuf,
    /// None for a client that was told where the daemon is.
    presence: Option<Presence>,
    token: Option<String>,
    /// The run that this process says it is of: its token cannot be read.
    claimed_run: Option<String>,
    is_in_run: bool,
    answer_time: Duration,
    interrupt: Interrupt,
    runtime: Runtime,
}

/// A reply that is not JSON.
pub struct RawReply {
    /// Its headers.
    pub headers: hyper::HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// What is known of the daemon before a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// Nothing: when none answers, there is none.
    Nothing,
    /// It was there a moment ago.
    WasThere,
}

struct Outgoing {
    method: Method,
    path: String,
    body: Bytes,
    content_type: &'static str,
    request_id: Option<String>,
}

/// Content type of requests with fields.
const JSON: &str = "application/json";

/// Content type of requests with a file.
const BYTES: &str = "application/octet-stream";

type AnyBody = Either<Full<Bytes>, FileBody>;

impl Client {
    /// A client of the daemon that the surroundings name. Nothing is connected yet.
    ///
    /// # Errors
    /// When it cannot be told where the daemon is, or the run's token cannot be read.
    pub fn new(ambient: &Ambient) -> Result<Self, ClientError> {
        let presence = Presence::of(ambient)?;
        let run = ambient.var("KANBAN_RUN").map(str::to_owned);
        let token = match ambient.var("KANBAN_TOKEN_FILE") {
            Some(path) => read_token(Path::new(path), run.is_some())?,
            None => None,
        };
        let is_tokenless = token.is_none() && ambient.var("KANBAN_TOKEN_FILE").is_some();
        let client = Self::at(presence.socket().to_owned(), token, run.is_some())?;
        let claimed_run = run.filter(|_| is_tokenless);
        Ok(Self { presence: Some(presence), claimed_run, ..client })
    }

    /// A client of the daemon at `socket`.
    ///
    /// # Errors
    /// When the runtime cannot be made.
    pub fn at(
        socket: PathBuf,
        token: Option<String>,
        is_in_run: bool,
    ) -> Result<Self, ClientError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| ClientError::Local(error.to_string()))?;
        let (answer_time, interrupt) = (ANSWER_TIME, Interrupt::default());
        let (presence, claimed_run) = (None, None);
        Ok(Self {
            socket,
            presence,
            token,
            claimed_run,
            is_in_run,
            answer_time,
            interrupt,
            runtime,
        })
    }

    /// The same for somebody who cannot wait: one attempt, and an answer has to come within `answer_time`.
    #[must_use]
    pub fn impatient(self, answer_time: Duration) -> Self {
        Self { is_in_run: false, presence: None, answer_time, ..self }
    }

    /// The same, with all its waiting ended by `interrupt`.
    #[must_use]
    pub fn interrupted_by(self, interrupt: Interrupt) -> Self {
        Self { interrupt, ..self }
    }

    /// Waits for `future`, unless the interrupt comes first.
    fn wait<T>(
        &self,
        future: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        self.runtime.block_on(async {
            tokio::select! {
                answer = future => answer,
                () = self.interrupt.0.notified() => Err(ClientError::Interrupted),
            }
        })
    }

    /// Reads.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &impl Serialize,
    ) -> Result<T, ClientError> {
        parse(&self.get_raw(path, query)?.body)
    }

    /// Reads something that is not JSON.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn get_raw(&self, path: &str, query: &impl Serialize) -> Result<RawReply, ClientError> {
        let outgoing = Outgoing {
            method: Method::GET,
            path: with_query(path, query)?,
            body: Bytes::new(),
            content_type: JSON,
            request_id: None,
        };
        self.wait(async {
            let reply = self.patiently(Known::Nothing, async |was_connected| {
                let (parts, body) = self.send_once(&outgoing, was_connected).await?.into_parts();
                Ok(RawReply { headers: parts.headers, body: self.read_all(body).await? })
            });
            reply.await
        })
    }

    /// Has something done.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        self.change(Method::POST, path, body)
    }

    /// Has something done with a body that may be longer than other requests.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn post_large<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let body =
            serde_json::to_vec(body).map_err(|error| ClientError::Local(error.to_string()))?;
        self.change_by(Method::POST, path.to_owned(), body.into(), JSON)
    }

    /// Has some fields changed.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn patch<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        self.change(Method::PATCH, path, body)
    }

    fn change<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let body =
            serde_json::to_vec(body).map_err(|error| ClientError::Local(error.to_string()))?;
        if body.len() > REQUEST_BYTES_MAX {
            // The daemon would hang up in the middle of it.
            let told = format!(
                "the request is too large: {} bytes, at most {REQUEST_BYTES_MAX}",
                body.len()
            );
            return Err(ClientError::refused(ErrorCode::TooLarge, told));
        }
        self.change_by(method, path.to_owned(), body.into(), JSON)
    }

    /// Has something done with bytes. They stay in memory, so that they can be sent again.
    ///
    /// # Errors
    /// [`ClientError`].
    fn post_bytes<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &impl Serialize,
        body: Bytes,
    ) -> Result<T, ClientError> {
        self.change_by(Method::POST, with_query(path, query)?, body, BYTES)
    }

    fn change_by<T: DeserializeOwned>(
        &self,
        method: Method,
        path: String,
        body: Bytes,
        content_type: &'static str,
    ) -> Result<T, ClientError> {
        let request_id = random_hex(16).map_err(|error| ClientError::Local(error.to_string()))?;
        let outgoing = Outgoing { method, path, body, content_type, request_id: Some(request_id) };
        self.wait(async {
            let reply = self.patiently(Known::Nothing, async |was_connected| {
                let response = self.send_once(&outgoing, was_connected).await?;
                self.read_all(response.into_body()).await
            });
            parse(&reply.await?)
        })
    }

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
        let outgoing = Outgoing {
            method: Method::GET,
            path: with_query(path, query)?,
            body: Bytes::new(),
            content_type: JSON,
            request_id: None,
        };
        let (parts, body) = self.wait(self.send_patiently(&outgoing, known))?.into_parts();
        let cursor = parts.headers.get(EVENT_CURSOR_HEADER).and_then(|value| value.to_str().ok());
        let cursor = cursor.map(str::to_owned);
        Ok(Lines { client: self, body, partial: Vec::new(), cursor })
    }

    /// Waits, for callers that have nothing better to do between two attempts.
    pub fn pause(&self, duration: Duration) {
        // Made inside the runtime, whose clock it needs.
        self.runtime.block_on(async { tokio::time::sleep(duration).await });
    }

    /// One answer whose body is read by the caller.
    async fn send_patiently(
        &self,
        outgoing: &Outgoing,
        known: Known,
    ) -> Result<Response<Incoming>, ClientError> {
        self.patiently(known, async |was_connected| self.send_once(outgoing, was_connected).await)
            .await
    }

    /// Tries until it works, is refused, or patience ends. An answer that breaks off counts as none: the same request id
    /// makes it safe to ask again.
    async fn patiently<T>(
        &self,
        known: Known,
        attempt: impl AsyncFn(&mut bool) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        let started = Instant::now();
        let mut was_connected = known == Known::WasThere;
        loop {
            let failure = match attempt(&mut was_connected).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let is_worth_repeating = match &failure {
                ClientError::NotReachable { .. } => true,
                ClientError::Fault(detail) => detail.code == ErrorCode::Unavailable,
                ClientError::Refused(_)
                | ClientError::Timeout
                | ClientError::Unreadable(_)
                | ClientError::Interrupted
                | ClientError::Local(_) => false,
            };
            let is_starting = || self.presence.as_ref().is_some_and(Presence::is_starting);
            let patience = match (self.is_in_run, was_connected) {
                (true, _) => PATIENCE_IN_RUN,
                (false, true) => PATIENCE_OUTSIDE,
                (false, false) if is_worth_repeating && is_starting() => PATIENCE_FOR_START,
                (false, false) => Duration::ZERO,
            };
            if !is_worth_repeating || started.elapsed() + PAUSE > patience {
                return Err(self.explained(failure));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn send_once(
        &self,
        outgoing: &Outgoing,
        was_connected: &mut bool,
    ) -> Result<Response<Incoming>, ClientError> {
        let body = Either::Left(Full::new(outgoing.body.clone()));
        self.send_body(outgoing, body, self.answer_time, was_connected).await
    }

    async fn send_body(
        &self,
        outgoing: &Outgoing,
        body: AnyBody,
        answer_time: Duration,
        was_connected: &mut bool,
    ) -> Result<Response<Incoming>, ClientError> {
        let not_reachable = |detail: String| self.not_reachable(detail);
        let stream = UnixStream::connect(&self.socket).await.map_err(|error| {
            let (detail, kind) = (error.to_string(), Some(error.kind()));
            let socket = self.socket.clone();
            ClientError::NotReachable { socket, detail, kind, absence: None }
        })?;
        *was_connected = true;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| not_reachable(error.to_string()))?;
        tokio::spawn(async move { drop(connection.await) });
        let mut request = Request::builder()
            .method(outgoing.method.clone())
            .uri(&outgoing.path)
            .header("host", "kanband")
            .header("content-type", outgoing.content_type);
        if let Some(token) = &self.token {
            request = request.header(TOKEN_HEADER, token);
        }
        if let Some(run) = &self.claimed_run {
            request = request.header(RUN_HEADER, run);
        }
        if let Some(request_id) = &outgoing.request_id {
            request = request.header(REQUEST_ID_HEADER, request_id);
        }
        let request = request.body(body).map_err(|error| ClientError::Local(error.to_string()))?;
        let answer = tokio::time::timeout(answer_time, sender.send_request(request))
            .await
            .map_err(|_| ClientError::Timeout)?
            .map_err(|error| not_reachable(error.to_string()))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        Err(error_of(status, &self.read_all(answer.into_body()).await?))
    }

    async fn read_all(&self, body: Incoming) -> Result<Bytes, ClientError> {
        let collected =
            body.collect().await.map_err(|error| self.not_reachable(error.to_string()))?;
        Ok(collected.to_bytes())
    }

    fn not_reachable(&self, detail: String) -> ClientError {
        let socket = self.socket.clone();
        ClientError::NotReachable { socket, detail, kind: None, absence: None }
    }

    /// The same failure with what can be seen of the daemon from here.
    fn explained(&self, failure: ClientError) -> ClientError {
        match (failure, &self.presence) {
            (
                ClientError::NotReachable { socket, detail, kind: Some(kind), .. },
                Some(presence),
            ) => {
                let absence = Some(Box::new(presence.absence(kind, &detail)));
                ClientError::NotReachable { socket, detail, kind: Some(kind), absence }
            }
            (failure, _) => failure,
        }
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ClientError> {
    json::from_slice(body).map_err(|error| ClientError::Unreadable(error.to_string()))
}

/// The token of the run that this process works for. None in a run whose token cannot be read: its files may be gone
/// because it is over, or because somebody has removed them, and the daemon knows which; where the process stands says
/// the rest.
fn read_token(path: &Path, is_in_run: bool) -> Result<Option<String>, ClientError> {
    match std::fs::read_to_string(path) {
        Ok(token) => Ok(Some(token.trim().to_owned())),
        Err(_) if is_in_run => Ok(None),
        Err(error) => Err(ClientError::Local(format!(
            "cannot read the token file {}: {error}",
            path.display()
        ))),
    }
}

/// The path of an operation on one task. A blank id cannot stand in a path; it is answered like an unknown one.
///
/// # Errors
/// [`ClientError::Refused`] for a blank id.
pub fn task_path(id: &str, operation: &str) -> Result<String, ClientError> {
    if id.trim().is_empty() {
        return Err(ClientError::Refused(ErrorDetail {
            code: ErrorCode::UnknownTask,
            message: "no such task: (blank)".to_owned(),
            hint: Some("list task ids with `kanban list`".to_owned()),
        }));
    }
    let id = utf8_percent_encode(id, IN_PATH);
    Ok(if operation.is_empty() {
        format!("/v1/tasks/{id}")
    } else {
        format!("/v1/tasks/{id}/{operation}")
    })
}

#[cfg(test)]
mod tests;
