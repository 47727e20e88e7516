//! How often something happened and whether it was seen before: throttle tables and greylisting, in process and as services
//! that other mail servers can ask, too.
//!
//! | file | holds |
//! |---|---|
//! | `table`, `table/` | one table: averaged, sliding and token-bucket quotas, greylisting windows, numbers, texts; pure arithmetic over a compact sharded store |
//! | `tables`, `listing` | all tables by name, and listings of them for operators |
//! | `call` | what can be asked and what comes back |
//! | `wire/` | the meter's own protocol, both sides, without input or output |
//! | `client` | asking a meter elsewhere: bounded waits, failing open |
//! | `meter` | [`meter::Meter`]: the handle that hides where the tables are |
//! | `service/` | the tables as services: our protocol, and Postfix's policy delegation |
//! | `routine` | the routines of Sun's MeterMaid by name |
//! | `greylist/` | greylisting in the manner of Gross, with its own memory and services |
//! | `secret` | what two servers share, and proofs of it |
//! | `signals`, `limits`, `fuzz` | what is logged and counted, every bound, entry points for the fuzzer |

pub mod call;
pub mod client;
pub mod fuzz;
pub mod greylist;
pub mod limits;
pub mod listing;
pub mod meter;
pub mod routine;
pub mod secret;
pub mod service;
mod signals;
pub mod table;
pub mod tables;
pub mod wire;
