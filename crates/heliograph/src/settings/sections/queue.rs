//! `[queue]`: mail on its way: when it is tried again, when its sender hears of it, and by which way it leaves.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use events::retry::Schedule;
use mta::delivery::routing::{Credentials, Rule, Way};
use queue::entry::Channel;
use queue::settings::ChannelSettings;

use crate::settings::document::Values;
use crate::settings::key::{Effect, Key, Kind};
use crate::settings::problem::Problem;
use crate::settings::sections::channels::{self, ChannelChoice, growing};
use crate::settings::sections::named_channels::{self, Named};
use crate::settings::sections::routes;

/// How mail is sent on.
#[derive(Clone, Debug)]
pub struct Queue {
    /// What every channel does.
    pub channels: BTreeMap<Channel, ChannelChoice>,
    /// Those of the operator's own.
    pub named: Named,
    /// By which way mail leaves.
    pub rules: Vec<Rule>,
    /// Messages under way to one destination at a time.
    pub destination_agents: usize,
    /// Messages that it takes.
    pub messages_max: usize,
    /// Octets up to which a failed message is returned whole.
    pub return_octets_max: u64,
    /// How long the trace of a message is kept.
    pub trace_kept: Duration,
    /// From where connections to IPv4 hosts are made.
    pub source_v4: Option<Ipv4Addr>,
    /// From where connections to IPv6 hosts are made.
    pub source_v6: Option<Ipv6Addr>,
    /// How long a host may take to answer a connection.
    pub connect_timeout: Duration,
    /// How long an idle connection is kept.
    pub idle_kept: Duration,
    /// Messages sent over one connection.
    pub connection_messages: u32,
}

const MINUTE: Duration = Duration::from_secs(60);
const YEAR: Duration = Duration::from_secs(366 * 86_400);

/// The keys.
pub const KEYS: &[Key] = &[
    Key {
        path: "queue.retry",
        kind: Kind::List(&Kind::Time { min: Duration::from_secs(1), max: YEAR }),
        default: "[\"1m\", \"5m\", \"10m\", \"20m\", \"30m\", \"1h\"]",
        doc: "How long to wait after each attempt that failed for now; the last one is used again and again.",
        example: "[\"5m\", \"15m\", \"1h\", \"4h\"]",
        effect: Effect::Restart,
    },
    Key {
        path: "queue.notices",
        kind: Kind::List(&Kind::Time { min: MINUTE, max: YEAR }),
        default: "[\"3d\", \"6d\", \"9d\", \"12d\"]",
        doc: "Ages at which the sender is told that a message still waits; at the last one it is returned.",
        example: "[\"4h\", \"5d\"]",
        effect: Effect::Restart,
    },
    Key {
        path: "queue.destination_agents",
        kind: Kind::Number { min: 1, max: 1000 },
        default: "8",
        doc: "Messages under way to one destination at a time.",
        example: "20",
        effect: Effect::Restart,
    },
    Key {
        path: "queue.smart_host",
        kind: Kind::Text,
        default: "",
        doc: "The host, with its port, to which all mail for others goes. Unset means that the name service tells the \
              hosts of each domain.",
        example: "\"smtp.example.net:587\"",
        effect: Effect::Restart,
    },
    Key {
        path: "queue.smart_host_user",
        kind: Kind::Text,
        default: "",
        doc: "As whom to log in at the smart host.",
        example: "\"office@example.net\"",
        effect: Effect::Restart,
    },
    Key {
        path: "queue.smart_host_password",
        kind: Kind::Secret,
        default: "",
        doc: "The password for it. It travels only under TLS, or as a SCRAM proof.",
        example: "\"secret\"",
        effect: Effect::Restart,
    },
    Key {
        path: "queue.tls",
        kind: Kind::Choice(routes::TLS),
        default: "\"opportunistic\"",
        doc: "How private connections to other hosts are: never TLS; TLS where it is offered; TLS always, with whoever \
              is there; TLS always, with a certificate that is good for the host's name.",
        example: "\"verified\"",
        effect: Effect::Restart,
    },
    Key {
        path: "queue.messages",
        kind: Kind::Number { min: 1000, max: 100_000_000 },
        default: "1000000",
        doc: "Messages that the queue takes; beyond that new ones are refused for a while.",
        example: "100000",
        effect: Effect::Restart,
    },
    Key {
        path: "queue.return_size",
        kind: Kind::Size { min: 0, max: 64 * 1024 * 1024 },
        default: "\"128 KiB\"",
        doc: "Up to this size a failed message is returned whole unless its sender asks otherwise; of larger ones the \
              header is returned.",
        example: "\"1 MiB\"",
        effect: Effect::Restart,
    },
    Key {
        path: "queue.trace_kept",
        kind: Kind::Time { min: Duration::from_secs(3600), max: YEAR },
        default: "\"7d\"",
        doc: "How long `heliograph message trace` can tell what happened to a message.",
        example: "\"30d\"",
        effect: Effect::Restart,
    },
    Key {
        path: "queue.source_v4",
        kind: Kind::Ip,
        default: "",
        doc: "The address of this machine from which connections to IPv4 hosts are made. Unset leaves it to the system.",
        example: "\"192.0.2.25\"",
        effect: Effect::Restart,
    },
    Key {
        path: "queue.source_v6",
        kind: Kind::Ip,
        default: "",
        doc: "The address of this machine from which connections to IPv6 hosts are made. Unset leaves it to the system.",
        example: "\"2001:db8::25\"",
        effect: Effect::Restart,
    },
    Key {
        path: "queue.connect_timeout",
        kind: Kind::Time { min: Duration::from_secs(1), max: Duration::from_secs(600) },
        default: "\"1m\"",
        doc: "How long a host may take to answer a connection before the next one is tried.",
        example: "\"20s\"",
        effect: Effect::Restart,
    },
    Key {
        path: "queue.idle_kept",
        kind: Kind::Time { min: Duration::from_secs(1), max: Duration::from_secs(300) },
        default: "\"10s\"",
        doc: "How long a connection is kept for the next message to the same host.",
        example: "\"30s\"",
        effect: Effect::Restart,
    },
    Key {
        path: "queue.connection_messages",
        kind: Kind::Number { min: 1, max: 100_000 },
        default: "100",
        doc: "Messages sent over one connection before a new one is made.",
        example: "20",
        effect: Effect::Restart,
    },
];

