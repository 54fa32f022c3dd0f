//! Operations with a file or a stream as request or reply: the transfer of the bytes, no decisions of the service.

use std::fs::File;
use std::io::{self, Write as _};
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use percent_encoding::{CONTROLS, utf8_percent_encode};
use serde::Serialize;
use tokio::sync::Mutex;

use crate::api::arriving::{Bounds, hold, one_at_a_time, pass_over, pour};
use crate::api::call::{Answer, Call, json};
use crate::api::error::ApiError;
use crate::api::limits::{RESTORE_BYTES_MAX, UPLOAD_TIME};
use crate::api::outflow::{HungUp, Outflow, outflow};
use crate::api::reply::Held;
use crate::api::{
    Api, DIFF_LEFT_OUT_HEADER, EVENT_CURSOR_HEADER, LOG_FIRST_HEADER, LOG_OMITTED_HEADER,
    LOG_POSITION_HEADER, LOG_RUN_HEADER, LOG_TIMES_HEADER,
};
use crate::kernel;
use crate::kernel::error::ErrorCode;
use crate::kernel::limits::{ATTACHMENT_BYTES_MAX, IMPORT_RECORD_BYTES_MAX};
use crate::kernel::transfer::import::ImportTasks;
use crate::os::home::attachments::ArrivingFile;
use crate::service::attachments::{AttachUpload, GetAttachment, Upload, unkept};
use crate::service::backup::GetBackup;
use crate::service::diff::{GetDiff, PatchForm};
use crate::service::events::FollowEvents;
use crate::service::export::ExportBoard;
use crate::service::log::GetLog;
use crate::service::restore::{Arriving, unreceived};
use crate::service::{GetDaemon, attachments, backup, diff, events, export, import, log};

/// Bytes read at once.
const CHUNK_BYTES: usize = 256 * 1024;

/// What may arrive as an attached file.
const ATTACHMENT_BOUNDS: Bounds = Bounds { bytes: ATTACHMENT_BYTES_MAX, time: Some(UPLOAD_TIME) };

/// What one record of an import may take.
const LARGE_IMPORT_BOUNDS: Bounds =
    Bounds { bytes: IMPORT_RECORD_BYTES_MAX as u64, time: Some(UPLOAD_TIME) };

/// What a backup that is taken back may take.
const RESTORE_BOUNDS: Bounds = Bounds { bytes: RESTORE_BYTES_MAX, time: None };

/// Held while a record of that size is in memory.
static LARGE_IMPORT: Mutex<()> = Mutex::const_new(());

/// Answers `POST /v1/tasks/{id}/attach`, whose body is the file.
pub fn attach(api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let request: AttachUpload = call.input.from_query()?;
        let _arriving = one_at_a_time(&call.seat).await?;
        let upload = match Upload::check(&api.service, call.by, request).await {
            Ok(upload) => upload,
            Err(refused) => {
                // Who is still sending would not hear the answer.
                pass_over(&call.seat, call.stream, ATTACHMENT_BOUNDS).await?;
                return Err(refused.into());
            }
        };
        let file = upload.begin(&api.service)?;
        let (bounds, write) = (ATTACHMENT_BOUNDS, ArrivingFile::write);
        let arrived = pour(&call.seat, call.stream, bounds, file, write).await?;
        let arrived = arrived.map_err(|error| unkept(&error))?;
        json(&upload.keep(Arc::clone(&api.service), arrived).await?)
    })
}

/// Answers `GET /v1/tasks/{id}/attachment`.
pub fn attachment(api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let request: GetAttachment = call.input.from_query()?;
        let held = Held::download(&call.seat)?;
        let opened = attachments::open(&api.service, call.by, request).await?;
        let size = opened.size_bytes.to_string();
        Ok(file_reply("application/octet-stream", size, file_body(opened.file, held)))
    })
}

