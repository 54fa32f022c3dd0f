//! Runs one command in a process tree of its own and reads its output: a shim without a run of the board.
//!
//! Files of a worker's user are inspected and removed by a process of that user, and a program of a channel sends messages. It is started, limited, contained and ended like
//! a worker, in a run directory whose name is not a number. No process of it is ever identified as an operator: its shim, its control
//! group where there is one, and the variables of run 0 (which is no run of the board) identify it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::os::control_groups::cgroup::Containment;
use crate::os::holder::client::Holder;
use crate::os::host::random::random_hex;
use crate::os::processes::identity::ProcessIdentity;
use crate::os::processes::pidfd::{PidFd, Signal};
use crate::os::processes::spawn::{SpawnError, SpawnRequest, SpawnedShim, Spawner};
use crate::os::processes::user::Account;
use crate::os::run_files::directory::{
    COMMAND_PREFIX, GroupLimits, LimitSpec, LogSpec, NO_RUN, RUN_FILE_VERSION, RunDir, RunSpec,
    StartFailure, StdioSpec, read_exit, read_identity, read_spec, remove,
};
use crate::os::run_files::inspection::{Inspection, inspect, revoke};
use crate::os::run_files::log::read_log;
use crate::os::run_files::registry::RunRegistry;
use crate::os::run_files::remains::{Marks, Remnant, Tree};
use crate::os::run_files::signs::Footing;

/// Time between TERM and KILL when its time is up.
const GRACE_MS: u64 = 1_000;

/// Time beyond its own that its end may take to be seen.
const MARGIN: Duration = Duration::from_secs(15);

/// How long a command that an earlier daemon left may take to say who it is, and what it left to go.
const LEFT_PATIENCE: Duration = Duration::from_secs(2);

/// Why a command has no output.
#[derive(Debug, Error)]
pub enum CommandError {
    /// It could not be prepared.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It could not be started.
    #[error("{}", chain(.0))]
    Spawn(#[from] SpawnError),
    /// Its program could not be executed.
    #[error("{}", .0.message)]
    Start(StartFailure),
    /// It took longer than it may.
    #[error("it did not end within {0:?}")]
    Timeout(Duration),
    /// It is over its time and does not die.
    #[error("it cannot be killed")]
    Stuck,
    /// Its supervisor was killed.
    #[error("its shim was killed")]
    Lost,
    /// It ended with another code than 0; its output.
    #[error("{0}")]
    Failed(String),
}

/// What a command may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Its time.
    pub patience: Duration,
    /// Bytes of its output that are read. The rest is lost.
    pub output_bytes_max: u64,
}

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Its program and arguments.
    pub argv: Vec<String>,
    /// Its whole environment.
    pub env: BTreeMap<String, String>,
    /// What it may take.
    pub bounds: Bounds,
    /// What it reads; then its standard error is kept apart. None: it reads nothing.
    pub input: Option<String>,
    /// Secret values that its outputs are cleared of.
    pub redact: Vec<String>,
}

/// How a command has ended that had its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// That signal.
    pub signal: Option<i32>,
    /// Whether it was made to end because its time was up, and after how long.
    pub timed_out: Option<Duration>,
    /// What it printed, on both outputs where they are not kept apart.
    pub output: Vec<u8>,
    /// Its standard error, where that is kept apart.
    pub errors: Vec<u8>,
}

impl Bounds {
    /// So much time, and the output of a report.
    pub fn within(patience: Duration) -> Self {
        Self { patience, output_bytes_max: 256 * 1024 }
    }
}

/// How commands are run.
pub struct CommandAs<'a> {
    /// Starts the shim.
    pub spawner: &'a Spawner,
    /// Where the shim is entered, and taken out again.
    pub registry: &'a Arc<RunRegistry>,
    /// Parent of the run directories.
    pub runs_dir: &'a Path,
    /// The life of the database now.
    pub incarnation: String,
    /// Starts the shims where there is one, and ends what they leave.
    pub holder: Option<&'a Holder>,
    /// What holds its processes together.
    pub containment: &'a Containment,
    /// What they share.
    pub limits: &'a GroupLimits,
}

