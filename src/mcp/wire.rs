//! Standard input and output as the protocol library's transport.
//!
//! ```text
//! stdin ─▶ reading thread ── protocol::read ──┬─ request ─▶ library ─▶ tool ─▶ answer ─┐
//!          (bounded lines)                    └─ refused ────────────────────────────┴─▶ writing thread ─▶ stdout
//! ```
//!
//! Every answer that is owed holds a permit from the moment its line is read until it is written. So the number of answers in
//! memory is bounded, and at the end of the input it is known when the last one is out.
//!
//! The library gets ids of this module's own, and the client its own ids back as it wrote them. Notifications end here: a call
//! of a tool is one transaction of the daemon, which nothing cancels half way, so a cancelled call is answered with what became
//! of it.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::AsFd as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rmcp::RoleServer;
use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::Transport;
use serde_json::{Value, json};
use tokio::io::Interest;
use tokio::net::unix::pipe::Sender;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::mcp::clipped;
use crate::mcp::protocol::message_id::IdScanner;
use crate::mcp::protocol::{self, Incoming, LINE_BYTES_MAX, Refused, Request};

/// Answers that may be owed before the next line waits.
const OWED_MAX: u32 = 4096;

/// Characters of a method that is named in an answer.
const METHOD_CHARS_MAX: usize = 200;

/// Bytes that are read at once.
const READ_BYTES: usize = 64 * 1024;

/// Longest wait at the end of the input for answers that are still owed: longer than a call of the daemon can take.
const LAST_ANSWERS: Duration = Duration::from_secs(180);

/// Version metadata by which a client of a later protocol begins without `initialize`.
const INLINE_VERSION: &str = "io.modelcontextprotocol/protocolVersion";

/// The two streams.
pub struct Wire {
    requests: mpsc::Receiver<ClientJsonRpcMessage>,
    open: Arc<Mutex<Open>>,
    owed: Arc<Semaphore>,
    answers: Answers,
}

/// An answer on its way, with what it holds until it is written.
type Answers = std::sync::mpsc::Sender<(String, Option<OwnedSemaphorePermit>)>;

/// Requests that the library works on.
#[derive(Debug, Default)]
struct Open {
    last: i64,
    by_number: HashMap<i64, (Value, OwnedSemaphorePermit)>,
    has_begun: bool,
}

impl Open {
    /// Takes a request in: as the library reads it, or why it is refused.
    fn admit(&mut self, request: Request) -> Result<(i64, ClientJsonRpcMessage), Refused> {
        let Request { id, method, params } = request;
        let refused = |code, text: &str| Err(Refused::new(Some(id.clone()), code, text));
        if self.by_number.values().any(|(open, _)| *open == id) {
            return refused(protocol::INVALID_REQUEST, "a request with this id is still open");
        }
        let is_inline = params.get("_meta").is_some_and(|meta| meta.get(INLINE_VERSION).is_some());
        let begins = method == "initialize" || is_inline;
        if !self.has_begun && !begins && !matches!(method.as_str(), "ping" | "server/discover") {
            return refused(protocol::INVALID_REQUEST, "not initialized: send initialize first");
        }
        let number = self.last.saturating_add(1);
        let mut message = json!({ "jsonrpc": "2.0", "id": number, "method": method });
        if let (false, Some(fields)) = (params.is_empty(), message.as_object_mut()) {
            fields.insert("params".to_owned(), params.into());
        }
        match serde_json::from_value(message) {
            Ok(message) => {
                self.has_begun |= begins;
                self.last = number;
                Ok((number, message))
            }
            Err(error) => refused(protocol::INVALID_PARAMS, &format!("{method}: {error}")),
        }
    }
}

/// Reads what the client says and hands it on.
struct Reading {
    requests: mpsc::Sender<ClientJsonRpcMessage>,
    open: Arc<Mutex<Open>>,
    owed: Arc<Semaphore>,
    answers: Answers,
    runtime: Handle,
}

/// One line of input.
enum Line {
    Whole(Vec<u8>),
    TooLong(Option<Value>),
    End,
}

