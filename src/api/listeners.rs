//! Where the daemon listens: the two sockets, and TCP ports for figures, where one is configured, and for the board on the web.

use std::future::{Future as _, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener as StdTcpListener};
use std::task::Poll;

use tokio::net::{TcpListener, TcpStream, UnixStream};

use crate::api::auth::Door;
use crate::api::sockets::{Accepting, Listening};

/// Listeners before they are served.
pub struct Listeners {
    /// Socket of the operators.
    pub operators: Listening,
    /// The socket of workers.
    pub workers: Listening,
    /// That of the courier, where there is one.
    pub courier: Option<Listening>,
    /// Figures for Prometheus (`metrics.listen`).
    pub metrics: Option<StdTcpListener>,
    /// The board on the web (`web.listen`).
    pub web: Option<StdTcpListener>,
}

/// A connection, by the kind of its listener.
pub enum Accepted {
    /// At one of the two sockets.
    Caller(Door, UnixStream),
    /// Over TCP, from this host: figures and nothing else.
    Scraper(IpAddr, TcpStream),
    /// Over TCP, from this host: the board on the web.
    Page(SocketAddr, TcpStream),
}

/// A listener on the thread that serves it.
enum Listener {
    Socket(Door, Accepting),
    Metrics(TcpListener),
    Web(TcpListener),
}

/// All listeners on the thread that serves them.
pub struct AllAccepting {
    listeners: Vec<Listener>,
    /// Which listener is asked first: each in turn, so that none keeps another one waiting.
    first: usize,
}

impl Listeners {
    /// To be called on the thread that serves them.
    ///
    /// # Errors
    /// One of the two sockets cannot be waited for. Figures are left out instead, with a line in the log.
    pub fn accepting(self) -> io::Result<AllAccepting> {
        let Self { operators, workers, courier, metrics, web } = self;
        let mut listeners = vec![
            Listener::Socket(Door::Operators, operators.accepting()?),
            Listener::Socket(Door::Workers, workers.accepting()?),
        ];
        match courier.map(Listening::accepting) {
            Some(Ok(courier)) => listeners.push(Listener::Socket(Door::Courier, courier)),
            Some(Err(error)) => tracing::error!(%error, "cannot serve the courier's socket"),
            None => {}
        }
        match metrics.map(TcpListener::from_std) {
            Some(Ok(metrics)) => listeners.push(Listener::Metrics(metrics)),
            Some(Err(error)) => tracing::error!(%error, "cannot serve metrics over TCP"),
            None => {}
        }
        match web.map(TcpListener::from_std) {
            Some(Ok(web)) => listeners.push(Listener::Web(web)),
            Some(Err(error)) => tracing::error!(%error, "cannot serve the board on the web"),
            None => {}
        }
        Ok(AllAccepting { listeners, first: 0 })
    }
}

impl AllAccepting {
    /// The next connection of any listener. Dropping the future loses none.
    ///
    /// # Errors
    /// accept(2), or a new socket cannot be waited for.
    pub async fn accept(&mut self) -> io::Result<Accepted> {
        let count = self.listeners.len();
        self.first = (self.first + 1) % count.max(1);
        let mut waiting: Vec<_> =
            self.listeners.iter_mut().map(|listener| Box::pin(listener.accept())).collect();
        waiting.rotate_left(self.first);
        poll_fn(|context| {
            let ready = waiting.iter_mut().find_map(|one| match one.as_mut().poll(context) {
                Poll::Ready(accepted) => Some(accepted),
                Poll::Pending => None,
            });
            ready.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

impl Listener {
    async fn accept(&mut self) -> io::Result<Accepted> {
        match self {
            Self::Socket(door, accepting) => {
                accepting.accept().await.map(|stream| Accepted::Caller(*door, stream))
            }
            Self::Metrics(listener) => {
                listener.accept().await.map(|(stream, from)| Accepted::Scraper(from.ip(), stream))
            }
            Self::Web(listener) => {
                listener.accept().await.map(|(stream, from)| Accepted::Page(from, stream))
            }
        }
    }
}