/// Answers `POST /v1/import/large`: the same, with a body as long as the longest history that a task may bring.
pub fn import_large(api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let GetDaemon {} = call.input.from_query()?;
        // One at a time: together they would take too much memory.
        let _turn = LARGE_IMPORT.lock().await;
        let _arriving = one_at_a_time(&call.seat).await?;
        let body = hold(&call.seat, call.stream, LARGE_IMPORT_BOUNDS).await?;
        let bad = |message: String| ApiError::new(ErrorCode::BadRequest, message);
        // Read in one go: on the way from a value to a type a number can lose the sign of a zero.
        let verb: ImportTasks = kernel::json::from_slice(&body)
            .map_err(|error| bad(format!("cannot read the body: {error}")))?;
        json(&import::import(Arc::clone(&api.service), call.by, verb).await?)
    })
}

/// Answers `GET /v1/export`: a header line, then a line per task.
pub fn export(api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let request: ExportBoard = call.input.from_query()?;
        let held = Held::list(&call.seat)?;
        let mut export = export::begin(Arc::clone(&api.service), call.by, request).await?;
        let (lines, body) = outflow(held);
        tokio::spawn(async move {
            let mut sent = send_line(&lines, &export.header).await;
            while sent.is_ok() {
                sent = match export.next().await {
                    Ok(Some(record)) => send_line(&lines, &record).await,
                    Ok(None) => return,
                    Err(error) => return lines.fail(io::Error::other(error.to_string())).await,
                };
            }
        });
        Ok(([(CONTENT_TYPE, NDJSON)], body).into_response())
    })
}

/// Content type of a JSON object per line.
const NDJSON: &str = "application/x-ndjson";

async fn send_line(lines: &Outflow, line: &impl Serialize) -> Result<(), HungUp> {
    let mut bytes = crate::text::json::to_vec(line).map_err(|_| HungUp)?;
    bytes.push(b'\n');
    lines.send(bytes.into()).await
}

/// Answers `GET /v1/backup`: the bytes of a database, or how many there would be.
pub fn backup(api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let request: GetBackup = call.input.from_query()?;
        if request.estimate {
            return json(&backup::estimate(&api.service, request).await?);
        }
        let held = Held::download(&call.seat)?;
        let copy = backup::backup(&api.service, request).await?;
        let size = copy.size_bytes.to_string();
        let body = file_body(copy.file, (held, copy.staged));
        Ok(file_reply("application/vnd.sqlite3", size, body))
    })
}

/// Answers `POST /v1/restore`, whose body is the file.
pub fn restore(api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let _arriving = one_at_a_time(&call.seat).await?;
        let (arriving, file) = Arriving::begin(&api.service)?;
        let write = |file: &mut File, piece: &[u8]| file.write_all(piece);
        let arrived = pour(&call.seat, call.stream, RESTORE_BOUNDS, file, write).await?;
        let arrived = arrived.map_err(|error| unreceived(&error))?;
        json(&arriving.restore(Arc::clone(&api.service), arrived).await?)
    })
}

/// Answers `GET /v1/events`: a line per event.
pub fn events(api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let request: FollowEvents = call.input.from_query()?;
        let held = Held::stream(&call.seat)?;
        let mut stream = events::follow(Arc::clone(&api.service), call.by, request).await?;
        let headers = [
            (CONTENT_TYPE, NDJSON.to_owned()),
            (HeaderName::from_static(EVENT_CURSOR_HEADER), stream.cursor()),
        ];
        let (lines, body) = outflow(held);
        // However it ends, the listener sees the end of the body.
        tokio::spawn(async move {
            loop {
                let line = tokio::select! {
                    line = stream.next() => line,
                    () = lines.closed() => return,
                };
                let Some(line) = line else { return };
                if send_line(&lines, &line).await.is_err() {
                    return;
                }
            }
        });
        Ok((headers, body).into_response())
    })
}

/// Answers `GET /v1/tasks/{id}/log`.
pub fn log(api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let request: GetLog = call.input.from_query()?;
        if request.is_in_pieces() {
            return follow_log(&api, call, request).await;
        }
        let log = log::read(&api.service, call.by, request).await?;
        let headers = [
            (CONTENT_TYPE.as_str(), TEXT.to_owned()),
            (LOG_RUN_HEADER, log.run_id.to_string()),
            (LOG_OMITTED_HEADER, log.omitted_bytes.to_string()),
        ];
        Ok((headers, Body::from(log.bytes)).into_response())
    })
}

