//! Spam and virus filters that the MTA asks about a whole message before it answers the end of data (never a hop in front of
//! it). Up to eight of them run side by side on the message as it came; what they say is turned into one decision.
//!
//! Laws: every wait has an end; every filter that is away does what its settings say (let pass, defer, refuse) and is logged
//! and counted by name; the order of the filters' numbers decides between two answers, never the order in which they came.
//!
//! | file | holds |
//! |---|---|
//! | `service` | [`service::Filters`]: the filters that hold now, asked about one message |
//! | `stage` | what their answers do to an arriving message |
//! | `settings` | what the operator chooses |
//! | `concern` | for whom a filter is asked |
//! | `report` | what a filter says, in one form for all protocols |
//! | `action` | from a verdict to a Sieve script, and what that script comes to |
//! | `wildcard` | patterns of verdicts |
//! | `original` | the message as the filters see it |
//! | `engine` | one filter: its hosts, their health, its connections |
//! | `wire` | a connection with a filter under its time limits |
//! | `ask_milter`, `ask_rspamd`, `ask_spamd`, `ask_clamd`, `ask_icap` | conversations, one for each protocol |
//! | `http` | heads and chunks as HTTP and ICAP have them |
//! | `rspamd`, `spamd`, `clamd`, `icap` | their answers, read |
//! | `apply` | changes of header, body and envelope, made |
//! | `training` | telling filters what people move into and out of Junk |
//! | `failure` | why a filter gave no answer |
//! | `limits` | every bound |
//! | `signals` | what is logged and counted |

pub mod action;
mod apply;
mod ask_clamd;
mod ask_icap;
mod ask_milter;
mod ask_rspamd;
mod ask_spamd;
pub(crate) mod clamd;
mod concern;
pub mod engine;
pub mod failure;
pub(crate) mod http;
pub(crate) mod icap;
pub mod limits;
pub mod original;
pub mod report;
pub(crate) mod rspamd;
pub mod service;
pub mod settings;
mod signals;
pub(crate) mod spamd;
pub mod stage;
pub mod training;
mod wildcard;
mod wire;
