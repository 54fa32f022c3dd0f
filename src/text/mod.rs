//! Untrusted text at the four boundaries where it leaves the program.
//!
//! Titles, comments, summaries, names, paths and logs come from agents, from people and from files. Each boundary has one module
//! here, and the rest of the program writes such text only through it:
//!
//! | boundary | module | prevents |
//! |---|---|---|
//! | the page that an agent reads | [`context`] | a line of untrusted text outside its quote, a name that ends its markup |
//! | a terminal | [`terminal`] | control sequences, reversed text, tables whose columns are shifted |
//! | a line of a log | [`log_line`] | forged lines and forged fields |
//! | JSON | [`json`] | a line break inside a value, control characters on a terminal |
//!
//! Which characters end a line and which are invisible is decided in [`signs`]. The functions are pure: text in, text out.

pub mod context;
pub mod file_names;
pub mod json;
pub mod log_line;
pub mod markdown;
pub mod nearest;
pub mod sequences;
pub mod signs;
pub mod stamped;
pub mod terminal;
