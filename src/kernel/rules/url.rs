//! Addresses of the web as far as senders need them, and the type that keeps them out of every message. Pure.
//!
//! The path of a hook, and the path of a bot's API, are secrets. A [`SecretUrl`] therefore shows its scheme and its host whatever
//! is asked of it; only the connection reads the rest.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Longest one that is taken.
const BYTES_MAX: usize = 2_048;

/// An `http` or `https` address. Shown without its path.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SecretUrl {
    is_encrypted: bool,
    host: String,
    port: u16,
    path: String,
}

/// Why a text is no address. The text itself is not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UrlError {
    /// Another scheme, or none.
    #[error("a URL begins with https://, or with http:// for a service on this host")]
    Scheme,
    /// Longer than any that is used.
    #[error("the URL is longer than {BYTES_MAX} bytes")]
    Length,
    /// `user:password@host`.
    #[error("the URL has a user or a password before its host: put it into a credential")]
    UserInfo,
    /// No host, or not one.
    #[error(
        "the host of the URL is not a name or an address (international names: in their xn-- form)"
    )]
    Host,
    /// Not a number from 1 to 65535.
    #[error("the port of the URL is not a number from 1 to 65535")]
    Port,
    /// Blanks, control characters, letters beyond ASCII.
    #[error("the path of the URL has characters that must be percent-encoded")]
    Path,
    /// `#…`.
    #[error("the URL has a part behind `#`, which no server sees: leave it out")]
    Fragment,
}

impl FromStr for SecretUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if text.len() > BYTES_MAX {
            return Err(UrlError::Length);
        }
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::Scheme)?;
        let is_encrypted = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(UrlError::Scheme),
        };
        if rest.contains('#') {
            return Err(UrlError::Fragment);
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end).ok_or(UrlError::Host)?;
        if authority.contains('@') {
            return Err(UrlError::UserInfo);
        }
        if !path.bytes().all(|byte| byte.is_ascii_graphic() && !br#""<>\^`{|}"#.contains(&byte)) {
            return Err(UrlError::Path);
        }
        let (host, port) = split_port(authority)?;
        let port = match port {
            None => {
                if is_encrypted {
                    443
                } else {
                    80
                }
            }
            Some(port) => port.parse().ok().filter(|port| *port != 0).ok_or(UrlError::Port)?,
        };
        let host = host.to_ascii_lowercase();
        if !is_host(&host) {
            return Err(UrlError::Host);
        }
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { is_encrypted, host, port, path })
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<&str>), UrlError> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or(UrlError::Host)?;
        host.parse::<std::net::Ipv6Addr>().map_err(|_| UrlError::Host)?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(UrlError::Host),
        };
    }
    Ok(match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    })
}

/// Whether it is a name, or an address in its one usual spelling: a resolver also takes `0x7f.1` and `2130706433`.
fn is_host(host: &str) -> bool {
    if host.contains(':') {
        return true;
    }
    let labels: Vec<&str> = host.strip_suffix('.').unwrap_or(host).split('.').collect();
    let is_label = |label: &&str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let is_number = |label: &str| {
        let hexadecimal = label.strip_prefix("0x");
        hexadecimal.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
            || label.bytes().all(|byte| byte.is_ascii_digit())
    };
    let ends_in_number = labels.last().is_some_and(|label| is_number(label));
    host.len() <= 253
        && labels.iter().all(is_label)
        && (!ends_in_number || host.parse::<std::net::Ipv4Addr>().is_ok())
}

impl SecretUrl {
    /// Whether TLS is spoken there.
    pub fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// Its host: a name, or an address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Path and query, which only the connection may read.
    #[cfg(any(test, feature = "courier"))]
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// What stands in the header `Host`.
    pub(crate) fn authority(&self) -> String {
        let usual = if self.is_encrypted { 443 } else { 80 };
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }

