//! Who: domains, accounts, aliases, groups, roles and credentials, and how somebody proves to be one of them.
//!
//! | file | holds |
//! |---|---|
//! | `entry` | what is kept: [`entry::Domain`], [`entry::Account`], [`entry::Name`] |
//! | `directory` | [`directory::Directory`]: the port that every back end implements |
//! | `embedded` | [`embedded::Embedded`]: the back end in the system partition, and how it is changed |
//! | `resolve` | from an address to the mailboxes and addresses behind it |
//! | `login` | [`login::Logins`]: passwords and SASL exchanges, with limits |
//! | `limiter` | slowing down who fails |
//! | `octets` | octets in records |
//! | `password` | Argon2id hashes and SCRAM verifiers |
//! | `sasl` | the mechanisms, both sides, pure |
//! | `transfer` | bulk import and export |
//! | `settings`, `limits` | what can be set, and what cannot |
//! | `fuzz` | entry points for the fuzzer |

pub mod directory;
pub mod embedded;
pub mod entry;
pub mod error;
pub mod fuzz;
mod keys;
pub mod limiter;
pub mod limits;
pub mod login;
pub mod octets;
pub mod password;
pub mod resolve;
pub mod sasl;
pub mod settings;
pub mod transfer;
