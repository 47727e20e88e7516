//! `[[named_channels]]`: channels of the operator's own, by which some mail leaves.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use model::Network;
use mta::channels::named::{Detour, NamedChannel};
use mta::delivery::routing::{Credentials, Rule, TlsPolicy, Way};
use queue::channel::{Channel, ChannelName};
use queue::settings::ChannelSettings;
use smtp::client::Kind as Spoken;

use crate::settings::document::Values;
use crate::settings::key::{Effect, Key, Kind};
use crate::settings::problem::Problem;
use crate::settings::sections::channels::{self, ChannelChoice};
use crate::settings::sections::routes;
use crate::settings::sections::sources::networks;

const YEAR: Duration = Duration::from_secs(366 * 86_400);
const MIB: u64 = 1024 * 1024;

/// A key of which a change takes effect at the next start, as all of this section.
const fn key(path: &'static str, kind: Kind, default: &'static str, doc: &'static str, example: &'static str) -> Key {
    Key { path, kind, default, doc, example, effect: Effect::Restart }
}

/// The keys.
pub const KEYS: &[Key] = &[
    key(
        "named_channels[].name",
        Kind::Text,
        "",
        "Its name in tables, rules, logs, metrics and `heliograph queue`: at most 32 letters, digits, `_` and `-`, in any case, and \
         no name of a channel that every server has.",
        "\"tcp_partner\"",
    ),
    key(
        "named_channels[].transport",
        Kind::Choice(&["smtp", "lmtp"]),
        "\"smtp\"",
        "What is spoken to its hosts.",
        "\"lmtp\"",
    ),
    key(
        "named_channels[].hosts",
        Kind::List(&Kind::Text),
        "[]",
        "The hosts, with their ports, to which mail goes, tried in this order; unix:PATH alone for a socket that speaks LMTP. None \
         at all means those that the name service tells for each domain.",
        "[\"mail.example.org:25\", \"mail2.example.org:25\"]",
    ),
    key(
        "named_channels[].tls",
        Kind::Choice(routes::TLS),
        "",
        "How private the connection is. Unset means what `queue.tls` says.",
        "\"verified\"",
    ),
    key("named_channels[].user", Kind::Text, "", "As whom to log in at the hosts.", "\"office@example.net\""),
    key(
        "named_channels[].password",
        Kind::Secret,
        "",
        "The password for it. It travels only under TLS, or as a SCRAM proof.",
        "\"secret\"",
    ),
    key(
        "named_channels[].to",
        Kind::List(&Kind::Text),
        "[]",
        "Mail for these recipients goes by it: `domain`, `.domain` for all domains below, `user@domain`, with `*` and `%`. Of `to`, \
         `from` and `from_channels` all that are given must fit; the first channel that fits holds, before [[routes]]. Without \
         any of them only the CONVERSIONS table sends mail there. Mail for other servers is meant, and with `detour` also our own.",
        "[\"example.org\", \".example.org\"]",
    ),
    key(
        "named_channels[].from",
        Kind::List(&Kind::Text),
        "[]",
        "Mail of these envelope senders goes by it, written like `to`.",
        "[\"example.net\"]",
    ),
    key(
        "named_channels[].from_channels",
        Kind::List(&Kind::Text),
        "[]",
        "Mail that comes by these channels goes by it: a name of [[sources]] or one that sessions have without, or smtp, submission \
         or lmtp; with `*` and `%`.",
        "[\"tcp_intranet\"]",
    ),
    key(
        "named_channels[].retry",
        Kind::List(&Kind::Time { min: Duration::from_secs(1), max: YEAR }),
        "",
        "How long to wait after each attempt that failed for now; the last one is used again and again. Unset means what \
         `queue.retry` says.",
        "[\"5m\", \"15m\", \"1h\"]",
    ),
    key(
        "named_channels[].notices",
        Kind::List(&Kind::Time { min: Duration::from_secs(60), max: YEAR }),
        "",
        "Ages at which the sender is told that a message still waits; at the last one it is returned. Unset means what \
         `queue.notices` says.",
        "[\"4h\", \"2d\"]",
    ),
    key("named_channels[].agents", Kind::Number { min: 1, max: 10_000 }, "16", "Messages under way at a time.", "4"),
    key(
        "named_channels[].message_size",
        Kind::Size { min: 64 * 1024, max: 500 * MIB },
        "\"500 MiB\"",
        "The largest message that is taken; larger ones are returned to their senders.",
        "\"20 MiB\"",
    ),
    key(
        "named_channels[].defragment",
        Kind::Flag,
        "false",
        "Whether fragments of messages (message/partial) are put together before they go by this channel.",
        "true",
    ),
    key(
        "named_channels[].fragment_size",
        Kind::Size { min: 2048, max: 500 * MIB },
        "",
        "Messages larger than this go by this channel as fragments (message/partial) of at most this size. Unset means that all go \
         whole.",
        "\"1 MiB\"",
    ),
    key(
        "named_channels[].detour",
        Kind::Flag,
        "false",
        "Whether the host is a scanner that gives mail back to us over SMTP. Mail takes a signed field along and has its envelope \
         again when it comes back; it never goes there twice.",
        "true",
    ),
    key(
        "named_channels[].returns_from",
        Kind::List(&Kind::Network),
        "[]",
        "From where a detour gives mail back. Sessions from there belong to a source channel of the same name, unless one of \
         [[sources]] fits.",
        "[\"192.0.2.7\"]",
    ),
    key(
        "named_channels[].returns_within",
        Kind::Time { min: Duration::from_secs(1), max: YEAR },
        "\"7d\"",
        "How long after it was sent there mail of a detour may come back.",
        "\"2d\"",
    ),
];

