//! Sieve where mail is filed: which scripts run for a recipient, what they are told, and what becomes of what they want.
//! Nothing here files or sends; [`decision::Decision`] says what is to be done, and those who file do it.
//!
//! Scripts run one after the other: fragments of filters and policy, the administrator's scripts before, the domain's,
//! the owner's active one, the administrator's scripts after. A later one runs while the message is still to be kept,
//! implicitly or by `keep`. One that fails counts as if it were not there.
//!
//! | file | holds |
//! |---|---|
//! | `service` | [`service::Scripts`]: whether anything is to be run, and compiled scripts |
//! | `cache` | compiled scripts |
//! | `library` | the administrator's scripts, from a folder |
//! | `run` | the layers for one recipient |
//! | `subject` | for whom they run |
//! | `stage` | the administrator's scripts of a whole message, before it is answered |
//! | `imap_event` | the script of a mailbox in which an IMAP command did something |
//! | `early`, `fitness` | those of the stages before there is a message, and what they may say |
//! | `answers` | what scripts ask |
//! | `whole` | a message that is looked at, parsed once |
//! | `decision` | what is to be done |
//! | `effects` | from a script's wishes to that |
//! | `vacation`, `notify`, `forward` | messages that scripts cause |
//! | `remembered` | under what things are remembered |
//! | `letter` | how such a message is written |
//! | `settings`, `signals` | as named |

mod answers;
mod cache;
pub mod decision;
pub mod early;
pub(crate) mod effects;
mod fitness;
pub mod forward;
pub mod imap_event;
mod letter;
pub mod library;
mod notify;
mod remembered;
pub mod run;
pub mod service;
pub mod settings;
mod signals;
pub mod stage;
pub mod subject;
mod vacation;
pub mod whole;
