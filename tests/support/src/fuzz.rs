//! What the fuzz suite and the coverage-guided fuzzer share: oracles of the boundaries, and generators of hostile text.

pub mod oracles;
pub mod text;
