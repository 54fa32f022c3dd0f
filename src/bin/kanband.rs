//! `kanband`: the daemon, in the foreground, or with `-d` in the background.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::Write as _;
use std::panic::PanicHookInfo;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use kanband::app::{self, Arguments, Background, Detached};
use kanband::config::Ambient;
use kanband::exit_codes::DaemonExit;
use kanband::os::processes::{inherited, own_process};
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
            // Nobody can be told when even this cannot be written.
            drop(error.print());
            return if is_help { DaemonExit::Ok.into() } else { DaemonExit::Usage.into() };
        }
    };
    if arguments.detach {
        return detach();
    }
    if arguments.own_session
        && let Err(error) = own_process::lead_own_session()
    {
        complain(&format!("cannot make a session of its own: {error}"));
        return DaemonExit::Fault.into();
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

/// Starts the daemon in the background, and says where it is.
fn detach() -> ExitCode {
    let started = Ambient::of_process()
        .map_err(app::StartError::from)
        .and_then(|ambient| app::detach(&ambient));
    match started {
        Ok(Detached::Serving(background)) => {
            say(&background);
            DaemonExit::Ok.into()
        }
        Ok(Detached::Ended { code, log_end }) => {
            complain("the daemon has ended before it served the board; it logged:");
            complain(&log_end);
            code.filter(|code| *code != 0).map_or_else(|| DaemonExit::Fault.into(), ExitCode::from)
        }
        Err(error) => {
            complain(&error.to_string());
            error.exit().into()
        }
    }
}

fn say(Background { pid, home, log, stop }: &Background) {
    let pid = pid.map_or_else(String::new, |pid| format!(" (pid {pid})"));
    let text = |path: &Path| log_line::message(&path.display().to_string());
    // The daemon runs, also where nobody reads this.
    drop(writeln!(
        std::io::stdout(),
        "kanband runs in the background{pid} and serves {}\n  log:  {}\n  stop: {stop}",
        text(home),
        text(log)
    ));
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
