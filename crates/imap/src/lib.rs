//! The IMAP language (RFC 9051, RFC 3501): octets to commands, values to responses. Pure: nothing is read,
//! written or waited for.
//!
//! | file | holds |
//! |---|---|
//! | `frame` | one whole command out of a stream, and what to say about its literals |
//! | `command` | [`command::Command`]: what a client can ask for |
//! | `search` | [`search::Key`]: what a client can search for |
//! | `notify` | [`notify::Notify`]: what it wants to be told |
//! | `fetch` | [`fetch::Item`]: what it can fetch |
//! | `parse/` | from octets to commands, one file a topic |
//! | `sequence` | sets of numbers |
//! | `mailbox_name` | modified UTF-7 |
//! | `write` | strings, lists and numbers as responses have them |
//! | `limits` | every bound |
//! | `fuzz` | entry points for the fuzzer |

pub mod command;
pub mod fetch;
pub mod frame;
pub mod fuzz;
pub mod limits;
pub mod mailbox_name;
pub mod notify;
pub mod parse;
pub mod search;
pub mod sequence;
pub mod write;
