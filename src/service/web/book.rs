//! Links and sessions: plain lists and their rules. No clock, no lock, no file.
//!
//! Of a token only its digest is kept. A link is used once. A session belongs to a user, to a port, and to one of the two ways in: who
//! came by the proxy cannot come without it, and the other way round.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use crate::kernel::ids::EpochSeconds;
use crate::text;

/// How long a link can be used, seconds.
pub const LINK_SECONDS: i64 = 5 * 60;

/// How long a session lasts, seconds.
pub const SESSION_SECONDS: i64 = 12 * 60 * 60;

/// How far a clock may be set back without ending what began just before, seconds.
const CLOCK_STEP_SECONDS: i64 = 60;

/// Links and sessions at one time; the oldest give way.
const LINKS_MAX: usize = 100;
/// See [`LINKS_MAX`].
const SESSIONS_MAX: usize = 1_000;

/// What is kept of a token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest(String);

impl Digest {
    /// That of a token.
    pub fn of(token: &str) -> Self {
        let digest = Sha256::digest(token.as_bytes());
        Self(digest.iter().fold(String::new(), |mut text, byte| {
            // Writing into a string does not fail.
            let _infallible = write!(text, "{byte:02x}");
            text
        }))
    }

    /// Whether it is the same, in a time that does not say where it differs.
    fn is(&self, other: &Self) -> bool {
        let pairs = self.0.bytes().zip(other.0.bytes());
        let difference = pairs.fold(0_u8, |sum, (one, other)| sum | (one ^ other));
        self.0.len() == other.0.len() && difference == 0
    }
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visitor {
    /// A user of this machine.
    User(u32),
    /// The proxy.
    Proxy,
}

/// A link that was not used yet.
#[derive(Clone)]
pub struct Link {
    digest: Digest,
    /// For whom it is, where that is a user of this machine.
    pub uid: Option<u32>,
    /// For whom it is.
    pub name: String,
    /// From when on it cannot be used.
    pub expires_at: EpochSeconds,
}

impl Link {
    /// One that was made now.
    pub fn new(digest: Digest, uid: Option<u32>, name: String, now: EpochSeconds) -> Self {
        Self { digest, uid, name, expires_at: now.saturating_add(LINK_SECONDS) }
    }
}

/// A session, as it is kept.
#[derive(Clone, Serialize, Deserialize)]
pub struct Session {
    /// Its name for people; it opens nothing.
    pub id: String,
    digest: Digest,
    /// Whose it is, where that is a user of this machine.
    pub uid: Option<u32>,
    /// Whose it is.
    pub name: String,
    /// The daemon's port.
    pub port: u16,
    /// Whether it came by the proxy.
    pub is_proxied: bool,
    /// When it began.
    pub created_at: EpochSeconds,
    /// When it ends.
    pub expires_at: EpochSeconds,
}

impl Session {
    /// The session that a link becomes.
    pub fn begin(
        id: String,
        digest: Digest,
        link: Link,
        (visitor, port): (Visitor, u16),
        now: EpochSeconds,
    ) -> Self {
        Self {
            id,
            digest,
            uid: link.uid,
            name: link.name,
            port,
            is_proxied: visitor == Visitor::Proxy,
            created_at: now,
            expires_at: now.saturating_add(SESSION_SECONDS),
        }
    }

    fn is_of(&self, visitor: Visitor) -> bool {
        match visitor {
            Visitor::Proxy => self.is_proxied,
            Visitor::User(uid) => !self.is_proxied && self.uid == Some(uid),
        }
    }
}

/// A session as a request sees it.
#[derive(Debug, Clone)]
pub struct Opened {
    /// Its name for people.
    pub id: String,
    /// Whose it is, where that is a user of this machine.
    pub uid: Option<u32>,
    /// Whose it is.
    pub name: String,
    /// When it ends.
    pub expires_at: EpochSeconds,
    /// When it was last looked whether its user may have it.
    pub looked_at: Option<EpochSeconds>,
    /// Closes when it ends.
    pub over: watch::Receiver<()>,
}

struct Entry {
    session: Session,
    looked_at: Option<EpochSeconds>,
    over: watch::Sender<()>,
}

/// The lists.
#[derive(Default)]
pub struct Book {
    links: Vec<Link>,
    entries: Vec<Entry>,
}

impl Book {
    /// The sessions of a file, without those that have ended.
    ///
    /// # Errors
    /// It is no such file.
    pub fn from_bytes(bytes: &[u8], now: EpochSeconds) -> serde_json::Result<Self> {
        let sessions: Vec<Session> = serde_json::from_slice(bytes)?;
        let mut book = Self::default();
        for session in sessions {
            book.add_session(session, now);
        }
        book.forget(now);
        Ok(book)
    }

    /// What is kept in the file. Links are not.
    pub fn to_bytes(&self) -> Vec<u8> {
        let sessions: Vec<&Session> = self.entries.iter().map(|entry| &entry.session).collect();
        // Texts and numbers always serialize.
        text::json::to_vec(&sessions).unwrap_or_default()
    }

