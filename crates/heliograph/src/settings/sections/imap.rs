//! `[imap]`: those who read their mail over IMAP.

use std::time::Duration;

use crate::settings::document::Values;
use crate::settings::key::{Effect, Key, Kind};

/// How sessions behave.
#[derive(Clone, Debug)]
pub struct Imap {
    /// How long a client that has logged in may be silent.
    pub idle_timeout: Duration,
    /// How long a client may take before it has logged in.
    pub login_timeout: Duration,
    /// Failed logins after which a connection ends.
    pub failed_logins_max: u32,
    /// Wrong commands after which a connection ends.
    pub offences_max: u32,
    /// What all sessions together may hold in memory of messages in flight.
    pub memory_octets: u64,
    /// How often a client is told how far a long search has come.
    pub progress_every: Duration,
}

/// The keys.
pub const KEYS: &[Key] = &[
    Key {
        path: "imap.idle_timeout",
        kind: Kind::Time { min: Duration::from_secs(30 * 60), max: Duration::from_secs(24 * 3600) },
        default: "\"31m\"",
        doc: "How long a client that has logged in may be silent. The standard wants thirty minutes at least.",
        example: "\"2h\"",
        effect: Effect::Restart,
    },
    Key {
        path: "imap.login_timeout",
        kind: Kind::Time { min: Duration::from_secs(10), max: Duration::from_secs(600) },
        default: "\"2m\"",
        doc: "How long a client may take before it has logged in.",
        example: "\"1m\"",
        effect: Effect::Restart,
    },
    Key {
        path: "imap.failed_logins",
        kind: Kind::Number { min: 1, max: 100 },
        default: "3",
        doc: "Failed logins after which a connection ends.",
        example: "5",
        effect: Effect::Restart,
    },
    Key {
        path: "imap.errors",
        kind: Kind::Number { min: 5, max: 10_000 },
        default: "50",
        doc: "Wrong commands after which a connection ends.",
        example: "20",
        effect: Effect::Restart,
    },
    Key {
        path: "imap.progress",
        kind: Kind::Time { min: Duration::ZERO, max: Duration::from_secs(600) },
        default: "\"5s\"",
        doc: "How often a client that waits for a long search is told how far it has come.",
        example: "\"10s\"",
        effect: Effect::Restart,
    },
    Key {
        path: "imap.spool_size",
        kind: Kind::Size { min: 64 << 20, max: 64 << 30 },
        default: "\"512 MiB\"",
        doc: "What all sessions together may hold in memory of messages that are being appended or decoded. A session waits for room and is then refused for the moment.",
        example: "\"2 GiB\"",
        effect: Effect::Restart,
    },
];

/// Makes what the program runs on.
pub fn make(values: &Values) -> Imap {
    Imap {
        idle_timeout: values.time("imap.idle_timeout"),
        login_timeout: values.time("imap.login_timeout"),
        failed_logins_max: values.count("imap.failed_logins"),
        offences_max: values.count("imap.errors"),
        progress_every: values.time("imap.progress"),
        memory_octets: values.size("imap.spool_size"),
    }
}
