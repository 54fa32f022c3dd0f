//! A mail server without TLS, as it may only be on this host.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What it does with a mail instead of taking it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailFault {
    /// Answers a command like this: `RCPT`, `AUTH`, `DATA`, or the final dot (`.`).
    At(&'static str, &'static str),
    /// Takes it and breaks the connection before it says so.
    DropAfterDot,
}

/// Mails that were taken: their text as it came.
#[derive(Default)]
struct State {
    mails: Vec<String>,
    logins: Vec<String>,
    faults: VecDeque<MailFault>,
}

/// The server.
pub struct MailFake {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl MailFake {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || talk(&stream, &shared));
            }
        });
        Self { address, state }
    }

    pub fn url(&self) -> String {
        format!("smtp://{}?from=board@example.org", self.address)
    }

    pub fn fail(&self, faults: impl IntoIterator<Item = MailFault>) {
        self.state.lock().unwrap().faults = faults.into_iter().collect();
    }

    pub fn mails(&self) -> Vec<String> {
        self.state.lock().unwrap().mails.clone()
    }

    /// What came with AUTH.
    pub fn logins(&self) -> Vec<String> {
        self.state.lock().unwrap().logins.clone()
    }
}

fn talk(stream: &TcpStream, shared: &Mutex<State>) -> Option<()> {
    let say = |text: &str| (&*stream).write_all(format!("{text}\r\n").as_bytes()).ok();
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let fault = shared.lock().unwrap().faults.pop_front();
    let fault_at = |name: &str| match fault {
        Some(MailFault::At(at, answer)) if at == name => Some(answer),
        _ => None,
    };
    say("220 fake.example ESMTP")?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|bytes| *bytes > 0)?;
        let verb = line.split_whitespace().next().unwrap_or_default().to_uppercase();
        if let Some(answer) = fault_at(&verb) {
            say(answer)?;
            continue;
        }
        match verb.as_str() {
            "EHLO" => say("250-fake.example\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN")?,
            "AUTH" => {
                shared.lock().unwrap().logins.push(line.trim().to_owned());
                say("235 2.7.0 accepted")?;
            }
            "DATA" => {
                say("354 go ahead")?;
                let mail = read_mail(&mut reader)?;
                if let Some(answer) = fault_at(".") {
                    say(answer)?;
                    continue;
                }
                shared.lock().unwrap().mails.push(mail);
                if fault == Some(MailFault::DropAfterDot) {
                    return None;
                }
                say("250 2.0.0 taken")?;
            }
            "QUIT" => {
                say("221 2.0.0 bye")?;
                return Some(());
            }
            _ => say("250 2.0.0 fine")?,
        }
    }
}

fn read_mail(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut mail = String::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|bytes| *bytes > 0)?;
        if line == ".\r\n" {
            return Some(mail);
        }
        mail.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}
