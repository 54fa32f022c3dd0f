//! The listener of the metrics over TCP. As with the board on the web, nothing here makes a start fail: `doctor` says what is in the way.

use std::io;
use std::net::{SocketAddr, TcpListener};

use crate::service::metrics::door::MetricsDoor;

/// The listener, and where it is or why there is none. What a service manager has made is served wherever it is; the service of a machine
/// makes none itself, for its unit lets it open no IP socket.
pub(super) fn open(
    wanted: Option<SocketAddr>,
    handed: Option<TcpListener>,
    is_service: bool,
) -> (Option<TcpListener>, MetricsDoor) {
    let (listener, is_handed) = match (handed, wanted) {
        (Some(handed), _) => (Ok(handed), true),
        (None, None) => return (None, MetricsDoor::Off),
        (None, Some(address)) if is_service => {
            tracing::warn!(%address, "there are no metrics over TCP: no socket unit has made the port");
            return (None, MetricsDoor::NotHanded { address });
        }
        (None, Some(address)) => (TcpListener::bind(address), false),
    };
    let ready = listener.and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok((listener.local_addr()?, listener))
    });
    match (ready, wanted) {
        (Ok((address, listener)), _) => (Some(listener), MetricsDoor::Open { address, is_handed }),
        (Err(error), wanted) => (None, taken(&error, wanted)),
    }
}

fn taken(error: &io::Error, wanted: Option<SocketAddr>) -> MetricsDoor {
    let address = wanted.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)));
    tracing::error!(%address, %error, "there are no metrics over TCP");
    MetricsDoor::Taken { address, detail: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_that_was_made_is_served_and_the_service_of_a_machine_makes_none() {
        let made = || TcpListener::bind("127.0.0.1:0").unwrap();
        let there = made();
        let address = there.local_addr().unwrap();
        assert_eq!(open(None, None, false).1, MetricsDoor::Off);
        let handed = made();
        let own = handed.local_addr().unwrap();
        let (listener, door) = open(Some(address), Some(handed), true);
        assert!(listener.is_some());
        assert_eq!(door, MetricsDoor::Open { address: own, is_handed: true });
        assert_eq!(open(Some(address), None, true).1, MetricsDoor::NotHanded { address });
        let (listener, door) = open(Some(address), None, false);
        assert!(listener.is_none() && matches!(door, MetricsDoor::Taken { .. }), "{door:?}");
        drop(there);
        let (listener, door) = open(Some(address), None, false);
        assert!(listener.is_some());
        assert_eq!(door, MetricsDoor::Open { address, is_handed: false });
    }
}
