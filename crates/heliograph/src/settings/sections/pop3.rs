//! `[pop3]`: those who fetch their mail over POP3.

use std::time::Duration;

use crate::settings::document::Values;
use crate::settings::key::{Effect, Key, Kind};

/// How sessions behave.
#[derive(Clone, Debug)]
pub struct Pop3 {
    /// How long a client that has logged in may be silent.
    pub idle_timeout: Duration,
    /// How long a client may take before it has logged in.
    pub login_timeout: Duration,
    /// Failed logins after which a connection ends.
    pub failed_logins_max: u32,
    /// Wrong commands after which a connection ends.
    pub offences_max: u32,
}

/// The keys.
pub const KEYS: &[Key] = &[
    Key {
        path: "pop3.idle_timeout",
        kind: Kind::Time { min: Duration::from_secs(600), max: Duration::from_secs(24 * 3600) },
        default: "\"10m\"",
        doc: "How long a client that has logged in may be silent. The standard wants ten minutes at least.",
        example: "\"15m\"",
        effect: Effect::Restart,
    },
    Key {
        path: "pop3.login_timeout",
        kind: Kind::Time { min: Duration::from_secs(10), max: Duration::from_secs(600) },
        default: "\"2m\"",
        doc: "How long a client may take between commands before it has logged in.",
        example: "\"1m\"",
        effect: Effect::Restart,
    },
    Key {
        path: "pop3.failed_logins",
        kind: Kind::Number { min: 1, max: 100 },
        default: "3",
        doc: "Failed logins after which a connection ends.",
        example: "5",
        effect: Effect::Restart,
    },
    Key {
        path: "pop3.errors",
        kind: Kind::Number { min: 5, max: 10_000 },
        default: "20",
        doc: "Wrong commands after which a connection ends.",
        example: "50",
        effect: Effect::Restart,
    },
];

/// Makes what the program runs on.
pub fn make(values: &Values) -> Pop3 {
    Pop3 {
        idle_timeout: values.time("pop3.idle_timeout"),
        login_timeout: values.time("pop3.login_timeout"),
        failed_logins_max: values.count("pop3.failed_logins"),
        offences_max: values.count("pop3.errors"),
    }
}
