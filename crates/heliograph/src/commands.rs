//! The verbs as they are typed and as their reports are printed: one file for each noun.

pub mod account;
pub mod authentication;
pub mod config;
pub mod dkim;
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
pub mod records;
pub mod report;
pub mod scripts;
pub mod server;
pub mod show;
pub mod sieve;
pub mod store;
