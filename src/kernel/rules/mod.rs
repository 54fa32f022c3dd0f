//! Decisions that more than one part of the board asks for: each stands here once, as a plain function over facts.

pub mod reason;
pub mod start;
