//! Untrusted text in output: [`crate::text::terminal`], under the name that commands use.

pub use crate::text::terminal::*;
