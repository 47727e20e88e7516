//! `[log]`: what is written to the log, on standard error.

use crate::settings::document::Values;
use crate::settings::key::{Effect, Key, Kind};

/// How the log is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// One JSON object a line, instead of text.
    pub json: bool,
    /// What is written, in the words of tracing's filters.
    pub filter: String,
}

/// The keys.
pub const KEYS: &[Key] = &[
    Key {
        path: "log.format",
        kind: Kind::Choice(&["text", "json"]),
        default: "\"text\"",
        doc: "Lines for people, or one JSON object a line for programs.",
        example: "\"json\"",
        effect: Effect::Restart,
    },
    Key {
        path: "log.level",
        kind: Kind::Choice(&["error", "warn", "info", "debug", "trace"]),
        default: "\"info\"",
        doc: "How much is written. debug follows every connection.",
        example: "\"debug\"",
        effect: Effect::Restart,
    },
    Key {
        path: "log.filter",
        kind: Kind::Text,
        default: "\"\"",
        doc: "More exact than level: parts of the program with a level each, separated by commas. It is added to level.",
        example: "\"mta=debug,net=trace\"",
        effect: Effect::Restart,
    },
];

/// Makes what the program runs on.
pub fn make(values: &Values) -> Log {
    // The name service's library tells every retry; what matters of it we say ourselves.
    let quiet = "hickory_proto=error,hickory_resolver=error,hickory_net=error";
    let (level, filter) = (values.text("log.level"), values.text("log.filter"));
    let separator = if filter.is_empty() { "" } else { "," };
    Log { json: values.text("log.format") == "json", filter: format!("{level},{quiet}{separator}{filter}") }
}
