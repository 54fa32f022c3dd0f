//! Runs one command as another user and hears what it prints: a shim without a run of the board.
//!
//! What belongs to a worker's user is looked at and removed by a process of that user. It is started, bounded, contained and ended like a
//! worker, in a run directory whose name is no number.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use crate::os::random::random_hex;
use crate::os::run_files::{
    LimitSpec, LogSpec, RUN_FILE_VERSION, RunDir, RunSpec, read_exit, remove,
};
use crate::os::run_log::read_log;
use crate::os::run_registry::RunRegistry;
use crate::os::spawn::{SpawnRequest, SpawnedShim, Spawner};
use crate::os::user::Account;

/// Most that is heard, bytes.
const OUTPUT_BYTES_MAX: u64 = 256 * 1024;

/// Time between TERM and KILL when its time is up.
const GRACE_MS: u64 = 1_000;

/// Time beyond its own that its end may take to be seen.
const MARGIN: Duration = Duration::from_secs(15);

/// Row id of no run.
const NO_RUN: i64 = 0;

/// How commands are run.
pub struct CommandAs<'a> {
    /// Starts the shim.
    pub spawner: &'a Spawner,
    /// Where the shim is entered, and taken out again.
    pub registry: &'a RunRegistry,
    /// Parent of the run directories.
    pub runs_dir: &'a Path,
    /// The life of the database now.
    pub incarnation: String,
}

impl CommandAs<'_> {
    /// What `argv` prints, on either of its outputs, when it ends with 0. To be called where waiting is allowed.
    ///
    /// # Errors
    /// One line: it could not be run, or did not end well.
    pub fn output(
        &self,
        user: &Account,
        argv: Vec<String>,
        env: BTreeMap<String, String>,
        patience: Duration,
    ) -> Result<String, String> {
        let word = random_hex(16).map_err(|error| format!("no randomness: {error}"))?;
        let dir = RunDir::new(self.runs_dir.join(format!("command-{word}")));
        let log = dir.path().join("log");
        let spec = self.spec(user, argv, env, &log, word, patience);
        let request = SpawnRequest {
            run_dir: dir.clone(),
            spec,
            token: String::new(),
            run_as: Some(user.run_as.clone()),
        };
        let (reply, started) = sync_channel(1);
        self.spawner.spawn(request, move |answer| drop(reply.send(answer)));
        let heard = match started.recv_timeout(patience + MARGIN) {
            Ok(Ok(shim)) => self.hear(&shim, &dir, &log, patience),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("it was not started in time".to_owned()),
        };
        for left in ["log", "log.tail.0", "log.tail.1"] {
            // Most of these were never there.
            drop(std::fs::remove_file(dir.path().join(left)));
        }
        if let Err(error) = remove(&dir) {
            tracing::warn!(%error, "the files of a command could not be removed");
        }
        heard
    }

    fn spec(
        &self,
        user: &Account,
        argv: Vec<String>,
        env: BTreeMap<String, String>,
        log: &Path,
        nonce: String,
        patience: Duration,
    ) -> RunSpec {
        RunSpec {
            version: RUN_FILE_VERSION,
            incarnation: self.incarnation.clone(),
            nonce,
            run_id: NO_RUN,
            verdict: "exit".to_owned(),
            session_line: None,
            argv,
            env,
            cwd: PathBuf::from("/"),
            create_cwd: false,
            workspace: None,
            handed_over: None,
            user: Some(user.name.clone()),
            token: None,
            setup: None,
            log: LogSpec {
                path: log.to_owned(),
                head_bytes: OUTPUT_BYTES_MAX,
                tail_bytes: 0,
                pace_bytes_per_second: 0,
                redact: Vec::new(),
            },
            limits: LimitSpec {
                max_runtime_ms: u64::try_from(patience.as_millis()).ok(),
                grace_ms: GRACE_MS,
                umask: None,
                rlimits: BTreeMap::new(),
            },
            containment: None,
        }
    }

    fn hear(
        &self,
        shim: &SpawnedShim,
        dir: &RunDir,
        log: &Path,
        patience: Duration,
    ) -> Result<String, String> {
        let ended = shim.pidfd.wait_exit(patience + MARGIN);
        self.registry.remove(&shim.identity);
        // The holder's child is the holder's to reap.
        drop(shim.reap());
        if !ended.map_err(|error| error.to_string())? {
            return Err("it does not end".to_owned());
        }
        let record = read_exit(dir).map_err(|error| error.to_string())?;
        let record = record.ok_or("its supervisor was killed")?;
        let text = read_log(log, None).ok().flatten().map(|text| text.bytes).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).trim().to_owned();
        match (record.start_failure, record.code) {
            (Some(failure), _) => Err(failure.message),
            (None, Some(0)) => Ok(text),
            (None, _) if record.timed_out => Err("it did not end in time".to_owned()),
            (None, _) => Err(text),
        }
    }
}
