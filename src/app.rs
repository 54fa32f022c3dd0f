//! The daemon put together: home, lock, database, threads, actors, sockets; and the order in which it ends.
//!
//! ```text
//!   configuration ─▶ home and lifetime lock ─▶ database (opened, migrated, checked) ─▶ threads ─▶ sockets bound
//!     ─▶ actors: open runs adopted ─▶ requests answered … until a signal ─▶ requests finished ─▶ exit
//! ```
//!
//! Everything that can be refused is refused before the first thread starts, with one line and the right exit code.

mod arguments;
mod home;
mod host;
mod skills;
mod supervisor;
mod way_in;

use std::io;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use actix::{Actor as _, Arbiter, System};
use thiserror::Error;
use tokio::sync::watch;

use crate::actors::database::Database;
use crate::actors::doorkeeper::messages::LookAtDoors;
use crate::actors::event_hub::EventFeed;
use crate::actors::figures::Figures;
use crate::actors::indexer;
use crate::actors::live_runs::LiveRuns;
use crate::actors::places::Looker;
use crate::actors::reader_pool::ReaderPool;
use crate::actors::readers::{READER_COUNT, Readers};
use crate::actors::reloader::Reloader;
use crate::actors::root::messages::{ActorDown, EndProcess, ShutdownRequested};
use crate::actors::root::policy::ActorKind;
use crate::actors::root::{Life, RootDeps, RootSupervisor, Wires};
use crate::actors::settings_policy::{of_settings, within};
use crate::actors::token_holders::TokenHolders;
use crate::actors::wire::Wire;
use crate::actors::worker::WorkerDeps;
use crate::actors::worker::prepare::LaunchContext;
use crate::api::gate::Gate;
use crate::api::metrics::{self, RequestFigures};
use crate::api::sockets::BoundSockets;
use crate::api::{Api, server};
use crate::config::shown::Shown;
use crate::config::worker_user::has_workers_of_others;
use crate::config::{Ambient, ConfigProblems, Home, HomeError, Settings, Sockets, left_out};
use crate::exit_codes::DaemonExit;
use crate::kernel::board::Board;
use crate::kernel::caller::Caller;
use crate::kernel::context::LocalTime;
use crate::kernel::error::VerbError;
use crate::kernel::limits::WORKER_PATIENCE_SECONDS;
use crate::kernel::policy::Policy;
use crate::kernel::random::Random;
use crate::kernel::shares::Shares;
use crate::kernel::store::{self, OpenError};
use crate::kernel::verbs::{ClampTimes, PromoteReleased};
use crate::mcp::guidance::GUIDANCE;
use crate::os::board_files::{BoardFiles, BoardLoss};
use crate::os::clock::{epoch_ms, epoch_seconds};
use crate::os::descriptors;
use crate::os::disk::DiskReserve;
use crate::os::home_lock::{HomeLock, HomeLockError};
use crate::os::own_process::make_files_private;
use crate::os::random::random_u64;
use crate::os::service_manager::{self, HandedError};
use crate::os::shim_search::shim_of;
use crate::os::signals::{DaemonSignal, watch as watch_signals};
use crate::os::socket_file::SocketError;
use crate::telemetry;
pub use arguments::Arguments;
pub use home::{InitReport, InitializedHome, RestoredHome, init, restore};
use way_in::{Listeners, doorkeeper};

