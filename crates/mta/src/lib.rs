//! Mail in and out: the door for SMTP, submission and LMTP.
//!
//! | folder | holds |
//! |---|---|
//! | `inbound` | sessions of those who bring mail |
//! | `delivery` | agents that take mail from the queue to where it belongs |
//! | `scripts` | Sieve where mail is filed |

pub mod delivery;
pub mod inbound;
pub mod scripts;
