//! Settings of the board on the web.

use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Deserializer};

/// `[web]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Web {
    /// Where it listens.
    #[serde(deserialize_with = "listen")]
    pub listen: WebListen,
    /// A TLS proxy on this host.
    pub proxy: WebProxy,
}

/// Where the board is on the web.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WebListen {
    /// At the service manager's listener, or at a port that is free.
    #[default]
    Auto,
    /// Nowhere.
    Off,
    /// Here and nowhere else.
    At(SocketAddr),
}

/// `web.proxy`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebProxy {
    /// As whom it connects; empty: there is none.
    pub user: String,
    /// The origin that browsers see.
    pub origin: String,
}

impl Web {
    /// The proxy, where one is configured.
    pub fn proxy(&self) -> Option<&WebProxy> {
        Some(&self.proxy).filter(|proxy| !proxy.user.is_empty() && !proxy.origin.is_empty())
    }
}

impl WebListen {
    /// Reads it; none when it is neither a word, nor a port, nor a loopback address with port.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "auto" => Some(Self::Auto),
            "off" => Some(Self::Off),
            text => {
                let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
                let address: Option<SocketAddr> =
                    text.parse().ok().or_else(|| text.parse().ok().map(loopback));
                let address = address.filter(|it| it.ip().is_loopback() && it.port() != 0);
                address.map(Self::At)
            }
        }
    }
}

/// Whether a text is the origin of a site behind TLS, as browsers write it.
pub(crate) fn is_origin(text: &str) -> bool {
    let Some(host) = text.strip_prefix("https://") else { return false };
    let is_sign =
        |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || ".-:[]".contains(sign);
    // A browser leaves the usual port out.
    !host.is_empty() && host.chars().all(is_sign) && !host.ends_with(":443") && !host.ends_with(':')
}

fn listen<'de, D: Deserializer<'de>>(deserializer: D) -> Result<WebListen, D::Error> {
    let text = String::deserialize(deserializer)?;
    WebListen::parse(&text)
        .ok_or_else(|| serde::de::Error::custom("not an address of the loopback"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_loopback_is_listened_on() {
        let at = |text: &str| Some(WebListen::At(text.parse().unwrap()));
        for (text, expected) in [
            ("auto", Some(WebListen::Auto)),
            ("off", Some(WebListen::Off)),
            ("9119", at("127.0.0.1:9119")),
            ("127.0.0.1:80", at("127.0.0.1:80")),
            ("127.0.0.2:80", at("127.0.0.2:80")),
            ("[::1]:9119", at("[::1]:9119")),
            ("0.0.0.0:9119", None),
            ("[::]:9119", None),
            ("192.0.2.1:9119", None),
            ("localhost:9119", None),
            ("127.0.0.1", None),
            ("0", None),
            ("70000", None),
            ("", None),
            ("on", None),
        ] {
            assert_eq!(WebListen::parse(text), expected, "{text:?}");
        }
    }

    #[test]
    fn an_origin_is_what_a_browser_sends() {
        for (text, expected) in [
            ("https://board.example.org", true),
            ("https://board.example.org:8443", true),
            ("https://[2001:db8::1]", true),
            ("http://board.example.org", false),
            ("https://board.example.org/", false),
            ("https://board.example.org:443", false),
            ("https://Board.example.org", false),
            ("https://a b", false),
            ("https://", false),
            ("board.example.org", false),
        ] {
            assert_eq!(is_origin(text), expected, "{text:?}");
        }
    }
}
