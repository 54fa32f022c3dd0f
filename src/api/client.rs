//! The client of the API, for the command line: blocking calls over the Unix socket.
//!
//! A call that changes something carries a request id of its own, so it can be repeated when its reply was lost: the daemon
//! may restart at any moment, and a lost reply must never turn success into an error. Inside a run the client repeats for up
//! to 60 seconds while the daemon does not answer; outside for 5 seconds when a connection breaks, and fails at once when
//! there is none to begin with. One that is starting (see [`presence`]) is waited for, for 3 seconds.

pub mod absence;
mod asking;
mod calls;
mod error;
mod exchange;
mod file;
mod file_body;
mod handoff;
mod lines;
mod log_frames;
mod on_behalf;
pub mod presence;
mod query;
pub mod request_id;
pub mod seen;
mod task_path;

pub use calls::RawReply;
pub use error::ClientError;
pub use exchange::{Client, Interrupt, ShowWait};
pub use file::Download;
pub use handoff::{artifact_of, artifacts_field};
pub use lines::{Lines, NextLine};
pub use log_frames::{LogFrame, LogFrames};
pub use on_behalf::{AskedBack, OnBehalf};
pub use task_path::{board_path, schedule_path, task_path};
