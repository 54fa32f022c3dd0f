//! The queue between threads that log and the writer: bounded, with one writing thread.
//!
//! A pipe that nobody reads, a stopped terminal, a journal that hangs or a full disk holds up that thread and nobody else. Lines
//! for which there is no room are lost and counted; the loss is reported in the log itself as soon as it flows again.

use std::io;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::os::host::clock::{epoch_seconds, monotonic_ms};

/// Lines that may wait to be written.
const LINES_MAX: usize = 4096;

/// Bytes that may wait to be written.
const BYTES_MAX: usize = 1024 * 1024;

/// Writes one line; may block. An error means that the line is lost.
pub(super) type Sink = Box<dyn FnMut(&[u8]) -> io::Result<()> + Send>;

/// How the log stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogHealth {
    /// Lines lost since the start.
    pub lost_lines: u64,
    /// When the last of them was lost, epoch seconds; 0 when none was.
    pub last_lost_at: i64,
    /// Lines waiting to be written.
    pub waiting_lines: u64,
    /// How long the line that is being written has taken so far, milliseconds; 0 when none is.
    pub blocked_ms: u64,
}

/// The end at which lines go in; cheap to clone.
#[derive(Clone)]
pub(super) struct LogQueue {
    lines: SyncSender<Vec<u8>>,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// Lines and bytes that went in and have not been written or given up.
    waiting: Mutex<Waiting>,
    is_empty: Condvar,
    lost_lines: AtomicU64,
    last_lost_at: AtomicI64,
    /// When the write under way began, monotonic milliseconds; 0 when there is none.
    writing_since_ms: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    lines: u64,
    bytes: usize,
}

impl LogQueue {
    /// Starts the thread, which ends with the process. `report_loss` is called on it when the log flows again, with the number of
    /// lines that were lost since the last report; it logs that like anything else.
    ///
    /// # Errors
    /// The thread cannot be made.
    pub(super) fn start(
        sink: Sink,
        report_loss: impl Fn(u64) + Send + 'static,
    ) -> io::Result<Self> {
        let (lines, waiting) = sync_channel(LINES_MAX);
        let state = Arc::<State>::default();
        let writer = Writer { sink, state: Arc::clone(&state), reported: 0 };
        std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || writer.write_until_closed(&waiting, report_loss))?;
        Ok(Self { lines, state })
    }

    /// Hands over one line. Never blocks; a line that finds no room is lost.
    pub(super) fn push(&self, line: Vec<u8>) {
        let length = line.len();
        if !self.state.enter(length) {
            return self.state.lose(1);
        }
        // The count above bounds what is in the channel, so it has room.
        if self.lines.try_send(line).is_err() {
            self.state.leave(length);
            self.state.lose(1);
        }
    }

    /// Waits until everything is written, at most `patience`.
    pub(super) fn flush(&self, patience: Duration) {
        let waiting = self.state.waiting();
        let is_waiting = |waiting: &mut Waiting| waiting.lines > 0;
        drop(self.state.is_empty.wait_timeout_while(waiting, patience, is_waiting));
    }

    /// State of the queue.
    pub(super) fn health(&self) -> LogHealth {
        let since_ms = self.state.writing_since_ms.load(Ordering::Relaxed);
        LogHealth {
            lost_lines: self.state.lost_lines.load(Ordering::Relaxed),
            last_lost_at: self.state.last_lost_at.load(Ordering::Relaxed),
            waiting_lines: self.state.waiting().lines,
            blocked_ms: if since_ms == 0 { 0 } else { monotonic_ms().saturating_sub(since_ms) },
        }
    }
}

impl State {
    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, length: usize) -> bool {
        let mut waiting = self.waiting();
        let has_room = has_room(waiting.lines, waiting.bytes, length);
        if has_room {
            waiting.lines += 1;
            waiting.bytes += length;
        }
        has_room
    }

    fn leave(&self, length: usize) {
        let mut waiting = self.waiting();
        waiting.lines = waiting.lines.saturating_sub(1);
        waiting.bytes = waiting.bytes.saturating_sub(length);
        if waiting.lines == 0 {
            self.is_empty.notify_all();
        }
    }

    fn lose(&self, lines: u64) {
        self.lost_lines.fetch_add(lines, Ordering::Relaxed);
        self.last_lost_at.store(epoch_seconds(), Ordering::Relaxed);
    }
}

/// Whether a line of `length` bytes may join what waits. A line that is larger than all room joins an empty queue only.
fn has_room(lines: u64, bytes: usize, length: usize) -> bool {
    lines < LINES_MAX as u64 && (lines == 0 || bytes.saturating_add(length) <= BYTES_MAX)
}