    /// Another link.
    pub fn add_link(&mut self, link: Link, now: EpochSeconds) {
        self.forget(now);
        self.links.push(link);
        let surplus = self.links.len().saturating_sub(LINKS_MAX);
        drop(self.links.drain(..surplus));
    }

    /// Takes the link of this token away, if it is this visitor's.
    pub fn take_link(
        &mut self,
        digest: &Digest,
        visitor: Visitor,
        now: EpochSeconds,
    ) -> Option<Link> {
        self.forget(now);
        let is_of = |link: &Link| match visitor {
            Visitor::User(uid) => link.uid == Some(uid),
            Visitor::Proxy => true,
        };
        // All are compared, so that the time does not say which it is.
        let found = self.links.iter().enumerate().fold(None, |found, (index, link)| {
            if link.digest.is(digest) { Some(index) } else { found }
        })?;
        let is_own = self.links.get(found).is_some_and(is_of);
        is_own.then(|| self.links.swap_remove(found))
    }

    /// Another session.
    pub fn add_session(&mut self, session: Session, now: EpochSeconds) {
        self.forget(now);
        self.entries.push(Entry { session, looked_at: None, over: watch::channel(()).0 });
        let surplus = self.entries.len().saturating_sub(SESSIONS_MAX);
        drop(self.entries.drain(..surplus));
    }

    /// The session of this token, if it is this visitor's and of this port.
    pub fn find(
        &mut self,
        digest: &Digest,
        visitor: Visitor,
        port: u16,
        now: EpochSeconds,
    ) -> Option<Opened> {
        self.forget(now);
        let found = self.entries.iter().fold(None, |found, entry| {
            if entry.session.digest.is(digest) { Some(entry) } else { found }
        })?;
        let Session { id, uid, name, expires_at, .. } = &found.session;
        let is_own = found.session.is_of(visitor) && found.session.port == port;
        is_own.then(|| Opened {
            id: id.clone(),
            uid: *uid,
            name: name.clone(),
            expires_at: *expires_at,
            looked_at: found.looked_at,
            over: found.over.subscribe(),
        })
    }

    /// Whether a user has a session that did not come by the proxy, or a link.
    pub fn expects(&mut self, uid: u32, now: EpochSeconds) -> bool {
        self.forget(now);
        self.links.iter().any(|link| link.uid == Some(uid))
            || self.entries.iter().any(|entry| entry.session.is_of(Visitor::User(uid)))
    }

    /// It was looked whether the user of a session may have it: yes.
    pub fn looked(&mut self, id: &str, now: EpochSeconds) {
        for entry in self.entries.iter_mut().filter(|entry| entry.session.id == id) {
            entry.looked_at = Some(now);
        }
    }

    /// Those that have not ended, oldest first.
    pub fn sessions(&mut self, now: EpochSeconds) -> Vec<Session> {
        self.forget(now);
        self.entries.iter().map(|entry| entry.session.clone()).collect()
    }

    /// Ends one session, or `all` of them with every link that waits; returns how many sessions there were.
    pub fn revoke(&mut self, which: &str) -> usize {
        let before = self.entries.len();
        let is_all = which == "all";
        self.entries.retain(|entry| !is_all && entry.session.id != which);
        if is_all {
            self.links.clear();
        }
        before - self.entries.len()
    }

