//! `[[sources]]`: the channels that sessions belong to, by address, protocol, login and TLS.

use model::Network;
use mta::channels::named::NamedChannel;
use policy::facts::Protocol;
use policy::source::{Manner, Source};
use policy::wildcard::Wildcards;

use crate::settings::document::Values;
use crate::settings::key::{Effect, Key, Kind};
use crate::settings::problem::Problem;
use crate::settings::value::Value;

/// The keys.
pub const KEYS: &[Key] = &[
    Key {
        path: "sources[].channel",
        kind: Kind::Text,
        default: "",
        doc: "The name of the channel, as tables and rules see it. A session belongs to the first of [[sources]] that fits, and \
              to another as soon as a login or TLS makes that one fit. Without any: tcp_local, with a login tcp_auth, on \
              submission tcp_submit, on LMTP tcp_lmtp.",
        example: "\"tcp_intranet\"",
        effect: Effect::Reload,
    },
    Key {
        path: "sources[].addresses",
        kind: Kind::List(&Kind::Network),
        default: "[]",
        doc: "Clients with these addresses; none at all means any.",
        example: "[\"10.0.0.0/8\", \"2001:db8::/32\"]",
        effect: Effect::Reload,
    },
    Key {
        path: "sources[].protocols",
        kind: Kind::List(&Kind::Choice(&["smtp", "submission", "lmtp"])),
        default: "[]",
        doc: "Sessions of these protocols; none at all means any.",
        example: "[\"smtp\"]",
        effect: Effect::Reload,
    },
    Key {
        path: "sources[].ports",
        kind: Kind::List(&Kind::Number { min: 1, max: 65_535 }),
        default: "[]",
        doc: "Sessions on these ports of ours; none at all means any.",
        example: "[2525]",
        effect: Effect::Reload,
    },
    Key {
        path: "sources[].login",
        kind: Kind::Flag,
        default: "",
        doc: "Only sessions with a login, or only those without. Unset means both.",
        example: "true",
        effect: Effect::Reload,
    },
    Key {
        path: "sources[].tls",
        kind: Kind::Flag,
        default: "",
        doc: "Only sessions under TLS, or only those without. Unset means both.",
        example: "true",
        effect: Effect::Reload,
    },
    Key {
        path: "sources[].accounts",
        kind: Kind::List(&Kind::Text),
        default: "[]",
        doc: "Only accounts like these, with * and ?.",
        example: "[\"*@example.org\"]",
        effect: Effect::Reload,
    },
    Key {
        path: "sources[].relay",
        kind: Kind::Flag,
        default: "false",
        doc: "Whether these clients may send to other domains without a login.",
        example: "true",
        effect: Effect::Reload,
    },
    Key {
        path: "sources[].require_login",
        kind: Kind::Flag,
        default: "false",
        doc: "Whether these clients must log in before MAIL FROM.",
        example: "true",
        effect: Effect::Reload,
    },
    Key {
        path: "sources[].require_tls",
        kind: Kind::Flag,
        default: "false",
        doc: "Whether these clients must use TLS before MAIL FROM.",
        example: "true",
        effect: Effect::Reload,
    },
    Key {
        path: "sources[].message_size",
        kind: Kind::Size { min: 1_024, max: 500 << 20 },
        default: "",
        doc: "The largest message that these clients may send, below what `smtp.message_size` announces.",
        example: "\"10 MiB\"",
        effect: Effect::Reload,
    },
    Key {
        path: "sources[].recipients",
        kind: Kind::Number { min: 1, max: 10_000 },
        default: "",
        doc: "Recipients of one message of these clients, below what `smtp.recipients` says.",
        example: "50",
        effect: Effect::Reload,
    },
];

/// Makes what the program runs on.
pub fn make(values: &Values, problems: &mut Vec<Problem>) -> Vec<Source> {
    values.each("sources").iter().filter_map(|at| make_one(values, at, problems)).collect()
}

fn make_one(values: &Values, at: &str, problems: &mut Vec<Problem>) -> Option<Source> {
    let path = |name: &str| format!("{at}.{name}");
    let channel = values.text_if_set(&path("channel"));
    if channel.is_none() {
        problems.push(Problem::with_value(values.position(&path("channel")), &path("channel"), "must be given"));
    }
    let limit = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
    let source = Source {
        name: channel.clone().unwrap_or_default(),
        addresses: networks(values, &path("addresses")),
        protocols: values.texts(&path("protocols")).iter().map(|name| protocol(name)).collect(),
        ports: values.picked(&path("ports"), |value| match value {
            Value::Number(port) => u16::try_from(port).ok(),
            _ => None,
        }),
        login: values.flag_if_set(&path("login")),
        tls: values.flag_if_set(&path("tls")),
        accounts: Wildcards::new(&values.texts(&path("accounts"))),
        manner: Manner {
            may_relay: values.flag(&path("relay")),
            must_login: values.flag(&path("require_login")),
            must_tls: values.flag(&path("require_tls")),
            octets_max: values.size_if_set(&path("message_size")),
            recipients_max: limit(values.number_if_set(&path("recipients"))),
        },
    };
    channel.map(|_| source)
}

/// The channels of sessions that scanners open to give mail back: they come last, so that the operator's own go first.
pub fn of_detours(named: &[NamedChannel]) -> impl Iterator<Item = Source> {
    named.iter().filter_map(|channel| {
        let detour = channel.detour.as_ref()?;
        Some(Source {
            name: channel.name.to_string(),
            addresses: detour.returns_from.clone(),
            protocols: vec![Protocol::Smtp],
            ports: Vec::new(),
            login: None,
            tls: None,
            accounts: Wildcards::default(),
            manner: Manner::default(),
        })
    })
}

fn protocol(name: &str) -> Protocol {
    match name {
        "submission" => Protocol::Submission,
        "lmtp" => Protocol::Lmtp,
        _ => Protocol::Smtp,
    }
}

/// Ranges of addresses as the policy knows them.
pub fn networks(values: &Values, path: &str) -> Vec<Network> {
    values.picked(path, |value| match value {
        Value::Network(network) => Some(network),
        _ => None,
    })
}
