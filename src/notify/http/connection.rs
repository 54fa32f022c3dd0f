//! A connection to an address that the guard has let through.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::spawn_local;
use tokio::time::timeout;

use crate::kernel::rules::guard::{self, GuardError, Range};
use crate::kernel::rules::url::SecretUrl;
use crate::notify::http::failure::Failure;
use crate::notify::http::tls::Tls;

/// Longest header of an answer.
const HEADER_BYTES_MAX: usize = 16 * 1024;

/// Where a channel may connect to.
#[derive(Clone)]
pub struct Rules {
    /// What TLS trusts; none when it cannot be spoken, with the reason.
    pub tls: Result<Tls, String>,
    /// Ranges that are not public and may be used all the same.
    pub allow: Vec<Range>,
    /// Whether `http` to this host may be used.
    pub is_http_allowed: bool,
    /// Longest time until a connection stands.
    pub connect_time: Duration,
}

impl Rules {
    /// Looks `host` up and lets its addresses through, all or none.
    ///
    /// # Errors
    /// It has none, or the guard refuses one.
    pub async fn addresses(
        &self,
        host: &str,
        port: u16,
        is_encrypted: bool,
    ) -> Result<Vec<SocketAddr>, Failure> {
        if !is_encrypted && !self.is_http_allowed {
            let error = format!(
                "http://{host} is without TLS: use https, or set `allow_http` for a service on this host"
            );
            return Err(Failure::refused("http_not_allowed", error));
        }
        let found = tokio::net::lookup_host((host, port)).await;
        let found = found.map_err(|error| {
            Failure::not_sent("name_not_found", format!("cannot look up {host}: {error}"))
        })?;
        let addresses: Vec<SocketAddr> = found.collect();
        let ips: Vec<IpAddr> = addresses.iter().map(SocketAddr::ip).collect();
        match guard::check(host, &ips, is_encrypted, &self.allow) {
            Ok(()) => Ok(addresses),
            Err(error @ GuardError::NoAddress { .. }) => {
                Err(Failure::not_sent("name_not_found", error.to_string()))
            }
            Err(error) => Err(Failure::refused("address_refused", error.to_string())),
        }
    }

    /// A connection with one of the addresses of `host`.
    ///
    /// # Errors
    /// None can be had.
    pub async fn connect(
        &self,
        host: &str,
        port: u16,
        is_encrypted: bool,
    ) -> Result<TcpStream, Failure> {
        let opened = timeout(self.connect_time, async {
            let addresses = self.addresses(host, port, is_encrypted).await?;
            let share = self.connect_time / u32::try_from(addresses.len()).unwrap_or(u32::MAX);
            let mut last = None;
            for address in addresses {
                match timeout(share, TcpStream::connect(address)).await {
                    Ok(Ok(stream)) => {
                        // A request is one write: waiting for more of it helps nobody.
                        drop(stream.set_nodelay(true));
                        return Ok(stream);
                    }
                    Ok(Err(error)) => last = Some(format!("{address}: {error}")),
                    Err(_) => last = Some(format!("{address}: no answer")),
                }
            }
            let detail = last.unwrap_or_default();
            Err(Failure::not_sent("not_connected", format!("cannot connect to {host} ({detail})")))
        });
        let slow =
            || format!("no connection with {host} within {} ms", self.connect_time.as_millis());
        opened.await.unwrap_or_else(|_| Err(Failure::not_sent("connect_timeout", slow())))
    }

    /// The same, greeted as a server of HTTP.
    pub(super) async fn open(&self, url: &SecretUrl) -> Result<SendRequest<Full<Bytes>>, Failure> {
        greet(self.stream(url).await?).await
    }

    /// The same, with TLS where the URL asks for it.
    pub(super) async fn stream(&self, url: &SecretUrl) -> Result<Stream, Failure> {
        let host = url.host();
        let tls = match (&self.tls, url.is_encrypted()) {
            (_, false) => None,
            (Ok(tls), true) => Some(tls),
            (Err(reason), true) => return Err(Failure::not_sent("no_tls", reason.as_str())),
        };
        let stream = self.connect(host, url.port(), url.is_encrypted()).await?;
        let Some(tls) = tls else { return Ok(Box::new(stream)) };
        let greeted = timeout(self.connect_time, tls.greet(host, stream)).await;
        match greeted {
            Ok(Ok(stream)) => Ok(Box::new(stream)),
            Ok(Err(error)) => {
                Err(Failure::not_sent("tls_failed", format!("TLS with {host}: {error}")))
            }
            Err(_) => {
                Err(Failure::not_sent("connect_timeout", format!("TLS with {host}: no answer")))
            }
        }
    }
}

/// What bytes go over.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Duplex for T {}

/// A connection, with TLS or without.
pub(super) type Stream = Box<dyn Duplex>;

async fn greet(stream: Stream) -> Result<SendRequest<Full<Bytes>>, Failure> {
    let made = http1::Builder::new()
        .max_header_size(HEADER_BYTES_MAX)
        .handshake(TokioIo::new(stream))
        .await;
    let (sender, connection) =
        made.map_err(|error| Failure::not_sent("not_connected", error.to_string()))?;
    // What goes wrong on it is reported to the one who waits for an answer.
    spawn_local(async move { drop(connection.await) });
    Ok(sender)
}