/// Why the daemon does not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// Where things are cannot be told.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The configuration is wrong.
    #[error("{0}")]
    Config(#[from] ConfigProblems),
    /// The home cannot be made or used.
    #[error("the home {} cannot be used: {source}", path.display())]
    HomeUnusable {
        /// The directory or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The home is on a file system on which a database would be damaged sooner or later.
    #[error("the home {} is on {file_system}, and the database needs a local disk; KANBAN_HOME names another directory", path.display())]
    HomeNotLocal {
        /// The home.
        path: PathBuf,
        /// What it is on.
        file_system: &'static str,
    },
    /// Another daemon has the home, or it cannot be told.
    #[error("{}", of_lock(.0))]
    Locked(HomeLockError),
    /// The home is known and its database is gone.
    #[error("{} is missing although this home was used before; it is not made anew: restore it, or remove {} to begin with an empty board", database.display(), install_id.display())]
    DatabaseMissing {
        /// The database.
        database: PathBuf,
        /// What says that the home was used.
        install_id: PathBuf,
    },
    /// The database is refused.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// The board's files changed hands while they were opened.
    #[error(transparent)]
    BoardLost(BoardLoss),
    /// A backup is refused.
    #[error("the backup {}", .0.problem())]
    BadBackup(OpenError),
    /// A restore would replace the board under runs that are under way.
    #[error("run {} is still under way; a restore would lose it", run)]
    LiveRuns {
        /// One of them.
        run: String,
    },
    /// It is not known whether a restore would replace the board under a run.
    #[error("it is not known what became of run {run}: {why}; a restore could lose it")]
    UnknownRun {
        /// The run.
        run: String,
        /// Why it is not known.
        why: String,
    },
    /// The sockets cannot be made.
    #[error(transparent)]
    Sockets(#[from] SocketError),
    /// The service manager's sockets are not those that are served.
    #[error(transparent)]
    Handed(#[from] HandedError),
    /// The shim is not there.
    #[error("the shim {} cannot be opened: {source}", path.display())]
    Shim {
        /// Where it was looked for.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The root directory cannot be entered.
    #[error("cannot enter the directory /: {0}")]
    NoRoot(io::Error),
    /// `/proc` does not show what the daemon has to see.
    #[error("{0}")]
    ProcHidden(String),
    /// Something else.
    #[error("the daemon could not {doing}: {detail}")]
    Fault {
        /// What it tried.
        doing: &'static str,
        /// Why not.
        detail: String,
    },
}

/// Whose the home is, with what can be done about it.
fn of_lock(error: &HomeLockError) -> String {
    match error {
        HomeLockError::Held { path, owner_pid } => {
            let home = path.parent().unwrap_or(path).display();
            let pid = owner_pid.map_or_else(String::new, |pid| format!(" (pid {pid})"));
            format!(
                "another daemon{pid} serves the home {home}: `kanban status` asks it, and KANBAN_HOME names another home"
            )
        }
        HomeLockError::Unusable { .. } => error.to_string(),
    }
}

impl StartError {
    /// The exit code that tells of it.
    pub fn exit(&self) -> DaemonExit {
        match self {
            Self::Home(_)
            | Self::Config(_)
            | Self::HomeUnusable { .. }
            | Self::HomeNotLocal { .. }
            | Self::DatabaseMissing { .. }
            | Self::BadBackup(_)
            | Self::LiveRuns { .. }
            | Self::UnknownRun { .. }
            | Self::BoardLost(_)
            | Self::Handed(_)
            | Self::ProcHidden(_)
            | Self::Database(_) => DaemonExit::Config,
            Self::Locked(HomeLockError::Held { .. }) | Self::Sockets(SocketError::InUse { .. }) => {
                DaemonExit::Owned
            }
            Self::Locked(_) => DaemonExit::Config,
            Self::Sockets(_) | Self::Shim { .. } | Self::NoRoot(_) | Self::Fault { .. } => {
                DaemonExit::Fault
            }
        }
    }

    fn fault(doing: &'static str, error: &dyn std::error::Error) -> Self {
        Self::Fault { doing, detail: error.to_string() }
    }
}

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
    let home = Home::resolve(&ambient)?;
    home::must_be_local(&home)?;
    let (settings, shown) = crate::config::load_shown(&ambient, &home)?;
    telemetry::start(settings.log.level, ambient.var("JOURNAL_STREAM"))
        .map_err(|error| StartError::fault("start the log thread", &error))?;
    for file in left_out(&home) {
        tracing::warn!(file = %file.display(), "not for this user: it is left out of the configuration");
    }
    let sockets = Sockets::of_daemon(&ambient, &home)?;
    let handed = service_manager::take_sockets(&sockets.operators, &sockets.workers)?;
    supervisor::must_see_runs(&ambient, &home, &settings)?;
    make_files_private();
    home::make_directories(&home)?;
    let lock = HomeLock::acquire(home.path()).map_err(StartError::Locked)?;
    home::remove_unfinished(&home);
    home::shut_what_was_made(&home)?;
    let shares = host::share_descriptors()?;
    let policy = Policy {
        workspaces_dir: home::without_links(&home.workspaces()),
        ..of_settings(&settings)
    };
    let policy = Arc::new(within(policy, shares));
    let board = open_patiently(&home, Arc::clone(&policy))?;
    let listeners = Listeners { sockets: &sockets, handed };
    let configured = Configured { ambient, settings, shown, policy, shares };
    let parts = build(configured, &home, listeners, board)?;
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
                    found = found.told,
                    "the board has a structure that is not kanband's"
                );
            }
        }
        Err(fault) => tracing::warn!(%fault, "the structure of the board cannot be compared"),
    }
}

