//! Whole boards in and out: export and import as records, backup and restore as files.
//!
//! The daemon never opens a path that a caller named. A backup is made inside the home and its bytes are sent; a restore's
//! bytes are received into the home and checked there.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::IntoResponse as _;
use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::actors::database::Submit;
use crate::api::Api;
use crate::api::arriving::{Bounds, hold, one_at_a_time, pour};
use crate::api::error::ApiError;
use crate::api::gate::Seat;
use crate::api::limits::UPLOAD_TIME;
use crate::api::operations::{Answer, Call, GetDaemon, json};
use crate::api::operator::operators_only;
use crate::api::outflow::{HungUp, Outflow, outflow};
use crate::api::reply::Held;
use crate::kernel;
use crate::kernel::caller::Caller;
use crate::kernel::error::{ErrorCode, Fault, VerbError};
use crate::kernel::limits::IMPORT_RECORD_BYTES_MAX;
use crate::kernel::queries::Snapshot;
use crate::kernel::random::SeededRandom;
use crate::kernel::restore::{self, NewLife, RestoreError};
use crate::kernel::store::{self, OpenError};
use crate::kernel::transfer::export::{self, ImportPlan};
use crate::kernel::transfer::import::ImportTasks;
use crate::kernel::transfer::record::{ExportHeader, FORMAT_VERSION};
use crate::os::home::files::installation;
use crate::os::host::clock::epoch_seconds;
use crate::os::host::random::random_hex;

/// Largest backup that is taken back, bytes.
const RESTORE_BYTES_MAX: u64 = 64 * 1024 * 1024 * 1024;

/// Bytes read or received at once.
const CHUNK_BYTES: usize = 256 * 1024;

/// One backup is copied at a time.
static ONE_BACKUP: Mutex<()> = Mutex::const_new(());

/// Exports a board.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExportBoard {
    /// Board; `default` when none is named.
    pub board: Option<String>,
}

/// Answers `GET /v1/export`: a header line, then a line per task. Each task is as of one instant; the board goes on
/// meanwhile.
pub fn export_board(api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let request: ExportBoard = call.input.from_query()?;
        operators_only(&call.caller, "export")?;
        let held = Held::list(&call.seat)?;
        let list = move |snapshot: &Snapshot<'_>| {
            let (board, ids) = export::list_ids(snapshot, request.board.as_deref())?;
            let source = store::install::get(snapshot.connection)?.install_id;
            let tasks = ids.len();
            Ok((ExportHeader { kanban_export: FORMAT_VERSION, board, source, tasks }, ids))
        };
        let caller = call.caller;
        let (header, ids) = api.readers.read_long(caller.clone(), list).await?;
        let (chunks, body) = outflow(held);
        tokio::spawn(async move {
            if send_line(&chunks, &header).await.is_err() {
                return;
            }
            for id in ids {
                let read = move |snapshot: &Snapshot<'_>| export::record(snapshot, &id);
                let sent = match api.readers.read_long(caller.clone(), read).await {
                    Ok(Some(record)) => send_line(&chunks, &record).await,
                    Ok(None) => Ok(()),
                    Err(error) => {
                        return chunks.fail(std::io::Error::other(error.to_string())).await;
                    }
                };
                if sent.is_err() {
                    return;
                }
            }
        });
        let headers = [(CONTENT_TYPE, "application/x-ndjson")];
        Ok((headers, body).into_response())
    })
}

async fn send_line(chunks: &Outflow, line: &impl Serialize) -> Result<(), HungUp> {
    let mut bytes = crate::text::json::to_vec(line).map_err(|_| HungUp)?;
    bytes.push(b'\n');
    chunks.send(bytes.into()).await
}

/// Answers `GET /v1/import`.
pub fn plan_import(api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let GetDaemon {} = call.input.from_query()?;
        operators_only(&call.caller, "import")?;
        let read = |snapshot: &Snapshot<'_>| {
            Ok(ImportPlan { keep_ids: store::transfer::is_empty(snapshot.connection)? })
        };
        json(&api.readers.read(call.caller, read).await?)
    })
}

/// Answers `POST /v1/import`.
pub fn import_tasks(api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let verb: ImportTasks = call.input.from_body()?;
        import(&api, call.caller, call.request_id, verb).await
    })
}

