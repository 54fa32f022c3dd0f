//! `kanban demo`: four stories on real processes.
//!
//! ```text
//!   home (its own) ─▶ private daemon ─▶ news: events and signals ─▶ stories, one after the other ─▶ board, check list
//!     ─▶ daemon ended, what runs under it ended, home removed        … also after Ctrl-C and after any failure
//! ```
//!
//! Home and daemon are values that end what they stand for when they are dropped, the daemon first.

mod check;
mod home;
mod private_daemon;
mod report;
mod stage;
mod stories;

use std::path::PathBuf;

use crate::cli::commands::Ended;
use crate::cli::failure::Failure;
use crate::cli::files::refuse_home_file;
use crate::cli::session::Session;
use crate::exit_codes::CliExit;
use crate::os::processes::own_process::make_files_private;
use home::DemoHome;
use private_daemon::PrivateDaemon;
use report::{Report, ReportedTask};
use stage::{NewsDesk, Stage};

/// Show the whole thing at work: four stories on real processes, in a few seconds.
///
/// A private daemon is started in a temporary home; it never meets one that runs already. Its workers are small shell
/// scripts that do real work and speak only through `kanban`: a feature pipeline with handoffs, a fleet of twelve, a retry
/// after review, a worker that is killed and one whose program does not exist. Exits with 0 only when every task ended
/// where its story says.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban demo
  kanban demo --keep              # and look around afterwards
  kanban demo --home /tmp/demo    # keep the files, end the daemon")]
pub struct Arguments {
    /// Directory to play in, empty or not there yet; it stays
    #[arg(long, value_name = "DIR")]
    home: Option<PathBuf>,
    /// Leave the daemon running, and say how to look around and how to end it
    #[arg(long)]
    keep: bool,
}

/// Runs it.
///
/// # Errors
/// A home that cannot be used, a daemon that does not start, Ctrl-C.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let desk = NewsDesk::open()
        .map_err(|error| Failure::fault(format!("cannot watch signals: {error}")))?;
    if let Some(chosen) = &arguments.home {
        refuse_home_file(chosen, &session.ambient)?;
    }
    make_files_private();
    let home = DemoHome::make(arguments.home.as_deref())?;
    let mut daemon = PrivateDaemon::start(&home)?;
    let played = play(&mut daemon, &home, desk, session);
    let mut report = match played {
        Ok(report) => report,
        Err(failure) => {
            show_log_end(&home, &failure, session);
            return Err(failure);
        }
    };
    let exit = if report.ok { CliExit::Ok } else { CliExit::Refused };
    if arguments.keep {
        report.daemon_pid = Some(daemon.pid());
        tell_how_to_go_on(&report, session)?;
        daemon.let_go();
        home.keep();
    } else {
        daemon.end()?;
        tell_the_end(&report, home.is_removed_at_end(), session)?;
    }
    if session.output.is_json() {
        session.output.json(&report)?;
    }
    Ok(exit)
}

fn play(
    daemon: &mut PrivateDaemon,
    home: &DemoHome,
    desk: NewsDesk,
    session: &mut Session,
) -> Result<Report, Failure> {
    let client = daemon.wait_until_up(|| desk.is_interrupted())?;
    desk.follow(daemon.socket().to_owned())
        .map_err(|error| Failure::fault(format!("cannot follow events: {error}")))?;
    let mut stage = Stage::new(client, desk, &mut session.output);
    stage.tell(&format!(
        "A private kanband (pid {}) in {}",
        daemon.pid(),
        home.path().display()
    ))?;
    let played = stories::play_all(&mut stage, home)?;
    let tasks = stage.all(&played.tasks)?;
    report::show_board(&mut stage, &tasks)?;
    report::show_checks(&mut stage, &played.checks)?;
    Ok(Report {
        home: home.path().display().to_string(),
        daemon_pid: None,
        elapsed_ms: stage.elapsed().as_millis(),
        ok: played.checks.iter().all(|check| check.ok),
        checks: played.checks,
        tasks: tasks.iter().map(ReportedTask::of).collect(),
    })
}

fn tell_the_end(report: &Report, is_home_gone: bool, session: &mut Session) -> Result<(), Failure> {
    if session.output.is_json() {
        return Ok(());
    }
    let told = if report.ok {
        "Every task ended where its story says"
    } else {
        "Not every promise came true"
    };
    let (seconds, tenths) = (report.elapsed_ms / 1000, report.elapsed_ms % 1000 / 100);
    let kept =
        if is_home_gone { String::new() } else { format!("; its files are in {}", report.home) };
    session.output.line("")?;
    session.output.line(format!("{told}, in {seconds}.{tenths}s. The daemon has stopped{kept}."))
}

fn tell_how_to_go_on(report: &Report, session: &mut Session) -> Result<(), Failure> {
    if session.output.is_json() {
        return Ok(());
    }
    let home = &report.home;
    let quoted = format!("'{}'", home.replace('\'', "'\\''"));
    let pid = report.daemon_pid.unwrap_or_default();
    session.output.line("")?;
    session.output.line(format!("The daemon continues as process {pid}. Try:"))?;
    if session.ambient.var("KANBAN_SOCKET").is_some() {
        session.output.line("  unset KANBAN_SOCKET")?;
    }
    session.output.line(format!("  export KANBAN_HOME={quoted}"))?;
    session.output.line("  kanban list")?;
    if let Some(task) = report.tasks.last() {
        session.output.line(format!("  kanban show {}", task.id))?;
        session.output.line(format!("  kanban unblock {}", task.id))?;
    }
    session.output.line("End it, then remove its files:")?;
    session.output.line(format!("  kill {pid}"))?;
    session.output.line(format!("  rm -r {quoted}"))
}

/// What the daemon said last, when the demo failed for another reason than Ctrl-C.
fn show_log_end(home: &DemoHome, failure: &Failure, session: &mut Session) {
    const LINES: usize = 10;
    let Failure::Told { exit: CliExit::Fault | CliExit::NotReachable | CliExit::Timeout, .. } =
        failure
    else {
        return;
    };
    let log = std::fs::read_to_string(home.daemon_log()).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    for line in lines.iter().skip(lines.len().saturating_sub(LINES)) {
        session.output.complain(&format!("kanband: {}", crate::cli::text::one_line(line)));
    }
}
