//! `[[listeners]]`: what is listened on.

use std::time::Duration;

use model::Network;
use net::ListenAddress;
use net::admission::ConnectionLimits;

use crate::roles::{Protocol, Role, TlsChoice};
use crate::settings::document::Values;
use crate::settings::key::{Effect, Key, Kind};
use crate::settings::problem::Problem;
use crate::settings::value::Value;

/// One listener.
#[derive(Clone, Debug)]
pub struct Listener {
    /// What it speaks.
    pub protocol: Protocol,
    /// Where.
    pub address: ListenAddress,
    /// How it uses TLS.
    pub tls: TlsChoice,
    /// How many at a time.
    pub limits: ConnectionLimits,
    /// Proxies that speak for others.
    pub proxies: Vec<Network>,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
    /// Permissions of a Unix socket.
    pub unix_mode: u32,
    /// What a policy listener answers from.
    pub answers: Answers,
}

/// What a policy listener answers from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answers {
    /// The meter's rules.
    pub meter: bool,
    /// The greylister, when no rule decides.
    pub greylist: bool,
}

impl Answers {
    /// What a listener of another protocol answers from.
    const NOTHING: Answers = Answers { meter: false, greylist: false };
}

/// The keys.
pub const KEYS: &[Key] = &[
    Key {
        path: "listeners[].protocol",
        kind: Kind::Choice(Protocol::NAMES),
        default: "",
        doc: "What is spoken: smtp takes mail from the world, submission and submissions from our users, lmtp from another \
              server of ours; imap, imaps, pop3 and pop3s serve mailboxes; managesieve keeps people's scripts; meter lets \
              other servers of ours count in our tables, policy answers Postfix's policy delegation, milter greylists for other mail servers, gross for Sun's \
              (UDP), and greylist-peer listens for the other node of the greylister; https hands out what our domains \
              publish (see `authentication.publish_mta_sts`); admin serves metrics and health \
              over HTTP.",
        example: "\"imaps\"",
        effect: Effect::Restart,
    },
    Key {
        path: "listeners[].address",
        kind: Kind::Listen,
        default: "",
        doc: "Where: ADDRESS:PORT, *:PORT for every address of the machine, or unix:PATH (lmtp, policy, milter). Port 0 lets the \
              system choose; the choice is printed at the start.",
        example: "\"*:993\"",
        effect: Effect::Restart,
    },
    Key {
        path: "listeners[].tls",
        kind: Kind::Choice(&["auto", "never", "on-request", "implicit"]),
        default: "\"auto\"",
        doc: "auto is what the protocol's name says: implicit for submissions, imaps, pop3s and https, never for admin, Unix \
              sockets and what other servers speak (meter, policy, milter, gross, greylist-peer), on-request (STARTTLS) for the others.",
        example: "\"on-request\"",
        effect: Effect::Restart,
    },
    Key {
        path: "listeners[].answers_from",
        kind: Kind::Choice(&["auto", "meter", "greylist", "both"]),
        default: "\"auto\"",
        doc: "What a policy listener answers from: meter from [[meter.rules]], greylist from [greylist], both from the meter \
              first and from the greylister when no rule decides. auto means both where greylist.enabled is set, else meter. \
              For policy only.",
        example: "\"greylist\"",
        effect: Effect::Restart,
    },
    Key {
        path: "listeners[].connections",
        kind: Kind::Number { min: 1, max: 1_000_000 },
        default: "20000",
        doc: "How many connections it serves at one time; for gross, how many datagrams.",
        example: "5000",
        effect: Effect::Restart,
    },
    Key {
        path: "listeners[].connections_per_address",
        kind: Kind::Number { min: 1, max: 1_000_000 },
        default: "100",
        doc: "How many connections it serves at one time from one IPv4 address, or one IPv6 network of /64. For TCP only.",
        example: "20",
        effect: Effect::Restart,
    },
    Key {
        path: "listeners[].proxies",
        kind: Kind::List(&Kind::Network),
        default: "[]",
        doc: "Proxies in front of this listener. Connections from them, and only those, must begin with a PROXY header, \
              version 1 or 2, and count as coming from whom it names. For TCP only.",
        example: "[\"10.0.0.5\"]",
        effect: Effect::Restart,
    },
    Key {
        path: "listeners[].handshake_timeout",
        kind: Kind::Time { min: Duration::from_secs(1), max: Duration::from_secs(300) },
        default: "\"30s\"",
        doc: "How long a TLS handshake may take.",
        example: "\"10s\"",
        effect: Effect::Restart,
    },
    Key {
        path: "listeners[].unix_mode",
        kind: Kind::Mode,
        default: "\"660\"",
        doc: "The permissions of a Unix socket.",
        example: "\"600\"",
        effect: Effect::Restart,
    },
];

/// Makes what the program runs on.
pub fn make(values: &Values, roles: &[Role], problems: &mut Vec<Problem>) -> Vec<Listener> {
    if values.each("listeners").is_empty() {
        return standard(roles);
    }
    let mut made = Vec::new();
    for at in values.each("listeners") {
        if let Some(listener) = make_one(values, &at, roles, problems) {
            made.push(listener);
        }
    }
    made
}

