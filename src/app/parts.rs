//! The parts of the daemon before the first actor: threads, sockets, and what they know of each other.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use super::StartError;
use super::supervisor::RunStarter;
use super::way_in::{ListenAt, WaysIn, doorkeeper};
use super::{home, skills, supervisor};
use crate::actors::circuit_breaker::CircuitBreakerDeps;
use crate::actors::commands::Programs;
use crate::actors::configuration::{Configuration, PolicyBasis};
use crate::actors::crash_detector::CrashDetectorDeps;
use crate::actors::database::Database;
use crate::actors::disk::Disk;
use crate::actors::dispatcher::DispatcherDeps;
use crate::actors::doorkeeper::DoorkeeperDeps;
use crate::actors::doors::Doors;
use crate::actors::event_hub::EventFeed;
use crate::actors::file_check;
use crate::actors::indexer;
use crate::actors::live::Live;
use crate::actors::live_runs::LiveRuns;
use crate::actors::notifier::NotifierDeps;
use crate::actors::outbox_bell::OutboxBell;
use crate::actors::path_looks::Looker;
use crate::actors::paths::Paths;
use crate::actors::profile_looks::ProfileLooker;
use crate::actors::reader_pool::ReaderPool;
use crate::actors::readers::{READER_COUNT, Readers};
use crate::actors::reloader::Reloader;
use crate::actors::root::messages::{ActorDown, WorkerFinished};
use crate::actors::root::policy::ActorKind;
use crate::actors::root::{Life, RootDeps, Wires};
use crate::actors::start_inputs::StartInputs;
use crate::actors::supervision::RunSupervision;
use crate::actors::timer::TimerDeps;
use crate::actors::token_holders::TokenHolders;
use crate::actors::wire::Wire;
use crate::actors::worker::WorkerDeps;
use crate::actors::workspace_commands::WorkspaceCommands;
use crate::api::Api;
use crate::api::listeners::Listeners;
use crate::api::operations::OPERATIONS;
use crate::api::usage::Usage;
use crate::config::shown::Shown;
use crate::config::worker_user::DaemonUser;
use crate::config::worker_user::has_workers_of_others;
use crate::config::{Ambient, Home, Sockets};
use crate::kernel::board::Board;
use crate::kernel::context::LocalTime;
use crate::kernel::store::Checked;
use crate::mcp::guidance::{GUIDANCE, REVIEW_GUIDANCE};
use crate::os::home::board_files::BoardFiles;
use crate::os::home::lock::COURIER_LOCK;
use crate::os::host::clock::epoch_seconds;
use crate::os::host::descriptors;
use crate::os::host::disk::DiskReserve;
use crate::os::host::file_watch::FileWatch;
use crate::service::Service;
use crate::service::board::pages::BoardFeed;

/// What the operator said.
pub(super) struct Configured {
    pub(super) ambient: Ambient,
    pub(super) configuration: Live<Configuration>,
    pub(super) shown: Shown,
    pub(super) basis: PolicyBasis,
}

/// What is there before the first actor.
pub(super) struct Parts {
    pub(super) root: RootDeps,
    pub(super) api: Arc<Api>,
    pub(super) listeners: Listeners,
    pub(super) doors: Doors,
    pub(super) database_thread: std::thread::JoinHandle<()>,
}

