//! The verbs as they are typed and as their reports are printed: one file for each noun.

pub mod config;
pub mod people;
pub mod program;
pub mod queue;
pub mod server;
pub mod store;
