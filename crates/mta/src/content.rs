//! What is done to the content of mail: conversions, disclaimers, fragments put together and made.
//!
//! Laws: parts that nobody asked to change stay octet by octet; what is signed or encrypted is never touched; whatever fails,
//! the message is kept; a changed message takes the place of its original in one transaction; nothing is skipped without
//! being counted and told in the message's trace. All changes are made while the message waits in the queue, before the
//! agent of its channel sends it: a signature that is made on the way out covers them.
//!
//! | file | holds |
//! |---|---|
//! | `service` | [`service::Content`]: what the inbound side and the agents share |
//! | `settings` | what the operator chooses |
//! | `pattern` | wildcards |
//! | `way` | how the way of a recipient through the conversion channel is written |
//! | `selection` | whose mail is treated |
//! | `disclaimer` | which disclaimers a message gets |
//! | `conversion` | the `conversions` file and what its entries do |
//! | `treatment` | a message in the conversion channel |
//! | `fragments` | fragments that arrive, are put together, released and made |
//! | `locks` | what keeps two fragments of one message apart |
//! | `limits` | every bound |
//! | `signals` | what is logged and counted |
//! | `fuzz` | entry points for fuzzing |

pub mod conversion;
pub mod disclaimer;
pub mod fragments;
pub mod fuzz;
pub mod limits;
mod locks;
pub mod pattern;
pub mod selection;
pub mod service;
pub mod settings;
pub mod signals;
pub mod treatment;
pub mod way;