    /// The address of something below this one. `tail` is added to the path; a query of this one is dropped.
    #[must_use]
    pub fn below(&self, tail: &str) -> Self {
        let base = self.path.split('?').next().unwrap_or_default().trim_end_matches('/');
        Self { path: format!("{base}/{tail}"), ..self.clone() }
    }

    /// The parts of its path and query that may be secret: what a filter takes out of a text.
    pub fn secret_parts(&self) -> Vec<String> {
        let words = self.path.split(['/', '?', '&', '=']);
        let long = words.filter(|word| word.len() >= SECRET_BYTES_MIN);
        let mut parts: Vec<String> = long.map(str::to_owned).collect();
        if self.path.len() >= SECRET_BYTES_MIN {
            parts.push(self.path.clone());
        }
        parts
    }
}

/// Shorter words of a path are words, not secrets.
const SECRET_BYTES_MIN: usize = 8;

impl fmt::Display for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.is_encrypted { "https" } else { "http" }, self.authority())
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretUrl({self}/…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_into_its_parts() {
        for (text, shown, host, port, path) in [
            ("https://h.example/a/b?c=d", "https://h.example", "h.example", 443, "/a/b?c=d"),
            ("HTTPS://H.Example", "https://h.example", "h.example", 443, "/"),
            ("https://h:8443?x", "https://h:8443", "h", 8443, "/?x"),
            ("http://127.0.0.1:80/x", "http://127.0.0.1", "127.0.0.1", 80, "/x"),
            ("https://[::1]:9/x", "https://[::1]:9", "::1", 9, "/x"),
            ("https://a_b-c.example./", "https://a_b-c.example.", "a_b-c.example.", 443, "/"),
        ] {
            let url: SecretUrl = text.parse().unwrap();
            assert_eq!((url.host(), url.port(), url.path()), (host, port, path), "{text}");
            assert_eq!(url.to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_address_is_refused_for_its_reason() {
        for (text, expected) in [
            ("", UrlError::Scheme),
            ("ftp://h/x", UrlError::Scheme),
            ("h.example/x", UrlError::Scheme),
            ("https://", UrlError::Host),
            ("https:///x", UrlError::Host),
            ("https://a..b/", UrlError::Host),
            ("https://münchen.example/", UrlError::Host),
            ("https://2130706433/", UrlError::Host),
            ("https://0x7f.1/", UrlError::Host),
            ("https://0177.0.0.1/", UrlError::Host),
            ("https://127.1/", UrlError::Host),
            ("https://[::1/", UrlError::Host),
            ("https://[h]/", UrlError::Host),
            ("https://h:0/", UrlError::Port),
            ("https://h:70000/", UrlError::Port),
            ("https://h:/", UrlError::Port),
            ("https://u:p@h/", UrlError::UserInfo),
            ("https://h/a b", UrlError::Path),
            ("https://h/a\r\nHost: x", UrlError::Path),
            ("https://h/ä", UrlError::Path),
            ("https://h/#x", UrlError::Fragment),
        ] {
            assert_eq!(text.parse::<SecretUrl>(), Err(expected), "{text}");
        }
        let long = format!("https://h/{}", "x".repeat(3_000));
        assert_eq!(long.parse::<SecretUrl>(), Err(UrlError::Length));
    }

    #[test]
    fn nothing_shows_the_path() {
        let url: SecretUrl = "https://h.example/bot123456:SENTINEL/send".parse().unwrap();
        for shown in [url.to_string(), format!("{url:?}"), format!("{url:#?}")] {
            assert!(!shown.contains("SENTINEL") && shown.contains("h.example"), "{shown}");
        }
        assert_eq!(url.below("x").path(), "/bot123456:SENTINEL/send/x");
        assert!(url.secret_parts().contains(&"bot123456:SENTINEL".to_owned()));
        let root: SecretUrl = "https://h.example".parse().unwrap();
        assert_eq!(root.below("a/b").path(), "/a/b");
        assert!(root.secret_parts().is_empty());
    }
}
