//! The board on the web: where it is, who is logged in, and the links by which people log in.

pub mod book;
pub mod door;
pub mod error;
pub mod links;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::kernel::ids::EpochSeconds;
use crate::os::files::{may_connect, replace_private};
use crate::os::host::clock::epoch_seconds;
use crate::os::host::random::random_hex;
use crate::os::processes::user::Account;
use crate::service::ServiceError;
use crate::service::web::book::{Book, Digest, Link, Opened, Session, Visitor};
use crate::service::web::door::WebDoor;
use crate::service::web::error::WebError;

/// Bytes of randomness in a token.
const TOKEN_BYTES: usize = 32;

/// Seconds after which it is looked again whether a user may still open the operators' socket.
pub const LOOK_AGAIN_SECONDS: i64 = 5 * 60;

/// The state of the board on the web.
pub struct WebAccess {
    /// Where it is.
    pub door: WebDoor,
    book: Mutex<Book>,
    /// Where sessions are kept over a restart.
    file: PathBuf,
    /// One writer of that file at a time; the newest state is what is written.
    saving: tokio::sync::Mutex<()>,
    /// Who may open it may have a session.
    socket: PathBuf,
}

/// Whether a user may have a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Allowed,
    Refused,
    Unknown,
}

impl WebAccess {
    /// With the sessions that an earlier daemon has kept in `file`.
    pub fn load(door: WebDoor, file: PathBuf, socket: PathBuf) -> Self {
        let book = match std::fs::read(&file) {
            Ok(bytes) => Book::from_bytes(&bytes, epoch_seconds()).unwrap_or_else(|error| {
                tracing::warn!(file = %file.display(), %error, "cannot read the sessions of the web; everybody has to log in again");
                Book::default()
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Book::default(),
            Err(error) => {
                tracing::warn!(file = %file.display(), %error, "cannot read the sessions of the web; everybody has to log in again");
                Book::default()
            }
        };
        let (book, saving) = (Mutex::new(book), tokio::sync::Mutex::new(()));
        Self { door, book, file, saving, socket }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new link for a user; returns its token.
    ///
    /// # Errors
    /// The kernel has no randomness to give.
    pub fn make_link(&self, uid: Option<u32>, name: String) -> Result<NewLink, ServiceError> {
        let token = random_hex(TOKEN_BYTES).map_err(|error| no_randomness(&error))?;
        let now = epoch_seconds();
        let link = Link::new(Digest::of(&token), uid, name, now);
        let expires_at = link.expires_at;
        self.book().add_link(link, now);
        Ok(NewLink { token, expires_at })
    }

    /// Logs a visitor in by the token of a link; returns the token of its session. None: the link is none of this visitor's, was used,
    /// or is too old.
    ///
    /// # Errors
    /// The session cannot be kept.
    pub async fn log_in(
        &self,
        token: &str,
        visitor: Visitor,
        port: u16,
    ) -> Result<Option<String>, ServiceError> {
        let now = epoch_seconds();
        let Some(link) = self.book().take_link(&Digest::of(token), visitor, now) else {
            return Ok(None);
        };
        if self.standing(link.uid).await != Standing::Allowed {
            return Ok(None);
        }
        let word = |bytes| random_hex(bytes).map_err(|error| no_randomness(&error));
        let (token, id) = (word(TOKEN_BYTES)?, word(4)?);
        let session = Session::begin(id, Digest::of(&token), link, (visitor, port), now);
        self.book().add_session(session, now);
        self.save().await?;
        Ok(Some(token))
    }

    /// The session of a visitor with this token; none when there is none, or when it has just ended.
    ///
    /// # Errors
    /// Whether its user may still have one cannot be found out now.
    pub async fn session(
        &self,
        token: &str,
        visitor: Visitor,
        port: u16,
    ) -> Result<Option<Opened>, ServiceError> {
        let now = epoch_seconds();
        let Some(opened) = self.book().find(&Digest::of(token), visitor, port, now) else {
            return Ok(None);
        };
        let is_stale = opened.looked_at.is_none_or(|at| now - at >= LOOK_AGAIN_SECONDS);
        if is_stale && !self.look_again(&opened).await? {
            return Ok(None);
        }
        Ok(Some(opened))
    }

    /// Whether the user of a session may still have it; ends the session when not.
    ///
    /// # Errors
    /// It cannot be found out now. Nothing has changed then.
    pub async fn look_again(&self, opened: &Opened) -> Result<bool, ServiceError> {
        match self.standing(opened.uid).await {
            Standing::Allowed => {
                self.book().looked(&opened.id, epoch_seconds());
                Ok(true)
            }
            Standing::Refused => {
                self.revoke(&opened.id).await?;
                Ok(false)
            }
            Standing::Unknown => Err(WebError::Undecided { name: opened.name.clone() }.into()),
        }
    }

    /// Whether a user has a session, or a link that waits.
    pub fn expects(&self, uid: u32) -> bool {
        self.book().expects(uid, epoch_seconds())
    }

    /// All sessions that have not ended.
    pub fn sessions(&self) -> Vec<Session> {
        self.book().sessions(epoch_seconds())
    }

    /// Ends the session of this id, or all; returns how many there were. Links that wait go with all.
    ///
    /// # Errors
    /// The file cannot be written; the sessions have ended all the same, until a restart.
    pub async fn revoke(&self, which: &str) -> Result<usize, ServiceError> {
        let count = self.book().revoke(which);
        if count > 0 {
            self.save().await?;
        }
        Ok(count)
    }

    /// Who has no user of this machine was named by an operator, for the proxy.
    async fn standing(&self, uid: Option<u32>) -> Standing {
        let Some(uid) = uid else { return Standing::Allowed };
        let socket = self.socket.clone();
        // The user data base may be a network's.
        let looked = tokio::task::spawn_blocking(move || standing_of(&socket, uid)).await;
        looked.unwrap_or(Standing::Unknown)
    }

    async fn save(&self) -> Result<(), ServiceError> {
        let _turn = self.saving.lock().await;
        let (bytes, file) = (self.book().to_bytes(), self.file.clone());
        let written = tokio::task::spawn_blocking(move || replace_private(&file, &bytes)).await;
        let written = written.unwrap_or_else(|panicked| Err(std::io::Error::other(panicked)));
        let unsaved = |error: std::io::Error| WebError::Unsaved {
            file: self.file.clone(),
            detail: error.to_string(),
        };
        Ok(written.map_err(unsaved)?)
    }
}

/// A link that was made.
pub struct NewLink {
    /// What it carries.
    pub token: String,
    /// Until when it can be used.
    pub expires_at: EpochSeconds,
}

/// Ends when a session does: with its time, by a word of an operator, or because its user may no longer have one.
pub async fn session_over(access: &WebAccess, opened: Opened) {
    let mut over: watch::Receiver<()> = opened.over.clone();
    loop {
        let left = u64::try_from(opened.expires_at - epoch_seconds()).unwrap_or_default();
        let pause = std::time::Duration::from_secs(left.min(LOOK_AGAIN_SECONDS.unsigned_abs()));
        tokio::select! {
            // Nobody ever sends: it closes when the session goes.
            _ = over.changed() => return,
            () = tokio::time::sleep(pause) => {}
        }
        if opened.expires_at <= epoch_seconds() {
            return;
        }
        // What cannot be found out now ends nothing.
        if matches!(access.look_again(&opened).await, Ok(false)) {
            return;
        }
    }
}

fn standing_of(socket: &Path, uid: u32) -> Standing {
    let groups = match Account::with_uid(uid) {
        Ok(account) => {
            account.map(|it| [it.run_as.groups, vec![it.run_as.gid]].concat()).unwrap_or_default()
        }
        Err(_) => return Standing::Unknown,
    };
    match may_connect(socket, uid, &groups) {
        Ok(true) => Standing::Allowed,
        Ok(false) => Standing::Refused,
        Err(_) => Standing::Unknown,
    }
}

fn no_randomness(error: &std::io::Error) -> ServiceError {
    WebError::NoRandomness { detail: error.to_string() }.into()
}
