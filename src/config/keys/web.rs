//! The keys that are about the board on the web.

use super::key::{Key, Kind};

/// The keys of `web.proxy`.
pub(crate) const PROXY_KEYS: &[&str] = &["user", "origin"];

pub(super) const WEB: &[Key] = &[
    Key {
        name: "listen",
        kind: Kind::WebListen,
        default: Some("\"auto\""),
        example: None,
        unit: None,
        doc: "Where the board is on the web: \"auto\", \"off\", a port, or a loopback address with port. \"auto\" is the listener \
              of kanband-web.socket under the machine's service; elsewhere the port of last time, 9119, or a free one. From \
              other hosts use `ssh -L` or a TLS proxy (docs/web.md). Applies after a restart of the daemon.",
    },
    Key {
        name: "proxy",
        kind: Kind::WebProxy(PROXY_KEYS),
        default: Some("{}"),
        example: None,
        unit: None,
        doc: "A TLS proxy on this host: `user`, as whom it connects, and `origin`, the address that browsers see, such as \
              `{ user = \"www-data\", origin = \"https://board.example.org\" }`. Every connection of that user counts as the proxy's.",
    },
];
