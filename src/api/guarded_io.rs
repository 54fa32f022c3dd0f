//! Connection I/O with a limit for clients that do not read: a client that reads too slowly is disconnected.

use std::future::Future as _;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::api::gate::shed::Phase;
use crate::api::gate::{Seat, Turned};
use crate::api::limits::{STALL_BYTES, STALL_TIME, STALL_TIME_FOLLOWING};

/// How long a reader may take too little.
#[derive(Debug, Clone, Copy)]
pub struct StallTimes {
    /// Of an ordinary answer.
    pub answer: Duration,
    /// Of a stream that is followed.
    pub following: Duration,
}

impl Default for StallTimes {
    fn default() -> Self {
        Self { answer: STALL_TIME, following: STALL_TIME_FOLLOWING }
    }
}

/// A connection's bytes.
pub struct GuardedIo<S> {
    stream: S,
    seat: Arc<Seat>,
    times: StallTimes,
    /// Set while a write has to wait.
    wait: Option<Wait>,
}

struct Wait {
    until: Pin<Box<Sleep>>,
    /// Bytes that went out since the wait began.
    taken: u64,
}

impl<S> GuardedIo<S> {
    /// Guards `stream`.
    pub fn new(stream: S, seat: Arc<Seat>, times: StallTimes) -> Self {
        Self { stream, seat, times, wait: None }
    }

    /// A write went through.
    fn wrote(&mut self, count: usize) {
        if let Some(wait) = &mut self.wait {
            wait.taken += count as u64;
            if wait.taken >= STALL_BYTES {
                self.end_wait();
            }
        }
    }

    fn end_wait(&mut self) {
        if self.wait.take().is_some() {
            self.seat.set_blocked(false);
        }
    }

    /// A write has to wait: for how long?
    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let (seat, times) = (&self.seat, self.times);
        let wait = self.wait.get_or_insert_with(|| {
            seat.set_blocked(true);
            let time =
                if seat.phase() == Phase::Streaming { times.following } else { times.answer };
            Wait { until: Box::pin(sleep_until(Instant::now() + time)), taken: 0 }
        });
        if wait.until.as_mut().poll(context).is_ready() {
            self.seat.gate().count(Turned::Stalled);
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read"));
        }
        Ok(())
    }

    fn settle(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Ready(Ok(count)) => self.wrote(*count),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.check(context)?,
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for GuardedIo<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for GuardedIo<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.settle(context, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, bytes);
        this.settle(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // Called when nothing is left to be written.
        this.end_wait();
        Pin::new(&mut this.stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    use super::*;
    use crate::api::gate::Gate;
    use crate::api::gate::party::Party;

    fn guarded(times: StallTimes) -> (GuardedIo<DuplexStream>, DuplexStream, Arc<Seat>) {
        let seat = Arc::new(Gate::new(64).seat(Party::Operator(0)).unwrap());
        let (ours, theirs) = duplex(1024);
        (GuardedIo::new(ours, Arc::clone(&seat), times), theirs, seat)
    }

    fn run(test: impl Future<Output = ()>) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
    }

    use std::future::Future;

    /// Nothing waits so long in a test.
    const NEVER: Duration = Duration::from_secs(3600);
    const AT_ONCE: Duration = Duration::from_millis(1);

    #[test]
    fn who_does_not_read_is_hung_up_on_and_who_follows_has_more_time() {
        run(async {
            let (mut io, _theirs, seat) = guarded(StallTimes { answer: AT_ONCE, following: NEVER });
            let error = io.write_all(&[0; 4096]).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            assert_eq!(seat.gate().turned_away(Turned::Stalled), 1);
            let (mut io, mut theirs, seat) =
                guarded(StallTimes { answer: AT_ONCE, following: NEVER });
            seat.enter(Phase::Streaming);
            let mut read = vec![0; 4096];
            let (written, _) = tokio::join!(io.write_all(&[0; 4096]), theirs.read_exact(&mut read));
            written.unwrap();
        });
    }

    #[test]
    fn who_takes_a_little_now_and_then_is_a_slow_reader_all_the_same() {
        run(async {
            let (mut io, mut theirs, _seat) =
                guarded(StallTimes { answer: Duration::from_millis(200), following: NEVER });
            let drip = async {
                let mut byte = [0; 1];
                while theirs.read_exact(&mut byte).await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            };
            tokio::select! {
                written = async { loop { if let Err(error) = io.write_all(&[0; 64]).await { break error } } } => {
                    assert_eq!(written.kind(), io::ErrorKind::TimedOut);
                }
                () = drip => panic!("the writer did not stop"),
            }
        });
    }
}