/// What one record of an import may take.
const LARGE_IMPORT_BOUNDS: Bounds =
    Bounds { bytes: IMPORT_RECORD_BYTES_MAX as u64, time: Some(UPLOAD_TIME) };

/// Held while a record of that size is in memory.
static LARGE_IMPORT: Mutex<()> = Mutex::const_new(());

/// Answers `POST /v1/import/large`: the same, with a body as long as the longest history that a task may bring.
pub fn import_large(api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let GetDaemon {} = call.input.from_query()?;
        operators_only(&call.caller, "import")?;
        // One at a time: together they would take too much memory.
        let _turn = LARGE_IMPORT.lock().await;
        let _arriving = one_at_a_time(&call.seat).await?;
        let body = hold(&call.seat, call.stream, LARGE_IMPORT_BOUNDS).await?;
        let bad = |told: String| ApiError::new(ErrorCode::BadRequest, told);
        // Read in one go: on the way from a value to a type a number can lose the sign of a zero.
        let verb: ImportTasks = kernel::json::from_slice(&body)
            .map_err(|error| bad(format!("cannot read the body: {error}")))?;
        import(&api, call.caller, call.request_id, verb).await
    })
}

async fn import(
    api: &Api,
    caller: Caller,
    request_id: Option<String>,
    verb: ImportTasks,
) -> Result<axum::response::Response, ApiError> {
    let reply = api.database.submit(Submit { caller, request_id, verb }).await?;
    if reply.imported > 0 {
        // Imported events are history and no news, so they are not published; the search index has to look all the same.
        api.feed.have_all_look_again();
    }
    json(&reply)
}

/// A file in the home that goes when this does.
struct TemporaryFile(PathBuf);

impl TemporaryFile {
    fn new(api: &Api, word: &str) -> Result<Self, ApiError> {
        let random = random_hex(8).map_err(|error| file_fault("name a file", &error))?;
        Ok(Self(api.home.join(format!(".{word}-{random}"))))
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm", "-journal"] {
            let mut name = self.0.as_os_str().to_owned();
            name.push(suffix);
            // Most of these were never there.
            drop(std::fs::remove_file(PathBuf::from(name)));
        }
    }
}

/// A file of the home that cannot be worked with.
pub(super) fn file_fault(doing: &str, error: &std::io::Error) -> ApiError {
    let doing = doing.to_owned();
    if error.kind() == std::io::ErrorKind::StorageFull {
        return Fault::DiskFull { doing }.into();
    }
    Fault::Database { doing, detail: error.to_string(), retryable: false }.into()
}

/// Answers `GET /v1/backup`: the bytes of a board file, as of one instant.
pub fn backup(api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let GetDaemon {} = call.input.from_query()?;
        operators_only(&call.caller, "backup")?;
        let held = Held::download(&call.seat)?;
        // It takes a reading connection for as long as it copies, and there is one for that.
        let one = ONE_BACKUP.lock().await;
        let file = TemporaryFile::new(&api, "backup")?;
        let path = file.0.clone();
        let pool = api.pool.clone();
        // Not inside a snapshot: VACUUM makes its own.
        let copied = tokio::task::spawn_blocking(move || {
            pool.with(|connection| restore::backup(connection, &path))
        });
        copied
            .await
            .unwrap_or(Ok(Err(Fault::NoAnswer { part: "the copying thread" })))
            .and_then(|copied| copied)?;
        drop(one);
        let unsent = |error| file_fault("send it", &error);
        let opened = File::open(&file.0).map_err(unsent)?;
        let size = opened.metadata().map_err(unsent)?.len();
        let headers = [
            (CONTENT_TYPE, "application/vnd.sqlite3".to_owned()),
            (CONTENT_LENGTH, size.to_string()),
        ];
        Ok((headers, file_body(opened, (held, file))).into_response())
    })
}

