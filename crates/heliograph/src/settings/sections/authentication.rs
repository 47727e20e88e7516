//! `[authentication]`: who really sent a message, and how others can tell that we did.

use std::time::Duration;

use model::Address;
use mta::authentication::settings::{Settings, Strictness};
use mta::authentication::sts::{Mode, Policy};

use crate::settings::document::Values;
use crate::settings::key::{Effect, Key, Kind};
use crate::settings::problem::Problem;
use crate::settings::value::Value;

const STRICTNESS: &[&str] = &["monitor", "enforce"];

/// The keys.
pub const KEYS: &[Key] = &[
    Key {
        path: "authentication.check",
        kind: Kind::Flag,
        default: "true",
        doc: "Whether SPF, DKIM, DMARC and ARC of mail that comes in over SMTP are checked and written into an \
              Authentication-Results field. Mail of those who have logged in, over LMTP and from trusted addresses is not.",
        example: "false",
        effect: Effect::Restart,
    },
    Key {
        path: "authentication.trusted",
        kind: Kind::List(&Kind::Network),
        default: "[\"127.0.0.0/8\", \"::1\"]",
        doc: "Who is not checked: relays of ours that pass on the mail of others.",
        example: "[\"127.0.0.0/8\", \"::1\", \"192.0.2.10\"]",
        effect: Effect::Restart,
    },
    Key {
        path: "authentication.service",
        kind: Kind::Domain,
        default: "",
        doc: "Our name in Authentication-Results fields. Fields in this name that come from outside are removed. Unset means \
              the server's name; several servers that believe each other use one name.",
        example: "\"example.org\"",
        effect: Effect::Restart,
    },
    Key {
        path: "authentication.spf",
        kind: Kind::Choice(STRICTNESS),
        default: "\"monitor\"",
        doc: "What a hard failure of SPF does: it is written down, or the message is refused.",
        example: "\"enforce\"",
        effect: Effect::Restart,
    },
    Key {
        path: "authentication.dmarc",
        kind: Kind::Choice(STRICTNESS),
        default: "\"monitor\"",
        doc: "What a failure of DMARC does: it is written down, or what the owner of the author's domain asks for is done: \
              the message is refused, or goes into the mailbox Junk.",
        example: "\"enforce\"",
        effect: Effect::Restart,
    },
    Key {
        path: "authentication.sealers",
        kind: Kind::List(&Kind::Domain),
        default: "[]",
        doc: "Domains whose ARC seals are believed: what they pass on unbroken is not refused for SPF or DMARC.",
        example: "[\"lists.example.net\"]",
        effect: Effect::Restart,
    },
    Key {
        path: "authentication.sign",
        kind: Kind::Flag,
        default: "true",
        doc: "Whether mail of those who have logged in is signed with the keys of its author's domain, if there are any: see \
              `heliograph domain dkim`.",
        example: "false",
        effect: Effect::Restart,
    },
    Key {
        path: "authentication.seal",
        kind: Kind::Domain,
        default: "",
        doc: "The domain whose key puts an ARC seal on mail that came from others and is passed on. Unset means no seal.",
        example: "\"example.org\"",
        effect: Effect::Restart,
    },
    Key {
        path: "authentication.rewrite",
        kind: Kind::Domain,
        default: "",
        doc: "The domain of rewritten senders (SRS) of mail that is forwarded, so that SPF of the next host finds us. Mail for \
              such addresses must come here. Unset leaves senders as they are.",
        example: "\"forward.example.org\"",
        effect: Effect::Restart,
    },
    Key {
        path: "authentication.mta_sts",
        kind: Kind::Flag,
        default: "true",
        doc: "Whether the MTA-STS policies of other domains are fetched and followed.",
        example: "false",
        effect: Effect::Restart,
    },
    Key {
        path: "authentication.publish_mta_sts",
        kind: Kind::Choice(&["off", "testing", "enforce", "none"]),
        default: "\"off\"",
        doc: "The MTA-STS policy that our domains publish: enforce lets others deliver only under TLS with a certificate that \
              is good for the host, testing only has them report what would fail, none takes a policy back (keep it for \
              mta_sts_age before off). An https listener hands it out at mta-sts.DOMAIN, which needs a certificate for \
              that name; `heliograph domain dns` tells the records.",
        example: "\"testing\"",
        effect: Effect::Restart,
    },
    Key {
        path: "authentication.mta_sts_hosts",
        kind: Kind::List(&Kind::Domain),
        default: "[]",
        doc: "The hosts that the published policy names: those that MX records of our domains lead to. Empty means this \
              server's name.",
        example: "[\"mx1.example.org\", \"mx2.example.org\"]",
        effect: Effect::Restart,
    },
    Key {
        path: "authentication.mta_sts_age",
        kind: Kind::Time { min: Duration::from_secs(86_400), max: Duration::from_secs(31_536_000) },
        default: "\"7d\"",
        doc: "How long others keep the published policy.",
        example: "\"30d\"",
        effect: Effect::Restart,
    },
    Key {
        path: "authentication.dane",
        kind: Kind::Flag,
        default: "true",
        doc: "Whether the TLSA records of hosts that take mail are followed. Only answers that DNSSEC vouches for count: see \
              `dns.dnssec`.",
        example: "false",
        effect: Effect::Restart,
    },
    Key {
        path: "authentication.report_from",
        kind: Kind::Text,
        default: "",
        doc: "The address from which reports about DMARC and TLS go to the owners of other domains who ask for them, once a \
              day. Unset collects and sends none.",
        example: "\"postmaster@example.org\"",
        effect: Effect::Restart,
    },
    Key {
        path: "authentication.report_to",
        kind: Kind::List(&Kind::Text),
        default: "[]",
        doc: "Addresses of ours to which others send their reports. Those reports are read: see `heliograph report list`. The \
              messages are filed like any mail.",
        example: "[\"reports@example.org\"]",
        effect: Effect::Restart,
    },
    Key {
        path: "authentication.organisation",
        kind: Kind::Text,
        default: "",
        doc: "Who we are, in reports to others. Unset means the server's name.",
        example: "\"Example Ltd\"",
        effect: Effect::Restart,
    },
];

