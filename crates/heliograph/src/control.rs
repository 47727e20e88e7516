//! Between a command and whoever performs its request: the running server, asked over its socket, or the command itself
//! on the store when no server runs.

pub mod client;
pub mod door;
pub mod request;
pub mod wire;
