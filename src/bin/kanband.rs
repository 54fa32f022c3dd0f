//! `kanband`: the daemon, in the foreground.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use kanband::app::{self, Arguments};
use kanband::config::Ambient;
use kanband::exit_codes::DaemonExit;
use kanband::os::processes::inherited;
use kanband::text::log_line;

fn main() -> ExitCode {
    if let Err(error) = inherited::normalize_daemon() {
        complain(&format!("cannot set up the process: {error}"));
        return DaemonExit::Fault.into();
    }
    if let Err(error) = Arguments::try_parse() {
        let is_help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
        // Nobody can be told when even this cannot be written.
        drop(error.print());
        return if is_help { DaemonExit::Ok.into() } else { DaemonExit::Usage.into() };
    }
    std::panic::set_hook(Box::new(tell_panic));
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

/// Prints a panic as one line, and a backtrace if RUST_BACKTRACE is set.
#[expect(clippy::print_stderr, reason = "a panic may be one of the log itself")]
fn tell_panic(panic: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("a thread");
    eprintln!("kanband: {name} {}", log_line::message(&panic.to_string()));
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        eprintln!("{backtrace}");
    }
}

#[expect(
    clippy::print_stderr,
    reason = "the reason for not starting goes to the caller's terminal"
)]
fn complain(message: &str) {
    // A line may contain values of the configuration.
    for line in message.lines() {
        eprintln!("kanband: {}", log_line::message(line));
    }
}
