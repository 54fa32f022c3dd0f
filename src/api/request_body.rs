//! Bodies of requests with fields: bounded in size, in time, and in what one caller has the daemon hold.

use std::sync::Arc;

use axum::body::{Body, HttpBody as _};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;

use crate::api::error::ApiError;
use crate::api::gate::ledger::Thing;
use crate::api::gate::shed::Phase;
use crate::api::gate::{Seat, Taken, Turned};
use crate::api::input::bad_request;
use crate::api::limits::{BODY_TIME, SHARE_PATIENCE, UNCOUNTED_BYTES};
use crate::kernel::error::ErrorCode;
use crate::kernel::limits::REQUEST_BYTES_MAX;

/// Reads a body. What is returned beside it is to be kept as long as the request is worked on.
///
/// # Errors
/// It is too large, did not arrive in time or at all, or the caller has its share of bodies under way.
pub async fn read_body(seat: &Arc<Seat>, body: Body) -> Result<(Bytes, Option<Taken>), ApiError> {
    if body.is_end_stream() {
        return Ok((Bytes::new(), None));
    }
    let announced =
        body.size_hint().exact().map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    let reserved = reserve(announced)?;
    let taken = match reserved {
        0 => None,
        // Nothing of it is read before there is room.
        reserved => Some(seat.take_patiently(Thing::BodyBytes, reserved, SHARE_PATIENCE).await?),
    };
    seat.enter(Phase::Receiving);
    let read = tokio::time::timeout(BODY_TIME, collect(body, announced.unwrap_or(0))).await;
    seat.enter(Phase::Working);
    let bytes = read.map_err(|_| {
        seat.gate().count(Turned::Late);
        let message = format!("the body did not arrive within {} seconds", BODY_TIME.as_secs());
        ApiError::new(ErrorCode::Timeout, message)
    })??;
    Ok((bytes, taken))
}

/// Bytes of the caller's share that a body takes: as many as it says that it has, or the most there can be.
fn reserve(announced: Option<usize>) -> Result<usize, ApiError> {
    match announced {
        Some(bytes) if bytes > REQUEST_BYTES_MAX => Err(too_large()),
        Some(bytes) if bytes <= UNCOUNTED_BYTES => Ok(0),
        Some(bytes) => Ok(bytes),
        None => Ok(REQUEST_BYTES_MAX),
    }
}

async fn collect(mut body: Body, announced: usize) -> Result<Bytes, ApiError> {
    let mut bytes = BytesMut::with_capacity(announced.min(UNCOUNTED_BYTES));
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|error| bad_request(format!("cannot receive the body: {error}")))?;
        let Ok(piece) = frame.into_data() else { continue };
        if bytes.len().saturating_add(piece.len()) > REQUEST_BYTES_MAX {
            return Err(too_large());
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.freeze())
}

fn too_large() -> ApiError {
    let message = format!("the request is too large: more than {REQUEST_BYTES_MAX} bytes");
    ApiError::new(ErrorCode::TooLarge, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_takes_what_it_announces_and_one_that_announces_nothing_the_most() {
        for (announced, expected) in [
            (Some(0), Some(0)),
            (Some(UNCOUNTED_BYTES), Some(0)),
            (Some(UNCOUNTED_BYTES + 1), Some(UNCOUNTED_BYTES + 1)),
            (Some(REQUEST_BYTES_MAX), Some(REQUEST_BYTES_MAX)),
            (Some(REQUEST_BYTES_MAX + 1), None),
            (None, Some(REQUEST_BYTES_MAX)),
        ] {
            assert_eq!(reserve(announced).ok(), expected, "{announced:?}");
        }
    }
}
