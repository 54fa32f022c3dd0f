//! One request and its answer: connected, sent, and repeated while the daemon does not answer.

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
use tokio::net::UnixStream;
use tokio::runtime::Runtime;
use tokio::sync::Notify;

use crate::api::client::error::{ClientError, error_of};
use crate::api::client::file_body::FileBody;
use crate::api::client::on_behalf::OnBehalf;
use crate::api::client::presence::Presence;
use crate::api::client::request_id::request_id;
use crate::api::{EDGE_HEADER, REQUEST_ID_HEADER, RUN_HEADER, TOKEN_HEADER};
use crate::config::Ambient;
use crate::kernel::chat::{CONFIRM_HEADER, FOR_HEADER};
use crate::kernel::error::{Edge, ErrorCode};
use crate::kernel::limits::WORKER_PATIENCE_SECONDS;
use crate::os::host::clock::epoch_seconds;
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

/// Time until it is shown to a person that a command waits: of one request, or of many short ones.
const SLOW: Duration = Duration::from_secs(1);

/// Shorter waits of a command that takes long are not shown.
const SHORT: Duration = Duration::from_millis(50);

/// Shows that something is waited for.
pub trait ShowWait {
    /// Begins to show it; it is shown until the returned value is dropped. The command runs since `elapsed`.
    fn show(&self, elapsed: Duration) -> Box<dyn std::any::Any>;
}

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
    /// In whose terms hints are to be.
    edge: Edge,
    /// The person of a chat for whom it asks.
    on_behalf: Option<OnBehalf>,
    answer_time: Duration,
    interrupt: Interrupt,
    show_wait: Option<Box<dyn ShowWait + Send>>,
    begun: Instant,
    runtime: Runtime,
}

/// What is known of the daemon before a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// Nothing: when none answers, there is none.
    Nothing,
    /// It was there a moment ago.
    WasThere,
}

/// A request before it is sent.
pub(super) struct Outgoing {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Bytes,
    pub(super) content_type: &'static str,
    pub(super) request_id: Option<String>,
}

impl Outgoing {
    /// A request that asks for something and changes nothing.
    pub(super) fn get(path: String) -> Self {
        Self { method: Method::GET, path, body: Bytes::new(), content_type: JSON, request_id: None }
    }
}

/// Content type of requests with fields.
pub(super) const JSON: &str = "application/json";

/// Content type of requests with a file.
pub(super) const BYTES: &str = "application/octet-stream";

/// Bytes in memory, or a file.
pub(super) type AnyBody = Either<Full<Bytes>, FileBody>;

