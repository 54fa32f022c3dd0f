//! An MCP server on standard input and output, for agents of all kinds.
//!
//! | file | what it holds |
//! |---|---|
//! | `tools` | the table of tools: names, fields, who sees them; schemas come from the table of operations |
//! | `arguments` | from what a model wrote to a request, with the mistakes that models make |
//! | `predecessor` | tools and arguments that the predecessor had: taken where they mean one thing, else named with what to use |
//! | `calls` | the operation that a call of a tool stands for |
//! | `replies` | from a reply of the daemon to the few fields that a model needs |
//! | `parts` | replies of bounded size, the rest behind a cursor |
//! | `protocol` | what a line of input is; every one that may be a request gets an answer |
//! | `wire` | standard input and output |
//! | `server` | the reply to each request |
//! | `guidance` | instructions for workers |
//! | `skills` | the longer texts that agents read when they need them |
//!
//! A tool does what an operation of the control API does, through the same socket and under the same rules: the kernel
//! of the operating system identifies the caller, never an argument.

pub mod arguments;
pub mod guidance;
pub mod parts;
pub mod predecessor;
pub mod protocol;
pub mod replies;
pub mod server;
pub mod skills;
pub mod tools;

mod calls;
mod wire;

/// The beginning of a text, of at most `chars_max` characters, with `…` when something is missing.
fn clipped(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
