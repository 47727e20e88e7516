//! The policy at work: each stage of a session and each whole message is judged, what must be looked up is looked up
//! within bounds, and the decision is carried out.
//!
//! | file | holds |
//! |---|---|
//! | `court` | [`court::Judge`]: the policy that holds now, and how a stage is judged |
//! | `lookups` | [`lookups::Lookups`]: who answers, and the one that asks the outside |
//! | `counters`, `dns_list`, `people`, `command`, `http`, `socket` | the kinds of look-ups |
//! | `hearing` | one session: its facts, and what was decided about its transaction |
//! | `carried` | what a transaction carries from stage to stage |
//! | `joint` | what the verdicts about the addresses behind a recipient come to |
//! | `whole` | the stage of a whole message |
//! | `explain` | the same, told and not done |
//! | `settings` | what the operator chooses |
//! | `signals` | what is logged and counted |

pub mod carried;
mod command;
pub mod counters;
pub mod court;
mod dns_list;
pub mod explain;
pub mod hearing;
mod http;
mod joint;
pub mod lookups;
mod people;
pub mod settings;
mod signals;
mod socket;
pub mod whole;