/// Starts the threads and binds the sockets.
pub(super) fn build(
    configured: Configured,
    home: &Home,
    listen_at: ListenAt<'_>,
    board: Board,
) -> Result<Parts, StartError> {
    let Configured { ambient, configuration, shown, basis } = configured;
    let (settings, shares) = (configuration.settings(), basis.shares);
    let install = board.install().map_err(|fault| StartError::fault("read the home id", &fault))?;
    let wires = Wires::default();
    let Storage { database, database_thread, pool, readers, feed } =
        open_storage(board, home, &configuration, &wires, &install.incarnation)?;
    let live_runs = LiveRuns::default();
    let starter = supervisor::supervision(home, &ambient, &settings, &live_runs.shims)?;
    let daemon_user = starter.daemon_user.clone();
    let has_others = has_workers_of_others(&daemon_user, &settings);
    let Sockets { operators: socket, workers: worker_socket, .. } = listen_at.sockets.clone();
    let (outbox_bell, is_managed) = (OutboxBell::default(), listen_at.is_service(home));
    let WaysIn { listeners, doors, web, metrics_door } =
        listen_at.listen(home, &settings, has_others)?;
    let paths = paths(home, worker_socket, has_others)?;
    let worker = worker_deps(
        (paths, &ambient, &configuration, Live::new(install.incarnation)),
        (database, readers, live_runs),
        starter,
        (wires.worker_finished.clone(), doors.clone()),
    );
    let notifier = notifier(home, &ambient, &worker, &outbox_bell, (is_managed, &socket));
    let token_holders = TokenHolders::of(&daemon_user, &settings);
    let senders = (&wires, feed.clone(), token_holders.clone());
    let reloader = reloader(home, (ambient, &configuration, basis, shown), daemon_user, senders);
    let disk = Disk { home: home.path().to_owned(), configuration };
    let (life_sender, life) = watch::channel(Life::Starting);
    let edge = Usage::new(shares.connections, OPERATIONS.iter().map(|operation| operation.name));
    let service = Arc::new(Service {
        database: worker.database.clone(),
        readers: worker.readers.clone(),
        pool,
        feed: feed.clone(),
        board_feed: BoardFeed::default(),
        dispatch_now: wires.dispatch_now.clone(),
        live_runs: worker.live_runs.clone(),
        looker: worker.looker.clone(),
        disk: disk.clone(),
        paths: worker.supervision.paths.clone(),
        configuration: worker.configuration.clone(),
        supervision: Arc::clone(&worker.supervision),
        start_inputs: Arc::clone(&worker.start_inputs),
        workspace_commands: worker.looker.commands().clone(),
        attachments: home::open_attachments(home)?,
        edge: Arc::new(edge.clone()),
        descriptors: descriptors::soft_limit(),
        life,
        home: home.path().to_owned(),
        socket,
        doors: doors.clone(),
        started_at: epoch_seconds(),
        reloader,
        outbox_bell,
        figures: Arc::clone(&worker.figures),
        web,
        metrics_door,
    });
    let api = Arc::new(Api { service, edge, token_holders });
    let doorkeeper = doorkeeper(home, &worker, &life_sender);
    let root = root_deps(wires, feed, worker, (disk, doorkeeper, notifier), life_sender);
    Ok(Parts { root, api, listeners, doors, database_thread })
}

/// What the notifier may reach. The service of a machine has a unit for the courier.
fn notifier(
    home: &Home,
    ambient: &Ambient,
    worker: &WorkerDeps,
    bell: &OutboxBell,
    (is_managed, socket): (bool, &Path),
) -> NotifierDeps {
    // The courier goes out to the network by the proxy and the certificates of the daemon, and finds the same home.
    let passed =
        ["PATH", "HOME", "LANG", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "KANBAND_FAIL_POINTS"];
    let passed = passed
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), OsString::from(ambient.env.get(*name)?))));
    let home_path = home.path().as_os_str().to_owned();
    let socket = socket.as_os_str().to_owned();
    let own = [("KANBAN_HOME".to_owned(), home_path), ("KANBAN_SOCKET".to_owned(), socket)];
    NotifierDeps {
        bell: bell.clone(),
        configuration: worker.configuration.clone(),
        is_managed,
        env: passed.chain(own).collect(),
        program_dir: home::program_dir(),
        output: home.path().join("courier.log"),
        lock: home.path().join(COURIER_LOCK),
        database: worker.database.clone(),
        programs: Programs {
            commands: worker.looker.commands().clone(),
            configuration: worker.configuration.clone(),
            daemon_user: worker.start_inputs.daemon_user.clone(),
        },
    }
}

