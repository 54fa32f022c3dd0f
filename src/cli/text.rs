//! Text from elsewhere, made fit for a line of output: the terminal's boundary, under the name that commands use.

pub use crate::text::terminal::*;
