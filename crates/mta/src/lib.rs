//! Mail in and out: the door for SMTP, submission and LMTP.
//!
//! | folder | holds |
//! |---|---|
//! | `inbound` | sessions of those who bring mail |

pub mod inbound;
