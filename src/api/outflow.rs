//! The body of an answer that is made while it is read: a bounded number of bytes waits for the reader, then the maker waits.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http_body_util::StreamBody;
use hyper::body::Frame;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::Stream;

use crate::api::limits::OUTFLOW_BYTES_MAX;

/// Pieces that may wait, however small they are.
const PIECES_MAX: usize = 64;

type Piece = std::io::Result<(Bytes, OwnedSemaphorePermit)>;

/// The end at which the answer goes in. Dropping it ends the answer.
#[derive(Clone)]
pub struct Outflow {
    pieces: mpsc::Sender<Piece>,
    room: Arc<Semaphore>,
}

/// The reader has disconnected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HungUp;

/// An answer that is made while it is read. `held` is let go when the reader is through or has hung up.
pub fn outflow<T: Send + Unpin + 'static>(held: T) -> (Outflow, Body) {
    let (pieces, waiting) = mpsc::channel(PIECES_MAX);
    let room = Arc::new(Semaphore::new(OUTFLOW_BYTES_MAX));
    let body = Body::new(StreamBody::new(Waiting { pieces: waiting, _held: held }));
    (Outflow { pieces, room }, body)
}

impl Outflow {
    /// Sends a piece, as soon as there is room for it. One that is larger than all room waits until everything before it is read.
    ///
    /// # Errors
    /// [`HungUp`].
    pub async fn send(&self, piece: Bytes) -> Result<(), HungUp> {
        let bytes = u32::try_from(piece.len().min(OUTFLOW_BYTES_MAX)).unwrap_or(u32::MAX);
        let room = tokio::select! {
            room = Arc::clone(&self.room).acquire_many_owned(bytes) => room.map_err(|_| HungUp)?,
            () = self.pieces.closed() => return Err(HungUp),
        };
        self.pieces.send(Ok((piece, room))).await.map_err(|_| HungUp)
    }

    /// Breaks the answer off, so that a part does not pass as the whole.
    pub async fn fail(&self, error: std::io::Error) {
        // A reader that has hung up does not need to know.
        drop(self.pieces.send(Err(error)).await);
    }

    /// Returns when the reader has hung up.
    pub async fn closed(&self) {
        self.pieces.closed().await;
    }
}

struct Waiting<T> {
    pieces: mpsc::Receiver<Piece>,
    _held: T,
}

impl<T: Unpin> Stream for Waiting<T> {
    type Item = std::io::Result<Frame<Bytes>>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // The room of a piece is free again when it is on its way.
        let piece = |piece: Piece| piece.map(|(bytes, _room)| Frame::data(bytes));
        self.get_mut().pieces.poll_recv(context).map(|next| next.map(piece))
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[test]
    fn a_slow_reader_holds_up_the_maker_and_not_the_memory() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (sender, mut body) = outflow(());
            let piece = Bytes::from(vec![b'x'; OUTFLOW_BYTES_MAX / 4]);
            for _ in 0..4 {
                sender.send(piece.clone()).await.unwrap();
            }
            let mut fifth = std::pin::pin!(sender.send(piece.clone()));
            let poll = |fifth: &mut Pin<&mut _>, context: &mut Context<'_>| {
                std::future::Future::poll(Pin::as_mut(fifth), context)
            };
            let is_waiting =
                std::future::poll_fn(|context| Poll::Ready(poll(&mut fifth, context).is_pending()))
                    .await;
            assert!(is_waiting);
            let frame = body.frame().await.unwrap().unwrap();
            assert_eq!(frame.into_data().unwrap().len(), piece.len());
            fifth.await.unwrap();
            drop(body);
            assert_eq!(sender.send(piece).await, Err(HungUp));
        });
    }

    #[test]
    fn a_piece_larger_than_all_room_goes_through_and_a_failure_is_no_end() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (sender, body) = outflow(());
            sender.send(Bytes::from(vec![0; OUTFLOW_BYTES_MAX * 2])).await.unwrap();
            sender.fail(std::io::ErrorKind::Other.into()).await;
            drop(sender);
            assert!(body.collect().await.is_err());
        });
    }
}
