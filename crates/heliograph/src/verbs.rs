//! What operators can have done: one file for each noun, typed request to typed report. Nothing here prints; the socket
//! and the command line are skins.

pub mod account;
pub mod authentication;
pub mod filter;
pub mod greylist;
pub mod mailbox;
pub mod message;
pub mod meter;
pub mod owner;
pub mod page;
pub mod partition;
pub mod people;
pub mod policy;
pub mod queue;
pub mod report;
pub mod scripts;
pub mod server;
pub mod sieve;
pub mod store;
