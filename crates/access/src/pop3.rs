//! POP3: a maildrop for one client at a time (RFC 1939), with CAPA (RFC 2449), STLS (RFC 2595), SASL (RFC 5034),
//! response codes (RFC 2449, RFC 3206) and UTF-8 (RFC 6856).
//!
//! Laws: credentials are only taken where nobody can listen; one session at a time has a maildrop; deletions become
//! real at QUIT, before its `+OK`, and at no other time.
//!
//! | file | holds |
//! |---|---|
//! | `limits` | every bound |
//! | `settings` | what the operator chooses |
//! | `command` | lines to commands |
//! | `offence` | every way in which a client can be wrong |
//! | `engine` | the states of a session; pure |
//! | `capability` | what CAPA lists |
//! | `listing` | the maildrop as the client numbers it |
//! | `stuffing` | messages in multi-line responses |
//! | `maildrop` | an INBOX as one client sees it |
//! | `lock` | the exclusive lock on a maildrop |
//! | `refusal` | our errors as `-ERR` and response codes |
//! | `session` | a connection driven by the engine |
//! | `signals` | what is logged and counted |
//! | `fuzz` | entry point for fuzzing |

pub mod capability;
pub mod command;
pub mod engine;
pub mod fuzz;
pub mod limits;
pub mod listing;
pub mod lock;
mod maildrop;
pub mod offence;
pub mod refusal;
pub mod session;
pub mod settings;
mod signals;
pub mod stuffing;

pub use session::{Service, serve};