impl Wire {
    /// Begins to read and to write. Called inside the runtime.
    pub fn open() -> Self {
        let (to_library, requests) = mpsc::channel(1);
        let (answers, written) = std::sync::mpsc::channel();
        let open = Arc::new(Mutex::new(Open::default()));
        let owed = Arc::new(Semaphore::new(OWED_MAX as usize));
        let reading = Reading {
            requests: to_library,
            open: Arc::clone(&open),
            owed: Arc::clone(&owed),
            answers: answers.clone(),
            runtime: Handle::current(),
        };
        std::thread::spawn(move || reading.run(io::stdin().lock()));
        let of_writer = Arc::clone(&owed);
        std::thread::spawn(move || write_all(&written, &of_writer));
        Self { requests, open, owed, answers }
    }

    /// Returns when every answer that is owed is written, or there is nobody left to read one.
    async fn until_all_is_answered(&self) {
        let output = io::stdout().as_fd().try_clone_to_owned().ok();
        let output = output.and_then(|fd| Sender::from_owned_fd_unchecked(fd).ok());
        let reader_is_gone = async {
            match &output {
                Some(output) => drop(output.ready(Interest::ERROR).await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            all = self.owed.acquire_many(OWED_MAX) => drop(all),
            () = reader_is_gone => {}
            () = tokio::time::sleep(LAST_ANSWERS) => {}
        }
    }
}

impl Transport<RoleServer> for Wire {
    type Error = io::Error;

    fn send(
        &mut self,
        item: ServerJsonRpcMessage,
    ) -> impl Future<Output = Result<(), io::Error>> + Send + 'static {
        std::future::ready(self.answer(&item))
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        let request = self.requests.recv().await;
        if request.is_none() {
            self.until_all_is_answered().await;
        }
        request
    }

    async fn close(&mut self) -> Result<(), io::Error> {
        Ok(())
    }
}

impl Wire {
    fn answer(&self, item: &ServerJsonRpcMessage) -> Result<(), io::Error> {
        let mut answer = serde_json::to_value(item)?;
        if answer.get("method").is_some() {
            // No answer: progress of a request that is still open.
            drop(self.answers.send((answer.to_string(), None)));
            return Ok(());
        }
        let number = answer.get("id").and_then(Value::as_i64);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let of = number.and_then(|number| open.by_number.remove(&number));
        let (id, permit) = of.map_or((Value::Null, None), |(id, permit)| (id, Some(permit)));
        if let Some(fields) = answer.as_object_mut() {
            fields.insert("id".to_owned(), id);
        }
        say_what_is_not_found(&mut answer);
        // A writer that has ended has told why by closing the semaphore.
        drop(self.answers.send((answer.to_string(), permit)));
        Ok(())
    }
}

/// The library says the method's name and no more.
fn say_what_is_not_found(answer: &mut Value) {
    let Some(error) = answer.get_mut("error").and_then(Value::as_object_mut) else { return };
    let is_not_found =
        error.get("code").and_then(Value::as_i64) == Some(protocol::METHOD_NOT_FOUND.into());
    if let (true, Some(Value::String(message))) = (is_not_found, error.get_mut("message")) {
        *message = format!("method not found: {}", clipped(message, METHOD_CHARS_MAX));
    }
}

fn write_all(
    answers: &std::sync::mpsc::Receiver<(String, Option<OwnedSemaphorePermit>)>,
    owed: &Semaphore,
) {
    let mut output = io::stdout().lock();
    for (mut answer, permit) in answers {
        answer.push('\n');
        let written = output.write_all(answer.as_bytes()).and_then(|()| output.flush());
        if written.is_err() {
            owed.close();
            return;
        }
        drop(permit);
    }
}

impl Reading {
    fn run(&self, input: impl Read) {
        let mut input = BufReader::with_capacity(READ_BYTES, input);
        loop {
            let goes_on = match next_line(&mut input, LINE_BYTES_MAX) {
                Line::Whole(line) => protocol::read(&line).into_iter().all(|it| self.take(it)),
                Line::TooLong(id) => self.take(Incoming::Refused(Refused::too_long(id))),
                Line::End => false,
            };
            if !goes_on {
                return;
            }
        }
    }

