//! A daemon as the courier meets it: it gives out what it is given, and keeps what it hears.

use std::collections::VecDeque;
use std::io::BufReader;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use kanband::kernel::chat::{Inbound, InboundReply};
use kanband::kernel::notice::{ChannelSetting, Channels, Edit, Leased, Row, Settled};
use serde_json::{Value, json};

use crate::fakes::http::{Answer, Heard, read, write};

/// What it says to something that a person did.
type Decide = Box<dyn FnMut(&Inbound) -> InboundReply + Send>;

/// What it answers to a request on behalf of a person.
type Obey = Box<dyn FnMut(&Heard) -> Answer + Send>;

/// What it knows.
#[derive(Default)]
struct State {
    channels: Vec<ChannelSetting>,
    version: u32,
    lease_ms: u64,
    attempt_ms: u64,
    rows: VecDeque<Row>,
    edits: VecDeque<Edit>,
    settled: Vec<Settled>,
    reports: Vec<Value>,
    leases: usize,
    is_settling_refused: bool,
    /// What was heard in chats, each time that it was handed in.
    inbound: Vec<Inbound>,
    decide: Option<Decide>,
    /// Requests on behalf of people.
    calls: Vec<Heard>,
    obey: Option<Arc<Mutex<Obey>>>,
    connections: Vec<UnixStream>,
}

/// The daemon's side of the courier's socket.
pub struct DaemonFake {
    socket: PathBuf,
    shared: Arc<(Mutex<State>, Condvar)>,
    is_over: Arc<AtomicBool>,
}

impl DaemonFake {
    /// Listens there.
    pub fn start(socket: &Path, channels: Vec<ChannelSetting>) -> Self {
        let state = State { channels, lease_ms: 90_000, attempt_ms: 2_000, ..State::default() };
        let shared = Arc::new((Mutex::new(state), Condvar::new()));
        let mut fake = Self { socket: socket.to_owned(), shared, is_over: Arc::default() };
        fake.listen();
        fake
    }

    /// Listens again, with what it knew.
    pub fn listen(&mut self) {
        drop(std::fs::remove_file(&self.socket));
        let listener = UnixListener::bind(&self.socket).unwrap();
        self.is_over = Arc::default();
        let (shared, is_over) = (Arc::clone(&self.shared), Arc::clone(&self.is_over));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if is_over.load(Ordering::SeqCst) {
                    return;
                }
                let (shared, is_over) = (Arc::clone(&shared), Arc::clone(&is_over));
                shared.0.lock().unwrap().connections.push(stream.try_clone().unwrap());
                std::thread::spawn(move || serve(stream, &shared, &is_over));
            }
        });
    }

    /// Goes away, with its socket.
    pub fn stop(&self) {
        self.is_over.store(true, Ordering::SeqCst);
        drop(UnixStream::connect(&self.socket));
        drop(std::fs::remove_file(&self.socket));
        let mut state = self.shared.0.lock().unwrap();
        for connection in state.connections.drain(..) {
            drop(connection.shutdown(std::net::Shutdown::Both));
        }
        drop(state);
        self.shared.1.notify_all();
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.shared.0.lock().unwrap());
        self.shared.1.notify_all();
        changed
    }

    /// How long an attempt may take.
    pub fn set_attempt_ms(&self, attempt_ms: u64) {
        self.change(|state| state.attempt_ms = attempt_ms);
    }

    /// Has these sent.
    pub fn send(&self, rows: impl IntoIterator<Item = Row>) {
        self.change(|state| state.rows.extend(rows));
    }

    /// Has a message changed.
    pub fn edit(&self, edit: Edit) {
        self.change(|state| state.edits.push_back(edit));
    }

    /// Other channels.
    pub fn configure(&self, channels: Vec<ChannelSetting>) {
        self.change(|state| {
            state.channels = channels;
            state.version += 1;
        });
    }

    /// Whether it answers what became of messages with a fault.
    pub fn refuse_settling(&self, is_refused: bool) {
        self.change(|state| state.is_settling_refused = is_refused);
    }

    /// What became of rows, in the order in which it was heard.
    pub fn settled(&self) -> Vec<Settled> {
        self.change(|state| state.settled.clone())
    }

    /// What was reported of channels.
    pub fn reports(&self) -> Vec<Value> {
        self.change(|state| state.reports.clone())
    }

    /// What was handed in of chats, in the order in which it was heard.
    pub fn inbound(&self) -> Vec<Inbound> {
        self.change(|state| state.inbound.clone())
    }

    /// What it says to people.
    pub fn decide(&self, decide: impl FnMut(&Inbound) -> InboundReply + Send + 'static) {
        self.change(|state| state.decide = Some(Box::new(decide)));
    }

    /// Requests that were made on behalf of people.
    pub fn calls(&self) -> Vec<Heard> {
        self.change(|state| state.calls.clone())
    }

    /// What it answers to these.
    pub fn obey(&self, obey: impl FnMut(&Heard) -> Answer + Send + 'static) {
        self.change(|state| state.obey = Some(Arc::new(Mutex::new(Box::new(obey)))));
    }

    /// How often it was asked for rows.
    pub fn leases(&self) -> usize {
        self.change(|state| state.leases)
    }
}

