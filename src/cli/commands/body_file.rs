//! `--body-file`: a text that is in a file.

use std::path::PathBuf;

use crate::cli::failure::Failure;
use crate::cli::session::Session;

/// The file of a body.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct BodyFile {
    /// Read the text from this file, UTF-8; `-` reads stdin
    #[arg(long, value_name = "FILE", conflicts_with = "body")]
    body_file: Option<PathBuf>,
}

impl BodyFile {
    /// Whether there is one.
    pub(super) fn is_given(&self) -> bool {
        self.body_file.is_some()
    }

    /// What it holds, line ends included; none when there is no file.
    ///
    /// # Errors
    /// It cannot be read, is no text or is too long.
    pub(super) fn read(&self, session: &Session) -> Result<Option<String>, Failure> {
        let file = self.body_file.as_deref();
        file.map(|file| session.text_of_file("--body-file", file)).transpose()
    }
}