    /// Hands it on; false when the receiver is gone.
    fn take(&self, incoming: Incoming) -> bool {
        let permit = self.runtime.block_on(Arc::clone(&self.owed).acquire_owned());
        let Ok(permit) = permit else { return false };
        let refused = match incoming {
            Incoming::Refused(refused) => refused,
            Incoming::Request(request) => {
                let id = request.id.clone();
                let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
                match open.admit(request) {
                    Ok((number, message)) => {
                        open.by_number.insert(number, (id, permit));
                        drop(open);
                        return self.requests.blocking_send(message).is_ok();
                    }
                    Err(refused) => refused,
                }
            }
        };
        self.answers.send((refused.line(), Some(permit))).is_ok()
    }
}

/// Reads to the end of a line. Of one that is longer than `limit` only the id is kept.
fn next_line(input: &mut impl BufRead, limit: usize) -> Line {
    let mut line = Vec::new();
    let mut scanner: Option<IdScanner> = None;
    loop {
        let available = match input.fill_buf() {
            Ok(available) => available,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            // What cannot be read has ended.
            Err(_) => &[],
        };
        let is_end = available.is_empty();
        let end = available.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(available.len(), |end| end + 1);
        let piece = available.get(..taken).unwrap_or_default();
        match &mut scanner {
            Some(scanner) => scanner.feed(piece),
            None => line.extend_from_slice(piece),
        }
        input.consume(taken);
        if scanner.is_none() && line.len() > limit {
            let mut of_line = IdScanner::new();
            of_line.feed(&std::mem::take(&mut line));
            scanner = Some(of_line);
        }
        if end.is_some() || is_end {
            return match scanner {
                Some(scanner) => Line::TooLong(scanner.id()),
                None if is_end && line.is_empty() => Line::End,
                None => Line::Whole(line),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_with_its_end_or_with_that_of_the_input_and_of_a_long_one_the_id_is_kept() {
        let long = format!("{{\"a\":\"{}\",\"id\":4}}", "x".repeat(50));
        let input = format!("one\n\n{long}\r\ntwo");
        for capacity in [1, 3, 1024] {
            let mut input = BufReader::with_capacity(capacity, input.as_bytes());
            let mut seen = Vec::new();
            loop {
                match next_line(&mut input, 20) {
                    Line::Whole(line) => seen.push(String::from_utf8(line).unwrap()),
                    Line::TooLong(id) => seen.push(format!("too long: {}", id.unwrap_or_default())),
                    Line::End => break,
                }
            }
            assert_eq!(seen, ["one\n", "\n", "too long: 4", "two"], "{capacity}");
        }
    }

    fn request(id: i64, method: &str, params: Value) -> Request {
        let Value::Object(params) = params else { panic!("an object") };
        Request { id: id.into(), method: method.to_owned(), params }
    }

    #[test]
    fn only_what_needs_no_beginning_is_taken_before_it() {
        let inline = json!({"_meta": {INLINE_VERSION: "2026-07-28"}, "name": "kanban_show"});
        for (method, params, is_taken) in [
            ("tools/list", json!({}), false),
            ("tools/call", json!({"name": "kanban_show"}), false),
            ("tools/dance", json!({}), false),
            ("ping", json!({}), true),
            ("server/discover", json!({}), true),
            ("tools/call", inline, true),
        ] {
            let admitted = Open::default().admit(request(1, method, params));
            assert_eq!(admitted.is_ok(), is_taken, "{method}: {admitted:?}");
        }
        let client = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
        let mut open = Open::default();
        assert!(open.admit(request(1, "initialize", client)).is_ok());
        assert!(open.admit(request(2, "tools/list", json!({}))).is_ok());
    }

    #[test]
    fn an_id_is_taken_again_when_its_request_is_answered_and_not_before() {
        let owed = Arc::new(Semaphore::new(1));
        let mut open = Open { has_begun: true, ..Open::default() };
        let (number, _) = open.admit(request(7, "ping", json!({}))).unwrap();
        let permit = owed.try_acquire_owned().unwrap();
        open.by_number.insert(number, (7.into(), permit));
        let refused = open.admit(request(7, "ping", json!({}))).unwrap_err();
        assert_eq!((refused.id, refused.code), (Some(json!(7)), protocol::INVALID_REQUEST));
        assert!(open.admit(request(8, "ping", json!({}))).is_ok());
        open.by_number.remove(&number);
        assert!(open.admit(request(7, "ping", json!({}))).is_ok());
    }
}
