//! Mail on its way: durable envelope, recipients, schedule, retry, holds, notices and traces, in the system partition.
//!
//! | file | holds |
//! |---|---|
//! | `queue` | [`queue::Queue`]: open, submit, enqueue inside a transaction |
//! | `channel` | ways out of the queue, with those that the operator named |
//! | `entry` | a message with its recipients, and what becomes of them |
//! | `index` | what is due, in memory; always rebuilt from rows |
//! | `fragments` | which fragments of messages wait, in memory; always rebuilt from rows |
//! | `lease` | taking a message for one destination |
//! | `complete` | what an attempt came to, in one transaction with its notices |
//! | `replace` | a message in the place of another, and fragments in the place of a whole |
//! | `notice` | who is told of what (RFC 3461) |
//! | `operate`, `filter` | what operators see and do |
//! | `trace`, `trail` | what happened to a message, bounded and expiring |
//! | `keys`, `record`, `octets` | rows |
//! | `settings`, `limits`, `error`, `fuzz` | as named |

pub mod channel;
pub mod check;
pub mod complete;
pub mod entry;
pub mod error;
pub mod filter;
pub mod fragments;
pub mod fuzz;
mod index;
mod keys;
pub mod lease;
pub mod limits;
mod notice;
mod octets;
pub mod operate;
pub mod queue;
pub mod record;
pub mod replace;
pub mod settings;
pub mod trace;
mod trail;
