//! A server of HTTP/1.1 that behaves as badly as it is asked to.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::fakes::faults::{Fault, Faults};
use crate::fakes::line::{self, Line};

/// A request.
#[derive(Debug, Clone)]
pub struct Heard {
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Heard {
    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as JSON or as a form, as clients send it.
    pub fn fields(&self) -> Value {
        let kind = self.headers.get("content-type").map(String::as_str).unwrap_or_default();
        if !kind.starts_with("application/x-www-form-urlencoded") {
            return self.json();
        }
        let pairs: Vec<(String, String)> =
            serde_urlencoded::from_bytes(&self.body).unwrap_or_default();
        // Values of a form are texts; those that are JSON are taken as what they say.
        let value = |text: String| match text.starts_with(['{', '['])
            || text == "true"
            || text == "false"
        {
            true => serde_json::from_str(&text).unwrap_or(Value::String(text)),
            false => Value::String(text),
        };
        Value::Object(pairs.into_iter().map(|(name, text)| (name, value(text))).collect())
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// One in JSON.
    pub fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self { status, headers, body: body.to_string().into_bytes() }
    }

    /// One in plain text.
    pub fn text(status: u16, body: &str) -> Self {
        let headers = vec![("content-type", "text/plain".to_owned())];
        Self { status, headers, body: body.as_bytes().to_vec() }
    }

    /// The same with a header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }
}

/// What a provider makes of requests.
pub trait Provider: Send + 'static {
    /// Records the request, and answers it.
    fn take(&mut self, heard: &Heard) -> Answer;

    /// Its way to refuse, without recording.
    fn refuse(&mut self, heard: &Heard, status: u16, wait: Option<Duration>) -> Answer;

    /// What is wrong with this request, when it is not the next fault's turn: none for most.
    fn fault_of(&mut self, _heard: &Heard) -> Option<Fault> {
        None
    }

    /// Whether a request belongs to no message: it is not counted, and no fault is meant for it.
    fn is_background(&self, _heard: &Heard) -> bool {
        false
    }

    /// A request that waits until something happens: its ticket, and how long. None for most, which are answered at once.
    fn wait(&mut self, _heard: &Heard) -> Option<(u64, Duration)> {
        None
    }

    /// Whether the one with this ticket has waited enough.
    fn is_due(&self, _ticket: u64) -> bool {
        true
    }

    /// Takes a WebSocket that a client opens; most have none.
    fn open_line(&mut self, _heard: &Heard, _line: &Line) -> bool {
        false
    }

    /// What a client says on one.
    fn line_said(&mut self, _line: &Line, _said: &Value) {}

    /// One has ended, with the code that the client gave.
    fn line_ended(&mut self, _line: u64, _code: Option<u16>) {}

    /// The answer to one that has waited.
    fn take_waited(&mut self, heard: &Heard, _ticket: u64) -> Answer {
        self.take(heard)
    }
}

/// A provider, and what wakes requests that wait.
type Shared<P> = (Mutex<State<P>>, Condvar);

/// A provider that listens.
pub struct Fake<P> {
    address: SocketAddr,
    state: Arc<Shared<P>>,
    is_over: Arc<AtomicBool>,
}

pub(super) struct State<P> {
    pub(super) provider: P,
    /// WebSockets so far.
    pub(super) lines: u64,
    faults: Faults,
    connections: Vec<TcpStream>,
    talking: usize,
    count: usize,
}

impl<P: Provider> Fake<P> {
    /// Listens on a port of the loopback.
    pub fn start(provider: P) -> Self {
        Self::start_on(provider, 0)
    }