/// Makes what the program runs on.
pub fn make(values: &Values, host: &str, problems: &mut Vec<Problem>) -> Settings {
    let mut address = |path: &str, text: &str| {
        let parsed = text.parse::<Address>().ok();
        if parsed.is_none() {
            problems.push(Problem::with_value(
                values.position(path),
                path,
                "must be an address such as \"a@example.org\"",
            ));
        }
        parsed
    };
    let from = values.text_if_set("authentication.report_from");
    let report_from = from.and_then(|text| address("authentication.report_from", &text));
    let report_to = values.texts("authentication.report_to");
    let report_to = report_to.iter().filter_map(|text| address("authentication.report_to", text)).collect();
    let trusted = values.picked("authentication.trusted", |value| match value {
        Value::Network(network) => Some(network),
        _ => None,
    });
    let strictness = |path: &str| match values.text(path).as_str() {
        "enforce" => Strictness::Enforce,
        _ => Strictness::Monitor,
    };
    let domain = |path: &str| values.domain_if_set(path);
    Settings {
        service: domain("authentication.service").map_or_else(|| host.to_owned(), |name| name.to_string()),
        check: values.flag("authentication.check"),
        trusted,
        spf: strictness("authentication.spf"),
        dmarc: strictness("authentication.dmarc"),
        sealers: values.picked("authentication.sealers", |value| match value {
            Value::Domain(domain) => Some(domain.to_string()),
            _ => None,
        }),
        sign: values.flag("authentication.sign"),
        seal: domain("authentication.seal"),
        rewrite: domain("authentication.rewrite"),
        mta_sts: values.flag("authentication.mta_sts"),
        publish: published(values, host),
        dane: values.flag("authentication.dane"),
        report_from,
        report_to,
        organisation: values.text_if_set("authentication.organisation").unwrap_or_else(|| host.to_owned()),
        ..Settings::new(host)
    }
}

/// The policy of our own domains.
fn published(values: &Values, host: &str) -> Option<Policy> {
    let max_age_secs = values.time("authentication.mta_sts_age").as_secs();
    let mut hosts = values.picked("authentication.mta_sts_hosts", |value| match value {
        Value::Domain(domain) => Some(domain.to_string()),
        _ => None,
    });
    if hosts.is_empty() {
        hosts.push(host.to_owned());
    }
    let mode = match values.text("authentication.publish_mta_sts").as_str() {
        "testing" => Mode::Testing,
        "enforce" => Mode::Enforce,
        "none" => Mode::None,
        _ => return None,
    };
    Some(Policy { mode, hosts, max_age_secs })
}
