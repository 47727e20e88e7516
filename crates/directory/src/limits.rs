//! Every bound, its unit, and its reason.

/// Addresses behind one address after all aliases and groups: a message's envelope must stay manageable.
pub const EXPANDED_MAX: usize = 10_000;
/// Aliases and groups inside each other.
pub const DEPTH_MAX: usize = 16;
/// Targets of one alias or members of one group: an entry is one row of 64 KiB.
pub const MEMBERS_MAX: usize = 1_000;
/// Octets of a password: longer ones only cost time.
pub const PASSWORD_OCTETS_MAX: usize = 1_024;
/// Application passwords of one account.
pub const APPLICATION_PASSWORDS_MAX: usize = 50;
/// Octets of one message of a SASL exchange.
pub const SASL_OCTETS_MAX: usize = 4_096;
/// Verified passwords that are remembered for a while.
pub const VERIFIED_REMEMBERED_MAX: usize = 10_000;
/// Passwords hashed at the same time; each needs some 20 MiB.
pub const HASHES_AT_ONCE: usize = 2;