/// Answers `GET /v1/tasks/{id}/diff`.
pub fn diff(api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let request: GetDiff = call.input.from_query()?;
        let form = request.form();
        let shown = diff::diff(&api.service, call.by, request).await?;
        if form != PatchForm::Raw {
            return json(&shown.diff);
        }
        let left_out = shown.diff.report.left_out.and_then(|left_out| left_out.line());
        let headers = [
            (CONTENT_TYPE.as_str(), PATCH.to_owned()),
            (DIFF_LEFT_OUT_HEADER, in_header(&left_out.unwrap_or_default())),
        ];
        Ok((headers, Body::from(shown.patch)).into_response())
    })
}

/// Content type of a patch.
const PATCH: &str = "text/x-diff";

/// A text as the value of a header, whose reader decodes it.
fn in_header(text: &str) -> String {
    utf8_percent_encode(text, CONTROLS).to_string()
}

/// Content type of a log in frames.
const FRAMES: &str = "application/octet-stream";

/// Content type of a log.
const TEXT: &str = "text/plain; charset=utf-8";

/// The log as a stream, which ends when all that is there is sent; of a log that is followed when the run is over. Either ends when the
/// reader hangs up.
async fn follow_log(api: &Api, call: Call, request: GetLog) -> Result<Response, ApiError> {
    let held = Held::stream(&call.seat)?;
    let is_framed = request.framed;
    let mut log = log::follow(Arc::clone(&api.service), call.by, request).await?;
    let mut headers = HeaderMap::new();
    let content_type = if is_framed { FRAMES } else { TEXT };
    for (name, value) in [
        (CONTENT_TYPE.as_str(), Some(content_type.to_owned())),
        (LOG_RUN_HEADER, Some(log.run_id.to_string())),
        (LOG_POSITION_HEADER, Some(log.position.to_string())),
        (LOG_FIRST_HEADER, Some(log.first_bytes.to_string())),
        (LOG_OMITTED_HEADER, Some(log.omitted_bytes.to_string())),
        (LOG_TIMES_HEADER, log.has_times.map(|has_times| has_times.to_string())),
    ] {
        let value = value.and_then(|value| HeaderValue::try_from(value).ok());
        if let Some((name, value)) = HeaderName::try_from(name).ok().zip(value) {
            headers.insert(name, value);
        }
    }
    let (pieces, body) = outflow(held);
    tokio::spawn(async move {
        loop {
            let news = tokio::select! {
                news = log.next() => news,
                () = pieces.closed() => return,
            };
            let sent = match news {
                Ok(Some(news)) => pieces.send(news).await,
                Ok(None) => return,
                Err(error) => return pieces.fail(error).await,
            };
            if sent.is_err() {
                return;
            }
        }
    });
    Ok((headers, body).into_response())
}

fn file_reply(content_type: &'static str, size: String, body: Body) -> Response {
    let headers = [(CONTENT_TYPE, content_type.to_owned()), (CONTENT_LENGTH, size)];
    (headers, body).into_response()
}

/// A file as a reply, read piece by piece on a thread that may wait for a disk. `held` is let go when the last byte is on its way.
fn file_body<T: Send + Unpin + 'static>(file: File, held: T) -> Body {
    let (chunks, body) = outflow(held);
    tokio::spawn(async move {
        let mut file = file;
        loop {
            let read = tokio::task::spawn_blocking(move || read_chunk(file)).await;
            match read.unwrap_or_else(|panicked| Err(io::Error::other(panicked))) {
                Ok((_, chunk)) if chunk.is_empty() => return,
                Ok((rest, chunk)) => {
                    file = rest;
                    if chunks.send(chunk).await.is_err() {
                        return;
                    }
                }
                // A part must not pass as the whole.
                Err(error) => return chunks.fail(error).await,
            }
        }
    });
    body
}

fn read_chunk(mut file: File) -> io::Result<(File, Bytes)> {
    use std::io::Read as _;
    let mut chunk = vec![0; CHUNK_BYTES];
    let length = file.read(&mut chunk)?;
    chunk.truncate(length);
    Ok((file, chunk.into()))
}
