//! kanband
fn main() {}
