//! House rules that no lint knows: layers, the shape of the code, the reach of the shim, and what the documents promise.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, also in its helpers"
)]

mod cells;
mod docs;
mod harness;
mod layers;
mod package;
mod scripts;
mod shape;
mod shim;
mod sources;
mod supply;
mod words;
