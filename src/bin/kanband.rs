//! `kanband`: the daemon, in the foreground.

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use kanband::app::{self, Arguments};
use kanband::config::Ambient;
use kanband::exit_codes::DaemonExit;
use kanband::os::inherited;

fn main() -> ExitCode {
    if let Err(error) = inherited::normalize_daemon() {
        complain(&format!("cannot set up its own process: {error}"));
        return DaemonExit::Fault.into();
    }
    if let Err(error) = Arguments::try_parse() {
        let is_help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
        // Nobody can be told when even this cannot be written.
        drop(error.print());
        return if is_help { DaemonExit::Ok.into() } else { DaemonExit::Usage.into() };
    }
    let ambient = Ambient::of_process().map_err(app::StartError::from);
    // Every path is known by now, and absolute.
    let started = ambient.and_then(|ambient| {
        inherited::leave_directory().map_err(app::StartError::NoRoot)?;
        app::run(ambient)
    });
    match started {
        Ok(exit) => exit.into(),
        Err(error) => {
            complain(&error.to_string());
            error.exit().into()
        }
    }
}

#[expect(clippy::print_stderr, reason = "the reason for not starting goes to whoever started it")]
fn complain(message: &str) {
    for line in message.lines() {
        eprintln!("kanband: {line}");
    }
}
