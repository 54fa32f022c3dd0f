//! Random words of one start.

use std::io;

use crate::os::host::random::{random_hex, random_uuid};

/// The words; each is drawn for one start.
pub struct StartWords {
    /// See [`crate::os::run_files::directory::RunSpec::nonce`].
    pub nonce: String,
    /// The run's token.
    pub token: String,
    /// Id for a new session of the agent.
    pub session: String,
}

impl StartWords {
    /// New ones.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub(super) fn draw() -> io::Result<Self> {
        Ok(Self { nonce: random_hex(16)?, token: random_hex(32)?, session: random_uuid()? })
    }
}