fn paths(home: &Home, worker_socket: PathBuf, has_others: bool) -> Result<Paths, StartError> {
    Ok(Paths {
        runs_dir: home.runs(),
        logs_dir: home.logs(),
        workspaces_dir: home.workspaces(),
        worker_socket,
        kanban_dir: home::program_dir(),
        skill_folders: open_skills(home, has_others)?,
    })
}

/// What workers may reach: what their runs are supervised with, and what they are started with.
fn worker_deps(
    (paths, ambient, configuration, incarnation): (
        Paths,
        &Ambient,
        &Live<Configuration>,
        Live<String>,
    ),
    (database, readers, live_runs): (Database, Readers, LiveRuns),
    starter: RunStarter,
    (finished, doors): (Wire<WorkerFinished>, Doors),
) -> WorkerDeps {
    let RunStarter { holder, containment, possible_views, spawner, daemon_user } = starter;
    let configuration = configuration.clone();
    let supervision = Arc::new(RunSupervision {
        paths,
        configuration: configuration.clone(),
        incarnation,
        containment,
        holder,
        possible_views,
    });
    let commands = WorkspaceCommands {
        supervision: Arc::clone(&supervision),
        spawner: spawner.clone(),
        shims: Arc::clone(&live_runs.shims),
        daemon_env: ambient.env.clone(),
    };
    let start_inputs = Arc::new(StartInputs {
        supervision: Arc::clone(&supervision),
        daemon_env: ambient.env.clone(),
        guidance: GUIDANCE,
        review_guidance: REVIEW_GUIDANCE,
        daemon_user: daemon_user.clone(),
    });
    WorkerDeps {
        looker: Looker::new(commands, configuration.clone(), daemon_user),
        database,
        readers,
        spawner,
        live_runs,
        configuration,
        supervision,
        start_inputs,
        finished,
        figures: Arc::default(),
        files: FileWatch::default(),
        doors,
    }
}

/// What each actor may reach, by name.
fn root_deps(
    wires: Wires,
    feed: EventFeed,
    worker: WorkerDeps,
    (disk, doorkeeper, notifier): (Disk, DoorkeeperDeps, NotifierDeps),
    life: watch::Sender<Life>,
) -> RootDeps {
    let profile_looker = ProfileLooker {
        commands: worker.looker.commands().clone(),
        configuration: worker.configuration.clone(),
        daemon_user: worker.start_inputs.daemon_user.clone(),
    };
    let dispatcher = DispatcherDeps {
        database: worker.database.clone(),
        readers: worker.readers.clone(),
        start_worker: wires.start_worker.clone(),
        arm: wires.arm.clone(),
        configuration: worker.configuration.clone(),
        disk,
        figures: worker.figures.clone(),
        looker: worker.looker.clone(),
        profile_looker,
    };
    let timer = TimerDeps { database: worker.database.clone(), wake: wires.wake.clone() };
    let crash_detector = CrashDetectorDeps {
        database: worker.database.clone(),
        readers: worker.readers.clone(),
        live_runs: worker.live_runs.clone(),
        start_worker: wires.start_worker.clone(),
        list_workers: wires.list_workers.clone(),
        adoption_done: wires.adoption_done.clone(),
        configuration: worker.configuration.clone(),
        supervision: Arc::clone(&worker.supervision),
    };
    let circuit_breaker =
        CircuitBreakerDeps { readers: worker.readers.clone(), wake: wires.wake.clone() };
    RootDeps {
        wires,
        feed,
        worker,
        dispatcher,
        timer,
        crash_detector,
        circuit_breaker,
        doorkeeper,
        notifier,
        life,
    }
}

