//! `[greylist]`: suspicious deliveries have to come again.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use meter::greylist::check::{Check, Kind as List, Written};
use meter::greylist::limits::{CHECKS_MAX, ENTRIES_MAX};
use meter::greylist::settings::Settings;
use meter::greylist::tally::Thresholds;
use meter::greylist::triplet::Mask;
use meter::secret::Secret;

use crate::roles::Protocol;
use crate::settings::document::Values;
use crate::settings::key::{Effect, Key, Kind};
use crate::settings::problem::Problem;
use crate::settings::sections::listeners::Listener;
use crate::settings::value::Value;

/// The greylister.
#[derive(Clone, Debug)]
pub struct Greylist {
    /// Whether our own SMTP listeners ask it, and policy listeners that do not say what they answer from.
    pub enabled: bool,
    /// How it judges.
    pub judge: Settings,
    /// Where its memory is kept, when not in the data folder.
    pub state_file: Option<PathBuf>,
    /// The other node.
    pub peer: Option<SocketAddr>,
    /// What both nodes share.
    pub secret: Option<Secret>,
}

/// The keys.
pub const KEYS: &[Key] = &[
    Key {
        path: "greylist.enabled",
        kind: Kind::Flag,
        default: "false",
        doc: "Whether mail that comes over SMTP is greylisted here: suspicious deliveries of strangers have to come again. \
              Who has logged in, submission and LMTP never wait. Listeners for policy, milter and gross answer others in \
              any case, except that a policy listener has to be told so (answers_from).",
        example: "true",
        effect: Effect::Restart,
    },
    Key {
        path: "greylist.dnsbl",
        kind: Kind::List(&Kind::Text),
        default: "[]",
        doc: "Lists of suspicious addresses: NAME, NAME;WEIGHT or NAME;WEIGHT;ANSWERS, where answers are addresses and \
              ranges such as 127.0.0.2-11 with commas between them. Without a weight it is 1; without answers all of \
              127.0.0.0/8 count, except 127.255.255.0/24, by which lists refuse to answer. Without any list at all everybody \
              has to come twice.",
        example: "[\"zen.dnsbl.example;3;127.0.0.2-11\", \"bl.example\"]",
        effect: Effect::Restart,
    },
    Key {
        path: "greylist.rhsbl",
        kind: Kind::List(&Kind::Text),
        default: "[]",
        doc: "Lists of suspicious domains of senders, written as for dnsbl.",
        example: "[\"rhsbl.example;2\"]",
        effect: Effect::Restart,
    },
    Key {
        path: "greylist.dnswl",
        kind: Kind::List(&Kind::Text),
        default: "[]",
        doc: "Lists of trusted addresses, written as for dnsbl: who is on one is let in at once, whatever the others say. \
              They are always waited for.",
        example: "[\"dnswl.example\"]",
        effect: Effect::Restart,
    },
    Key {
        path: "greylist.grey_threshold",
        kind: Kind::Number { min: 0, max: 100_000 },
        default: "1",
        doc: "From this sum of weights on a delivery has to come again. With 0 everybody has to, unless a trusting list \
              has them.",
        example: "2",
        effect: Effect::Restart,
    },
    Key {
        path: "greylist.block_threshold",
        kind: Kind::Number { min: 0, max: 100_000 },
        default: "0",
        doc: "From this sum of weights on a delivery is refused for good, also when it comes again. 0 refuses nobody.",
        example: "9",
        effect: Effect::Restart,
    },
    Key {
        path: "greylist.grey_delay",
        kind: Kind::Time { min: Duration::ZERO, max: Duration::from_secs(86_400) },
        default: "\"3m\"",
        doc: "How long a new delivery has to wait, counted from its first attempt.",
        example: "\"5m\"",
        effect: Effect::Restart,
    },
    Key {
        path: "greylist.grey_reason",
        kind: Kind::Text,
        default: "\"Please try again later.\"",
        doc: "What is told to those who have to come again.",
        example: "\"Greylisted, please try again in some minutes.\"",
        effect: Effect::Restart,
    },
    Key {
        path: "greylist.block_reason",
        kind: Kind::Text,
        default: "\"Bad reputation\"",
        doc: "What is told to those who are refused.",
        example: "\"Your address is on several lists.\"",
        effect: Effect::Restart,
    },
    Key {
        path: "greylist.ipv4_mask",
        kind: Kind::Number { min: 0, max: 32 },
        default: "24",
        doc: "How many bits of an IPv4 address count: with 24 a second attempt may come from a neighbour.",
        example: "32",
        effect: Effect::Restart,
    },
    Key {
        path: "greylist.ipv6_mask",
        kind: Kind::Number { min: 0, max: 128 },
        default: "64",
        doc: "How many bits of an IPv6 address count.",
        example: "56",
        effect: Effect::Restart,
    },
    Key {
        path: "greylist.query_timelimit",
        kind: Kind::Time { min: Duration::from_millis(10), max: Duration::from_secs(60) },
        default: "\"5s\"",
        doc: "How long a delivery waits for the lists. Then the verdict is made from what has come: lists that are silent \
              make nobody suspicious.",
        example: "\"2s\"",
        effect: Effect::Restart,
    },
    Key {
        path: "greylist.lookups",
        kind: Kind::Number { min: 1, max: 1_000_000 },
        default: "10000",
        doc: "How many questions to lists may be under way at one time. What is beyond is not asked, and counted.",
        example: "2000",
        effect: Effect::Restart,
    },
    Key {
        path: "greylist.answers_kept",
        kind: Kind::Time { min: Duration::ZERO, max: Duration::from_secs(86_400) },
        default: "\"1m\"",
        doc: "How long an answer of a list is remembered; at most 65536 are. That a list failed is remembered for five \
              seconds at most.",
        example: "\"5m\"",
        effect: Effect::Restart,
    },
    Key {
        path: "greylist.update",
        kind: Kind::Choice(&["grey", "always"]),
        default: "\"grey\"",
        doc: "Which deliveries are remembered: grey remembers those that have to come again or have done so, always those \
              that are not suspicious, too.",
        example: "\"always\"",
        effect: Effect::Restart,
    },
    Key {
        path: "greylist.match_shortcut",
        kind: Kind::Flag,
        default: "false",
        doc: "Whether a delivery that has come before is let in without asking the lists. It spares questions, but who has \
              become bad enough to be refused is let in then.",
        example: "true",
        effect: Effect::Restart,
    },
    Key {
        path: "greylist.dry_run",
        kind: Kind::Flag,
        default: "false",
        doc: "Whether verdicts are only logged and counted, and everybody is let in.",
        example: "true",
        effect: Effect::Restart,
    },
    Key {
        path: "greylist.exempt_networks",
        kind: Kind::List(&Kind::Network),
        default: "[\"127.0.0.0/8\", \"::1\"]",
        doc: "Clients that are let in unseen.",
        example: "[\"127.0.0.0/8\", \"::1\", \"192.0.2.0/24\"]",
        effect: Effect::Restart,
    },
    Key {
        path: "greylist.exempt_recipients",
        kind: Kind::List(&Kind::Text),
        default: "[\"postmaster\", \"abuse\"]",
        doc: "Recipients who are always reachable: the part of an address before the @, or a whole address. Mail without a \
              sender, which is how notices come, is never greylisted either.",
        example: "[\"postmaster\", \"abuse\", \"emergency@example.org\"]",
        effect: Effect::Restart,
    },
    Key {
        path: "greylist.rotate_interval",
        kind: Kind::Time { min: Duration::from_secs(1), max: Duration::from_secs(30 * 86_400) },
        default: "\"1h\"",
        doc: "How long one generation of the memory lasts. A delivery that is not seen again is forgotten after \
              number_buffers generations, less half of one in the mean.",
        example: "\"3h\"",
        effect: Effect::Restart,
    },
    Key {
        path: "greylist.number_buffers",
        kind: Kind::Number { min: 2, max: 1_000 },
        default: "8",
        doc: "How many generations are remembered.",
        example: "24",
        effect: Effect::Restart,
    },
    Key {
        path: "greylist.known_kept",
        kind: Kind::Time { min: Duration::from_secs(60), max: Duration::from_secs(3_660 * 86_400) },
        default: "\"60d\"",
        doc: "How long it is remembered to whom our users have written, and from which network a domain has proven itself \
              (DMARC) with mail that our smtp listeners took. Such senders need not come twice.",
        example: "\"30d\"",
        effect: Effect::Restart,
    },
    Key {
        path: "greylist.entries",
        kind: Kind::Number { min: 1_000, max: ENTRIES_MAX as i64 },
        default: "1000000",
        doc: "How many deliveries are remembered, and as many known senders; each takes 20 to 43 octets. When there are more, \
              those that were seen longest ago are forgotten.",
        example: "5000000",
        effect: Effect::Restart,
    },
    Key {
        path: "greylist.decisions_kept",
        kind: Kind::Number { min: 0, max: 1_000_000 },
        default: "2000",
        doc: "How many of the last decisions `heliograph greylist list` and `top` can tell of; each takes about 300 octets.",
        example: "20000",
        effect: Effect::Restart,
    },
    Key {
        path: "greylist.state_file",
        kind: Kind::FilePath,
        default: "",
        doc: "Where the memory is kept over restarts. Unset means greylist.state in the data folder.",
        example: "\"/var/lib/heliograph/greylist.state\"",
        effect: Effect::Restart,
    },
    Key {
        path: "greylist.save_every",
        kind: Kind::Time { min: Duration::from_secs(1), max: Duration::from_secs(86_400) },
        default: "\"1m\"",
        doc: "How often the memory is written to its file when something has changed; it is also written at the end. After a \
              crash what came since then has to come once more.",
        example: "\"5m\"",
        effect: Effect::Restart,
    },
    Key {
        path: "greylist.peer",
        kind: Kind::Socket,
        default: "",
        doc: "Another node that gets all that is remembered here: the address of its greylist-peer listener. For both \
              directions each node names the other.",
        example: "\"192.0.2.2:5524\"",
        effect: Effect::Restart,
    },
    Key {
        path: "greylist.secret",
        kind: Kind::Secret,
        default: "",
        doc: "What both nodes share, at least 16 octets. Who does not know it can neither add to the memory nor learn \
              anything from a listener.",
        example: "\"a long secret of both nodes\"",
        effect: Effect::Restart,
    },
];