/// What is made of the section.
#[derive(Clone, Debug, Default)]
pub struct Named {
    /// The channels, in the order of the file.
    pub channels: Vec<NamedChannel>,
    /// How each works.
    pub choices: BTreeMap<Channel, ChannelChoice>,
    /// Those for which fragments are put together.
    pub defragment: Vec<Channel>,
    /// Octets above which they send fragments.
    pub fragment_octets: BTreeMap<Channel, u64>,
}

impl Named {
    /// The name of a channel of the operator's, if there is one; in any case of letters.
    pub fn has(&self, name: &str) -> bool {
        name.parse().is_ok_and(|name: ChannelName| self.channels.iter().any(|channel| channel.name == name))
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.channels.iter().map(|channel| channel.name.as_str())
    }
}

/// Makes what the program runs on; `usual` is what `[queue]` says of times, `tls` of privacy.
pub fn make(values: &Values, usual: &ChannelSettings, tls: TlsPolicy, problems: &mut Vec<Problem>) -> Named {
    let mut named = Named::default();
    for at in values.each("named_channels") {
        let choice = channels::make_at(values, &at, usual, problems);
        let fragments = values.size_if_set(&format!("{at}.fragment_size"));
        let joins = values.flag(&format!("{at}.defragment"));
        let Some(channel) = make_one(values, &at, tls, problems) else { continue };
        if named.has(channel.name.as_str()) {
            let path = format!("{at}.name");
            let why = format!("is given twice: there is a channel {} already", channel.name);
            problems.push(Problem::with_value(values.position(&path), &path, why));
        }
        let key = Channel::Named(channel.name);
        named.choices.insert(key, choice);
        named.fragment_octets.extend(fragments.map(|octets| (key, octets)));
        named.defragment.extend(joins.then_some(key));
        named.channels.push(channel);
    }
    named
}

