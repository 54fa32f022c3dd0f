//! A WebSocket of a provider.

use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Condvar, Mutex};

use serde_json::Value;
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, Role};
use tungstenite::{Message, WebSocket};

use crate::fakes::http::{Answer, Heard, Provider, State, write};

/// One that a client has opened, as the provider holds it.
#[derive(Debug, Clone)]
pub struct Line {
    /// Counts those of this provider.
    pub id: u64,
    sender: Sender<Frame>,
}

#[derive(Debug)]
enum Frame {
    Text(String),
    Close(u16),
    Cut,
}

impl Line {
    /// Says something.
    pub fn say(&self, what: &Value) {
        self.send(Frame::Text(what.to_string()));
    }

    /// Ends it with a code.
    pub fn close(&self, code: u16) {
        self.send(Frame::Close(code));
    }

    /// Breaks it.
    pub fn cut(&self) {
        self.send(Frame::Cut);
    }

    fn send(&self, frame: Frame) {
        // One that has ended hears nothing.
        drop(self.sender.send(frame));
    }
}

/// Whether a request asks for one.
pub(super) fn is_asked_for(heard: &Heard) -> bool {
    heard.headers.get("upgrade").is_some_and(|it| it.eq_ignore_ascii_case("websocket"))
}

/// Opens one, if the provider takes it, and serves it to its end.
pub(super) fn serve<P: Provider>(
    stream: TcpStream,
    heard: &Heard,
    (shared, changed): &(Mutex<State<P>>, Condvar),
) {
    let (sender, frames) = channel();
    let mut state = shared.lock().unwrap();
    state.lines += 1;
    let line = Line { id: state.lines, sender };
    let is_taken = state.provider.open_line(heard, &line);
    drop(state);
    if !is_taken {
        drop(write(&stream, &Answer::text(404, "no")));
        return;
    }
    let key = heard.headers.get("sec-websocket-key").map(String::as_bytes).unwrap_or_default();
    let head = Answer { status: 101, headers: Vec::new(), body: Vec::new() }
        .with("upgrade", "websocket")
        .with("connection", "Upgrade")
        .with("sec-websocket-accept", derive_accept_key(key));
    if write(&stream, &head).is_err() {
        return;
    }
    let own = stream.try_clone().unwrap();
    std::thread::spawn(move || say_all(&own, &frames));
    changed.notify_all();
    let mut socket = WebSocket::from_raw_socket(stream, Role::Server, None);
    let mut code = None;
    while let Ok(message) = socket.read() {
        match message {
            Message::Text(text) => {
                let said = serde_json::from_str(text.as_str()).unwrap_or_default();
                shared.lock().unwrap().provider.line_said(&line, &said);
                changed.notify_all();
            }
            Message::Close(frame) => code = frame.map(|it| it.code.into()),
            _ => {}
        }
    }
    shared.lock().unwrap().provider.line_ended(line.id, code);
    changed.notify_all();
}

/// Writes what the provider says. Frames of a server need no state of the reading side.
fn say_all(stream: &TcpStream, frames: &Receiver<Frame>) {
    let mut socket = WebSocket::from_raw_socket(stream, Role::Server, None);
    for frame in frames {
        let message = match frame {
            Frame::Text(text) => Message::text(text),
            Frame::Close(code) => {
                Message::Close(Some(CloseFrame { code: CloseCode::from(code), reason: "".into() }))
            }
            Frame::Cut => {
                drop(stream.shutdown(Shutdown::Both));
                return;
            }
        };
        if socket.send(message).is_err() {
            return;
        }
    }
}