/// Makes what the program runs on.
pub fn make(values: &Values, listeners: &[Listener], problems: &mut Vec<Problem>) -> Greylist {
    let mut checks = Vec::new();
    for (path, kind) in
        [("greylist.dnsbl", List::Dnsbl), ("greylist.rhsbl", List::Rhsbl), ("greylist.dnswl", List::Dnswl)]
    {
        checks.extend(lists(values, path, kind, problems));
    }
    if checks.len() > CHECKS_MAX {
        let why = format!("makes {} lists in all, and {CHECKS_MAX} are allowed", checks.len());
        problems.push(Problem::with_value(values.position("greylist.dnsbl"), "greylist.dnsbl", why));
    }
    let thresholds =
        Thresholds { block: values.count("greylist.block_threshold"), grey: values.count("greylist.grey_threshold") };
    if thresholds.block != 0 && thresholds.block < thresholds.grey {
        let why = "is below grey_threshold, so that nobody would ever have to come again";
        let path = "greylist.block_threshold";
        problems.push(Problem::with_value(values.position(path), path, why));
    }
    let peer = match values.value("greylist.peer") {
        Some(Value::Socket(address)) => Some(address),
        _ => None,
    };
    let is_listening = listeners.iter().any(|listener| listener.protocol == Protocol::GreylistPeer);
    let secret = secret(values, peer.is_some() || is_listening, problems);
    Greylist {
        enabled: values.flag("greylist.enabled"),
        judge: Settings {
            grey_delay: values.time("greylist.grey_delay"),
            thresholds,
            grey_reason: values.text("greylist.grey_reason"),
            block_reason: values.text("greylist.block_reason"),
            mask: Mask { v4_bits: values.count("greylist.ipv4_mask"), v6_bits: values.count("greylist.ipv6_mask") },
            checks,
            query_timelimit: values.time("greylist.query_timelimit"),
            lookups_max: values.count("greylist.lookups"),
            answers_kept: values.time("greylist.answers_kept"),
            update_always: values.text("greylist.update") == "always",
            match_shortcut: values.flag("greylist.match_shortcut"),
            dry_run: values.flag("greylist.dry_run"),
            exempt_networks: values.picked("greylist.exempt_networks", |value| match value {
                Value::Network(network) => Some(network),
                _ => None,
            }),
            exempt_recipients: values.texts("greylist.exempt_recipients"),
            rotate_interval: values.time("greylist.rotate_interval"),
            number_buffers: values.count("greylist.number_buffers"),
            known_kept: values.time("greylist.known_kept"),
            entries_max: values.count("greylist.entries"),
            decisions_kept: values.count("greylist.decisions_kept"),
            state_file: None,
            save_every: values.time("greylist.save_every"),
        },
        state_file: values.path_if_set("greylist.state_file"),
        peer,
        secret,
    }
}

fn lists(values: &Values, path: &str, kind: List, problems: &mut Vec<Problem>) -> Vec<Check> {
    let read = |text: String| match text.parse::<Written>() {
        Ok(written) => Some(written.of(kind)),
        Err(error) => {
            let problem = Problem::with_value(values.position(path), path, format!("has `{text}`: {error}"));
            problems.push(problem.helped("write NAME, NAME;WEIGHT or NAME;WEIGHT;ANSWERS"));
            None
        }
    };
    values.texts(path).into_iter().filter_map(read).collect()
}

fn secret(values: &Values, is_needed: bool, problems: &mut Vec<Problem>) -> Option<Secret> {
    let written = values.text_if_set("greylist.secret");
    let secret = written.as_deref().and_then(Secret::new);
    let why = match &written {
        Some(_) if secret.is_none() => "is too short to keep others out",
        None if is_needed => "must be given: both nodes share it",
        _ => return secret,
    };
    problems.push(
        Problem::with_value(values.position("greylist.secret"), "greylist.secret", why)
            .helped("`openssl rand -hex 32` makes one; write secret, secret_file or secret_env in [greylist]"),
    );
    None
}