/// What the operator said.
struct Configured {
    ambient: Ambient,
    settings: Settings,
    shown: Shown,
    policy: Arc<Policy>,
    shares: Shares,
}

/// What is there before the first actor.
struct Parts {
    root: RootDeps,
    api: Arc<Api>,
    bound: BoundSockets,
    metrics: Option<TcpListener>,
    database_thread: std::thread::JoinHandle<()>,
}

/// Starts the threads and binds the sockets.
fn build(
    configured: Configured,
    home: &Home,
    listeners: Listeners<'_>,
    board: Board,
) -> Result<Parts, StartError> {
    let Configured { ambient, settings, shown, policy, shares } = configured;
    let install = board.install().map_err(|fault| StartError::fault("read its id", &fault))?;
    let wires = Wires::default();
    let files = Arc::new(BoardFiles::learn(&home.database()).map_err(StartError::BoardLost)?);
    let (database, database_thread) = start_database(board, &files, home, &settings, &wires)?;
    let feed = EventFeed::default();
    let (pool, readers) = start_reading(home, files, &install.incarnation, &feed)?;
    let live_runs = LiveRuns::default();
    let holder = supervisor::holder(home, &settings);
    let containment = supervisor::establish_containment(home, &settings, holder.as_ref());
    let shims = &live_runs.shims;
    let spawner = supervisor::spawner(home, &settings, holder.clone(), &containment, shims)?;
    let daemon_user = supervisor::daemon_user(&ambient, home, holder.as_ref());
    let has_workers_of_others = has_workers_of_others(&daemon_user, &settings);
    let skill_folders = open_skills(home, has_workers_of_others)?;
    let Sockets { operators: socket, workers: worker_socket } = listeners.sockets.clone();
    let (bound, metrics) = listeners.listen(home, &settings, has_workers_of_others)?;
    let context = Arc::new(LaunchContext {
        settings: RwLock::new(Arc::new(settings)),
        policy: RwLock::new(policy),
        home: home.path().to_owned(),
        runs_dir: home.runs(),
        logs_dir: home.logs(),
        workspaces_dir: home.workspaces(),
        daemon_env: ambient.env.clone(),
        worker_socket,
        kanban_dir: home::program_dir(),
        skill_folders,
        guidance: GUIDANCE,
        incarnation: RwLock::new(install.incarnation),
        containment,
        holder,
        daemon_user,
    });
    let token_holders = TokenHolders::default();
    token_holders.learn(&context.daemon_user, &context.settings());
    let attachments = home::open_attachments(home)?;
    let given = Given { ambient, shown, shares, token_holders: token_holders.clone() };
    let reloader = reloader(given, home, &context, &database, &wires);
    let figures = Arc::<Figures>::default();
    let looker = Looker::new(&context, &spawner, &live_runs.shims);
    let (life_sender, life) = watch::channel(Life::Starting);
    let api = Arc::new(Api {
        database: database.clone(),
        readers: readers.clone(),
        pool,
        feed: feed.clone(),
        dispatch_now: wires.dispatch_now.clone(),
        spawner: spawner.clone(),
        live_runs: live_runs.clone(),
        looker: looker.clone(),
        context: Arc::clone(&context),
        attachments,
        gate: Gate::new(shares.connections),
        token_holders,
        descriptors: descriptors::soft_limit(),
        life,
        home: home.path().to_owned(),
        socket,
        doors: bound.doors.clone(),
        started_at: epoch_seconds(),
        reloader,
        figures: Arc::clone(&figures),
        requests: RequestFigures::default(),
    });
    let finished = wires.worker_finished.clone();
    let doorkeeper = doorkeeper(&bound.doors, home, &context, &life_sender);
    let doors = bound.doors.clone();
    let worker = WorkerDeps {
        database,
        readers,
        spawner,
        live_runs,
        looker,
        context,
        finished,
        figures,
        doors,
    };
    let root = RootDeps { wires, feed, worker, doorkeeper, life: life_sender };
    Ok(Parts { root, api, bound, metrics, database_thread })
}