    /// What has ended by its time. A clock that was set back by more than a session's time ends it, too.
    fn forget(&mut self, now: EpochSeconds) {
        self.links.retain(|link| is_within(now, link.expires_at, LINK_SECONDS));
        self.entries.retain(|entry| is_within(now, entry.session.expires_at, SESSION_SECONDS));
    }
}

fn is_within(now: EpochSeconds, expires_at: EpochSeconds, lasts: i64) -> bool {
    (1..=lasts + CLOCK_STEP_SECONDS).contains(&expires_at.saturating_sub(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: EpochSeconds = 1_800_000_000;

    fn book_with_link(uid: Option<u32>) -> Book {
        let mut book = Book::default();
        book.add_link(Link::new(Digest::of("token"), uid, "ada".to_owned(), NOW), NOW);
        book
    }

    fn session(token: &str, uid: Option<u32>, visitor: Visitor) -> Session {
        let link = Link::new(Digest::of("link"), uid, "ada".to_owned(), NOW);
        Session::begin(token.to_owned(), Digest::of(token), link, (visitor, 9119), NOW)
    }

    #[test]
    fn a_link_is_good_once_in_its_time_for_its_user() {
        for (visitor, uid, token, after, expected) in [
            (Visitor::User(5), Some(5), "token", 0, true),
            (Visitor::User(5), Some(5), "token", LINK_SECONDS - 1, true),
            (Visitor::User(5), Some(5), "token", LINK_SECONDS, false),
            (Visitor::User(5), Some(5), "token", -CLOCK_STEP_SECONDS, true),
            (Visitor::User(5), Some(5), "token", -CLOCK_STEP_SECONDS - 1, false),
            (Visitor::User(5), Some(5), "tokem", 0, false),
            (Visitor::User(5), Some(5), "", 0, false),
            (Visitor::User(6), Some(5), "token", 0, false),
            (Visitor::User(0), Some(5), "token", 0, false),
            (Visitor::User(5), None, "token", 0, false),
            (Visitor::Proxy, Some(5), "token", 0, true),
            (Visitor::Proxy, None, "token", 0, true),
        ] {
            let mut book = book_with_link(uid);
            let taken = book.take_link(&Digest::of(token), visitor, NOW + after);
            assert_eq!(taken.is_some(), expected, "{visitor:?} {uid:?} {token} {after}");
            let again = book.take_link(&Digest::of(token), visitor, NOW + after);
            assert!(again.is_none(), "twice: {visitor:?} {uid:?} {token} {after}");
        }
    }

    #[test]
    fn another_users_try_does_not_use_a_link_up() {
        let mut book = book_with_link(Some(5));
        assert!(book.take_link(&Digest::of("token"), Visitor::User(6), NOW).is_none());
        assert!(book.take_link(&Digest::of("token"), Visitor::User(5), NOW).is_some());
    }

    #[test]
    fn a_session_is_its_users_at_its_port_by_its_way_in() {
        let (user, proxy) = (Visitor::User(5), Visitor::Proxy);
        for (began, visitor, port, after, expected) in [
            (user, user, 9119, 0, true),
            (user, user, 9119, SESSION_SECONDS - 1, true),
            (user, user, 9119, SESSION_SECONDS, false),
            (user, user, 9119, -CLOCK_STEP_SECONDS - 1, false),
            (user, user, 9120, 0, false),
            (user, Visitor::User(6), 9119, 0, false),
            (user, Visitor::User(0), 9119, 0, false),
            (user, proxy, 9119, 0, false),
            (proxy, proxy, 9119, 0, true),
            (proxy, user, 9119, 0, false),
        ] {
            let mut book = Book::default();
            book.add_session(session("s", Some(5), began), NOW);
            let found = book.find(&Digest::of("s"), visitor, port, NOW + after);
            assert_eq!(found.is_some(), expected, "{began:?} {visitor:?} {port} {after}");
        }
    }

    #[test]
    fn sessions_outlive_a_restart_and_links_do_not() {
        let mut book = book_with_link(Some(5));
        book.add_session(session("s", Some(5), Visitor::User(5)), NOW);
        let bytes = book.to_bytes();
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(!text.contains("token") && text.contains(&Digest::of("s").0), "{text}");
        let mut again = Book::from_bytes(&bytes, NOW + 5).unwrap();
        assert!(again.find(&Digest::of("s"), Visitor::User(5), 9119, NOW + 5).is_some());
        assert!(again.take_link(&Digest::of("token"), Visitor::User(5), NOW + 5).is_none());
        let mut late = Book::from_bytes(&bytes, NOW + SESSION_SECONDS).unwrap();
        assert!(late.sessions(NOW + SESSION_SECONDS).is_empty());
        assert!(Book::from_bytes(b"{", NOW).is_err());
    }

    #[test]
    fn a_session_that_is_revoked_tells_those_who_wait_for_its_end() {
        let mut book = book_with_link(Some(5));
        for token in ["a", "b", "c"] {
            book.add_session(session(token, Some(5), Visitor::User(5)), NOW);
        }
        let mut find = |token: &str| {
            let found = book.find(&Digest::of(token), Visitor::User(5), 9119, NOW);
            found.unwrap().over
        };
        let (a, b) = (find("a"), find("b"));
        assert_eq!((book.revoke("a"), book.revoke("a"), book.revoke("none")), (1, 0, 0));
        assert!(a.has_changed().is_err() && b.has_changed().is_ok());
        assert_eq!(book.revoke("all"), 2);
        assert!(b.has_changed().is_err());
        let link = book.take_link(&Digest::of("token"), Visitor::User(5), NOW);
        assert!(link.is_none(), "links that wait go with all sessions");
    }

    #[test]
    fn who_has_a_link_or_a_session_is_expected() {
        let mut book = book_with_link(Some(5));
        assert!(book.expects(5, NOW) && !book.expects(6, NOW));
        assert!(!book.expects(5, NOW + LINK_SECONDS));
        book.add_session(session("s", Some(6), Visitor::User(6)), NOW);
        book.add_session(session("p", Some(7), Visitor::Proxy), NOW);
        assert!(book.expects(6, NOW) && !book.expects(7, NOW));
    }

    #[test]
    fn there_are_never_more_than_so_many() {
        let mut book = Book::default();
        for number in 0..=SESSIONS_MAX {
            book.add_session(session(&number.to_string(), Some(5), Visitor::User(5)), NOW);
        }
        let left = book.sessions(NOW);
        assert_eq!((left.len(), left[0].id.as_str()), (SESSIONS_MAX, "1"));
    }
}
