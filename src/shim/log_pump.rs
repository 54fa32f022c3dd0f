//! Output from the worker's pipe to the run's log, no faster than the spec allows.
//!
//! When the pace is used up the pipe is left alone until there is room again; the pipe fills and the worker
//! waits in write(2). Logs of a worker that talks without end thus never slow the disk for others.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};

use crate::os::run_files::directory::LogSpec;
use crate::os::run_files::log::RunLogWriter;
use crate::os::run_files::redact::Redactor;

/// Most that is read at a time: what a pipe holds by default (pipe(7)).
const CHUNK_BYTES: usize = 65_536;

/// Least room in the bucket worth a read; less would mean many small writes.
const READ_BYTES_MIN: u64 = 4_096;

/// The bucket holds what may flow in this part of a second, so a burst goes through without waiting.
const BURSTS_PER_SECOND: u64 = 16;

/// Takes output out of the pipe.
#[derive(Debug)]
pub struct LogPump {
    pipe: Option<OwnedFd>,
    log: RunLogWriter,
    secrets: Vec<String>,
    /// Created at the first output, like `chunk`.
    redactor: Option<Redactor>,
    bucket: TokenBucket,
    chunk: Vec<u8>,
    cleared: Vec<u8>,
    taken_bytes: u64,
}

/// What went through a pump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PumpTotals {
    /// Taken from the worker.
    pub taken_bytes: u64,
    /// Of what should have been kept, lost to a failing disk.
    pub lost_bytes: u64,
}

impl LogPump {
    /// A pump from `pipe`, which must not block, into `log`.
    pub fn new(pipe: OwnedFd, log: RunLogWriter, spec: &LogSpec, now_ms: u64) -> Self {
        Self {
            pipe: Some(pipe),
            log,
            secrets: spec.redact.clone(),
            redactor: None,
            bucket: TokenBucket::new(spec.pace_bytes_per_second, now_ms),
            // Filled at the first output: most shims wait for a worker that is silent most of the time.
            chunk: Vec::new(),
            cleared: Vec::new(),
            taken_bytes: 0,
        }
    }

    /// The pipe, while there is something to wait for in it and room to take it.
    pub fn wants(&mut self, now_ms: u64) -> Option<BorrowedFd<'_>> {
        let has_room = self.bucket.room(now_ms) >= READ_BYTES_MIN;
        self.pipe.as_ref().filter(|_pipe| has_room).map(AsFd::as_fd)
    }

    /// When there will be room again, in milliseconds; none while there is some or the pipe is closed.
    pub fn wake_at_ms(&self) -> Option<u64> {
        self.pipe.as_ref().and_then(|_pipe| self.bucket.refilled_at_ms())
    }

    /// Takes one chunk, as far as there is room.
    pub fn pump(&mut self, now_ms: u64) {
        let room = usize::try_from(self.bucket.room(now_ms)).unwrap_or(usize::MAX);
        let taken = self.take(room);
        self.bucket.spend(u64::try_from(taken).unwrap_or(u64::MAX));
    }

    /// Takes what is still in the pipe, at no pace, once no process of the run is left. At most what the pipe
    /// holds: another process that got the pipe may write without end.
    pub fn drain(&mut self) {
        let mut left = self.pipe.as_ref().map_or(0, capacity);
        while left > 0 {
            let taken = self.take(left);
            if taken == 0 {
                return;
            }
            left = left.saturating_sub(taken);
        }
    }

    /// Writes what was kept back for redaction and says what went through.
    pub fn finish(self) -> PumpTotals {
        self.finish_with_log().0
    }

    /// The same, and returns the log, for the next process that writes to it.
    pub fn finish_with_log(mut self) -> (PumpTotals, RunLogWriter) {
        self.cleared.clear();
        if let Some(redactor) = &mut self.redactor {
            redactor.finish(&mut self.cleared);
        }
        self.log.write(&self.cleared);
        let lost_bytes = self.log.lost_bytes();
        (PumpTotals { taken_bytes: self.taken_bytes, lost_bytes }, self.log)
    }

    /// Reads once, at most `room`, and returns how much came.
    fn take(&mut self, room: usize) -> usize {
        let Some(pipe) = &self.pipe else { return 0 };
        self.chunk.resize(CHUNK_BYTES, 0);
        let length = room.min(self.chunk.len());
        let Some(location) = self.chunk.get_mut(..length).filter(|location| !location.is_empty())
        else {
            return 0;
        };
        let read = loop {
            match nix::unistd::read(pipe, location) {
                Err(Errno::EINTR) => {}
                read => break read,
            }
        };
        let taken = match read {
            Ok(taken) if taken > 0 => taken,
            Err(Errno::EAGAIN) => return 0,
            Ok(_end) => {
                self.pipe = None;
                return 0;
            }
            Err(_failed) => {
                self.pipe = None;
                return 0;
            }
        };
        self.taken_bytes += u64::try_from(taken).unwrap_or(u64::MAX);
        self.cleared.clear();
        let redactor = self
            .redactor
            .get_or_insert_with(|| Redactor::of_values(&std::mem::take(&mut self.secrets)));
        redactor.push(self.chunk.get(..taken).unwrap_or_default(), &mut self.cleared);
        self.log.write(&self.cleared);
        taken
    }
}