/// The folders of skills, made before workers of other users are let through to them.
fn open_skills(home: &Home, has_workers_of_others: bool) -> Result<Vec<PathBuf>, StartError> {
    let folders = skills::folders(home);
    if has_workers_of_others {
        home::let_workers_through(home)?;
    }
    Ok(folders)
}

/// What a reload compares the new configuration with, and what it changes.
struct Given {
    ambient: Ambient,
    shown: Shown,
    shares: Shares,
    token_holders: TokenHolders,
}

/// Takes a new configuration while the daemon runs.
fn reloader(
    given: Given,
    home: &Home,
    context: &Arc<LaunchContext>,
    database: &Database,
    wires: &Wires,
) -> Arc<Reloader> {
    let Given { ambient, shown, shares, token_holders } = given;
    Arc::new(Reloader {
        ambient,
        home: home.clone(),
        context: Arc::clone(context),
        database: database.clone(),
        dispatcher: wires.settings_to_dispatcher.clone(),
        crash_detector: wires.settings_to_crash_detector.clone(),
        shares,
        token_holders,
        shown: Mutex::new(shown),
    })
}

/// Starts the thread that writes.
fn start_database(
    board: Board,
    files: &Arc<BoardFiles>,
    home: &Home,
    settings: &Settings,
    wires: &Wires,
) -> Result<(Database, std::thread::JoinHandle<()>), StartError> {
    let on_end = on_database_end(wires.actor_down.clone());
    let reserve = DiskReserve::take(home.reserve(), settings.disk.reserve_bytes);
    Database::start(board, Arc::clone(files), reserve, wires.committed.clone(), on_end)
        .map_err(|error| StartError::fault("start the database thread", &error))
}

/// Starts the threads that read, the one that indexes among them.
fn start_reading(
    home: &Home,
    files: Arc<BoardFiles>,
    incarnation: &str,
    feed: &EventFeed,
) -> Result<(ReaderPool, Readers), StartError> {
    // Before the readers, which attach the index.
    indexer::prepare(&home.database(), incarnation)
        .map_err(|fault| StartError::fault("open the search index", &fault))?;
    // Two connections more than reading threads: the indexer's, and one for a backup.
    let pool = ReaderPool::open(&home.database(), files, READER_COUNT + 2)
        .map_err(|fault| StartError::fault("open the reading connections", &fault))?;
    let local_time = LocalTime::new(jiff::tz::TimeZone::system());
    let readers = Readers::start(&pool, local_time)
        .map_err(|error| StartError::fault("start the reading threads", &error))?;
    indexer::start(&home.database(), pool.clone(), feed)
        .map_err(|error| StartError::fault("start the indexing thread", &error))?;
    Ok((pool, readers))
}

/// What is done when the database thread ends: its panic is told to the root.
fn on_database_end(down: Wire<ActorDown>) -> impl FnOnce(bool) + Send + 'static {
    move |panicked| {
        if panicked {
            down.tell(ActorDown { kind: ActorKind::Database, panicked });
        }
    }
}

