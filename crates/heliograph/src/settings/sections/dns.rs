//! `[dns]`: how names are asked for.

use std::time::Duration;

use net::resolver::system::SystemSettings;
use net::resolver::table::Table;

use crate::settings::document::Values;
use crate::settings::key::{Effect, Key, Kind};
use crate::settings::value::Value;

/// How names are asked for.
#[derive(Clone, Debug)]
pub struct Dns {
    /// Names that are known without asking.
    pub table: Table,
    /// How the others are asked for.
    pub system: SystemSettings,
}

/// The keys.
pub const KEYS: &[Key] = &[
    Key {
        path: "dns.servers",
        kind: Kind::List(&Kind::Socket),
        default: "[]",
        doc: "The name servers to ask. Empty means those of /etc/resolv.conf.",
        example: "[\"127.0.0.1:53\"]",
        effect: Effect::Restart,
    },
    Key {
        path: "dns.timeout",
        kind: Kind::Time { min: Duration::from_millis(100), max: Duration::from_secs(60) },
        default: "\"5s\"",
        doc: "How long one try with one name server may take.",
        example: "\"2s\"",
        effect: Effect::Restart,
    },
    Key {
        path: "dns.attempts",
        kind: Kind::Number { min: 1, max: 10 },
        default: "2",
        doc: "How often a question is tried before it counts as unanswered, which is a temporary failure.",
        example: "3",
        effect: Effect::Restart,
    },
    Key {
        path: "dns.dnssec",
        kind: Kind::Flag,
        default: "false",
        doc: "Whether signatures of answers are checked up to the root's key where it matters who vouches for them: for the \
              hosts that take mail and their TLSA records. Needed for DANE. The servers must pass on signatures.",
        example: "true",
        effect: Effect::Restart,
    },
    Key {
        path: "dns.static",
        kind: Kind::List(&Kind::NameEntry),
        default: "[]",
        doc: "Names that are known without asking: NAME mx PREFERENCE HOST, NAME a ADDRESS or ADDRESS:PORT, NAME txt \
              TEXT, ADDRESS ptr NAME, NAME tlsa USAGE SELECTOR MATCHING HEX, NAME srv PRIORITY WEIGHT PORT HOST, NAME null-mx, NAME none (it does not exist), NAME empty (it has no records), NAME \
              fail (a temporary failure). *.DOMAIN stands for every name below a domain. A name that is here is never \
              asked for elsewhere.",
        example: "[\"example.org mx 10 mx.example.org\", \"mx.example.org a 127.0.0.1:2526\"]",
        effect: Effect::Restart,
    },
];

/// Makes what the program runs on.
pub fn make(values: &Values) -> Dns {
    let servers = values.picked("dns.servers", |value| match value {
        Value::Socket(socket) => Some(socket),
        _ => None,
    });
    let entries = values.texts("dns.static");
    Dns {
        table: Table::parse(&entries).expect("each entry was checked when it was read"),
        system: SystemSettings {
            servers,
            timeout: values.time("dns.timeout"),
            attempts: values.count("dns.attempts"),
            validate: values.flag("dns.dnssec"),
        },
    }
}
