//! The milter protocol, version 6, both sides, without input or output: [`client::Session`] is the mail server that asks,
//! [`server::Session`] the filter that answers. No standard describes it; this follows what sendmail's library speaks,
//! which is what Postfix and every filter understand.
//!
//! | file | holds |
//! |---|---|
//! | `frame` | the length and the octet around everything |
//! | `flags` | what a filter may change and which steps it wants: the two bit sets of the negotiation |
//! | `command` | what the mail server says |
//! | `response` | what the filter says: verdicts and changes |
//! | `client` | the mail server's side of a connection |
//! | `server` | the filter's side of a connection |
//! | `offence` | every way in which the other side can be wrong |

pub mod client;
pub mod command;
pub mod flags;
pub mod frame;
pub mod offence;
pub mod response;
pub mod server;

/// The version that both sides speak. Filters answer with 2 to 6; what an older one cannot is in its two bit sets.
pub const VERSION: u32 = 6;