/// Serves until somebody asks for the end.
fn serve(parts: Parts, sockets: &Sockets) -> Result<DaemonExit, StartError> {
    let Parts { root, api, bound, metrics, database_thread } = parts;
    let reloader = Arc::clone(&api.reloader);
    let shutdown = root.wires.shutdown.clone();
    let look_at_doors = root.wires.look_at_doors.clone();
    let signals = watch_signals(move |signal| match signal {
        DaemonSignal::Terminate => {
            shutdown.tell(ShutdownRequested);
        }
        DaemonSignal::Reload => {
            look_at_doors.tell(LookAtDoors);
            // What comes of it is in the log, and the service manager is told.
            if let Err(error) = reloader.start(drop) {
                tracing::error!(%error, "the configuration cannot be read again");
            }
        }
    })
    .map_err(|error| StartError::fault("watch signals", &error))?;
    let context = Arc::clone(&api.context);
    let system = System::new();
    let end_process = root.wires.end_process.clone();
    service_manager::status("taking over the open runs");
    system.block_on(async move {
        if let Err(error) = settle(&root.worker).await {
            tracing::error!(%error, "the board could not be settled; the dispatcher will do what is left");
        }
        RootSupervisor::new(root).start();
    });
    let api_thread = Arbiter::new();
    let doors = bound.doors;
    if let Some(listener) = metrics {
        api_thread.spawn(metrics::tcp::serve(Arc::clone(&api), listener));
    }
    api_thread.spawn(async move {
        let on_serving = || service_manager::ready("serving");
        let code = match server::serve(api, bound.operators, bound.workers, on_serving).await {
            Ok(()) => 0,
            Err(error) => {
                tracing::error!(%error, "the sockets cannot be served");
                i32::from(DaemonExit::Fault.code())
            }
        };
        end_process.tell(EndProcess { code });
    });
    tracing::info!(socket = %sockets.operators.display(), "kanband is up");
    let code = system.run_with_code().unwrap_or(1);
    api_thread.stop();
    drop(signals);
    doors.remove_files();
    context.containment().remove_if_empty();
    if code == 0 {
        join_within(database_thread, Duration::from_millis(500));
    }
    Ok(match code {
        0 => DaemonExit::Ok,
        70 => DaemonExit::Software,
        _ => DaemonExit::Fault,
    })
}

/// Once, before anything is dispatched: times that a clock step has thrown far ahead are shortened, and tasks that somebody
/// released by hand while the daemon was away are promoted. Control groups of runs that are over are emptied and removed; the
/// open ones are the crash detector's.
async fn settle(deps: &WorkerDeps) -> Result<(), VerbError> {
    use crate::actors::database::Submit;
    let WorkerDeps { database, readers, context, doors, .. } = deps;
    let (open, last_event) = readers
        .read(Caller::System { part: "start" }, |snapshot| {
            let open = store::runs::list_open_supervised(snapshot.connection)?;
            Ok((open, store::events::newest_time(snapshot.connection)?))
        })
        .await?;
    if let Some(last_event) = last_event {
        // The daemon before this one lived at least until then. A worker's calls are repeated for a while; whoever ended later
        // than that may have had nobody to report to.
        let patience = WORKER_PATIENCE_SECONDS.cast_signed();
        doors.note_absence(last_event.saturating_add(patience).saturating_mul(1000), epoch_ms());
    }
    // One whose supervisor lives, or cannot be searched for, is left to that.
    let is_supervised = |run_id| !matches!(shim_of(context.run_dir(run_id).path()), Ok(None));
    context.containment().sweep(&open.iter().map(|run| run.id).collect::<Vec<_>>(), is_supervised);
    database.submit(Submit::by_system("start", ClampTimes)).await?;
    let caller = Caller::System { part: "start" };
    let ids = readers
        .read(caller, |snapshot| Ok(store::tasks::list_promotable(snapshot.connection)?))
        .await?;
    if !ids.is_empty() {
        database.submit(Submit::by_system("start", PromoteReleased { ids })).await?;
    }
    Ok(())
}

/// What was accepted is committed before the process ends; a disk that hangs must not hold the end up for ever.
fn join_within(thread: std::thread::JoinHandle<()>, patience: Duration) {
    let (ended, wait) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        drop(thread.join());
        let _is_awaited = ended.send(()).is_ok();
    });
    if wait.recv_timeout(patience).is_err() {
        tracing::warn!("the database thread did not end in time");
    }
}
