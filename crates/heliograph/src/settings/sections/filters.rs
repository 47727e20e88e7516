//! `[[filters]]`: who judges whole messages.

use std::path::PathBuf;
use std::time::Duration;

use mta::filter::action;
use mta::filter::limits::{ACTIONS_MAX, FILTERS_MAX};
use mta::filter::settings::{Concern, Filter, Host, OnFailure, Protocol, SpamdCommand};
use smtp::server::Kind as MailKind;

use crate::settings::document::Values;
use crate::settings::key::{Effect, Key, Kind};
use crate::settings::problem::Problem;
use crate::settings::sections::routes::host_and_port;

const MIB: u64 = 1024 * 1024;

/// A key of which a change takes effect at the next reload, as all of this section.
const fn key(path: &'static str, kind: Kind, default: &'static str, doc: &'static str, example: &'static str) -> Key {
    Key { path, kind, default, doc, example, effect: Effect::Reload }
}

/// A time limit.
const fn time(path: &'static str, default: &'static str, doc: &'static str, example: &'static str) -> Key {
    let kind = Kind::Time { min: Duration::from_millis(10), max: Duration::from_secs(600) };
    key(path, kind, default, doc, example)
}

/// The keys.
pub const KEYS: &[Key] = &[
    key(
        "filters[].name",
        Kind::Text,
        "",
        "How logs, metrics and traces call it. Unset means the protocol's name. Filters are numbered in the order of the \
         file, and the number decides between two answers.",
        "\"virus\"",
    ),
    key("filters[].protocol", Kind::Choice(Protocol::NAMES), "", "How it is spoken to.", "\"rspamd\""),
    key(
        "filters[].hosts",
        Kind::List(&Kind::Text),
        "[]",
        "Where it is: hosts with their ports, or unix:PATH. They are tried in turn.",
        "[\"127.0.0.1:11333\"]",
    ),
    key(
        "filters[].on_failure",
        Kind::Choice(&["accept", "defer", "reject"]),
        "\"defer\"",
        "What happens to mail when it gives no answer: it goes on without, the client is told to come again (451), or it is \
         refused (554).",
        "\"accept\"",
    ),
    time("filters[].connect_timeout", "\"3s\"", "How long connecting to a host may take.", "\"1s\""),
    time(
        "filters[].step_timeout",
        "\"30s\"",
        "How long one step may take: a piece of the message sent, an answer or a sign of life received.",
        "\"10s\"",
    ),
    time("filters[].total_timeout", "\"60s\"", "How long all of it may take, all hosts together.", "\"20s\""),
    key(
        "filters[].connections",
        Kind::Number { min: 1, max: 1_000 },
        "50",
        "Messages that are with it at one time; others wait for their turn within their time.",
        "10",
    ),
    key(
        "filters[].idle",
        Kind::Time { min: Duration::ZERO, max: Duration::from_secs(600) },
        "\"30s\"",
        "How long an idle connection is kept, for protocols that can use it again.",
        "\"5s\"",
    ),
    key(
        "filters[].message_size",
        Kind::Size { min: 1_024, max: 500 * MIB },
        "\"50 MiB\"",
        "Larger messages are not shown to it; they go on, and are counted.",
        "\"10 MiB\"",
    ),
    key(
        "filters[].recipients",
        Kind::List(&Kind::Text),
        "[\"*\"]",
        "Recipients who have opted in: `*`, `user@domain`, `domain`, or `.domain` for all domains below.",
        "[\"example.org\", \"boss@example.net\"]",
    ),
    key(
        "filters[].not_recipients",
        Kind::List(&Kind::Text),
        "[]",
        "Recipients who have opted out; goes before `recipients`.",
        "[\"abuse@example.org\"]",
    ),
    key(
        "filters[].senders",
        Kind::List(&Kind::Text),
        "[\"*\"]",
        "Senders whose mail it is asked about, written like recipients; `<>` is the null sender.",
        "[\"example.org\"]",
    ),
    key(
        "filters[].not_senders",
        Kind::List(&Kind::Text),
        "[]",
        "Senders whose mail it is not asked about; goes before `senders`.",
        "[\"reports@example.org\"]",
    ),
    key(
        "filters[].channels",
        Kind::List(&Kind::Text),
        "[\"smtp\", \"submission\", \"lmtp\"]",
        "By which channels the mail comes that it is asked about: smtp, submission, lmtp, or one of [[sources]]; or one of \
         [[named_channels]], for recipients whose mail leaves by it.",
        "[\"smtp\"]",
    ),
    key(
        "filters[].verdicts[].pattern",
        Kind::Text,
        "",
        "Which verdicts: `*` stands for anything, `%` for anything without a space. The first that fits counts; there may be \
         eight.",
        "\"*virus*\"",
    ),
    key(
        "filters[].verdicts[].action",
        Kind::Text,
        "",
        "What is done on such a verdict: a Sieve script, with $U for the verdict.",
        "'require \"reject\"; reject \"It holds $U.\";'",
    ),
    key(
        "filters[].null_action",
        Kind::Text,
        "",
        "What is done when it found nothing: a Sieve script. Unset does nothing.",
        "'require \"editheader\"; addheader \"X-Checked\" \"yes\";'",
    ),
    key(
        "filters[].string_action",
        Kind::Text,
        "",
        "What is done on any other verdict: a Sieve script. Unset does what the filter itself wants: it may refuse, drop or \
         put aside.",
        "'require [\"fileinto\", \"mailbox\"]; fileinto :create \"$U\";'",
    ),
    key(
        "filters[].verdict",
        Kind::Text,
        "",
        "The word that is used as verdict when it finds something, in place of its own.",
        "\"Spam\"",
    ),
    key("filters[].password", Kind::Secret, "", "rspamd's password for learning.", "\"secret\""),
    key("filters[].user", Kind::Text, "", "The user whose preferences spamd uses.", "\"mail\""),
    key(
        "filters[].command",
        Kind::Choice(&["check", "symbols", "process"]),
        "\"symbols\"",
        "What spamd is asked for: the score, the names of the rules as well, or the message as SpamAssassin rewrites it.",
        "\"process\"",
    ),
    key("filters[].service", Kind::Text, "\"avscan\"", "The service of an ICAP server.", "\"srv_clamav\""),
    key(
        "filters[].preview",
        Kind::Size { min: 1, max: 256 * 1_024 },
        "\"1 KiB\"",
        "How much an ICAP server sees before it says whether it wants the rest, if it takes previews.",
        "\"4 KiB\"",
    ),
    key(
        "filters[].learns",
        Kind::Flag,
        "false",
        "Whether rspamd or spamd is told what people move into and out of Junk.",
        "true",
    ),
    key(
        "filters[].learn_hosts",
        Kind::List(&Kind::Text),
        "[]",
        "Where it learns, if not where it judges: rspamd's controller has a port of its own.",
        "[\"127.0.0.1:11334\"]",
    ),
];

