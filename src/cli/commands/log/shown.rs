//! What is printed of a frame: its output, with the times of its lines where they are wanted.

use crate::api::client::LogFrame;
use crate::cli::session::Session;
use crate::cli::times::Times;
use crate::text::stamped::Stamped;

/// Puts frames together.
pub(super) struct Shown {
    line: Stamped,
    /// The zone of the times; none when nobody wants them.
    times: Option<Times>,
}

impl Shown {
    pub(super) fn new(has_times: bool, session: &Session) -> Self {
        Self { line: Stamped::default(), times: has_times.then(|| session.times()) }
    }

    /// The output of a frame, each line behind its time.
    pub(super) fn text(&mut self, frame: &LogFrame) -> Vec<u8> {
        let time = self.times.as_ref().zip(frame.time_ms);
        let time = time.map(|(times, time_ms)| times.rfc3339(time_ms.div_euclid(1_000)));
        let mut text = Vec::with_capacity(frame.bytes.len());
        self.line.push(time.as_deref(), &frame.bytes, &mut text);
        text
    }
}
