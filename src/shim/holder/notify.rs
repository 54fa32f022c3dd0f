//! A word to the service manager, as sd_notify(3) sends it: a datagram to the socket that NOTIFY_SOCKET names.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;

/// Sends it, where there is a manager that listens. Nothing depends on its being heard.
pub fn tell(word: &str) {
    let Some(location) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let address = match location.as_bytes() {
        // An address without a file.
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
        _ => SocketAddr::from_pathname(Path::new(&location)),
    };
    let sent = address.and_then(|address| {
        UnixDatagram::unbound()?.send_to_addr(word.as_bytes(), &address).map(drop)
    });
    if let Err(error) = sent {
        super::say(&format!("cannot send `{word}` to the service manager: {error}"));
    }
}
