//! The verbs as they are typed and as their reports are printed: one file for each noun.

pub mod account;
pub mod config;
pub mod explain;
pub mod filter;
pub mod greylist;
pub mod mailbox;
pub mod mapping;
pub mod message;
pub mod meter;
pub mod partition;
pub mod people;
pub mod program;
pub mod queue;
pub mod server;
pub mod show;
pub mod sieve;
pub mod store;
