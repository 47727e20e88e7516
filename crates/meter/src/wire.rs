//! The meter's own protocol, both sides, without input or output (`docs/src/meter-protocol.md`): frames with a length in
//! front, a login in which each side proves that it knows the secret and says nothing of it, then calls and answers that
//! carry a number, as many under way as the client likes.

pub mod answer;
pub mod call;
pub mod client;
pub mod frame;
pub mod login;
mod octets;
pub mod offence;
pub mod server;

#[cfg(test)]
mod tests;
