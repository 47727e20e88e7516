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
    /// Connections of one address in a time.
    pub connection_rate: Option<Rate>,
    /// Messages of one account in a time.
    pub submission_messages: Option<Rate>,
    /// Recipients of one account in a time.
    pub submission_recipients: Option<Rate>,
}

/// So many in a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub quota: u64,
    /// In what time.
    pub time: std::time::Duration,
}

const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);
const SECOND: std::time::Duration = std::time::Duration::from_secs(1);
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
    Key {
        path: "smtp.connection_rate",
        kind: Kind::Number { min: 0, max: 1_000_000_000 },
        default: "0",
        doc: "Connections over SMTP and submission that one address may make in connection_time; who makes more is told \
              421. 0 sets no rate. Counted by the meter in the table `connections`.",
        example: "60",
        effect: Effect::Reload,
    },
    Key {
        path: "smtp.connection_time",
        kind: Kind::Time { min: SECOND, max: DAY },
        default: "\"1m\"",
        doc: "The time of connection_rate. It is an average: after half of it, half of the connections are free again.",
        example: "\"10m\"",
        effect: Effect::Reload,
    },
    Key {
        path: "smtp.submission_messages",
        kind: Kind::Number { min: 0, max: 1_000_000_000 },
        default: "0",
        doc: "Messages that one account may send in submission_time; who sends more is told 450 4.7.1 at MAIL. 0 sets no \
              rate. Counted by the meter in the table `submission.messages`.",
        example: "300",
        effect: Effect::Reload,
    },
    Key {
        path: "smtp.submission_recipients",
        kind: Kind::Number { min: 0, max: 1_000_000_000 },
        default: "0",
        doc: "Recipients that one account may send to in submission_time; each one more is told 450 4.7.1 at RCPT. 0 sets \
              no rate. Counted by the meter in the table `submission.recipients`.",
        example: "1000",
        effect: Effect::Reload,
    },
    Key {
        path: "smtp.submission_time",
        kind: Kind::Time { min: SECOND, max: DAY },
        default: "\"1h\"",
        doc: "The time of submission_messages and submission_recipients, an average as well.",
        example: "\"1d\"",
        effect: Effect::Reload,
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
        connection_rate: rate(values, "smtp.connection_rate", "smtp.connection_time"),
        submission_messages: rate(values, "smtp.submission_messages", "smtp.submission_time"),
        submission_recipients: rate(values, "smtp.submission_recipients", "smtp.submission_time"),
    }
}

fn rate(values: &Values, quota: &str, time: &str) -> Option<Rate> {
    let (quota, time) = (values.count(quota), values.time(time));
    (quota > 0).then_some(Rate { quota, time })
}
