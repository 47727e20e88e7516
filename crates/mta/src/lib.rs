//! Mail in and out: the door for SMTP, submission and LMTP.
//!
//! | folder | holds |
//! |---|---|
//! | `authentication` | who really sent it, and how others can tell that we did |
//! | `inbound` | sessions of those who bring mail |
//! | `channels` | channels that the operator named, and detours to scanners |
//! | `content` | conversions, disclaimers, fragments |
//! | `delivery` | agents that take mail from the queue to where it belongs |
//! | `judge` | the policy, at each stage of a session and of a message |
//! | `filter` | spam and virus filters that are asked about a message |
//! | `scripts` | Sieve where mail is filed |

mod aside;
pub mod authentication;
pub mod channels;
pub mod content;
pub mod delivery;
pub mod filter;
pub mod fuzz;
pub mod inbound;
pub mod judge;
mod process_group;
pub mod scripts;
