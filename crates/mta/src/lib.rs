//! Mail in and out: the door for SMTP, submission and LMTP.
//!
//! | folder | holds |
//! |---|---|
//! | `inbound` | sessions of those who bring mail |
//! | `content` | conversions, disclaimers, fragments |
//! | `delivery` | agents that take mail from the queue to where it belongs |
//! | `scripts` | Sieve where mail is filed |

pub mod content;
pub mod delivery;
pub mod inbound;
pub mod scripts;
