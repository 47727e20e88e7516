//! Channels that the operator named: which mail leaves by them, what the CONVERSIONS mapping table says, and the detour of mail
//! to a scanner that gives it back.
//!
//! Laws: a named channel is chosen before all routes; what is in the queue for a channel that the settings do not know any
//! more waits for it; mail that comes back from a channel never goes there again; the envelope survives a scanner that
//! knows no delivery reports, and no field of ours survives on mail that goes on.
//!
//! | file | holds |
//! |---|---|
//! | `service` | [`service::Channels`]: what sessions and agents share |
//! | `named` | a named channel, and whose mail goes by it |
//! | `brought` | how mail came, as routes write it down |
//! | `conversions` | what the CONVERSIONS mapping table answers |
//! | `choice` | the way of one recipient's mail |
//! | `detour` | the field that goes with mail to a scanner |
//! | `key` | the secret that signs it |
//! | `limits`, `signals`, `fuzz` | as named |

pub mod brought;
pub mod choice;
pub mod conversions;
pub mod detour;
pub mod fuzz;
pub mod key;
pub mod limits;
pub mod named;
pub mod service;
mod signals;