    /// The same on this port.
    pub fn start_on(provider: P, port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let address = listener.local_addr().unwrap();
        let (faults, connections) = (Faults::default(), Vec::new());
        let state = State { provider, lines: 0, faults, connections, talking: 0, count: 0 };
        let state = Arc::new((Mutex::new(state), Condvar::new()));
        let is_over = Arc::new(AtomicBool::new(false));
        let (shared, ended) = (Arc::clone(&state), Arc::clone(&is_over));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&shared);
                shared.0.lock().unwrap().connections.push(stream.try_clone().unwrap());
                std::thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { address, state, is_over }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// What goes wrong from now on.
    pub fn fail(&self, faults: Faults) {
        self.state.0.lock().unwrap().faults = faults;
    }

    /// Requests so far, with those that went wrong.
    pub fn count(&self) -> usize {
        self.state.0.lock().unwrap().count
    }

    /// Connections so far on which something was asked that counts.
    pub fn connections(&self) -> usize {
        self.state.0.lock().unwrap().talking
    }

    /// Closes every connection, as a server does with those that it has kept long enough.
    pub fn close_connections(&self) {
        let state = self.state.0.lock().unwrap();
        state.connections.iter().for_each(|one| drop(one.shutdown(Shutdown::Both)));
    }

    /// Looks at the provider, or changes it.
    pub fn with<T>(&self, look: impl FnOnce(&mut P) -> T) -> T {
        let found = look(&mut self.state.0.lock().unwrap().provider);
        self.state.1.notify_all();
        found
    }
}

impl<P> Drop for Fake<P> {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // Wakes the listener, which then sees that it is over.
        drop(TcpStream::connect(self.address));
        if let Ok(state) = self.state.0.lock() {
            state.connections.iter().for_each(|one| drop(one.shutdown(Shutdown::Both)));
        }
    }
}

fn serve<P: Provider>(stream: TcpStream, state: &Shared<P>) {
    let (shared, changed) = state;
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut is_talking = false;
    while let Some(heard) = read(&mut reader) {
        if line::is_asked_for(&heard) {
            return line::serve(stream, &heard, state);
        }
        let mut state = shared.lock().unwrap();
        let is_background = state.provider.is_background(&heard);
        if !is_background {
            state.count += 1;
            state.talking += usize::from(!is_talking);
            is_talking = true;
        }
        let fault = match state.provider.fault_of(&heard) {
            Some(fault) => fault,
            None if is_background => Fault::None,
            None => state.faults.take(),
        };
        let answer = match fault {
            Fault::None => match state.provider.wait(&heard) {
                None => Some(state.provider.take(&heard)),
                Some((ticket, time)) => {
                    let until = Instant::now() + time;
                    while !state.provider.is_due(ticket) && Instant::now() < until {
                        let left = until.saturating_duration_since(Instant::now());
                        state = changed.wait_timeout(state, left).unwrap().0;
                    }
                    Some(state.provider.take_waited(&heard, ticket))
                }
            },
            Fault::Status(status) => Some(state.provider.refuse(&heard, status, None)),
            Fault::Rate(wait) => Some(state.provider.refuse(&heard, 429, Some(wait))),
            Fault::ResetAfter => {
                let _recorded = state.provider.take(&heard);
                None
            }
            Fault::ResetBefore => None,
            Fault::Hang => {
                drop(state);
                // Until the client gives up.
                let _ended = reader.read(&mut [0; 1]);
                return;
            }
        };
        drop(state);
        // A request may have changed what others wait for.
        changed.notify_all();
        let Some(answer) = answer else {
            drop(stream.shutdown(Shutdown::Both));
            return;
        };
        if write(&stream, &answer).is_err() {
            return;
        }
    }
}

/// Reads a request; none at the end of the connection.
pub fn read(reader: &mut BufReader<impl Read>) -> Option<Heard> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|bytes| *bytes > 0)?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|it| it.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Heard { method, path, headers, body })
}

/// Writes an answer.
///
/// # Errors
///
/// Nobody reads it.
pub fn write(mut stream: impl Write, answer: &Answer) -> std::io::Result<()> {
    let mut head =
        format!("HTTP/1.1 {} x\r\ncontent-length: {}\r\n", answer.status, answer.body.len());
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(&answer.body);
    stream.write_all(&bytes)
}
