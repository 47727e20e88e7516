//! Who really sent this? SPF, DKIM, DMARC and ARC of mail that comes in; signatures, seals and rewritten senders of mail
//! that goes out.
//!
//! | file | holds |
//! |---|---|
//! | `service` | [`service::Authentication`]: what sessions, agents and operators share |
//! | `check`, `trimmed` | everything about one message; the message within bounds |
//! | `spf/` | RFC 7208 |
//! | `closed` | public keys for the library that verifies DKIM and ARC |
//! | `dmarc` | RFC 9989 and 7489 |
//! | `fuzz` | entries for fuzzing |
//! | `results`, `forged` | what was found out, as facts and as RFC 8601's field |
//! | `keys`, `sign` | our keys; signatures and seals |
//! | `srs` | rewritten senders of mail that is forwarded |
//! | `sts`, `policies`, `published` | MTA-STS: policies read; those of others fetched and kept; our own handed out |
//! | `facts`, `reports`, `daily` | what reports to others are made of; making and sending them |
//! | `received` | reports that others send us |
//! | `records` | what a domain publishes |
//! | `store` | what is kept of all this |
//! | `settings`, `signals` | what the operator chooses; what is logged and counted |

pub mod check;
pub mod closed;
pub mod daily;
pub mod dmarc;
pub mod facts;
pub mod forged;
pub mod fuzz;
pub mod keys;
mod policies;
pub mod published;
pub mod received;
pub mod records;
pub mod reports;
pub mod results;
pub mod service;
pub mod settings;
pub mod sign;
mod signals;
pub mod spf;
pub mod srs;
pub mod store;
pub mod sts;
pub mod trimmed;
