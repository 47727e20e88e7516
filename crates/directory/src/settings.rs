//! What can be set of the directory, with its documentation and defaults.

use crate::limiter::Policy;
use crate::password::Cost;
use serde::Deserialize;
use std::time::Duration;

/// The section `[directory]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The character between a user and a folder in an address.
    pub subaddress_separator: char,
    /// How much work a password hash is.
    pub password_cost: Cost,
    /// Failed logins of one account or address before tries have to wait.
    pub failures_free: u32,
    /// Failed logins of one account or address after which tries are refused for a while.
    pub failures_max: u32,
    /// Seconds after which one failure is forgotten.
    pub failure_forget_secs: u64,
    /// Seconds for which a checked password is remembered, so that clients that log in often cost little.
    pub verified_secs: u64,
    /// Seconds for which a deleted account can be used again; then it is forgotten with all its mail.
    pub deleted_kept_secs: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            subaddress_separator: '+',
            password_cost: Cost::default(),
            failures_free: 3,
            failures_max: 30,
            failure_forget_secs: 60,
            verified_secs: 300,
            deleted_kept_secs: 30 * 86_400,
        }
    }
}

impl Settings {
    /// How failures of one account count; an address may fail ten times as often, for many people can share it.
    pub fn account_policy(&self) -> Policy {
        Policy {
            free: self.failures_free,
            most: self.failures_max,
            forget_each: Duration::from_secs(self.failure_forget_secs),
        }
    }

    /// How failures of one address count.
    pub fn address_policy(&self) -> Policy {
        let account = self.account_policy();
        Policy { free: account.free.saturating_mul(10), most: account.most.saturating_mul(10), ..account }
    }
}
