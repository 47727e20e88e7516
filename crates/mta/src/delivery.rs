//! Agents that take mail from the queue: into our mailboxes, to other hosts, into other stores.
//!
//! | file | holds |
//! |---|---|
//! | `service` | [`service::Service`]: what agents share |
//! | `agent` | [`agent::start`], and one attempt |
//! | `settings`, `routing` | what the operator chooses; from a domain to its way |
//! | `local` | into our mailboxes, and looking addresses up |
//! | `remote` | one message to other hosts or stores |
//! | `outing` | what a message takes along to a scanner that gives it back |
//! | `hosts` | which hosts take mail for a domain (RFC 5321 §5.1) |
//! | `peer` | one connection, driven |
//! | `protection` | how private the way must be: DANE, MTA-STS |
//! | `prepare` | what a message needs and how it goes without |
//! | `pool`, `throttle` | connections kept; how many at a time, and back-off |
//! | `signals` | what is logged and counted |

pub mod agent;
pub mod hosts;
mod local;
mod outing;
mod peer;
mod pool;
mod prepare;
mod protection;
mod remote;
pub mod routing;
pub mod service;
pub mod settings;
mod signals;
pub mod target;
mod throttle;

pub use agent::start;
pub use service::{Parts, Service};