fn capacity(pipe: &OwnedFd) -> usize {
    let message = fcntl(pipe, FcntlArg::F_GETPIPE_SZ).ok();
    message.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(CHUNK_BYTES)
}

/// A token bucket in bytes. Thousandths are kept, so that a slow pace loses nothing to rounding.
#[derive(Debug, Clone, PartialEq, Eq)]
struct TokenBucket {
    /// 0: no pace, always full.
    rate_per_second: u64,
    capacity: u64,
    milli_tokens: u64,
    counted_to_ms: u64,
}

impl TokenBucket {
    fn new(rate_per_second: u64, now_ms: u64) -> Self {
        // Room for two reads at least, or what is earned while one is waited for would be thrown away.
        let capacity = (rate_per_second / BURSTS_PER_SECOND).max(2 * READ_BYTES_MIN);
        let milli_tokens = capacity.saturating_mul(1_000);
        Self { rate_per_second, capacity, milli_tokens, counted_to_ms: now_ms }
    }

    /// Bytes that may be taken now.
    fn room(&mut self, now_ms: u64) -> u64 {
        if self.rate_per_second == 0 {
            return u64::MAX;
        }
        let elapsed_ms = now_ms.saturating_sub(self.counted_to_ms);
        let earned = elapsed_ms.saturating_mul(self.rate_per_second);
        let full = self.capacity.saturating_mul(1_000);
        self.milli_tokens = self.milli_tokens.saturating_add(earned).min(full);
        self.counted_to_ms = self.counted_to_ms.max(now_ms);
        self.milli_tokens / 1_000
    }

    fn spend(&mut self, bytes: u64) {
        self.milli_tokens = self.milli_tokens.saturating_sub(bytes.saturating_mul(1_000));
    }

    /// When there is room worth a read; none when there is.
    fn refilled_at_ms(&self) -> Option<u64> {
        let missing = READ_BYTES_MIN.saturating_mul(1_000).saturating_sub(self.milli_tokens);
        if self.rate_per_second == 0 || missing == 0 {
            return None;
        }
        Some(self.counted_to_ms.saturating_add(missing.div_ceil(self.rate_per_second)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_time_no_more_flows_than_the_pace() {
        for rate in [1_u64, 700, 4_096, 1 << 20, 16 << 20] {
            let mut bucket = TokenBucket::new(rate, 5);
            let burst = bucket.room(5);
            let (mut taken, mut now_ms) = (0, 5);
            for _read in 0..2_000 {
                let room = bucket.room(now_ms);
                if room < READ_BYTES_MIN {
                    now_ms = bucket.refilled_at_ms().expect("an empty bucket says when");
                    continue;
                }
                let bytes = room.min(65_536);
                bucket.spend(bytes);
                taken += bytes;
            }
            let allowed = burst + rate * (now_ms - 5) / 1_000;
            assert!(taken <= allowed, "{rate}/s: {taken} taken, {allowed} allowed");
            assert!(allowed - taken <= bucket.capacity, "{rate}/s: pace is not used");
        }
    }

    #[test]
    fn a_bucket_wakes_exactly_when_a_read_is_worth_it() {
        let mut bucket = TokenBucket::new(1_000_000, 0);
        assert_eq!(bucket.refilled_at_ms(), None);
        bucket.spend(bucket.capacity);
        // 4096 bytes at one per microsecond.
        assert_eq!(bucket.refilled_at_ms(), Some(5));
        assert!(bucket.room(4) < READ_BYTES_MIN);
        assert!(bucket.room(5) >= READ_BYTES_MIN);
        // A clock that stands still earns nothing.
        assert_eq!(bucket.room(5), bucket.room(3));
    }

    #[test]
    fn no_pace_means_no_waiting() {
        let mut bucket = TokenBucket::new(0, 0);
        bucket.spend(u64::MAX);
        assert_eq!((bucket.room(0), bucket.refilled_at_ms()), (u64::MAX, None));
    }
}
