//! What mail servers say to each other: SMTP (RFC 5321), submission (RFC 6409) and LMTP (RFC 2033), both sides, without
//! input or output. Octets go in, typed questions and replies come out; time is an argument; nothing is waited for.
//!
//! | file | holds |
//! |---|---|
//! | `server` | [`server::Session`]: the server's side of a connection |
//! | `client` | [`client::Session`]: the client's side |
//! | `capabilities` | what a server offers |
//! | `command` | one command line |
//! | `envelope` | sender, recipients and what the extensions say of them |
//! | `reply`, `status` | replies and enhanced status codes |
//! | `milter` | [`milter`]: how mail servers and their filters speak, both sides |
//! | `offence` | every way in which a client can be wrong |
//! | `gross` | the datagrams in which Sun's Messaging Server asks a greylister |
//! | `policy_delegation` | Postfix's policy delegation, both sides |
//! | `xtext` | encoded text in parameters |
//! | `limits` | every bound |
//! | `fuzz` | entry points for the fuzzer |

pub mod capabilities;
pub mod client;
pub mod command;
pub mod envelope;
pub mod fuzz;
pub mod gross;
pub mod limits;
pub mod milter;
pub mod offence;
pub mod policy_delegation;
pub mod reply;
pub mod server;
pub mod status;
pub mod xtext;
