//! Files received as the body of a request: bounded in number, in size, in pauses and in time, and written on a thread that may wait
//! for a disk.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use tokio::sync::mpsc;

use crate::api::error::ApiError;
use crate::api::gate::ledger::Thing;
use crate::api::gate::shed::Phase;
use crate::api::gate::{Seat, Taken, Turned};
use crate::api::input::bad_request;
use crate::api::limits::{PIECE_TIME, SHARE_PATIENCE};
use crate::kernel::error::{ErrorCode, Fault};

/// Pieces that may wait for a slow disk.
const PIECES_MAX: usize = 8;

/// What may arrive.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Bytes at most.
    pub bytes: u64,
    /// Time at most, of all; none = as long as something comes.
    pub time: Option<Duration>,
}

/// Lets a file arrive, when one of the caller's others has: its bytes wait at the client meanwhile.
///
/// # Errors
/// None has in some time.
pub async fn one_at_a_time(seat: &Seat) -> Result<Taken, ApiError> {
    seat.take_patiently(Thing::Uploads, 1, SHARE_PATIENCE).await
}

/// Pours a body into a file, which is given back at the end. `write` is called with each piece on a thread that may wait.
///
/// # Errors
/// The body is too large or did not arrive. The inner error is that of writing.
pub async fn pour<F: Send + 'static>(
    seat: &Seat,
    body: Body,
    bounds: Bounds,
    file: F,
    write: fn(&mut F, &[u8]) -> io::Result<()>,
) -> Result<io::Result<F>, ApiError> {
    refuse_large(body.size_hint().lower(), bounds.bytes)?;
    let (pieces, arriving) = mpsc::channel::<Bytes>(PIECES_MAX);
    let writing = tokio::task::spawn_blocking(move || write_all(arriving, file, write));
    let sent = receive(seat, body, bounds, |piece| {
        let pieces = pieces.clone();
        async move { pieces.send(piece).await.is_ok() }
    })
    .await;
    drop(pieces);
    let written = writing.await;
    sent?;
    written.map_err(|_panicked| Fault::NoAnswer { part: "the disk thread" }.into())
}

fn write_all<F>(
    mut arriving: mpsc::Receiver<Bytes>,
    mut file: F,
    write: fn(&mut F, &[u8]) -> io::Result<()>,
) -> io::Result<F> {
    while let Some(piece) = arriving.blocking_recv() {
        write(&mut file, &piece)?;
    }
    Ok(file)
}

/// Reads a body to its end for nothing.
///
/// # Errors
/// It is too large or did not arrive.
pub async fn pass_over(seat: &Seat, body: Body, bounds: Bounds) -> Result<(), ApiError> {
    receive(seat, body, bounds, |_piece| async { true }).await
}

/// Holds a body in memory. The caller bounds how many there are at a time.
///
/// # Errors
/// It is too large or did not arrive.
pub async fn hold(seat: &Seat, body: Body, bounds: Bounds) -> Result<Vec<u8>, ApiError> {
    refuse_large(body.size_hint().lower(), bounds.bytes)?;
    let held = Mutex::new(Vec::new());
    receive(seat, body, bounds, |piece| {
        held.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&piece);
        async { true }
    })
    .await?;
    Ok(held.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Reads a body to its end, or until `take` wants no more of it.
async fn receive<T: Future<Output = bool>>(
    seat: &Seat,
    mut body: Body,
    bounds: Bounds,
    take: impl Fn(Bytes) -> T,
) -> Result<(), ApiError> {
    seat.enter(Phase::Receiving);
    let all = async {
        let mut size: u64 = 0;
        while let Some(piece) = next_piece(seat, &mut body).await? {
            size += piece.len() as u64;
            refuse_large(size, bounds.bytes)?;
            if !take(piece).await {
                break;
            }
        }
        Ok(())
    };
    let received = match bounds.time {
        Some(time) => tokio::time::timeout(time, all).await.unwrap_or_else(|_| {
            let message = format!("the file did not arrive within {} seconds", time.as_secs());
            Err(late(seat, message))
        }),
        None => all.await,
    };
    seat.enter(Phase::Working);
    received
}

async fn next_piece(seat: &Seat, body: &mut Body) -> Result<Option<Bytes>, ApiError> {
    loop {
        let frame = tokio::time::timeout(PIECE_TIME, body.frame()).await.map_err(|_| {
            let seconds = PIECE_TIME.as_secs();
            late(seat, format!("the transfer stalled for {seconds} seconds"))
        })?;
        let Some(frame) = frame else { return Ok(None) };
        let broken = |error| bad_request(format!("the transfer was interrupted: {error}"));
        if let Ok(piece) = frame.map_err(broken)?.into_data() {
            return Ok(Some(piece));
        }
    }
}

fn late(seat: &Seat, message: String) -> ApiError {
    seat.gate().count(Turned::Late);
    ApiError::new(ErrorCode::Timeout, message)
}

fn refuse_large(size: u64, bytes_max: u64) -> Result<(), ApiError> {
    if size <= bytes_max {
        return Ok(());
    }
    let message = format!("the file is too large: more than {bytes_max} bytes");
    Err(ApiError::new(ErrorCode::TooLarge, message))
}