/// Whether the loss is reported now: there is one, and there is room for the report and for what comes behind it.
fn is_report_due(lost: u64, reported: u64, waiting_lines: u64, waiting_bytes: usize) -> bool {
    lost > reported && waiting_lines < LINES_MAX as u64 / 2 && waiting_bytes < BYTES_MAX / 2
}

struct Writer {
    sink: Sink,
    state: Arc<State>,
    /// Lost lines that the log has told of.
    reported: u64,
}

impl Writer {
    fn write_until_closed(mut self, lines: &Receiver<Vec<u8>>, report_loss: impl Fn(u64)) {
        while let Ok(line) = lines.recv() {
            self.state.writing_since_ms.store(monotonic_ms(), Ordering::Relaxed);
            let written = (self.sink)(&line);
            self.state.writing_since_ms.store(0, Ordering::Relaxed);
            self.state.leave(line.len());
            if written.is_err() {
                self.state.lose(1);
                continue;
            }
            let lost = self.state.lost_lines.load(Ordering::Relaxed);
            let (lines, bytes) = {
                let waiting = self.state.waiting();
                (waiting.lines, waiting.bytes)
            };
            if is_report_due(lost, self.reported, lines, bytes) {
                report_loss(lost - self.reported);
                self.reported = lost;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn room_is_bounded_in_lines_and_bytes_and_one_large_line_still_passes() {
        let most = LINES_MAX as u64;
        for (lines, bytes, length, expected) in [
            (0, 0, 10, true),
            (0, 0, BYTES_MAX + 1, true),
            (1, 10, BYTES_MAX, false),
            (1, 10, BYTES_MAX - 10, true),
            (most - 1, 0, 1, true),
            (most, 0, 1, false),
        ] {
            assert_eq!(has_room(lines, bytes, length), expected, "{lines} {bytes} {length}");
        }
    }

    #[test]
    fn a_loss_is_reported_once_when_there_is_room_again() {
        for (lost, reported, lines, bytes, expected) in [
            (0, 0, 0, 0, false),
            (5, 0, 0, 0, true),
            (5, 5, 0, 0, false),
            (6, 5, LINES_MAX as u64 / 2, 0, false),
            (6, 5, LINES_MAX as u64 / 2 - 1, 0, true),
            (6, 5, 9, BYTES_MAX / 2, false),
            (6, 5, 9, BYTES_MAX / 2 - 1, true),
        ] {
            let found = is_report_due(lost, reported, lines, bytes);
            assert_eq!(found, expected, "{lost} {reported} {lines} {bytes}");
        }
    }

    #[test]
    fn who_logs_never_waits_for_who_reads_and_the_loss_is_told_when_it_flows_again() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let mut writer = writer;
        let (message, tellings) = mpsc::channel();
        let sink: Sink = Box::new(move |line| writer.write_all(line));
        let queue = LogQueue::start(sink, move |lost| message.send(lost).unwrap()).unwrap();
        let line = vec![b'x'; 1000];
        // Far more than the pipe and the queue hold. A queue that waits never comes to the end of this.
        for _ in 0..10_000 {
            queue.push(line.clone());
        }
        let health = queue.health();
        assert!(health.lost_lines > 8_000 && health.last_lost_at > 0, "{health:?}");
        assert!(health.waiting_lines > 0, "{health:?}");
        queue.flush(Duration::from_millis(1));
        assert!(queue.health().waiting_lines > 0, "a flush gives up in time");
        let read = std::thread::spawn(move || {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).unwrap();
            all.len()
        });
        assert_eq!(tellings.recv().unwrap(), health.lost_lines);
        queue.flush(Duration::from_secs(60));
        assert_eq!(queue.health(), LogHealth { waiting_lines: 0, blocked_ms: 0, ..health });
        drop(queue);
        let expected = 1000 * (10_000 - usize::try_from(health.lost_lines).unwrap());
        assert_eq!(read.join().unwrap(), expected);
    }

    #[test]
    fn a_line_that_cannot_be_written_is_lost_and_the_next_one_tries_again() {
        let mut fails = 2;
        let (message, tellings) = mpsc::channel();
        let sink: Sink = Box::new(move |_line| {
            fails -= 1;
            if fails >= 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        });
        let queue = LogQueue::start(sink, move |lost| message.send(lost).unwrap()).unwrap();
        for _ in 0..3 {
            queue.push(b"line\n".to_vec());
        }
        assert_eq!(tellings.recv().unwrap(), 2);
        assert_eq!(queue.health().lost_lines, 2);
    }
}
