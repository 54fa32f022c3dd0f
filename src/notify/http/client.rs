//! Requests of one channel, on connections that are kept for a moment.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Request, Response};
use tokio::task::spawn_local;
use tokio::time::{sleep, timeout};

use crate::kernel::rules::url::SecretUrl;
use crate::notify::http::connection::Rules;
use crate::notify::http::failure::Failure;

/// Longest body of an answer to a message.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// How long a connection without a request is kept. Servers give up theirs after 60 s and more.
const KEPT: Duration = Duration::from_secs(15);

/// How many of them for one server.
const KEPT_MAX: usize = 4;

/// What a client sends.
pub use hyper::Method;

/// Limits of one attempt.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Longest time of an attempt, with connecting.
    pub attempt_time: Duration,
    /// Longest body of an answer. What is beyond it is not read.
    pub body_bytes_max: usize,
}

impl Limits {
    /// Those of a message.
    pub fn of_message(attempt_time: Duration) -> Self {
        Self { attempt_time, body_bytes_max: BODY_BYTES_MAX }
    }
}

/// A request.
pub struct Outgoing<'a> {
    /// Its method.
    pub method: Method,
    /// Where to.
    pub url: &'a SecretUrl,
    /// What its body is.
    pub content_type: &'static str,
    /// Further headers. A value may be secret.
    pub headers: Vec<(&'static str, String)>,
    /// Its body.
    pub body: Bytes,
}

/// The answer to one.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, as far as it was read.
    pub body: Bytes,
}

impl Answer {
    /// A header, when it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// How much of a request the other side may have seen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Nothing,
    Written,
}

/// Scheme, host and port.
type Server = (bool, String, u16);

struct Kept {
    sender: SendRequest<Full<Bytes>>,
    since: Instant,
}

/// The client of one channel. Connections are not shared with other channels, whose guard may allow less.
#[derive(Clone)]
pub struct HttpClient {
    rules: Rules,
    limits: Limits,
    kept: Rc<RefCell<BTreeMap<Server, Vec<Kept>>>>,
}

impl HttpClient {
    /// One that may connect where `rules` say.
    pub fn new(rules: Rules, limits: Limits) -> Self {
        Self { rules, limits, kept: Rc::default() }
    }

    /// One with other limits, and connections of its own.
    #[must_use]
    pub fn limited(&self, limits: Limits) -> Self {
        Self::new(self.rules.clone(), limits)
    }

    /// The rules.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Sends a request and reads its answer.
    ///
    /// # Errors
    /// There is none, with how much is known.
    pub async fn send(&self, outgoing: &Outgoing<'_>) -> Result<Answer, Failure> {
        self.send_within(outgoing, self.limits.attempt_time).await
    }

    /// The same with another limit of time: for an answer that is meant to take long.
    ///
    /// # Errors
    /// The same.
    pub async fn send_within(
        &self,
        outgoing: &Outgoing<'_>,
        time: Duration,
    ) -> Result<Answer, Failure> {
        let stage = Cell::new(Stage::Nothing);
        match timeout(time, self.exchange(outgoing, &stage)).await {
            Ok(result) => result,
            Err(_) => {
                let host = outgoing.url.host();
                let error = format!("no answer from {host} within {} ms", time.as_millis());
                Err(match stage.get() {
                    Stage::Nothing => Failure::not_sent("timeout", error),
                    Stage::Written => Failure::lost("timeout", error),
                })
            }
        }
    }

