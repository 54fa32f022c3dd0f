//! kanban
fn main() {}