/// A file as a reply, read piece by piece on a thread that may wait for a disk. `held` is let go when the last byte is
/// on its way.
pub(super) fn file_body<T: Send + Unpin + 'static>(file: File, held: T) -> Body {
    let (chunks, body) = outflow(held);
    tokio::spawn(async move {
        let mut file = file;
        loop {
            let read = tokio::task::spawn_blocking(move || read_chunk(file)).await;
            match read.unwrap_or_else(|panicked| Err(std::io::Error::other(panicked))) {
                Ok((_, chunk)) if chunk.is_empty() => return,
                Ok((rest, chunk)) => {
                    file = rest;
                    if chunks.send(chunk).await.is_err() {
                        return;
                    }
                }
                // A part must not be taken for the whole.
                Err(error) => return chunks.fail(error).await,
            }
        }
    });
    body
}

fn read_chunk(mut file: File) -> std::io::Result<(File, Bytes)> {
    use std::io::Read as _;
    let mut chunk = vec![0; CHUNK_BYTES];
    let length = file.read(&mut chunk)?;
    chunk.truncate(length);
    Ok((file, chunk.into()))
}

/// What a restore did.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RestoreReply {
    /// The new life of the board.
    pub incarnation: String,
    /// Where the replaced board is kept.
    pub kept: String,
}

/// Answers `POST /v1/restore`, whose body is the file.
pub fn restore_board(api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        operators_only(&call.caller, "restore")?;
        let _arriving = one_at_a_time(&call.seat).await?;
        let file = TemporaryFile::new(&api, "restore")?;
        receive(&call.seat, call.stream, &file.0).await?;
        let incarnation = random_hex(16).map_err(|error| file_fault("begin a life", &error))?;
        let path = file.0.clone();
        let install_id = installation(&api.home);
        let prepared = tokio::task::spawn_blocking(move || {
            let life = NewLife {
                incarnation: &incarnation,
                install_id: install_id.as_deref(),
                now: epoch_seconds(),
            };
            // No id is drawn while runs are closed; back-off is not either.
            restore::prepare(&path, life, Box::new(SeededRandom::new(0)))
        });
        prepared.await.unwrap_or_else(|_panicked| {
            Err(Fault::NoAnswer { part: "the checking thread" }.into())
        })?;
        let restored = api.database.replace(file.0.clone(), api.pool.clone()).await?;
        *api.context.incarnation.write().unwrap_or_else(PoisonError::into_inner) =
            restored.incarnation.clone();
        api.feed.have_all_look_again();
        tracing::warn!(incarnation = restored.incarnation, "the board was restored");
        json(&RestoreReply {
            incarnation: restored.incarnation,
            kept: restored.kept.to_string_lossy().into_owned(),
        })
    })
}

impl From<RestoreError> for ApiError {
    fn from(error: RestoreError) -> Self {
        match error {
            RestoreError::Backup(refused) => {
                let told = format!("the backup {}", refused.problem());
                Self::new(ErrorCode::BadBackup, told)
                    .with_hint(bad_backup_hint("the live database is unchanged", &refused))
            }
            RestoreError::OpenRuns { .. } => Self::new(ErrorCode::OpenRuns, error.to_string())
                .with_hint("wait for them to end with `kanban drain`"),
            RestoreError::Fault(fault) => fault.into(),
            RestoreError::Refused(refusal) => VerbError::from(refusal).into(),
        }
    }
}

/// What is said of a backup that is refused: that nothing was changed, and how it can be made one that is taken.
pub fn bad_backup_hint(untouched: &str, refused: &OpenError) -> String {
    match refused.remedy() {
        Some(statements) => format!(
            "{untouched}; to remove the foreign objects from a copy: sqlite3 COPY '{statements}'"
        ),
        None => untouched.to_owned(),
    }
}

async fn receive(seat: &Seat, body: Body, path: &Path) -> Result<(), ApiError> {
    use std::io::Write as _;
    let failed = |error: std::io::Error| file_fault("receive the backup", &error);
    let file = crate::os::files::create_private(path).map_err(failed)?;
    let bounds = Bounds { bytes: RESTORE_BYTES_MAX, time: None };
    let write = |file: &mut File, piece: &[u8]| file.write_all(piece);
    let file = pour(seat, body, bounds, file, write).await?.map_err(failed)?;
    let synced = tokio::task::spawn_blocking(move || file.sync_all()).await;
    synced.unwrap_or_else(|panicked| Err(std::io::Error::other(panicked))).map_err(failed)
}
