//! The memory of two nodes, kept the same. Each node connects to the other and tells it what it has seen: first everything,
//! then each change. So there are two connections, each for one direction, and no node is above the other.
//!
//! The protocol is told in `docs/src/greylist.md`. What is sent is sealed with the secret that both share: nobody else can
//! add to it, though whoever listens can read digests.
//!
//! | file | holds |
//! |---|---|
//! | `seal` | proofs that a peer knows the secret, and the seals of frames |
//! | `wire` | frames to octets and back: pure |
//! | `sender` | our connection to the peer |
//! | `receiver` | the peer's connection to us |

pub mod receiver;
pub mod seal;
pub mod sender;
pub mod wire;
