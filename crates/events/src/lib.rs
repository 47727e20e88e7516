//! The bus, which tells sessions and services that something changed, and the one retry policy.
//!
//! The bus is best-effort and in process: a signal says "look again", never "here is the change". What is durable lies
//! in the store, and whoever hears a signal reads it there; so hearing it twice, or many as one, does no harm.
//!
//! | file | holds |
//! |---|---|
//! | `bus` | [`Bus`], [`Filter`], [`Subscription`], [`Signal`] |
//! | `retry` | [`Schedule`]: when to try again |

pub mod bus;
pub mod retry;

pub use bus::{Bus, Filter, Signal, Subscription};
pub use retry::Schedule;
