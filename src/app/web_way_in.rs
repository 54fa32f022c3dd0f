//! The listener of the board on the web. Nothing here makes a start fail: what is in the way is reported by `doctor`, and by
//! `kanban dashboard`.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

use crate::config::Home;
use crate::config::web_settings::WebListen;
use crate::os::files::replace_private;
use crate::service::web::door::{USUAL_PORT, WebDoor};

/// What decides on the listener.
pub(super) struct WebListener<'a> {
    pub(super) home: &'a Home,
    pub(super) listen: WebListen,
    /// What a service manager made.
    pub(super) handed: Option<TcpListener>,
    /// Whether this is the machine's service, for which there is a unit.
    pub(super) is_service: bool,
}

impl WebListener<'_> {
    /// The listener, and where it is or why there is none.
    pub(super) fn open(self) -> (Option<TcpListener>, WebDoor) {
        let usual = loopback(USUAL_PORT);
        match (self.listen, self.handed) {
            (WebListen::Off, _) => (None, WebDoor::Off),
            (WebListen::Auto, Some(handed)) => serve(Ok(handed), usual, true),
            (WebListen::At(address), Some(handed)) if handed.local_addr().ok() == Some(address) => {
                serve(Ok(handed), address, true)
            }
            // Its unit lets it open no IP socket.
            (WebListen::At(address), handed) if self.is_service => {
                let elsewhere = handed.and_then(|handed| handed.local_addr().ok());
                (None, WebDoor::NotHanded { address, elsewhere })
            }
            (WebListen::At(address), _) => serve(TcpListener::bind(address), address, false),
            (WebListen::Auto, None) if self.is_service => {
                (None, WebDoor::NotHanded { address: usual, elsewhere: None })
            }
            (WebListen::Auto, None) => {
                let file = self.home.web_port();
                let last = port_in(&file);
                let served = serve(first_free(last), usual, false);
                if let Some(address) = served.1.address()
                    && last != Some(address.port())
                {
                    keep_port(&file, address.port());
                }
                served
            }
        }
    }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// The port of last time, the usual one, or any.
fn first_free(last: Option<u16>) -> io::Result<TcpListener> {
    let wanted = last.into_iter().chain([USUAL_PORT]);
    let bound = wanted.map(loopback).find_map(|address| TcpListener::bind(address).ok());
    bound.map_or_else(|| TcpListener::bind(loopback(0)), Ok)
}

fn port_in(file: &Path) -> Option<u16> {
    let text = std::fs::read_to_string(file).ok()?;
    text.trim().parse().ok().filter(|port| *port != 0)
}

fn keep_port(file: &Path, port: u16) {
    if let Err(error) = replace_private(file, format!("{port}\n").as_bytes()) {
        tracing::warn!(file = %file.display(), %error, "cannot keep the port of the board on the web");
    }
}

fn serve(
    listener: io::Result<TcpListener>,
    wanted: SocketAddr,
    is_handed: bool,
) -> (Option<TcpListener>, WebDoor) {
    let ready = listener.and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok((listener.local_addr()?, listener))
    });
    match ready {
        Ok((address, listener)) => {
            tracing::info!(%address, "the board is on the web");
            (Some(listener), WebDoor::Open { address, is_handed })
        }
        Err(error) => {
            tracing::warn!(address = %wanted, %error, "the board is not on the web");
            (None, WebDoor::Taken { address: wanted, detail: error.to_string() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_of_last_time_is_tried_before_others_and_one_is_always_found() {
        let taken = TcpListener::bind(loopback(0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let found = first_free(Some(port)).unwrap().local_addr().unwrap().port();
        assert_ne!(found, port);
        drop(taken);
        assert_eq!(first_free(Some(port)).unwrap().local_addr().unwrap().port(), port);
    }

    #[test]
    fn a_file_that_is_no_port_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("web-port");
        assert_eq!(port_in(&file), None);
        for (text, expected) in [("9200\n", Some(9200)), ("0", None), ("x", None), ("70000", None)]
        {
            std::fs::write(&file, text).unwrap();
            assert_eq!(port_in(&file), expected, "{text}");
        }
        keep_port(&file, 9300);
        assert_eq!(port_in(&file), Some(9300));
    }

    #[test]
    fn a_port_that_is_taken_is_no_fault_of_a_start() {
        let taken = TcpListener::bind(loopback(0)).unwrap();
        let address = taken.local_addr().unwrap();
        let (listener, door) = serve(TcpListener::bind(address), address, false);
        assert!(listener.is_none() && matches!(door, WebDoor::Taken { .. }), "{door:?}");
    }
}
