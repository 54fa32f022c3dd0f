//! The demo: four stories on real processes (`make demo`).
//!
//! ```text
//!   home (its own) ─▶ private daemon ─▶ news: events and signals ─▶ stories, one after the other ─▶ board, check list
//!     ─▶ daemon ended, what runs under it ended, home removed        … also after Ctrl-C and after any failure
//! ```
//!
//! Home and daemon are values that end what they stand for when they are dropped, the daemon first.

mod board;
mod check;
mod home;
mod private_daemon;
mod report;
mod stage;
mod stories;

use std::cell::Cell;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser as _;
use kanband::cli::failure::Failure;
use kanband::cli::files::refuse_home_file;
use kanband::cli::output::{Output, Wanted};
use kanband::cli::session::{Session, Surface};
use kanband::config::Ambient;
use kanband::exit_codes::CliExit;
use kanband::os::processes::inherited::normalize_client;
use kanband::os::processes::own_process::make_files_private;

use home::DemoHome;
use private_daemon::PrivateDaemon;
use report::{Report, ReportedTask};
use stage::{NewsDesk, Stage};

/// Show kanband at work: four stories on real processes, in a few seconds.
///
/// A private daemon is started in a temporary home; it never meets one that runs already. Its workers are small shell
/// scripts that do real work and speak only through `kanban`: a feature pipeline with handoffs, a fleet of twelve, a retry
/// after review, a worker that is killed and one whose program does not exist. Exits with 0 only when every task ended
/// where its story says.
#[derive(Debug, clap::Parser)]
#[command(name = "kanban-demo", max_term_width = 100)]
struct Arguments {
    /// Directory to play in, empty or not there yet; it is kept
    #[arg(long, value_name = "DIR")]
    home: Option<PathBuf>,
    /// Leave the daemon running, and print how to look around and how to end it
    #[arg(long)]
    keep: bool,
    /// Play nothing: make a board with tasks in every status, print the link to its page, and wait for Ctrl-C
    #[arg(long, conflicts_with_all = ["keep", "json"])]
    board: bool,
    /// Print the report as JSON, and errors as JSON objects on stderr
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    normalize_client();
    let arguments = Arguments::parse();
    let mut output = Output::of_process(Wanted { is_json: arguments.json, ..Wanted::default() });
    let ambient = match Ambient::of_process() {
        Ok(ambient) => ambient,
        Err(error) => return Failure::from(error).tell(&mut output).into(),
    };
    let has_read_stdin = Cell::new(false);
    let mut session = Session {
        ambient,
        board: None,
        output,
        surface: Surface::Shell,
        has_read_stdin,
        person: None,
    };
    let ended = run(&arguments, &mut session);
    let written = session.output.finish();
    match ended.and_then(|exit| written.map(|()| exit)) {
        Ok(exit) => exit.into(),
        Err(failure) => failure.tell(&mut session.output).into(),
    }
}

/// Plays the stories. Fails with a home that cannot be used, a daemon that does not start, Ctrl-C.
fn run(arguments: &Arguments, session: &mut Session) -> Result<CliExit, Failure> {
    let desk = NewsDesk::open()
        .map_err(|error| Failure::fault(format!("cannot watch signals: {error}")))?;
    if let Some(chosen) = &arguments.home {
        refuse_home_file(chosen, &session.ambient)?;
    }
    make_files_private();
    let home = DemoHome::make(arguments.home.as_deref())?;
    let mut daemon = PrivateDaemon::start(&home)?;
    if arguments.board {
        return board::show(daemon, &home, &desk, session);
    }
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
    let message = if report.ok {
        "Every task ended where its story says"
    } else {
        "Not every promise came true"
    };
    let (seconds, tenths) = (report.elapsed_ms / 1000, report.elapsed_ms % 1000 / 100);
    let kept =
        if is_home_gone { String::new() } else { format!("; its files are in {}", report.home) };
    session.output.line("")?;
    session
        .output
        .line(format!("{message}, in {seconds}.{tenths}s. The daemon has stopped{kept}."))?;
    session.output.line("To look at a board in a browser: make demo-board")
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
        session.output.complain(&format!("kanband: {}", kanband::cli::text::one_line(line)));
    }
}