    async fn exchange(
        &self,
        outgoing: &Outgoing<'_>,
        stage: &Cell<Stage>,
    ) -> Result<Answer, Failure> {
        let mut request = request_of(outgoing)?;
        let server =
            (outgoing.url.is_encrypted(), outgoing.url.host().to_owned(), outgoing.url.port());
        // A kept connection that the server has closed meanwhile gives the request back unsent.
        loop {
            let kept = self.take(&server);
            let is_fresh = kept.is_none();
            let mut sender = match kept {
                Some(sender) => sender,
                None => self.rules.open(outgoing.url).await?,
            };
            if sender.ready().await.is_err() {
                if is_fresh {
                    let error = format!("{} closed the connection", outgoing.url.host());
                    return Err(Failure::not_sent("not_connected", error));
                }
                continue;
            }
            stage.set(Stage::Written);
            match sender.try_send_request(request).await {
                Ok(response) => return self.answer(response, sender, server).await,
                Err(mut error) => match error.take_message() {
                    Some(unsent) if !is_fresh => {
                        stage.set(Stage::Nothing);
                        request = unsent;
                    }
                    Some(_) => {
                        return Err(Failure::not_sent(
                            "not_connected",
                            broken(outgoing, error.error()),
                        ));
                    }
                    None => {
                        return Err(Failure::lost("broken_off", broken(outgoing, error.error())));
                    }
                },
            }
        }
    }

    async fn answer(
        &self,
        response: Response<Incoming>,
        sender: SendRequest<Full<Bytes>>,
        server: Server,
    ) -> Result<Answer, Failure> {
        let (head, mut body) = response.into_parts();
        let mut read = Vec::new();
        let mut is_whole = true;
        while let Some(frame) = body.frame().await {
            // The status has come: what it says holds, whatever becomes of the rest.
            let Ok(frame) = frame else {
                is_whole = false;
                break;
            };
            let Some(data) = frame.data_ref() else { continue };
            let room = self.limits.body_bytes_max.saturating_sub(read.len());
            read.extend_from_slice(data.get(..room.min(data.len())).unwrap_or_default());
            if data.len() > room {
                is_whole = false;
                break;
            }
        }
        if is_whole && !sender.is_closed() {
            self.keep(server, sender);
        }
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body: read.into() })
    }

    fn take(&self, server: &Server) -> Option<SendRequest<Full<Bytes>>> {
        let mut kept = self.kept.borrow_mut();
        let of_server = kept.get_mut(server)?;
        of_server.retain(|one| one.since.elapsed() < KEPT && !one.sender.is_closed());
        of_server.pop().map(|one| one.sender)
    }

    fn keep(&self, server: Server, sender: SendRequest<Full<Bytes>>) {
        let mut kept = self.kept.borrow_mut();
        let of_server = kept.entry(server).or_default();
        if of_server.len() >= KEPT_MAX {
            return;
        }
        of_server.push(Kept { sender, since: Instant::now() });
        let all = Rc::downgrade(&self.kept);
        spawn_local(async move {
            sleep(KEPT).await;
            if let Some(kept) = all.upgrade() {
                let mut kept = kept.borrow_mut();
                kept.values_mut().for_each(|of_server| {
                    of_server.retain(|one| one.since.elapsed() < KEPT && !one.sender.is_closed());
                });
                kept.retain(|_, of_server| !of_server.is_empty());
            }
        });
    }
}

fn broken(outgoing: &Outgoing<'_>, error: &hyper::Error) -> String {
    let cause = std::error::Error::source(error).map_or_else(String::new, |it| format!(" ({it})"));
    format!("{}: {error}{cause}", outgoing.url.host())
}

fn request_of(outgoing: &Outgoing<'_>) -> Result<Request<Full<Bytes>>, Failure> {
    let malformed = |what: &str| Failure::refused("malformed", format!("{what} cannot be sent"));
    let mut request = Request::new(Full::new(outgoing.body.clone()));
    *request.method_mut() = outgoing.method.clone();
    *request.uri_mut() =
        outgoing.url.path().parse().map_err(|_| malformed("the path of the URL"))?;
    let host =
        HeaderValue::from_str(&outgoing.url.authority()).map_err(|_| malformed("the host"))?;
    let headers = request.headers_mut();
    headers.insert(HOST, host);
    let agent = concat!("kanban-courier/", env!("CARGO_PKG_VERSION"));
    headers.insert(USER_AGENT, HeaderValue::from_static(agent));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(outgoing.content_type));
    for (name, value) in &outgoing.headers {
        let mut value =
            HeaderValue::from_str(value).map_err(|_| malformed(&format!("the header {name}")))?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(request)
}
