//! `[[routes]]`: domains whose mail leaves by a way of its own.

use std::path::PathBuf;

use mta::delivery::routing::{Credentials, Rule, TlsPolicy, Way};

use crate::settings::document::Values;
use crate::settings::key::{Effect, Key, Kind};
use crate::settings::problem::Problem;

/// How private connections are, by name.
pub const TLS: &[&str] = &["never", "opportunistic", "encrypted", "verified"];

/// The keys.
pub const KEYS: &[Key] = &[
    Key {
        path: "routes[].domain",
        kind: Kind::Text,
        default: "",
        doc: "Whose mail: a domain, `.example.org` for all domains below it, or `*` for every one. The first route that \
              fits holds; without any, mail goes the way that `[queue]` says.",
        example: "\"example.org\"",
        effect: Effect::Restart,
    },
    Key {
        path: "routes[].way",
        kind: Kind::Choice(&["mx", "host", "lmtp", "hold"]),
        default: "\"host\"",
        doc: "How it goes: to the hosts that the name service tells, to a given host, into a store over LMTP, or nowhere \
              until an operator releases it.",
        example: "\"lmtp\"",
        effect: Effect::Restart,
    },
    Key {
        path: "routes[].host",
        kind: Kind::Text,
        default: "",
        doc: "The host with its port, for the ways host and lmtp; unix:PATH for a socket that speaks LMTP.",
        example: "\"mail.example.org:25\"",
        effect: Effect::Restart,
    },
    Key {
        path: "routes[].tls",
        kind: Kind::Choice(TLS),
        default: "",
        doc: "How private the connection is. Unset means what `queue.tls` says.",
        example: "\"verified\"",
        effect: Effect::Restart,
    },
    Key {
        path: "routes[].user",
        kind: Kind::Text,
        default: "",
        doc: "As whom to log in at the host.",
        example: "\"office@example.net\"",
        effect: Effect::Restart,
    },
    Key {
        path: "routes[].password",
        kind: Kind::Secret,
        default: "",
        doc: "The password for it. It travels only under TLS, or as a SCRAM proof.",
        example: "\"secret\"",
        effect: Effect::Restart,
    },
];

/// Makes what the program runs on; `usual_tls` is what `[queue]` says.
pub fn make(values: &Values, usual_tls: TlsPolicy, problems: &mut Vec<Problem>) -> Vec<Rule> {
    let tables = values.each("routes");
    tables.iter().filter_map(|at| make_one(values, at, usual_tls, problems)).collect()
}

fn make_one(values: &Values, at: &str, usual_tls: TlsPolicy, problems: &mut Vec<Problem>) -> Option<Rule> {
    let path = |name: &str| format!("{at}.{name}");
    let mut refuse = |name: &str, why: &str| {
        let path = path(name);
        problems.push(Problem::with_value(values.position(&path), &path, why));
    };
    let domain = values.text_if_set(&path("domain"));
    let (user, password) = (values.text_if_set(&path("user")), values.text_if_set(&path("password")));
    let tls = values.text_if_set(&path("tls")).map_or(usual_tls, |name| tls_named(&name));
    let host = values.text_if_set(&path("host"));
    let way = match (values.text(&path("way")).as_str(), host) {
        ("mx" | "hold", Some(_)) => {
            refuse("host", "belongs to the ways host and lmtp only");
            None
        }
        ("mx", None) => Some(Way::Mx),
        ("hold", None) => Some(Way::Hold),
        (_, None) => {
            refuse("host", "must be given");
            None
        }
        ("lmtp", Some(text)) => lmtp(values, &text).or_else(|| {
            refuse("host", "must be a host and a port, such as \"store.example.org:24\", or unix:PATH");
            None
        }),
        (_, Some(text)) => match host_and_port(&text) {
            Some((host, port)) => Some(Way::Host { host, port }),
            None => {
                refuse("host", "must be a host and a port, such as \"mail.example.org:25\"");
                None
            }
        },
    };
    let Some(domain) = domain.filter(|domain| is_pattern(domain)) else {
        refuse("domain", "must be a domain, `.DOMAIN` for those below it, or `*`");
        return None;
    };
    let login = user.map(|name| Credentials { name, password: password.unwrap_or_default() });
    Some(Rule { domain, way: way?, tls, login })
}

fn lmtp(values: &Values, text: &str) -> Option<Way> {
    if let Some(path) = text.strip_prefix("unix:").filter(|path| !path.is_empty()) {
        return Some(Way::LmtpUnix(values.complete(&PathBuf::from(path))));
    }
    host_and_port(text).map(|(host, port)| Way::Lmtp { host, port })
}

fn is_pattern(text: &str) -> bool {
    text == "*" || text.strip_prefix('.').unwrap_or(text).parse::<model::Domain>().is_ok()
}

/// A host and its port.
pub fn host_and_port(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port > 0)?;
    (!host.is_empty()).then(|| (host.to_owned(), port))
}

/// The policy of a name from [`TLS`].
pub fn tls_named(name: &str) -> TlsPolicy {
    match name {
        "never" => TlsPolicy::Never,
        "encrypted" => TlsPolicy::Encrypted,
        "verified" => TlsPolicy::Verified,
        _ => TlsPolicy::Opportunistic,
    }
}