impl CommandAs<'_> {
    /// What `argv` prints, on either of its outputs, when it ends with 0. It runs as `user`, as this process's own when there is
    /// none. To be called where waiting is allowed.
    ///
    /// # Errors
    /// [`CommandError`].
    pub fn output(
        &self,
        user: Option<&Account>,
        argv: Vec<String>,
        env: BTreeMap<String, String>,
        bounds: Bounds,
    ) -> Result<Vec<u8>, CommandError> {
        let ended = self.run(user, Order { argv, env, bounds, input: None, redact: Vec::new() })?;
        match (ended.code, ended.timed_out) {
            (Some(0), _) => Ok(ended.output),
            (_, Some(time)) => Err(CommandError::Timeout(time)),
            (_, None) => {
                let text = String::from_utf8_lossy(&ended.output).trim().to_owned();
                Err(CommandError::Failed(text))
            }
        }
    }

    /// Runs a command to its end, whatever that is. It runs as `user`, as this process's own when there is none. To be called where
    /// waiting is allowed.
    ///
    /// # Errors
    /// It could not be started, or nobody knows how it ended.
    pub fn run(&self, user: Option<&Account>, order: Order) -> Result<Ended, CommandError> {
        let patience = order.bounds.patience;
        let word = random_hex(16)?;
        let dir = RunDir::new(self.runs_dir.join(format!("{COMMAND_PREFIX}{word}")));
        let spec = self.spec(user, order, &dir, word);
        let request = SpawnRequest {
            run_dir: dir.clone(),
            spec,
            token: String::new(),
            run_as: user.map(|user| user.run_as.clone()),
        };
        let (reply, started) = sync_channel(1);
        let left = Left { dir: dir.clone(), registry: Arc::clone(self.registry) };
        self.spawner.spawn(request, move |answer| {
            if let Err(std::sync::mpsc::SendError(Ok(shim))) = reply.send(answer) {
                // The caller has given up.
                left.tend(shim);
            }
        });
        match started.recv_timeout(patience + MARGIN) {
            Ok(Ok(shim)) => self.hear(shim, &dir, patience),
            Ok(Err(error)) => {
                // A start that is reported as failed may have begun: a holder may have answered too late.
                let is_over = match revoke(&dir) {
                    Ok(true) => Ok(true),
                    Ok(false) => look_at_left(&dir, self.registry, self.holder),
                    Err(error) => Err(error),
                };
                match is_over {
                    Ok(true) => remove_files(&dir),
                    Ok(false) => {}
                    Err(error) => {
                        tracing::error!(command = %dir.path().display(), %error, "cannot inspect a command whose start failed");
                    }
                }
                Err(error.into())
            }
            Err(_) => Err(CommandError::Timeout(patience)),
        }
    }

    fn spec(&self, user: Option<&Account>, order: Order, dir: &RunDir, nonce: String) -> RunSpec {
        let Order { argv, env, bounds, input, redact } = order;
        let log = |path| LogSpec {
            path,
            head_bytes: bounds.output_bytes_max,
            tail_bytes: 0,
            pace_bytes_per_second: 0,
            redact: redact.clone(),
        };
        RunSpec {
            version: RUN_FILE_VERSION,
            incarnation: self.incarnation.clone(),
            run_id: NO_RUN,
            verdict: "exit".to_owned(),
            session_line: None,
            argv,
            env,
            cwd: PathBuf::from("/"),
            create_cwd: false,
            workspace: None,
            handed_over: None,
            user: user.map(|user| user.name.clone()),
            token: None,
            setup: None,
            stdio: input.map(|input| StdioSpec { input, errors: log(errors_of(dir)) }),
            log: log(log_of(dir)),
            limits: LimitSpec {
                max_runtime_ms: u64::try_from(bounds.patience.as_millis()).ok(),
                grace_ms: GRACE_MS,
                umask: None,
                rlimits: BTreeMap::new(),
                mark_bytes: None,
                no_new_privs: user.is_some(),
                write_only_below: None,
            },
            containment: self
                .containment
                .of_command(&format!("{COMMAND_PREFIX}{nonce}"), self.limits),
            view: None,
            lease: None,
            nonce,
        }
    }

    fn hear(
        &self,
        shim: SpawnedShim,
        dir: &RunDir,
        patience: Duration,
    ) -> Result<Ended, CommandError> {
        if !shim.pidfd.wait_exit(patience + MARGIN)? {
            // As long as it lives its processes are known by it.
            let left = Left { dir: dir.clone(), registry: Arc::clone(self.registry) };
            left.tend(shim);
            return Err(CommandError::Stuck);
        }
        let heard = read_end(dir);
        let mut is_over = true;
        if matches!(heard, Err(CommandError::Lost)) {
            // Without its shim, what is left of it is found by its control group or its session.
            let ended = read_identity(dir).and_then(|identity| {
                let worker = identity.and_then(|identity| identity.worker);
                end(dir, (Some(&shim.identity), worker.as_ref()), self.holder)
            });
            is_over = ended.unwrap_or_else(|error| {
                tracing::error!(command = %dir.path().display(), %error, "cannot inspect the remains of a command");
                false
            });
        }
        self.registry.remove(&shim.identity);
        // The holder's child is the holder's to reap.
        drop(shim.reap());
        if is_over {
            remove_files(dir);
        } else {
            // By its files it is known; the next start of the daemon looks again.
            tracing::error!(command = %dir.path().display(), "cannot end the remaining processes of a command");
        }
        heard
    }
}

