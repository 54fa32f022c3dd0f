//! The worker's side: an MCP server on standard input and output, for agents of any make.
//!
//! | file | what it holds |
//! |---|---|
//! | `tools` | the table of tools: names, fields, who sees them; schemas come from the table of operations |
//! | `arguments` | from what a model wrote to a request, with the mistakes that models make |
//! | `replies` | from a reply of the daemon to the few fields that a model needs |
//! | `server` | the protocol |
//! | `guidance` | what a worker is told about its part |
//! | `skills` | the longer texts that agents read when they need them |
//!
//! A tool does what an operation of the control API does, through the same socket and under the same rules: who is calling is
//! told by the kernel of the operating system, never by an argument.

pub mod arguments;
pub mod guidance;
pub mod replies;
pub mod server;
pub mod skills;
pub mod tools;