/// Makes what the program runs on.
pub fn make(values: &Values, problems: &mut Vec<Problem>) -> Vec<Filter> {
    let tables = values.each("filters");
    if let Some(at) = tables.get(FILTERS_MAX) {
        let why = format!("is one too many: there may be {FILTERS_MAX} filters");
        problems.push(Problem::with_value(values.position(&format!("{at}.name")), at, why));
    }
    let mut filters: Vec<Filter> = Vec::new();
    for (index, at) in tables.iter().take(FILTERS_MAX).enumerate() {
        let Some(filter) = make_one(values, index + 1, at, problems) else { continue };
        if filters.iter().any(|other| other.name == filter.name) {
            let path = format!("{at}.name");
            let why = format!("must be unlike the other filters' names; there is a filter {} already", filter.name);
            problems.push(Problem::with_value(values.position(&path), &path, why));
        }
        filters.push(filter);
    }
    filters
}

fn make_one(values: &Values, number: usize, at: &str, problems: &mut Vec<Problem>) -> Option<Filter> {
    let path = |name: &str| format!("{at}.{name}");
    let protocol = values.text_if_set(&path("protocol")).and_then(|name| Protocol::from_name(&name));
    if protocol.is_none() {
        let help = format!("say how it is spoken to: {}", Protocol::NAMES.join(", "));
        let path = path("protocol");
        problems.push(Problem::with_value(values.position(&path), &path, "must be given").helped(help));
    }
    let judging = hosts(values, &path("hosts"), problems);
    if judging.is_empty() {
        let why = "must name at least one host, such as \"127.0.0.1:783\" or \"unix:/run/clamd.sock\"";
        let path = path("hosts");
        problems.push(Problem::with_value(values.position(&path), &path, why));
    }
    let learn_hosts = hosts(values, &path("learn_hosts"), problems);
    let verdicts = verdicts(values, &path("verdicts"), problems);
    let script = |name: &str, problems: &mut Vec<Problem>| {
        let path = path(name);
        let text = values.text_if_set(&path);
        check_script(values, &path, text.as_deref(), problems);
        text
    };
    let (null_action, string_action) = (script("null_action", problems), script("string_action", problems));
    let concern = concern(values, at, problems);
    let protocol = protocol?;
    let name = values.text_if_set(&path("name")).unwrap_or_else(|| protocol.name().to_owned());
    Some(Filter {
        on_failure: match values.text(&path("on_failure")).as_str() {
            "accept" => OnFailure::Accept,
            "reject" => OnFailure::Reject,
            _ => OnFailure::Defer,
        },
        connect_timeout: values.time(&path("connect_timeout")),
        step_timeout: values.time(&path("step_timeout")),
        total_timeout: values.time(&path("total_timeout")),
        connections_max: values.count(&path("connections")),
        idle_kept: values.time(&path("idle")),
        message_octets_max: values.size(&path("message_size")),
        concern,
        verdicts,
        null_action,
        string_action,
        verdict: values.text_if_set(&path("verdict")),
        password: values.text_if_set(&path("password")),
        user: values.text_if_set(&path("user")),
        spamd_command: match values.text(&path("command")).as_str() {
            "check" => SpamdCommand::Check,
            "process" => SpamdCommand::Process,
            _ => SpamdCommand::Symbols,
        },
        icap_service: values.text(&path("service")).trim_start_matches('/').to_owned(),
        icap_preview: usize::try_from(values.size(&path("preview"))).unwrap_or(usize::MAX),
        learns: values.flag(&path("learns")),
        learn_hosts,
        ..Filter::new(number, &name, protocol, judging)
    })
}

