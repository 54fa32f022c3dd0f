//! The way in: what people write and press in chats is heard here, handed to the daemon, and answered as it says.
//!
//! ```text
//!   Ears (one per channel) ─▶ Heard ─▶ POST /v1/chat/inbound ─▶ Voice: a message, a line at a button, a sign
//!        ▲                                     └─▶ a line to run ─▶ the program `kanban` ─▶ Voice
//!        └── done: the provider may forget it
//! ```
//!
//! Nothing is decided here: who a person is and what they may do is the daemon's matter. A thing is done with when the daemon has answered and
//! its line has run; a courier that dies before that hears it again, and the daemon acts once.

pub mod bridge;
pub mod heard;
pub mod listening;
pub mod receipt;
mod running;
pub mod stream;
pub mod words;
