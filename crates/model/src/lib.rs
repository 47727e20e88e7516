//! The words that every crate of Heliograph shares: addresses, domains, ids, instants, sizes.
//!
//! A type is admitted here only if three crates on two floors need it and it does nothing but parse, print and
//! compare. Pure: `std` only, no clock, no randomness, no input or output.
//!
//! | file | holds |
//! |---|---|
//! | `domain` | [`Domain`]: a domain name or an address literal (RFC 5321 §4.1.2, §4.1.3) |
//! | `address` | [`LocalPart`], [`Address`] (RFC 5321 §4.1.2, RFC 6531 §3.3) |
//! | `ids` | [`AccountId`], [`MailboxId`], [`Uid`], [`UidValidity`], [`Modseq`], [`QueueId`], [`BlobHash`], [`TraceId`] |
//! | `instant` | [`Timestamp`], [`CivilTime`]: time as a value, never as a clock |
//! | `network` | [`Network`]: a range of addresses |
//! | `size` | [`ByteSize`]: octets, written and read as people write them |

mod address;
mod domain;
mod ids;
mod instant;
mod network;
mod size;

pub use address::{Address, AddressError, LocalPart};
pub use domain::{Domain, DomainError};
pub use ids::{AccountId, BlobHash, MailboxId, Modseq, QueueId, TraceId, Uid, UidValidity};
pub use instant::{CivilTime, Timestamp};
pub use network::{Network, NetworkError, network_of};
pub use size::{ByteSize, ByteSizeError};