/// Makes what the program runs on.
pub fn make(values: &Values, problems: &mut Vec<Problem>) -> Queue {
    let retry = growing(values, "queue.retry", problems).unwrap_or_default();
    let notices = growing(values, "queue.notices", problems).unwrap_or_default();
    let usual = ChannelSettings { retry: Schedule::steps(retry).with_jitter(0.1), notices };
    let tls = routes::tls_named(&values.text("queue.tls"));
    let mut rules = routes::make(values, tls, problems);
    rules.push(Rule { tls, ..smart_host(values, problems) });
    let named = named_channels::make(values, &usual, tls, problems);
    let mut all = channels::make(values, &usual, problems);
    all.extend(named.choices.clone());
    Queue {
        channels: all,
        named,
        rules,
        destination_agents: values.count("queue.destination_agents"),
        messages_max: values.count("queue.messages"),
        return_octets_max: values.size("queue.return_size"),
        trace_kept: values.time("queue.trace_kept"),
        source_v4: source(
            values,
            "queue.source_v4",
            problems,
            |ip| if let IpAddr::V4(ip) = ip { Some(ip) } else { None },
        ),
        source_v6: source(
            values,
            "queue.source_v6",
            problems,
            |ip| if let IpAddr::V6(ip) = ip { Some(ip) } else { None },
        ),
        connect_timeout: values.time("queue.connect_timeout"),
        idle_kept: values.time("queue.idle_kept"),
        connection_messages: values.count("queue.connection_messages"),
    }
}

/// An address of the right family, if it is set.
fn source<T>(
    values: &Values,
    path: &str,
    problems: &mut Vec<Problem>,
    pick: impl Fn(IpAddr) -> Option<T>,
) -> Option<T> {
    let picked = pick(values.ip_if_set(path)?);
    if picked.is_none() {
        let why = "is an address of the other family";
        problems.push(Problem::with_value(values.position(path), path, why));
    }
    picked
}

/// The rule for all domains.
fn smart_host(values: &Values, problems: &mut Vec<Problem>) -> Rule {
    let path = "queue.smart_host";
    let name = values.text_if_set("queue.smart_host_user");
    let password = values.text_if_set("queue.smart_host_password").unwrap_or_default();
    let Some(text) = values.text_if_set(path) else { return Rule::default_way() };
    let Some((host, port)) = routes::host_and_port(&text) else {
        let why = "must be a host and a port, such as \"smtp.example.net:587\"";
        problems.push(Problem::with_value(values.position(path), path, why));
        return Rule::default_way();
    };
    let login = name.map(|name| Credentials { name, password });
    Rule { way: Way::Host { host, port }, login, ..Rule::default_way() }
}