impl Drop for DaemonFake {
    fn drop(&mut self) {
        self.stop();
    }
}

fn serve(stream: UnixStream, shared: &(Mutex<State>, Condvar), is_over: &AtomicBool) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(heard) = read(&mut reader) {
        let answer = match heard.path.as_str() {
            "/v1/courier/channels" => channels(shared),
            "/v1/outbox/lease" => lease(shared, &heard.json(), is_over),
            "/v1/outbox/settle" => settle(shared, &heard.json(), is_over),
            "/v1/courier/report" => {
                shared.0.lock().unwrap().reports.push(heard.json());
                Answer::json(200, &json!({}))
            }
            "/v1/chat/inbound" => inbound(shared, &heard),
            path if path.starts_with("/v1/chat/cursors?channel=") => cursor(shared, path),
            _ => call(shared, &heard),
        };
        if is_over.load(Ordering::SeqCst) || write(&stream, &answer).is_err() {
            return;
        }
    }
}

fn inbound((state, _): &(Mutex<State>, Condvar), heard: &Heard) -> Answer {
    let mut state = state.lock().unwrap();
    let inbound: Inbound = serde_json::from_value(heard.json()).unwrap();
    state.inbound.push(inbound.clone());
    // Programs are nobody.
    let decide = state.decide.as_mut().filter(|_| !inbound.from.is_bot);
    let reply = decide.map(|decide| decide(&inbound)).unwrap_or_default();
    Answer::json(200, &serde_json::to_value(reply).unwrap())
}

/// How far a channel was read, as it was handed in last.
fn cursor((state, _): &(Mutex<State>, Condvar), path: &str) -> Answer {
    let channel = path.rsplit('=').next().unwrap_or_default();
    let state = state.lock().unwrap();
    let of_channel = state.inbound.iter().rev().filter(|it| it.channel == channel);
    let cursor = of_channel.filter_map(|it| it.cursor.clone()).next();
    Answer::json(200, &json!({ "cursor": cursor }))
}

fn call((state, _): &(Mutex<State>, Condvar), heard: &Heard) -> Answer {
    let mut state = state.lock().unwrap();
    state.calls.push(heard.clone());
    let unknown = || {
        let body = json!({ "error": { "code": "not_found", "message": heard.path } });
        Answer::json(404, &body)
    };
    let obey = state.obey.clone();
    // What takes long holds up nothing else, as in the daemon.
    drop(state);
    obey.map_or_else(unknown, |obey| obey.lock().unwrap()(heard))
}

fn channels((state, _): &(Mutex<State>, Condvar)) -> Answer {
    let state = state.lock().unwrap();
    let channels = Channels {
        version: state.version.to_string(),
        channels: state.channels.clone(),
        lease_ms: state.lease_ms,
        attempt_ms: state.attempt_ms,
        poll_ms: 50_000,
    };
    Answer::json(200, &serde_json::to_value(channels).unwrap())
}

fn lease(
    (state, changed): &(Mutex<State>, Condvar),
    asked: &Value,
    is_over: &AtomicBool,
) -> Answer {
    let max = usize::try_from(asked["max"].as_u64().unwrap()).unwrap();
    let wait = Duration::from_millis(asked["wait_ms"].as_u64().unwrap());
    let version = asked["version"].as_str().unwrap_or_default().to_owned();
    let mut state = state.lock().unwrap();
    // A courier asks once at a time: what waits for an earlier call waits for one that is dead.
    state.leases += 1;
    let own = state.leases;
    changed.notify_all();
    let is_idle = |state: &mut State| {
        let is_current = state.leases == own && state.version.to_string() == version;
        let has_none = state.rows.is_empty() && state.edits.is_empty();
        has_none && is_current && !is_over.load(Ordering::SeqCst)
    };
    let (mut state, _) = changed.wait_timeout_while(state, wait, is_idle).unwrap();
    if state.leases != own || is_over.load(Ordering::SeqCst) {
        return Answer::json(200, &serde_json::to_value(Leased::default()).unwrap());
    }
    let count = max.min(state.rows.len());
    let reload = state.version.to_string() != version;
    let edits = state.edits.drain(..).collect();
    let leased = Leased { rows: state.rows.drain(..count).collect(), edits, reload };
    Answer::json(200, &serde_json::to_value(leased).unwrap())
}

fn settle((state, _): &(Mutex<State>, Condvar), asked: &Value, is_over: &AtomicBool) -> Answer {
    let mut state = state.lock().unwrap();
    // One that has gone away takes nothing any longer, whatever was on its way.
    if state.is_settling_refused || is_over.load(Ordering::SeqCst) {
        return Answer::json(
            503,
            &json!({ "error": { "code": "unavailable", "message": "later" } }),
        );
    }
    let results: Vec<Settled> = serde_json::from_value(asked["results"].clone()).unwrap();
    state.settled.extend(results);
    Answer::json(200, &json!({}))
}
