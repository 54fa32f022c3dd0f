//! What the daemon asks of the host before it serves: open files, an address for figures.

use std::io;
use std::net::{SocketAddr, TcpListener};

use super::StartError;
use crate::kernel::shares::{Shares, share};
use crate::os::descriptors;

/// Raises the limit of open files, and divides what there is.
pub(super) fn share_descriptors() -> Result<Shares, StartError> {
    let limits = descriptors::raise_limit()
        .map_err(|error| StartError::fault("read its limit of open files", &error))?;
    Ok(share(limits.now))
}

/// Where figures are asked for over TCP.
pub(super) fn listen_for_metrics(address: SocketAddr) -> Result<TcpListener, StartError> {
    let doing = "listen at `metrics.listen`";
    let fault =
        |error: io::Error| StartError::Fault { doing, detail: format!("{address}: {error}") };
    let listener = TcpListener::bind(address).map_err(fault)?;
    listener.set_nonblocking(true).map_err(fault)?;
    Ok(listener)
}