fn hosts(values: &Values, path: &str, problems: &mut Vec<Problem>) -> Vec<Host> {
    let mut hosts = Vec::new();
    for text in values.texts(path) {
        let host = match text.strip_prefix("unix:").filter(|socket| !socket.is_empty()) {
            Some(socket) => Some(Host::Unix(values.complete(&PathBuf::from(socket)))),
            None => host_and_port(&text).map(|(host, port)| {
                let bare = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
                Host::Tcp { host: bare.unwrap_or(&host).to_owned(), port }
            }),
        };
        match host {
            Some(host) => hosts.push(host),
            None => {
                let why = format!("holds \"{text}\", which is neither a host with its port nor unix:PATH");
                problems.push(Problem::with_value(values.position(path), path, why));
            }
        }
    }
    hosts
}

fn verdicts(values: &Values, list: &str, problems: &mut Vec<Problem>) -> Vec<(String, String)> {
    let tables = values.each(list);
    if let Some(at) = tables.get(ACTIONS_MAX) {
        let why = format!("is one too many: a filter may have {ACTIONS_MAX} patterns");
        problems.push(Problem::with_value(values.position(&format!("{at}.pattern")), at, why));
    }
    let mut verdicts = Vec::new();
    for at in tables.iter().take(ACTIONS_MAX) {
        let mut given = |name: &str| {
            let path = format!("{at}.{name}");
            let text = values.text_if_set(&path);
            if text.is_none() {
                problems.push(Problem::with_value(values.position(&path), &path, "must be given"));
            }
            text
        };
        let (pattern, script) = (given("pattern"), given("action"));
        check_script(values, &format!("{at}.action"), script.as_deref(), problems);
        verdicts.extend(pattern.zip(script));
    }
    verdicts
}

fn check_script(values: &Values, path: &str, script: Option<&str>, problems: &mut Vec<Problem>) {
    if let Some(Err(fault)) = script.map(action::check) {
        let why = format!("is no proper Sieve script: {fault}");
        problems.push(Problem::with_value(values.position(path), path, why));
    }
}

fn concern(values: &Values, at: &str, problems: &mut Vec<Problem>) -> Concern {
    let mut patterns = |name: &str| {
        let path = format!("{at}.{name}");
        let texts = values.texts(&path);
        if let Some(wrong) = texts.iter().find(|text| !is_pattern(text)) {
            let why = format!("holds \"{wrong}\", which is neither `*` nor an address, a domain or `.DOMAIN`");
            problems.push(Problem::with_value(values.position(&path), &path, why));
        }
        texts
    };
    let (recipients, not_recipients) = (patterns("recipients"), patterns("not_recipients"));
    let (senders, not_senders) = (patterns("senders"), patterns("not_senders"));
    let channels = values.texts(&format!("{at}.channels"));
    let kind = |name: &String| match name.as_str() {
        "submission" => Some(MailKind::Submission),
        "lmtp" => Some(MailKind::Lmtp),
        "smtp" => Some(MailKind::Smtp),
        _ => None,
    };
    let (kinds, names): (Vec<String>, Vec<String>) = channels.into_iter().partition(|name| kind(name).is_some());
    let channels = kinds.iter().filter_map(kind).collect();
    Concern { recipients, not_recipients, senders, not_senders, channels, names }
}

fn is_pattern(text: &str) -> bool {
    if matches!(text, "*" | "<>") {
        return true;
    }
    match text.split_once('@') {
        Some(("", domain)) => domain.parse::<model::Domain>().is_ok(),
        Some(_) => text.parse::<model::Address>().is_ok(),
        None => text.strip_prefix('.').unwrap_or(text).parse::<model::Domain>().is_ok(),
    }
}
