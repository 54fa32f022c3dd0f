//! Replies that are read slowly: what they use of the caller's share, and what the connection does meanwhile.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use crate::api::error::ApiError;
use crate::api::gate::ledger::Thing;
use crate::api::gate::shed::Phase;
use crate::api::gate::{Seat, Taken};

/// Held until an answer is read, or its reader has hung up.
pub struct Held {
    seat: Arc<Seat>,
    _taken: Vec<Taken>,
}

impl Held {
    /// Takes what an answer needs. The connection is in `phase` as long as it is held.
    ///
    /// # Errors
    /// The caller has its share.
    pub fn new(seat: &Arc<Seat>, phase: Phase, needs: &[(Thing, usize)]) -> Result<Self, ApiError> {
        let taken: Result<Vec<Taken>, ApiError> =
            needs.iter().map(|(thing, amount)| seat.take(*thing, *amount)).collect();
        let held = Self { seat: Arc::clone(seat), _taken: taken? };
        seat.enter(phase);
        Ok(held)
    }

    /// For something that is followed until the client ends it.
    ///
    /// # Errors
    /// The caller has its share.
    pub fn stream(seat: &Arc<Seat>) -> Result<Self, ApiError> {
        Self::new(seat, Phase::Streaming, &[(Thing::Streams, 1)])
    }

    /// For a list that is made while it is read.
    ///
    /// # Errors
    /// The caller has its share.
    pub fn list(seat: &Arc<Seat>) -> Result<Self, ApiError> {
        Self::new(seat, Phase::Sending, &[(Thing::Streams, 1)])
    }

    /// For a file that is sent.
    ///
    /// # Errors
    /// The caller has its share.
    pub fn download(seat: &Arc<Seat>) -> Result<Self, ApiError> {
        Self::new(seat, Phase::Sending, &[(Thing::Downloads, 1)])
    }

    /// The body that it is held for.
    pub fn with(self, body: Body) -> Body {
        Body::new(HeldBody { body, _held: self })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.seat.enter(Phase::Idle);
    }
}

struct HeldBody {
    body: Body,
    _held: Held,
}

impl HttpBody for HeldBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
