//! The program `heliograph`.
fn main() {}
