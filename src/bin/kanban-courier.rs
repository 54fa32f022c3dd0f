//! `kanban-courier`: sends what the board has to say, and takes answers back. See `kanband::notify`.

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use kanband::config::Ambient;
use kanband::exit_codes::DaemonExit;
use kanband::notify::program::{self, Arguments, ProgramError};
use kanband::os::processes::inherited;
use kanband::text::log_line;

fn main() -> ExitCode {
    if let Err(error) = inherited::normalize_daemon() {
        complain(&format!("cannot set up the process: {error}"));
        return DaemonExit::Fault.into();
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let is_help =
                matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            // Nobody can be notified when even this cannot be written.
            drop(error.print());
            return if is_help { DaemonExit::Ok.into() } else { DaemonExit::Usage.into() };
        }
    };
    let ambient = Ambient::of_process().map_err(ProgramError::from);
    match ambient.and_then(|ambient| program::main(arguments, &ambient)) {
        Ok(()) => DaemonExit::Ok.into(),
        Err(error) => {
            complain(&error.to_string());
            error.exit().into()
        }
    }
}

#[expect(
    clippy::print_stderr,
    reason = "the reason for not starting goes to the caller's terminal"
)]
fn complain(message: &str) {
    eprintln!("kanban-courier: {}", log_line::message(message));
}