impl Client {
    /// A client of the daemon that the surroundings name. Nothing is connected yet.
    ///
    /// # Errors
    /// When the daemon's socket is unknown, or the run's token cannot be read.
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
        let (presence, claimed_run, on_behalf) = (None, None, None);
        Ok(Self {
            socket,
            presence,
            token,
            claimed_run,
            is_in_run,
            edge: Edge::CommandLine,
            on_behalf,
            answer_time,
            interrupt,
            show_wait: None,
            begun: Instant::now(),
            runtime,
        })
    }

    /// The same, with hints in the terms of an edge. Those of a new client are commands.
    #[must_use]
    pub fn at_edge(self, edge: Edge) -> Self {
        Self { edge, ..self }
    }

    /// The same for a caller that cannot wait: one attempt, and an answer has to come within `answer_time`.
    #[must_use]
    pub fn impatient(self, answer_time: Duration) -> Self {
        Self { is_in_run: false, presence: None, answer_time, ..self }
    }

    /// The same, for a person of a chat.
    #[must_use]
    pub fn on_behalf(self, on_behalf: OnBehalf) -> Self {
        Self { on_behalf: Some(on_behalf), ..self }
    }

    /// The id of a new request that writes.
    pub(super) fn new_request_id(&self) -> Result<String, ClientError> {
        if let Some(on_behalf) = &self.on_behalf {
            return Ok(on_behalf.next_request_id());
        }
        let random = random_hex(12).map_err(|error| ClientError::Local(error.to_string()))?;
        Ok(request_id(epoch_seconds(), &random))
    }

    /// The same, with all its waiting ended by `interrupt`. Who follows something waits on purpose: that is not shown.
    #[must_use]
    pub fn interrupted_by(self, interrupt: Interrupt) -> Self {
        Self { interrupt, show_wait: None, ..self }
    }

    /// The same, with its waits shown as soon as the command takes more than a second.
    #[must_use]
    pub fn showing_waits(self, show_wait: Box<dyn ShowWait + Send>) -> Self {
        Self { show_wait: Some(show_wait), ..self }
    }

    /// What `future` gives; that it takes long is shown.
    async fn shown<T>(&self, future: impl Future<Output = T>) -> T {
        let Some(show_wait) = &self.show_wait else { return future.await };
        let mut future = std::pin::pin!(future);
        let unseen = SLOW.saturating_sub(self.begun.elapsed()).max(SHORT);
        if let Ok(answer) = tokio::time::timeout(unseen, &mut future).await {
            return answer;
        }
        let _shown = show_wait.show(self.begun.elapsed());
        future.await
    }

    /// Waits for `future`, unless the interrupt comes first.
    pub(super) fn wait<T>(
        &self,
        future: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        self.runtime.block_on(async {
            tokio::select! {
                answer = self.shown(future) => answer,
                () = self.interrupt.0.notified() => Err(ClientError::Interrupted),
            }
        })
    }

    /// Waits, for callers that have nothing better to do between two attempts.
    pub fn pause(&self, duration: Duration) {
        // Made inside the runtime, whose clock it needs.
        self.runtime.block_on(async { tokio::time::sleep(duration).await });
    }

    /// One answer whose body is read by the caller.
    pub(super) async fn send_patiently(
        &self,
        outgoing: &Outgoing,
        known: Known,
    ) -> Result<Response<Incoming>, ClientError> {
        self.patiently(known, async |was_connected| self.send_once(outgoing, was_connected).await)
            .await
    }

    /// Tries until it works, is refused, or patience ends. An answer that breaks off counts as none: the same request id
    /// makes it safe to ask again.
    pub(super) async fn patiently<T>(
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
                | ClientError::Lost(_)
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

    pub(super) async fn send_once(
        &self,
        outgoing: &Outgoing,
        was_connected: &mut bool,
    ) -> Result<Response<Incoming>, ClientError> {
        let body = Either::Left(Full::new(outgoing.body.clone()));
        self.send_body(outgoing, body, self.answer_time, was_connected).await
    }

    pub(super) async fn send_body(
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
            .header("content-type", outgoing.content_type)
            .header(EDGE_HEADER, self.edge.as_str());
        if let Some(token) = &self.token {
            request = request.header(TOKEN_HEADER, token);
        }
        if let Some(run) = &self.claimed_run {
            request = request.header(RUN_HEADER, run);
        }
        if let Some(on_behalf) = &self.on_behalf {
            request = request.header(FOR_HEADER, on_behalf.person());
            if let Some(confirm) = on_behalf.confirm() {
                request = request.header(CONFIRM_HEADER, confirm);
            }
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
        let error = error_of(status, &self.read_all(answer.into_body()).await?);
        if let Some(on_behalf) = &self.on_behalf {
            on_behalf.note(&error);
        }
        Err(error)
    }

    pub(super) async fn read_all(&self, body: Incoming) -> Result<Bytes, ClientError> {
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

/// The token of the run that this process works for. None in a run whose token cannot be read: its files may be gone
/// because it is over, or because they were removed, and the daemon knows which; where the process stands says
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_can_pause() {
        Client::at(PathBuf::from("/nowhere"), None, false).unwrap().pause(Duration::from_millis(1));
    }
}
