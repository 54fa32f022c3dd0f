//! Assembly of the daemon: home, lock, database, threads, actors, sockets; and the order of its shutdown.
//!
//! ```text
//!   configuration ─▶ home and lifetime lock ─▶ database (opened, migrated, checked) ─▶ threads ─▶ sockets bound
//!     ─▶ actors: open runs adopted ─▶ requests answered … until a signal ─▶ requests finished ─▶ exit
//! ```
//!
//! Everything that can be refused is refused before the first thread starts, with one line and the right exit code.

mod arguments;
mod detach;
mod home;
mod host;
mod metrics_way_in;
mod parts;
mod skills;
mod start_error;
mod supervisor;
mod upgrade_watch;
mod way_in;
mod web_way_in;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor as _, Arbiter, System};

use jiff::tz::TimeZone;

use crate::actors::apart;
use crate::actors::configuration::{Configuration, PolicyBasis};
use crate::actors::doorkeeper::messages::LookAtDoors;
use crate::actors::live::Live;
use crate::actors::root::RootSupervisor;
use crate::actors::root::messages::{EndProcess, ShutdownRequested};
use crate::actors::settings_checks::check_all;
use crate::actors::worker::WorkerDeps;
use crate::api::server;
use crate::config::{Ambient, Home, Sockets, left_out};
use crate::exit_codes::DaemonExit;
use crate::kernel::board::Board;
use crate::kernel::caller::Caller;
use crate::kernel::error::VerbError;
use crate::kernel::limits::WORKER_PATIENCE_SECONDS;
use crate::kernel::policy::Policy;
use crate::kernel::random::Random;
use crate::kernel::store::{self};
use crate::kernel::verbs::{ClampTimes, PromoteReleased};
use crate::os::home::lock::HomeLock;
use crate::os::host::clock::epoch_ms;
use crate::os::host::random::random_u64;
use crate::os::host::service_manager::{self};
use crate::os::processes::own_process::make_files_private;
use crate::os::processes::signals::{DaemonSignal, watch as watch_signals};
use crate::os::processes::worker_mark::WorkerMark;
use crate::os::run_files::shim_search::shim_of;
use crate::telemetry;
pub use arguments::Arguments;
pub use detach::{Background, Detached, detach};
pub use home::{init, restore};
use parts::{Configured, Parts, build};
pub use start_error::StartError;
pub use supervisor::check_settings;
use way_in::ListenAt;

/// The operating system as the kernel's source of randomness.
struct SystemRandom;

impl Random for SystemRandom {
    fn next(&mut self) -> u64 {
        // Without randomness ids may clash; the store looks for a free one, so a poor word is no harm.
        random_u64().unwrap_or_default()
    }
}

/// Runs the daemon until it is asked to end.
///
/// # Errors
/// [`StartError`] when it does not come to serve.
pub fn run(ambient: Ambient) -> Result<DaemonExit, StartError> {
    let ended = start_and_serve(ambient);
    telemetry::finish();
    ended
}

fn start_and_serve(ambient: Ambient) -> Result<DaemonExit, StartError> {
    // Before anything of another run's is let in: what it is now, nobody changes later.
    let _read_once = WorkerMark::of_process();
    let home = Home::resolve(&ambient)?;
    home::must_be_local(&home)?;
    let (settings, shown) = crate::config::load(&ambient, &home)?;
    telemetry::start(settings.log.level, ambient.var("JOURNAL_STREAM"))
        .map_err(|error| StartError::fault("start the log thread", &error))?;
    for file in left_out(&home) {
        tracing::warn!(file = %file.display(), "skipping a configuration file that this user may not read");
    }
    apart::start_spare().map_err(|error| StartError::fault("start the spare thread", &error))?;
    let sockets = Sockets::of_daemon(&ambient, &home)?;
    let at = [Some(&sockets.operators), Some(&sockets.workers), sockets.courier.as_ref()];
    let handed = service_manager::take_sockets(at.map(|path| path.map(PathBuf::as_path)))?;
    supervisor::must_see_runs(&ambient, &home, &settings)?;
    let holder = supervisor::holder(&home, &settings);
    let daemon_user = supervisor::daemon_user(&ambient, &home, holder.as_ref());
    check_all(&settings, &daemon_user)?;
    make_files_private();
    home::make_directories(&home)?;
    let lock = HomeLock::acquire(home.path()).map_err(StartError::Locked)?;
    home::remove_unfinished(&home);
    home::shut_what_was_made(&home)?;
    let shares = host::share_descriptors()?;
    let workspaces_dir = home::without_links(&home.workspaces());
    let local_zone = TimeZone::system().iana_name().unwrap_or("UTC").to_owned();
    let hooks_dir = home.hooks_d();
    let daemon_env = ambient.env.clone();
    let basis =
        PolicyBasis { workspaces_dir, shares, local_zone, daemon_user, hooks_dir, daemon_env };
    let configuration = Live::new(Configuration::new(settings, &basis));
    let board = open_patiently(&home, configuration.policy())?;
    let listen_at = ListenAt { sockets: &sockets, handed };
    let configured = Configured { ambient, configuration, shown, basis };
    let parts = build(configured, &home, listen_at, board)?;
    let exit = serve(parts, &sockets)?;
    drop(lock);
    Ok(exit)
}

