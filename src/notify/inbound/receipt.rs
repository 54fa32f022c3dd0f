//! How far a thing is: for providers that want to hear of each by itself, and soon.

use tokio::sync::mpsc::UnboundedSender;

/// How far a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The daemon has it: it acts once.
    HandedIn,
    /// It is done with, and answered.
    Done,
}

/// The way back to the one who waits for that.
#[derive(Debug, Clone)]
pub struct Receipt {
    event_id: String,
    sender: UnboundedSender<(String, Progress)>,
}

impl Receipt {
    /// Of the thing with this id.
    pub fn new(event_id: &str, sender: &UnboundedSender<(String, Progress)>) -> Self {
        Self { event_id: event_id.to_owned(), sender: sender.clone() }
    }

    /// The daemon has it.
    pub fn handed_in(&self) {
        self.send(Progress::HandedIn);
    }

    /// It is done with.
    pub fn done(&self) {
        self.send(Progress::Done);
    }

    fn send(&self, progress: Progress) {
        // Nobody waits once the connection that brought it is gone.
        let _is_heard = self.sender.send((self.event_id.clone(), progress)).is_ok();
    }
}

impl PartialEq for Receipt {
    fn eq(&self, other: &Self) -> bool {
        self.event_id == other.event_id
    }
}

impl Eq for Receipt {}
