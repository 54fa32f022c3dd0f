//! The bell of the outbox: who waits for something to send is woken by it. It knows when the courier was last there.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use tokio::sync::watch;

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct OutboxBell {
    sender: watch::Sender<u64>,
    courier: Arc<Courier>,
}

/// What is known of the courier.
#[derive(Debug, Default)]
struct Courier {
    /// Calls of it that wait for something to send.
    waiting: AtomicU32,
    /// When it last asked, epoch seconds; 0: not since the start.
    asked_at: AtomicI64,
    /// When it last asked for the channels, and so read their credentials, epoch milliseconds; 0: not since the start.
    channels_at_ms: AtomicI64,
}

impl Default for OutboxBell {
    fn default() -> Self {
        Self { sender: watch::channel(0).0, courier: Arc::default() }
    }
}

/// A call of the courier that waits.
#[derive(Debug)]
pub struct Asking {
    bell: OutboxBell,
    heard: watch::Receiver<u64>,
}

impl OutboxBell {
    /// Wakes who waits.
    pub fn ring(&self) {
        self.sender.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// The courier asks for something to send.
    pub fn ask(&self, now: i64) -> Asking {
        self.courier.waiting.fetch_add(1, Ordering::Relaxed);
        self.courier.asked_at.store(now, Ordering::Relaxed);
        Asking { bell: self.clone(), heard: self.sender.subscribe() }
    }

    /// The courier asks for the channels, and reads their credentials next.
    pub fn note_channels(&self, now_ms: i64) {
        self.courier.channels_at_ms.store(now_ms, Ordering::Relaxed);
    }

    /// When it did that, epoch milliseconds; none when not since the start.
    pub fn channels_read_at_ms(&self) -> Option<i64> {
        Some(self.courier.channels_at_ms.load(Ordering::Relaxed)).filter(|at| *at > 0)
    }

    /// Since when the courier has not asked, epoch seconds; none while it is there. `started_at` is when the daemon began.
    pub fn absent_since(&self, started_at: i64) -> Option<i64> {
        if self.courier.waiting.load(Ordering::Relaxed) > 0 {
            return None;
        }
        Some(self.courier.asked_at.load(Ordering::Relaxed).max(started_at))
    }
}

impl Asking {
    /// Waits until the bell has rung since the last look at it.
    pub async fn heard(&mut self) {
        // The sender lives as long as this does.
        drop(self.heard.changed().await);
    }

    /// What rang until now is known.
    pub fn look(&mut self) {
        self.heard.mark_unchanged();
    }

    /// The courier is there at `now`, epoch seconds.
    pub fn note(&self, now: i64) {
        self.bell.courier.asked_at.store(now, Ordering::Relaxed);
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.bell.courier.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_courier_is_absent_from_its_last_question_on() {
        let bell = OutboxBell::default();
        assert_eq!(bell.absent_since(5), Some(5));
        let asking = bell.ask(9);
        assert_eq!(bell.absent_since(5), None);
        asking.note(11);
        drop(asking);
        assert_eq!(bell.absent_since(5), Some(11));
    }
}
