//! `[smtp]`: those who bring mail over SMTP, submission and LMTP.

use crate::settings::document::Values;
use crate::settings::key::{Effect, Key, Kind};

/// How incoming sessions behave.
#[derive(Clone, Debug)]
pub struct Smtp {
    /// What the greeting says after the host name.
    pub banner: String,
    /// Largest message, in octets.
    pub message_octets: u64,
    /// Memory for all messages that are coming in, in octets.
    pub spool_octets: u64,
    /// Recipients of one message.
    pub recipients_max: usize,
    /// Errors after which a session is closed.
    pub errors_max: usize,
    /// Received fields after which a message is in a loop.
    pub hops_max: usize,
    /// The longest time for which a message may be held back.
    pub hold_max: std::time::Duration,
}

const MIB: u64 = 1024 * 1024;

/// The keys.
pub const KEYS: &[Key] = &[
    Key {
        path: "smtp.banner",
        kind: Kind::Text,
        default: "\"ready\"",
        doc: "What the greeting says after the host name, which always stands first. The version is never told.",
        example: "\"no unsolicited mail\"",
        effect: Effect::Restart,
    },
    Key {
        path: "smtp.message_size",
        kind: Kind::Size { min: 64 * 1024, max: 500 * MIB },
        default: "\"50 MiB\"",
        doc: "The largest message that is taken, as it is announced with SIZE.",
        example: "\"100 MiB\"",
        effect: Effect::Restart,
    },
    Key {
        path: "smtp.spool_size",
        kind: Kind::Size { min: 64 * MIB, max: 65_536 * MIB },
        default: "\"512 MiB\"",
        doc: "Memory for all messages that are coming in at a time, of each listener. When it is used up, messages are \
              refused for a while with 452.",
        example: "\"2 GiB\"",
        effect: Effect::Restart,
    },
    Key {
        path: "smtp.recipients",
        kind: Kind::Number { min: 100, max: 10_000 },
        default: "1000",
        doc: "Recipients of one message; the client sends the rest in another transaction.",
        example: "200",
        effect: Effect::Restart,
    },
    Key {
        path: "smtp.errors",
        kind: Kind::Number { min: 3, max: 1000 },
        default: "20",
        doc: "Wrong commands and refusals after which a session is closed. After five each further reply waits a little.",
        example: "10",
        effect: Effect::Restart,
    },
    Key {
        path: "smtp.hops",
        kind: Kind::Number { min: 30, max: 200 },
        default: "50",
        doc: "Received fields after which a message is taken to be in a loop and refused.",
        example: "100",
        effect: Effect::Restart,
    },
    Key {
        path: "smtp.hold",
        kind: Kind::Time { min: std::time::Duration::ZERO, max: std::time::Duration::from_secs(366 * 86_400) },
        default: "\"30d\"",
        doc: "The longest time for which our users may ask that a message be held back (FUTURERELEASE); 0s offers nothing.",
        example: "\"7d\"",
        effect: Effect::Restart,
    },
];

/// Makes what the program runs on.
pub fn make(values: &Values) -> Smtp {
    Smtp {
        banner: values.text("smtp.banner"),
        message_octets: values.size("smtp.message_size"),
        spool_octets: values.size("smtp.spool_size"),
        recipients_max: values.count("smtp.recipients"),
        errors_max: values.count("smtp.errors"),
        hops_max: values.count("smtp.hops"),
        hold_max: values.time("smtp.hold"),
    }
}
