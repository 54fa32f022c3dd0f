//! A mail server as a channel names it: `smtp://host:587?from=board@example.org`, `smtps://host`. Pure.

use thiserror::Error;

use crate::notify::secret::Secret;

/// Ports where nothing else is named.
const SUBMISSION_PORT: u16 = 587;
const SUBMISSIONS_PORT: u16 = 465;

/// How a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// From its first byte.
    Implicit,
    /// After STARTTLS, which a server that is not on this host must offer.
    StartTls,
}

/// A server, and whose mail it takes.
#[derive(Debug, Clone)]
pub struct MailServer {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub encryption: Encryption,
    /// The sender.
    pub from: String,
    /// Name and password.
    pub login: Option<(String, Secret)>,
}

/// Why a channel has no server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MailServerError {
    /// Not a URL of one.
    #[error(
        "`url` of a mail channel is smtp://HOST:PORT?from=ADDRESS or smtps://HOST?from=ADDRESS"
    )]
    Url,
    /// Nobody sends.
    #[error("the mail has no sender: add ?from=ADDRESS to `url`, or log in with an address")]
    From,
    /// Not a login.
    #[error("the credential of a mail channel is USER:PASSWORD on one line")]
    Credential,
}

impl MailServer {
    /// Of the settings of a channel.
    ///
    /// # Errors
    /// They do not say enough.
    pub fn of(url: &str, credential: Option<&Secret>) -> Result<Self, MailServerError> {
        let (scheme, rest) = url.split_once("://").ok_or(MailServerError::Url)?;
        let (encryption, usual_port) = match scheme {
            "smtp" => (Encryption::StartTls, SUBMISSION_PORT),
            "smtps" => (Encryption::Implicit, SUBMISSIONS_PORT),
            _ => return Err(MailServerError::Url),
        };
        let (authority, query) = rest.split_once('?').unwrap_or((rest, ""));
        let authority = authority.trim_end_matches('/');
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !host.ends_with(':') && !port.contains(']') => {
                (host, port.parse().map_err(|_| MailServerError::Url)?)
            }
            Some(_) | None => (authority, usual_port),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte);
        if host.is_empty() || port == 0 || !host.bytes().all(is_host) {
            return Err(MailServerError::Url);
        }
        let login = credential.map(login_of).transpose()?;
        let from = match query.strip_prefix("from=") {
            Some(from) => Some(from.to_owned()),
            None if query.is_empty() => login.as_ref().map(|(user, _)| user.clone()),
            None => return Err(MailServerError::Url),
        };
        let from = from.filter(|from| is_address(from)).ok_or(MailServerError::From)?;
        Ok(Self { host, port, encryption, from, login })
    }

    /// The part of the sender behind the `@`, which ids of messages end in.
    pub fn domain(&self) -> &str {
        self.from.rsplit_once('@').map_or("localhost", |(_, domain)| domain)
    }
}

fn login_of(credential: &Secret) -> Result<(String, Secret), MailServerError> {
    let text = credential.expose();
    let (user, password) = text.split_once(':').ok_or(MailServerError::Credential)?;
    if user.is_empty() || password.is_empty() || text.contains(['\n', '\r', '\0']) {
        return Err(MailServerError::Credential);
    }
    Ok((user.to_owned(), Secret::new(password)))
}

/// Whether it can be an address. The server knows whether it is one.
pub fn is_address(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !br#"<>()[]\,;:"@"#.contains(&byte))
    };
    text.len() <= 254
        && text.rsplit_once('@').is_some_and(|(name, host)| is_part(name) && is_part(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_read_from_its_url_and_its_credential() {
        let login = Secret::new("ann@example.org:p:w");
        for (url, credential, host, port, encryption, from) in [
            (
                "smtp://mail.example?from=b@c.d",
                None,
                "mail.example",
                587,
                Encryption::StartTls,
                "b@c.d",
            ),
            (
                "smtps://Mail.example:4650/",
                Some(&login),
                "mail.example",
                4650,
                Encryption::Implicit,
                "ann@example.org",
            ),
            (
                "smtp://127.0.0.1:2525?from=b@c",
                None,
                "127.0.0.1",
                2525,
                Encryption::StartTls,
                "b@c",
            ),
            ("smtps://[::1]:9?from=b@c", None, "::1", 9, Encryption::Implicit, "b@c"),
        ] {
            let server = MailServer::of(url, credential).unwrap();
            assert_eq!((server.host.as_str(), server.port), (host, port), "{url}");
            assert_eq!((server.encryption, server.from.as_str()), (encryption, from), "{url}");
        }
        let server = MailServer::of("smtps://h", Some(&login)).unwrap();
        assert_eq!(server.login.as_ref().map(|(_, password)| password.expose()), Some("p:w"));
        assert_eq!(server.domain(), "example.org");
        assert!(!format!("{server:?}").contains("p:w"));
    }

    #[test]
    fn what_is_not_enough_is_refused() {
        let (plain, broken) = (Secret::new("ann:pw"), Secret::new("ann:p\nRCPT"));
        for (url, credential, expected) in [
            ("mail.example", None, MailServerError::Url),
            ("https://mail.example", None, MailServerError::Url),
            ("smtp://", None, MailServerError::Url),
            ("smtp://h:x?from=a@b", None, MailServerError::Url),
            ("smtp://h?to=a@b", None, MailServerError::Url),
            ("smtp://h x?from=a@b", None, MailServerError::Url),
            ("smtp://h", None, MailServerError::From),
            ("smtp://h", Some(&plain), MailServerError::From),
            ("smtp://h?from=a@b\r\nBcc:x@y", None, MailServerError::From),
            ("smtp://h?from=a@b", Some(&broken), MailServerError::Credential),
        ] {
            assert_eq!(MailServer::of(url, credential).err(), Some(expected), "{url}");
        }
    }
}