/// Opens the board. A large one takes its time to be checked and migrated; the service manager is to wait for it.
fn open_patiently(home: &Home, policy: Arc<Policy>) -> Result<Board, StartError> {
    service_manager::status("opening the board");
    let more_time = service_manager::more_time();
    let board = home::open_board(home, policy, Box::new(SystemRandom));
    drop(more_time);
    if let Ok(board) = &board {
        tell_foreign_structure(board);
    }
    board
}

/// What an operator has added to the live board is reported and stays. `doctor` reports it too.
fn tell_foreign_structure(board: &Board) {
    match board.read(store::schema::differences) {
        Ok(differences) => {
            for found in differences {
                tracing::warn!(
                    found = found.description,
                    "the database has a structure that is not kanband's"
                );
            }
        }
        Err(fault) => tracing::warn!(%fault, "cannot check the structure of the database"),
    }
}

/// Serves until asked to exit.
fn serve(parts: Parts, sockets: &Sockets) -> Result<DaemonExit, StartError> {
    let Parts { root, api, listeners, doors, database_thread } = parts;
    let reloader = Arc::clone(&api.service.reloader);
    let shutdown = root.wires.shutdown.clone();
    let look_at_doors = root.wires.look_at_doors.clone();
    let signals = watch_signals(move |signal| match signal {
        DaemonSignal::Terminate => {
            shutdown.tell(ShutdownRequested);
        }
        DaemonSignal::Reload => {
            look_at_doors.tell(LookAtDoors);
            // The result is in the log, and the service manager is notified.
            if let Err(error) = reloader.start(drop) {
                tracing::error!(%error, "cannot reload the configuration");
            }
        }
    })
    .map_err(|error| StartError::fault("watch signals", &error))?;
    let containment = api.service.supervision.containment.clone();
    let system = System::new();
    let end_process = root.wires.end_process.clone();
    service_manager::status("taking over the open runs");
    system.block_on(async move {
        if let Err(error) = settle(&root.worker).await {
            tracing::error!(%error, "cannot settle the board at start-up; the dispatcher does the rest");
        }
        RootSupervisor::new(root).start();
    });
    let api_thread = Arbiter::new();
    api_thread.spawn(async move {
        let on_serving = || service_manager::ready("serving");
        let code = match server::serve(api, listeners, on_serving).await {
            Ok(()) => 0,
            Err(error) => {
                tracing::error!(%error, "cannot serve the sockets");
                i32::from(DaemonExit::Fault.code())
            }
        };
        end_process.tell(EndProcess { code });
    });
    tracing::info!(socket = %sockets.operators.display(), "kanband is ready");
    let code = system.run_with_code().unwrap_or(1);
    api_thread.stop();
    drop(signals);
    doors.remove_files();
    containment.get().remove_if_empty();
    if code == 0 {
        join_within(database_thread, Duration::from_millis(500));
    }
    Ok(match code {
        0 => DaemonExit::Ok,
        70 => DaemonExit::Software,
        _ => DaemonExit::Fault,
    })
}

/// Once, before anything is dispatched: times that a clock step has thrown far ahead are shortened, and tasks that
/// were released by hand while the daemon was away are promoted. Control groups of runs that are over are emptied and removed; the
/// open ones are the crash detector's.
async fn settle(deps: &WorkerDeps) -> Result<(), VerbError> {
    use crate::actors::database::Submit;
    let WorkerDeps { database, readers, supervision, doors, .. } = deps;
    let (open, last_event) = readers
        .read(Caller::System { part: "start" }, |snapshot| {
            let open = store::runs::list_open_here(snapshot.connection)?;
            Ok((open, store::events::newest_time(snapshot.connection)?))
        })
        .await?;
    if let Some(last_event) = last_event {
        // The daemon before this one lived at least until then. A worker's calls are repeated for a while; a worker that ended later
        // than that may have had nobody to report to.
        let patience = WORKER_PATIENCE_SECONDS.cast_signed();
        doors.note_absence(last_event.saturating_add(patience).saturating_mul(1000), epoch_ms());
    }
    // One whose supervisor lives, or cannot be searched for, is left to that.
    let is_supervised =
        |run_id| !matches!(shim_of(supervision.paths.run_dir(run_id).path()), Ok(None));
    supervision
        .containment
        .get()
        .sweep(&open.iter().map(|run| run.id).collect::<Vec<_>>(), is_supervised);
    database.submit(Submit::by_system("start", ClampTimes)).await?;
    let caller = Caller::System { part: "start" };
    let ids = readers
        .read(caller, |snapshot| Ok(store::tasks::list_promotable(snapshot.connection)?))
        .await?;
    for verb in PromoteReleased::in_batches(ids) {
        database.submit(Submit::by_system("start", verb)).await?;
    }
    Ok(())
}

/// What was accepted is committed before the process ends; a disk that hangs must not hold up the exit without limit.
fn join_within(thread: std::thread::JoinHandle<()>, patience: Duration) {
    let (ended, wait) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        drop(thread.join());
        let _is_awaited = ended.send(()).is_ok();
    });
    if wait.recv_timeout(patience).is_err() {
        tracing::warn!("the database thread did not stop in time");
    }
}
