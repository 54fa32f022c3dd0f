//! Errors of a verb: the board refuses, or something does not work.
//!
//! A [`Refusal`] is an expected answer (the task is running, the id is unknown): it has a stable code, one line for
//! people and sometimes a hint. A [`Fault`] is a failure of the machinery underneath; its caller may try again
//! when it is retryable, and an operator should look at it.

mod code;
mod fault;
mod hint;
mod refusal;

use thiserror::Error;

pub use code::ErrorCode;
pub use fault::Fault;
pub use hint::{Edge, Hint};
pub use refusal::Refusal;

/// What a verb returns when it does not succeed.
#[derive(Debug, Clone, Error)]
pub enum VerbError {
    /// The board says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The machinery failed.
    #[error(transparent)]
    Failed(#[from] Fault),
}