fn make_one(values: &Values, at: &str, tls: TlsPolicy, problems: &mut Vec<Problem>) -> Option<NamedChannel> {
    let path = |name: &str| format!("{at}.{name}");
    let before = problems.len();
    let mut refuse = |name: &str, why: &str, help: &str| {
        let path = path(name);
        let problem = Problem::with_value(values.position(&path), &path, why);
        problems.push(if help.is_empty() { problem } else { problem.helped(help) });
    };
    let name: Option<ChannelName> = match values.text_if_set(&path("name")) {
        None => {
            refuse("name", "must be given", "");
            None
        }
        Some(text) => text.parse().ok().or_else(|| {
            let why = format!("cannot be the name of a channel: \"{text}\"");
            refuse("name", &why, "at most 32 letters, digits, `_` and `-`, and none of process, local, smtp, lmtp, held, conversion, defragment");
            None
        }),
    };
    let kind = if values.text(&path("transport")) == "lmtp" { Spoken::Lmtp } else { Spoken::Smtp };
    let hosts = values.texts(&path("hosts"));
    let way = match way(values, kind, &hosts) {
        Ok(way) => Some(way),
        Err(why) => {
            refuse("hosts", &why, "such as [\"mail.example.org:25\"]");
            None
        }
    };
    let login = values.text_if_set(&path("user"));
    let password = values.text_if_set(&path("password")).unwrap_or_default();
    if login.is_some() && hosts.is_empty() {
        refuse("user", "belongs to a channel with hosts", "");
    }
    for name in ["to", "from"] {
        if let Some(wrong) = values.texts(&path(name)).iter().find(|text| text.is_empty() || text.contains(' ')) {
            refuse(name, &format!("holds \"{wrong}\", which is no pattern of a domain or address"), "");
        }
    }
    let returns_from = networks(values, &path("returns_from"));
    let is_detour = values.flag(&path("detour"));
    if is_detour && (kind != Spoken::Smtp || hosts.is_empty()) {
        refuse("detour", "needs hosts to which SMTP is spoken", "");
    }
    if is_detour == returns_from.is_empty() {
        let why = if is_detour { "must say from where a detour gives mail back" } else { "belongs to a detour" };
        refuse("returns_from", why, "");
    }
    let detour = detour(values, at, is_detour, returns_from);
    if problems.len() > before {
        return None;
    }
    Some(NamedChannel {
        name: name?,
        kind,
        rule: Rule {
            domain: "*".to_owned(),
            way: way?,
            tls: values.text_if_set(&path("tls")).map_or(tls, |name| routes::tls_named(&name)),
            login: login.map(|name| Credentials { name, password }),
        },
        to: values.texts(&path("to")),
        from: values.texts(&path("from")),
        from_channels: values.texts(&path("from_channels")),
        detour,
    })
}

fn detour(values: &Values, at: &str, is_detour: bool, returns_from: Vec<Network>) -> Option<Detour> {
    let returns_within = values.time(&format!("{at}.returns_within"));
    is_detour.then_some(Detour { returns_from, returns_within })
}

/// Where a channel leads.
fn way(values: &Values, kind: Spoken, hosts: &[String]) -> Result<Way, String> {
    let socket = |text: &String| text.strip_prefix("unix:").filter(|path| !path.is_empty()).map(PathBuf::from);
    let pair = |text: &String| {
        routes::host_and_port(text).ok_or_else(|| format!("holds \"{text}\", which is no host with its port"))
    };
    match (kind, hosts) {
        (Spoken::Smtp, []) => Ok(Way::Mx),
        (Spoken::Lmtp, []) => Err("must be given where LMTP is spoken".to_owned()),
        (Spoken::Lmtp, [one]) if socket(one).is_some() => {
            Ok(Way::LmtpUnix(values.complete(&socket(one).unwrap_or_default())))
        }
        (Spoken::Smtp, [one]) => pair(one).map(|(host, port)| Way::Host { host, port }),
        (Spoken::Lmtp, [one]) => pair(one).map(|(host, port)| Way::Lmtp { host, port }),
        (_, several) => several.iter().map(pair).collect::<Result<Vec<_>, _>>().map(Way::Hosts),
    }
}