fn log_of(dir: &RunDir) -> PathBuf {
    dir.path().join("log")
}

fn errors_of(dir: &RunDir) -> PathBuf {
    dir.path().join("errors")
}

/// How a command has ended, and what it has printed.
fn read_end(dir: &RunDir) -> Result<Ended, CommandError> {
    let record = read_exit(dir)?.ok_or(CommandError::Lost)?;
    if let Some(failure) = record.start_failure {
        return Err(CommandError::Start(failure));
    }
    let text = |path: PathBuf| {
        let text = read_log(&path, None).ok().flatten().map(|text| text.bytes);
        text.unwrap_or_default()
    };
    Ok(Ended {
        code: record.code,
        signal: record.signal,
        timed_out: record.timed_out.then(|| Duration::from_millis(record.elapsed_ms)),
        output: text(log_of(dir)),
        errors: text(errors_of(dir)),
    })
}

/// Everything by which the processes of a command are known: its control group, its shim and its session. The variables are the
/// same for all commands, so they say nothing about one.
fn remnant<'a>(
    dir: &'a RunDir,
    footing: &'a Footing,
    spec: Option<&'a RunSpec>,
    holder: Option<&'a Holder>,
) -> Remnant<'a> {
    let runs_dir = dir.path().parent().unwrap_or(dir.path());
    // No socket is where a directory is.
    let marks = Marks { runs_dir, worker_socket: dir.path() };
    Remnant { dir, run_id: None, footing, spec, marks, holder }
}

/// Ends what a command has left whose shim died. True when nothing is left.
fn end(
    dir: &RunDir,
    (shim, worker): (Option<&ProcessIdentity>, Option<&ProcessIdentity>),
    holder: Option<&Holder>,
) -> io::Result<bool> {
    let (footing, spec) = (Footing::default(), read_spec(dir)?);
    match remnant(dir, &footing, spec.as_ref(), holder).end(shim, worker, LEFT_PATIENCE) {
        Tree::Empty => Ok(true),
        Tree::Some => Ok(false),
        Tree::Unknown(why) => Err(io::Error::other(why)),
    }
}