fn make_one(values: &Values, at: &str, roles: &[Role], problems: &mut Vec<Problem>) -> Option<Listener> {
    let path = |name: &str| format!("{at}.{name}");
    let protocol = values.text_if_set(&path("protocol")).and_then(|name| Protocol::from_name(&name));
    let address = values.listen_if_set(&path("address")).map(|address| match address {
        ListenAddress::Unix(socket) => ListenAddress::Unix(values.complete(&socket)),
        ip => ip,
    });
    for (name, missing) in [("protocol", protocol.is_none()), ("address", address.is_none())] {
        if missing {
            let path = path(name);
            problems.push(Problem::with_value(values.position(&path), &path, "must be given"));
        }
    }
    let proxies = values.picked(&path("proxies"), |value| match value {
        Value::Network(network) => Some(network),
        _ => None,
    });
    let limits = ConnectionLimits {
        total: values.count(&path("connections")),
        per_address: values.count(&path("connections_per_address")),
    };
    let (handshake_timeout, unix_mode) = (values.time(&path("handshake_timeout")), values.mode(&path("unix_mode")));
    let tls = values.text(&path("tls"));
    let answers = answers(&values.text(&path("answers_from")), values.flag("greylist.enabled"));
    let is_said = values.is_written(&path("answers_from"));
    let (protocol, address) = (protocol?, address?);
    let tls = choose_tls(&tls, protocol, &address);
    let is_policy = protocol == Protocol::Policy;
    if is_said && !is_policy {
        let path = path("answers_from");
        problems.push(Problem::with_value(values.position(&path), &path, "is for policy listeners only"));
    }
    let answers = if is_policy { answers } else { Answers::NOTHING };
    let listener = Listener { protocol, address, tls, limits, proxies, handshake_timeout, unix_mode, answers };
    check(values, at, &listener, roles, problems);
    Some(listener)
}

fn check(values: &Values, at: &str, listener: &Listener, roles: &[Role], problems: &mut Vec<Problem>) {
    let mut refuse = |name: &str, why: String, help: &str| {
        let path = format!("{at}.{name}");
        problems.push(Problem::with_value(values.position(&path), &path, why).helped(help));
    };
    let protocol = listener.protocol;
    if protocol.role().is_some_and(|role| !roles.contains(&role)) {
        let role = protocol.role().map_or("", Role::name);
        refuse("protocol", format!("needs the role {role}, which does not run here"), "add it to server.roles");
    }
    let is_unix = matches!(listener.address, ListenAddress::Unix(_));
    if is_unix && !protocol.can_be_unix() {
        let carrier = if protocol.is_datagrams() { "UDP" } else { "TCP" };
        let why = format!("cannot be a Unix socket: {} is spoken over {carrier}", protocol.name());
        refuse("address", why, "lmtp, policy and milter can be");
    }
    let has_tcp = !is_unix && !protocol.is_datagrams();
    for (name, is_of_use, whom) in [
        ("proxies", has_tcp, "TCP"),
        ("connections_per_address", has_tcp, "TCP"),
        ("handshake_timeout", listener.tls != TlsChoice::Never, "TLS"),
        ("unix_mode", is_unix, "a Unix socket"),
    ] {
        if !is_of_use && values.is_written(&format!("{at}.{name}")) {
            refuse(name, format!("is of no use here: it is for listeners with {whom}"), "leave it out");
        }
    }
    if listener.tls != TlsChoice::Never && protocol.is_for_servers() {
        let why = format!("cannot be used: those who ask over {} speak no TLS", protocol.name());
        refuse("tls", why, "leave it out, and let only trusted networks reach the listener");
    }
    if protocol == Protocol::Https && values.text("authentication.publish_mta_sts") == "off" {
        let help = "set authentication.publish_mta_sts, or leave the listener out";
        refuse("protocol", "has nothing to show: no policy is published".to_owned(), help);
    }
    if listener.tls == TlsChoice::OnRequest && !protocol.can_start_tls() {
        refuse("tls", format!("cannot be on-request: {} cannot start TLS later", protocol.name()), "implicit or never");
    }
}

fn answers(written: &str, greylist_enabled: bool) -> Answers {
    match written {
        "meter" => Answers { meter: true, greylist: false },
        "greylist" => Answers { meter: false, greylist: true },
        "both" => Answers { meter: true, greylist: true },
        _ => Answers { meter: true, greylist: greylist_enabled },
    }
}

fn choose_tls(written: &str, protocol: Protocol, address: &ListenAddress) -> TlsChoice {
    match written {
        "never" => TlsChoice::Never,
        "on-request" => TlsChoice::OnRequest,
        "implicit" => TlsChoice::Implicit,
        _ if matches!(address, ListenAddress::Unix(_)) => TlsChoice::Never,
        _ => protocol.usual_tls(),
    }
}

/// The standard ports of everything that runs.
fn standard(roles: &[Role]) -> Vec<Listener> {
    let runs = |protocol: &Protocol| protocol.role().is_none_or(|role| roles.contains(&role));
    Protocol::ALL.into_iter().filter(runs).filter_map(standard_one).collect()
}

fn standard_one(protocol: Protocol) -> Option<Listener> {
    let address: ListenAddress = protocol.standard_address()?.parse().expect("the standard addresses are addresses");
    Some(Listener {
        protocol,
        tls: choose_tls("auto", protocol, &address),
        address,
        limits: ConnectionLimits::default(),
        proxies: Vec::new(),
        handshake_timeout: net::limits::HANDSHAKE,
        unix_mode: 0o660,
        answers: Answers::NOTHING,
    })
}
