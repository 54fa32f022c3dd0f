//! Providers as `tests/courier` and `tests/ext` meet them: each speaks what was read of the real one, and nothing else. On loopback.

pub mod daemon;
pub mod discord;
pub mod faults;
pub mod http;
pub mod line;
pub mod matrix;
pub mod mattermost;
pub mod ntfy;
pub mod receiver;
pub mod slack;
pub mod smtp;
pub mod telegram;

pub use daemon::DaemonFake;
pub use faults::{Fault, Faults};
pub use http::{Answer, Fake, Heard, Provider};
pub use line::Line;