/// What a reload needs.
fn reloader(
    home: &Home,
    (ambient, configuration, basis, shown): (Ambient, &Live<Configuration>, PolicyBasis, Shown),
    daemon_user: DaemonUser,
    (wires, feed, token_holders): (&Wires, EventFeed, TokenHolders),
) -> Arc<Reloader> {
    Arc::new(Reloader {
        ambient,
        home: home.clone(),
        configuration: configuration.clone(),
        basis,
        daemon_user,
        dispatcher: wires.settings_to_dispatcher.clone(),
        crash_detector: wires.settings_to_crash_detector.clone(),
        notifier: wires.drain_outbox.clone(),
        feed,
        token_holders,
        shown: Mutex::new(shown),
    })
}

/// The folders of skills, made before workers of other users are let through to them.
fn open_skills(home: &Home, has_workers_of_others: bool) -> Result<Vec<PathBuf>, StartError> {
    let folders = skills::folders(home);
    if has_workers_of_others {
        home::let_workers_through(home)?;
    }
    Ok(folders)
}

/// What reads and writes the board.
struct Storage {
    database: Database,
    database_thread: std::thread::JoinHandle<()>,
    pool: ReaderPool,
    readers: Readers,
    feed: EventFeed,
}

/// Starts the threads that write, read and index.
fn open_storage(
    board: Board,
    home: &Home,
    configuration: &Live<Configuration>,
    wires: &Wires,
    incarnation: &str,
) -> Result<Storage, StartError> {
    let files = Arc::new(BoardFiles::learn(&home.database()).map_err(StartError::BoardLost)?);
    let checked = board.checked();
    let (database, database_thread) = start_database(board, &files, home, configuration, wires)?;
    let feed = EventFeed::default();
    let long_looks = usize::from(checked == Checked::Later);
    let (pool, readers) =
        start_reading(home, Arc::clone(&files), incarnation, (&feed, long_looks))?;
    if checked == Checked::Later {
        file_check::start(pool.clone(), files, database.clone())
            .map_err(|error| StartError::fault("start the thread that checks the file", &error))?;
    }
    Ok(Storage { database, database_thread, pool, readers, feed })
}

/// Starts the thread that writes.
fn start_database(
    board: Board,
    files: &Arc<BoardFiles>,
    home: &Home,
    configuration: &Live<Configuration>,
    wires: &Wires,
) -> Result<(Database, std::thread::JoinHandle<()>), StartError> {
    let on_end = on_database_end(wires.actor_down.clone());
    let reserve_bytes = configuration.settings().disk.reserve_bytes;
    let reserve = DiskReserve::take(home.reserve(), reserve_bytes);
    let (configuration, files) = (configuration.clone(), Arc::clone(files));
    Database::start(board, configuration, files, reserve, wires.committed.clone(), on_end)
        .map_err(|error| StartError::fault("start the database thread", &error))
}

/// Starts the threads that read, the one that indexes among them.
fn start_reading(
    home: &Home,
    files: Arc<BoardFiles>,
    incarnation: &str,
    (feed, long_looks): (&EventFeed, usize),
) -> Result<(ReaderPool, Readers), StartError> {
    // Before the readers, which attach the index.
    indexer::prepare(&home.database(), incarnation)
        .map_err(|fault| StartError::fault("open the search index", &fault))?;
    // Two connections more than reading threads: the indexer's, and one for a backup; and those of the threads that look long.
    let pool = ReaderPool::open(&home.database(), files, READER_COUNT + 2 + long_looks)
        .map_err(|fault| StartError::fault("open the reading connections", &fault))?;
    let local_time = LocalTime::new(jiff::tz::TimeZone::system());
    let readers = Readers::start(&pool, local_time)
        .map_err(|error| StartError::fault("start the reading threads", &error))?;
    indexer::start(&home.database(), pool.clone(), feed)
        .map_err(|error| StartError::fault("start the indexing thread", &error))?;
    Ok((pool, readers))
}

/// What is done when the database thread ends: its panic is reported to the root.
fn on_database_end(down: Wire<ActorDown>) -> impl FnOnce(bool) + Send + 'static {
    move |panicked| {
        if panicked {
            down.tell(ActorDown { kind: ActorKind::Database, panicked });
        }
    }
}
