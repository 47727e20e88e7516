//! Sessions of those who bring mail: SMTP (RFC 5321), submission (RFC 6409), LMTP (RFC 2033).
//!
//! Laws: a recipient is judged at RCPT, by the directory and the quota; the message is held under a memory budget; it is
//! filed, or refused, in one transaction; `250` is said only with the storage receipt of that transaction in hand.
//!
//! | file | holds |
//! |---|---|
//! | `service` | [`service::Service`]: what all sessions of a listener share |
//! | `session` | a connection driven by the engine |
//! | `login` | AUTH |
//! | `entry` | RCPT TO: the address and the policy |
//! | `recipient` | whether an address can have mail |
//! | `fate` | recipients who do not get it as the others do |
//! | `greylisting` | suspicious deliveries have to come again |
//! | `rates` | how much one client may bring in a time |
//! | `arrival` | a whole message, and what a stage says of it |
//! | `stages` | the stages that examine it, in their order |
//! | `content` | stages about the content: fragments, conversions, disclaimers |
//! | `detour` | mail that a scanner gives back |
//! | `system_script` | the administrator's scripts of a whole message |
//! | `scripted` | what recipients' scripts make of it before it is answered |
//! | `author` | for whom an account may speak |
//! | `authenticity` | the stage that asks who really sent it; signatures and seals at the very end |
//! | `accept` | what is done with a whole message |
//! | `prefix` | the fields that are put on top of it |
//! | `refusal` | the only place where our errors become codes |
//! | `settings` | what the operator chooses |
//! | `signals` | what is logged and counted |

mod accept;
pub mod arrival;
mod authenticity;
mod author;
mod content;
mod detour;
pub(crate) mod entry;
mod fate;
mod greylisting;
mod login;
mod prefix;
pub mod rates;
pub mod recipient;
pub(crate) mod refusal;
mod scripted;
pub mod service;
mod session;
pub mod settings;
mod signals;
mod stages;
mod system_script;
