//! Mail by SMTP: the address of a route is a box. The dialogue and the form of a mail are `lettre`'s; the connection is ours.

pub mod message;
pub mod server;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::kernel::notice::{Outcome, Row};
use crate::kernel::rules::guard::{Kind, kind_of};
use crate::notify::http::{Failure, Rules};
use crate::notify::mail::server::{Encryption, MailServer};
use crate::notify::outcome;
use crate::os::host::clock::epoch_seconds;

/// Codes of a box that is full, and of a login that is refused.
const BOX_FULL: u16 = 552;
const LOGIN_REFUSED: [u16; 4] = [530, 534, 535, 538];

/// A channel of mail.
#[derive(Clone)]
pub struct Mail {
    rules: Rules,
    server: Rc<MailServer>,
    attempt_time: Duration,
}

/// How far an attempt came.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Greeting,
    Login,
    Envelope,
    /// The mail was written; its acknowledgement is waited for.
    Written,
}

impl Mail {
    /// By this server.
    pub fn new(rules: Rules, server: MailServer, attempt_time: Duration) -> Self {
        Self { rules, server: Rc::new(server), attempt_time }
    }

    /// Sends a row.
    pub async fn send(&self, row: &Row) -> Outcome {
        let mail = match message::of_row(row, &self.server, epoch_seconds()) {
            Ok(mail) => mail,
            Err(error) => return outcome::permanent("bad_address", &error),
        };
        let mut stage = Stage::Greeting;
        let sent = timeout(self.attempt_time, self.deliver(&mail, &mut stage)).await;
        match sent {
            Ok(outcome) => outcome,
            Err(_) => {
                let error = format!("no answer from {} in time", self.server.host);
                match stage {
                    Stage::Written => outcome::unknown("timeout", &error),
                    Stage::Greeting | Stage::Login | Stage::Envelope => {
                        outcome::temporary("timeout", &error)
                    }
                }
            }
        }
    }

    async fn deliver(&self, mail: &lettre::Message, stage: &mut Stage) -> Outcome {
        let mut connection = match self.open().await {
            Ok(connection) => connection,
            Err(failure) => return outcome::of_failure(&failure),
        };
        let result = self.talk(&mut connection, mail, stage).await;
        let outcome = match result {
            Ok(()) => Outcome::Sent { provider_id: None },
            Err(error) => judge(&error, *stage, &self.server.host),
        };
        // The mail is where it is: how the connection ends changes nothing.
        drop(connection.quit().await);
        outcome
    }

    async fn talk(
        &self,
        connection: &mut AsyncSmtpConnection,
        mail: &lettre::Message,
        stage: &mut Stage,
    ) -> Result<(), Error> {
        *stage = Stage::Login;
        if let Some((user, password)) = &self.server.login {
            let login = Credentials::new(user.clone(), password.expose().to_owned());
            connection.auth(&[Mechanism::Plain, Mechanism::Login], &login).await?;
        }
        *stage = Stage::Envelope;
        let envelope = mail.envelope();
        connection.command(MailFrom::new(envelope.from().cloned(), Vec::new())).await?;
        for to in envelope.to() {
            connection.command(Rcpt::new(to.clone(), Vec::new())).await?;
        }
        connection.command(Data).await?;
        *stage = Stage::Written;
        connection.message(&mail.formatted()).await?;
        Ok(())
    }

    /// A connection that is encrypted, or leads to this host.
    async fn open(&self) -> Result<AsyncSmtpConnection, Failure> {
        let MailServer { host, port, encryption, .. } = &*self.server;
        // Whether it is encrypted is decided below: a server on this host may offer no TLS.
        let stream = self.rules.connect(host, *port, true).await?;
        let peer = stream
            .peer_addr()
            .map_err(|error| Failure::not_sent("not_connected", error.to_string()))?;
        let failed = |error: Error| {
            Failure::not_sent(
                "not_connected",
                format!("cannot talk with {host}: {}", words(&error)),
            )
        };
        let hello = ClientId::Domain(self.server.domain().to_owned());
        let parameters = || TlsParameters::new(host.clone()).map_err(failed);
        if *encryption == Encryption::Implicit {
            let tls =
                self.rules.tls.as_ref().map_err(|why| Failure::not_sent("no_tls", why.as_str()))?;
            let stream = tls.greet(host, stream).await.map_err(|error| {
                Failure::not_sent("tls_failed", format!("TLS with {host}: {error}"))
            })?;
            let stream = Box::new(Encrypted { stream, peer });
            return AsyncSmtpConnection::connect_with_transport(stream, &hello)
                .await
                .map_err(failed);
        }
        let stream = Box::new(stream);
        let mut connection =
            AsyncSmtpConnection::connect_with_transport(stream, &hello).await.map_err(failed)?;
        if connection.can_starttls() {
            connection.starttls(parameters()?, &hello).await.map_err(failed)?;
        } else if kind_of(peer.ip()) != Some(Kind::Loopback) {
            let error = format!("{host} offers no STARTTLS, and mail is not sent in the clear");
            return Err(Failure::refused("no_starttls", error));
        }
        Ok(connection)
    }
}

/// What an error of the dialogue means.
fn judge(error: &Error, stage: Stage, host: &str) -> Outcome {
    let text = format!("{host}: {}", words(error));
    let Some(code) = error.status().map(u16::from) else {
        return match stage {
            // Whether it took the mail before the connection broke is not known (RFC 1047).
            Stage::Written => outcome::unknown("broken_off", &text),
            Stage::Login if error.is_client() => outcome::channel_dead("smtp_login", &text),
            Stage::Greeting | Stage::Login | Stage::Envelope => {
                outcome::temporary("broken_off", &text)
            }
        };
    };
    let name = format!("smtp_{code}");
    if LOGIN_REFUSED.contains(&code) {
        outcome::channel_dead(&name, &text)
    } else if error.is_permanent() && code != BOX_FULL {
        outcome::permanent(&name, &text)
    } else {
        outcome::temporary(&name, &text)
    }
}

/// An error with its cause.
fn words(error: &Error) -> String {
    let cause = std::error::Error::source(error);
    cause.map_or_else(|| error.to_string(), |cause| format!("{error} ({cause})"))
}

/// A stream that is encrypted already, as `lettre` takes it.
struct Encrypted<S> {
    stream: S,
    peer: SocketAddr,
}

impl<S> fmt::Debug for Encrypted<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encrypted({})", self.peer)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Encrypted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Encrypted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl AsyncTokioStream for Encrypted<tokio_rustls::client::TlsStream<TcpStream>> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}
