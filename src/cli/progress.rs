//! What a person at a terminal sees of work that takes longer than a second: a line on stderr, gone when it is over.

use std::any::Any;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::api::client::ShowWait;

/// Time between two drawings.
const TICK: Duration = Duration::from_millis(120);

/// A wait for the daemon.
#[derive(Debug, Clone, Copy)]
pub struct WaitForDaemon {
    /// In ASCII alone.
    pub is_ascii: bool,
}

impl ShowWait for WaitForDaemon {
    fn show(&self, elapsed: Duration) -> Box<dyn Any> {
        // Draws on stderr, and nothing where that is no terminal.
        let bar =
            ProgressBar::new_spinner().with_message("waiting for the daemon").with_elapsed(elapsed);
        let signs = if self.is_ascii { "|/-\\ " } else { "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ " };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            bar.set_style(style.tick_chars(signs));
        }
        bar.enable_steady_tick(TICK);
        Box::new(Shown(bar))
    }
}

/// Removes the line when it is dropped.
struct Shown(ProgressBar);

impl Drop for Shown {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