fn remove_files(dir: &RunDir) {
    // A spec that cannot be read leaves an empty group, for the next start of the daemon to remove.
    let spec = read_spec(dir).ok().flatten();
    remnant(dir, &Footing::default(), spec.as_ref(), None).remove_leaf();
    for left in
        ["log", "log.times", "log.tail.0", "log.tail.1", "errors", "errors.tail.0", "errors.tail.1"]
    {
        // Most of these were never there.
        drop(std::fs::remove_file(dir.path().join(left)));
    }
    if let Err(error) = remove(dir) {
        tracing::warn!(%error, "cannot remove the files of a command");
    }
}

/// A command whose caller no longer waits.
struct Left {
    dir: RunDir,
    registry: Arc<RunRegistry>,
}

impl Left {
    /// Has it end, and tidies up when it has. Until then its shim stays known.
    fn tend(self, shim: SpawnedShim) {
        let tended = std::thread::Builder::new().name("left-command".into()).spawn(move || {
            drop(shim.pidfd.signal(Signal::SIGTERM));
            while !shim.pidfd.wait_exit(MARGIN).unwrap_or(false) {}
            self.registry.remove(&shim.identity);
            drop(shim.reap());
            remove_files(&self.dir);
        });
        if let Err(error) = tended {
            // It stays known, and the next start of the daemon tidies up.
            tracing::warn!(%error, "cannot stop a command that exceeded its time limit");
        }
    }
}

/// Takes over the commands that an earlier daemon left in `runs_dir`: enters their shims into the registry and asks them to end.
/// Called before the sockets accept connections.
pub fn take_up_left(runs_dir: &Path, registry: &Arc<RunRegistry>, holder: Option<&Holder>) {
    let Ok(entries) = std::fs::read_dir(runs_dir) else { return };
    for entry in entries.flatten() {
        if !entry.file_name().to_string_lossy().starts_with(COMMAND_PREFIX) {
            continue;
        }
        let dir = RunDir::new(entry.path());
        match look_at_left(&dir, registry, holder) {
            Ok(true) => remove_files(&dir),
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(command = %dir.path().display(), %error, "cannot inspect a command of an earlier daemon");
            }
        }
    }
}

/// Whether nothing of a command is left but its files.
fn look_at_left(
    dir: &RunDir,
    registry: &Arc<RunRegistry>,
    holder: Option<&Holder>,
) -> io::Result<bool> {
    let started = Instant::now();
    let footing = Footing::default();
    loop {
        let passes = started.elapsed() < LEFT_PATIENCE;
        match inspect(&remnant(dir, &footing, None, holder)).inspection {
            Inspection::Ended(_) | Inspection::NeverStarted => return Ok(true),
            Inspection::ShimDied(loss) => {
                return end(dir, (loss.shim.as_ref(), loss.worker.as_ref()), holder);
            }
            Inspection::Alive(processes) => match PidFd::open(&processes.shim)? {
                Some(shim) => return await_left(dir, registry, processes.shim, shim),
                // It has ended meanwhile.
                None if passes => {}
                None => return Err(io::ErrorKind::TimedOut.into()),
            },
            // It is about to write down who it is.
            Inspection::Beginning(_) if passes => std::thread::yield_now(),
            Inspection::Beginning(_) => return Err(io::ErrorKind::TimedOut.into()),
            Inspection::Unknown(why) => return Err(io::Error::other(why)),
        }
    }
}

/// Asks a command to end whose shim lives, and waits for that on a thread of its own. Always false: something of it is left.
fn await_left(
    dir: &RunDir,
    registry: &Arc<RunRegistry>,
    identity: ProcessIdentity,
    shim: PidFd,
) -> io::Result<bool> {
    registry.insert(NO_RUN, &identity);
    let (dir, registry) = (dir.clone(), Arc::clone(registry));
    let spawned = std::thread::Builder::new().name("left-command".into()).spawn(move || {
        drop(shim.signal(Signal::SIGTERM));
        while !shim.wait_exit(MARGIN).unwrap_or(false) {}
        registry.remove(&identity);
        remove_files(&dir);
    });
    spawned.map(|_thread| false)
}

/// An error with its causes in one line.
fn chain(error: &SpawnError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
