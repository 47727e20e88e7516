//! What can be set of the mail store, with its documentation and defaults.

use serde::Deserialize;
use std::time::Duration;

/// The section `[mail]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Days for which an expunged message can be brought back; 0 gives it up at once.
    pub undelete_days: u64,
    /// Scripts that an account may keep.
    pub scripts_max: usize,
    /// Octets of one of them.
    pub script_octets_max: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { undelete_days: 7, scripts_max: 100, script_octets_max: 256 << 10 }
    }
}

impl Settings {
    /// How long an expunged message is kept.
    pub fn undelete_window(&self) -> Duration {
        Duration::from_secs(self.undelete_days.saturating_mul(86_400))
    }
}
