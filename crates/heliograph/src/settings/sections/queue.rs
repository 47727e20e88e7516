//! `[queue]`: mail on its way: when it is tried again, when its sender hears of it, and by which way it leaves.

use std::collections::BTreeMap;
use std::time::Duration;

use events::retry::Schedule;
use mta::delivery::routing::{Credentials, Rule, TlsPolicy, Way};
use queue::entry::Channel;
use queue::settings::ChannelSettings;

use crate::settings::document::Values;
use crate::settings::key::{Effect, Key, Kind};
use crate::settings::problem::Problem;
use crate::settings::value::Value;

/// How mail is sent on.
#[derive(Clone, Debug)]
pub struct Queue {
    /// What every channel does.
    pub channels: BTreeMap<Channel, ChannelSettings>,
    /// By which way mail leaves.
    pub rules: Vec<Rule>,
    /// Messages under way to other hosts at a time.
    pub agents: usize,
    /// Messages under way to one destination at a time.
    pub destination_agents: usize,
}

const MINUTE: Duration = Duration::from_secs(60);
const YEAR: Duration = Duration::from_secs(366 * 86_400);
const TLS: &[&str] = &["never", "opportunistic", "encrypted", "verified"];

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
        path: "queue.agents",
        kind: Kind::Number { min: 1, max: 10_000 },
        default: "64",
        doc: "Messages under way to other hosts at a time.",
        example: "200",
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
        kind: Kind::Choice(TLS),
        default: "\"opportunistic\"",
        doc: "How private connections to other hosts are: never TLS; TLS where it is offered; TLS always, with whoever \
              is there; TLS always, with a certificate that is good for the host's name.",
        example: "\"verified\"",
        effect: Effect::Restart,
    },
];

/// Makes what the program runs on.
pub fn make(values: &Values, problems: &mut Vec<Problem>) -> Queue {
    let times = |path| values.picked(path, |value| if let Value::Time(time) = value { Some(time) } else { None });
    let (retry, notices) = (times("queue.retry"), times("queue.notices"));
    for (path, list) in [("queue.retry", &retry), ("queue.notices", &notices)] {
        if list.is_empty() || !list.is_sorted() {
            let why = "must be times that grow, at least one";
            problems.push(Problem::with_value(values.position(path), path, why));
        }
    }
    let channel = ChannelSettings { retry: Schedule::steps(retry).with_jitter(0.1), notices };
    let tls = match values.text("queue.tls").as_str() {
        "never" => TlsPolicy::Never,
        "encrypted" => TlsPolicy::Encrypted,
        "verified" => TlsPolicy::Verified,
        _ => TlsPolicy::Opportunistic,
    };
    Queue {
        channels: [Channel::Process, Channel::Local, Channel::Smtp, Channel::Lmtp]
            .into_iter()
            .map(|name| (name, channel.clone()))
            .collect(),
        rules: vec![Rule { tls, ..rule(values, problems) }],
        agents: values.count("queue.agents"),
        destination_agents: values.count("queue.destination_agents"),
    }
}

/// The rule for all domains.
fn rule(values: &Values, problems: &mut Vec<Problem>) -> Rule {
    let path = "queue.smart_host";
    let name = values.text_if_set("queue.smart_host_user");
    let password = values.text_if_set("queue.smart_host_password").unwrap_or_default();
    let Some(text) = values.text_if_set(path) else { return Rule::default_way() };
    let parts = text.rsplit_once(':').and_then(|(host, port)| Some((host.to_owned(), port.parse::<u16>().ok()?)));
    let Some((host, port)) = parts.filter(|(host, port)| !host.is_empty() && *port > 0) else {
        let why = "must be a host and a port, such as \"smtp.example.net:587\"";
        problems.push(Problem::with_value(values.position(path), path, why));
        return Rule::default_way();
    };
    let login = name.map(|name| Credentials { name, password });
    Rule { way: Way::Host { host, port }, login, ..Rule::default_way() }
}
