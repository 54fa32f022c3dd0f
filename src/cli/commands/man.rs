//! `kanban man`: writes the manual pages, for packagers. Not for people, and no part of the help.

use std::path::PathBuf;

use crate::cli::commands::Ended;
use crate::cli::files::{NewFile, Overwrite};
use crate::cli::manual;
use crate::cli::session::Session;
use crate::exit_codes::CliExit;

/// Write all manual pages to a directory.
///
/// The pages are generated from the command line and the table of configuration keys; no daemon is needed.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Existing output directory
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

/// Runs it.
///
/// # Errors
/// A page cannot be written.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    for page in manual::pages() {
        let path = arguments.directory.join(&page.file_name);
        let mut file = NewFile::create(&path, Overwrite::Allow, &session.ambient)?;
        file.let_all_read()?;
        file.write(page.text.as_bytes())?;
        file.finish()?;
        session.output.line(path.display().to_string())?;
    }
    Ok(CliExit::Ok)
}
