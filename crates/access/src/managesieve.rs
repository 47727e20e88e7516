//! ManageSieve: people keep their Sieve scripts with it (RFC 5804).
//!
//! Laws: credentials are only taken where nobody can listen; a script that does not compile is never stored; what is
//! acknowledged is durable.
//!
//! | file | holds |
//! |---|---|
//! | `limits` | every bound |
//! | `settings` | what the operator chooses |
//! | `frame` | lines, strings and literals |
//! | `command` | frames to commands |
//! | `offence` | every way in which a client can be wrong |
//! | `capability` | what the server says of itself |
//! | `engine` | the states of a session; pure |
//! | `refusal` | our errors as `NO` and response codes |
//! | `session` | a connection driven by the engine |
//! | `signals` | what is logged and counted |
//! | `fuzz` | entry point for fuzzing |

pub mod capability;
pub mod command;
pub mod engine;
pub mod frame;
pub mod fuzz;
pub mod limits;
pub mod offence;
pub mod refusal;
pub mod session;
pub mod settings;
mod signals;

pub use session::{Service, serve};
