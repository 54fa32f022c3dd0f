//! Text of others at the four boundaries where it could pass for something else.
//!
//! Titles, comments, summaries, names, paths and logs come from agents, from people and from files. Each place where they leave
//! the program has one function here, and nothing writes them there in another way:
//!
//! | boundary | module | what must not happen |
//! |---|---|---|
//! | a page that an agent reads | [`context`] | a line of foreign text that begins outside its quote, a name that ends its markup |
//! | a terminal | [`terminal`] | a control sequence, text that runs backwards, a table whose columns move |
//! | a line of a log | [`log_line`] | a second line, or a second field, that nobody wrote |
//! | JSON | [`json`] | a line that some reader ends in the middle of a value, control characters on a terminal |
//!
//! What a reader would not see, or what changes how its neighbours are seen, is decided once, in [`signs`]. Nothing here knows
//! the rest of the program, reads a clock, or fails: each function takes text and returns text.

pub mod context;
pub mod json;
pub mod log_line;
pub mod sequences;
pub mod signs;
pub mod terminal;
