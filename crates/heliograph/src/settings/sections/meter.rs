//! `[meter]`: the tables that count, who may ask for them, and where we ask.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use directory::limiter::Policy;
use meter::client::settings::ClientSettings;
use meter::limits::{RULE_ATTRIBUTES_MAX, SECRET_OCTETS_MIN, SLIDING_QUOTA_MAX, TABLE_NAME_OCTETS_MAX};
use meter::secret::Secret;
use meter::service::policy::{Amount, Rule};
use meter::table::key::DataType;
use meter::table::settings::{Average, Kind as TableKind, TableSettings};
use mta::inbound::rates::tables::{CONNECTIONS, MESSAGES, RECIPIENTS};
use smtp::policy_delegation::Action;

use crate::roles::Protocol;
use crate::settings::document::Values;
use crate::settings::key::{Effect, Key, Kind};
use crate::settings::problem::Problem;
use crate::settings::sections::listeners::Listener;
use crate::settings::sections::policy;
use crate::settings::sections::smtp::{Rate, Smtp};
use crate::settings::value::Value;

/// The tables of failed logins.
pub mod login_tables {
    /// Failures of an address.
    pub const ADDRESSES: &str = "logins.addresses";
    /// Failures of a login name.
    pub const ACCOUNTS: &str = "logins.accounts";
}

/// The meter.
#[derive(Clone, Debug)]
pub struct Meter {
    /// What clients and servers of the meter's protocol know.
    pub secret: Option<Secret>,
    /// Where we ask; `None` asks our own tables.
    pub client: Option<ClientSettings>,
    /// The tables by name, those of `[smtp]`, `[directory]` and the mapping tables among them.
    pub tables: BTreeMap<String, TableSettings>,
    /// What policy delegation counts.
    pub rules: Vec<Rule>,
}

/// The sections that have something counted.
#[derive(Clone, Copy)]
pub struct Others<'a> {
    /// `[smtp]`.
    pub smtp: &'a Smtp,
    /// `[directory]`.
    pub directory: &'a directory::settings::Settings,
    /// `[[listeners]]`.
    pub listeners: &'a [Listener],
    /// `[policy]`.
    pub policy: &'a policy::Policy,
}

/// Keys that the tables of other sections keep.
const BUILT_IN_ENTRIES: usize = 100_000;
const YEAR: Duration = Duration::from_secs(366 * 86_400);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// The keys.
pub const KEYS: &[Key] = &[
    Key {
        path: "meter.secret",
        kind: Kind::Secret,
        default: "",
        doc: "What the servers that ask a meter and the meter itself all know, 16 characters at least. It never goes over \
              the network.",
        example: "\"correct horse battery staple\"",
        effect: Effect::Restart,
    },
    Key {
        path: "meter.servers",
        kind: Kind::List(&Kind::Socket),
        default: "[]",
        doc: "Meters to ask instead of our own tables, so that several servers count together. They are asked in this \
              order: the next one while those before it cannot be reached.",
        example: "[\"192.0.2.1:63837\"]",
        effect: Effect::Restart,
    },
    Key {
        path: "meter.connect_wait",
        kind: Kind::Time { min: Duration::from_millis(10), max: MINUTE },
        default: "\"5s\"",
        doc: "The longest wait for a connection to a meter. When it is over, nobody is held back.",
        example: "\"2s\"",
        effect: Effect::Restart,
    },
    Key {
        path: "meter.read_wait",
        kind: Kind::Time { min: Duration::from_millis(10), max: MINUTE },
        default: "\"10s\"",
        doc: "The longest wait for an answer of a meter. When it is over, nobody is held back, and the connection is given up.",
        example: "\"2s\"",
        effect: Effect::Restart,
    },
    Key {
        path: "meter.connect_frequency",
        kind: Kind::Time { min: SECOND, max: Duration::from_secs(3600) },
        default: "\"15s\"",
        doc: "How long a meter is left alone after it could not be reached, broke or hung.",
        example: "\"1m\"",
        effect: Effect::Restart,
    },
    Key {
        path: "meter.outstanding",
        kind: Kind::Number { min: 1, max: 100_000 },
        default: "1000",
        doc: "Questions under way to a meter at a time.",
        example: "200",
        effect: Effect::Restart,
    },
];

/// The keys of a table.
pub const TABLE_KEYS: &[Key] = &[
    Key {
        path: "meter.tables[].name",
        kind: Kind::Text,
        default: "",
        doc: "The table's name, by which mapping tables, rules and policy delegation ask for it.",
        example: "\"ext_throttle\"",
        effect: Effect::Reload,
    },
    Key {
        path: "meter.tables[].type",
        kind: Kind::Choice(&["throttle", "greylisting", "simple"]),
        default: "\"throttle\"",
        doc: "throttle counts how often something happens, greylisting remembers who came back after being sent away, simple \
              keeps a number or a text for each key.",
        example: "\"simple\"",
        effect: Effect::Reload,
    },
    Key {
        path: "meter.tables[].data_type",
        kind: Kind::Choice(&["string", "ipv4", "ipv6", "ip"]),
        default: "\"string\"",
        doc: "What the keys are: any text, or addresses of either or both kinds, which count as the networks around them.",
        example: "\"ip\"",
        effect: Effect::Reload,
    },
    Key {
        path: "meter.tables[].ipv4_prefix",
        kind: Kind::Number { min: 0, max: 32 },
        default: "32",
        doc: "Bits of an IPv4 address that count.",
        example: "24",
        effect: Effect::Reload,
    },
    Key {
        path: "meter.tables[].ipv6_prefix",
        kind: Kind::Number { min: 0, max: 128 },
        default: "64",
        doc: "Bits of an IPv6 address that count.",
        example: "56",
        effect: Effect::Reload,
    },
    Key {
        path: "meter.tables[].max_entries",
        kind: Kind::Number { min: 1, max: 1_000_000_000 },
        default: "1000",
        doc: "Keys that are kept; when there are more, those used least are dropped. One costs about 50 octets, or 100 when \
              it is longer than 29 characters.",
        example: "1000000",
        effect: Effect::Reload,
    },
    Key {
        path: "meter.tables[].options",
        kind: Kind::List(&Kind::Choice(&["nocase", "penalize"])),
        default: "[]",
        doc: "nocase: letters of either case are the same. penalize: attempts beyond the quota count, too, so that who goes \
              on knocking stays out, for ten times the quota time after the last attempt at most.",
        example: "[\"nocase\", \"penalize\"]",
        effect: Effect::Reload,
    },
    Key {
        path: "meter.tables[].quota",
        kind: Kind::Number { min: 1, max: 1_000_000_000 },
        default: "100",
        doc: "Of a throttle: how many are admitted in quota_time.",
        example: "10",
        effect: Effect::Reload,
    },
    Key {
        path: "meter.tables[].quota_time",
        kind: Kind::Time { min: SECOND, max: YEAR },
        default: "\"1m\"",
        doc: "Of a throttle: the time of the quota.",
        example: "\"5m\"",
        effect: Effect::Reload,
    },
    Key {
        path: "meter.tables[].average",
        kind: Kind::Choice(&["leaky", "sliding", "token-bucket"]),
        default: "\"leaky\"",
        doc: "Of a throttle: how time gives back what was used. leaky does so evenly: half of the quota after half of the \
              time. sliding lets each event count for exactly the quota time (quota at most 10000). token-bucket is leaky \
              with a burst of its own.",
        example: "\"sliding\"",
        effect: Effect::Reload,
    },
    Key {
        path: "meter.tables[].burst",
        kind: Kind::Number { min: 1, max: 1_000_000_000 },
        default: "10",
        doc: "Of a throttle with token-bucket: how many are admitted at once.",
        example: "50",
        effect: Effect::Reload,
    },
    Key {
        path: "meter.tables[].value_type",
        kind: Kind::Choice(&["integer", "string"]),
        default: "\"integer\"",
        doc: "Of a simple table: what it keeps.",
        example: "\"string\"",
        effect: Effect::Reload,
    },
    Key {
        path: "meter.tables[].block_time",
        kind: Kind::Time { min: SECOND, max: YEAR },
        default: "\"5m\"",
        doc: "Of a greylisting table: how long a new key is sent away.",
        example: "\"1m\"",
        effect: Effect::Reload,
    },
    Key {
        path: "meter.tables[].resubmit_time",
        kind: Kind::Time { min: SECOND, max: YEAR },
        default: "\"4h\"",
        doc: "Of a greylisting table: until when it must have come back.",
        example: "\"1d\"",
        effect: Effect::Reload,
    },
    Key {
        path: "meter.tables[].inactivity_time",
        kind: Kind::Time { min: SECOND, max: YEAR },
        default: "\"7d\"",
        doc: "Of a greylisting table: how long a key that came back stays known without coming again.",
        example: "\"36d\"",
        effect: Effect::Reload,
    },
];

/// The keys of a rule.
pub const RULE_KEYS: &[Key] = &[
    Key {
        path: "meter.rules[].key",
        kind: Kind::List(&Kind::Text),
        default: "",
        doc: "The attributes of a request that make the key, such as client_address, sender, recipient, sasl_username or \
              helo_name. The rule is passed over when one of them is not available.",
        example: "[\"sasl_username\"]",
        effect: Effect::Reload,
    },
    Key {
        path: "meter.rules[].table",
        kind: Kind::Text,
        default: "",
        doc: "The table that counts, a throttle.",
        example: "\"postfix_users\"",
        effect: Effect::Reload,
    },
    Key {
        path: "meter.rules[].states",
        kind: Kind::List(&Kind::Choice(STATES)),
        default: "[\"RCPT\"]",
        doc: "The protocol states in which it holds.",
        example: "[\"END-OF-MESSAGE\"]",
        effect: Effect::Reload,
    },
    Key {
        path: "meter.rules[].count",
        kind: Kind::Choice(&["one", "recipients", "kibibytes"]),
        default: "\"one\"",
        doc: "How much a request counts: one, its recipients (known in the states DATA and END-OF-MESSAGE), or its size.",
        example: "\"recipients\"",
        effect: Effect::Reload,
    },
    Key {
        path: "meter.rules[].answer",
        kind: Kind::Text,
        default: "\"DEFER_IF_PERMIT 4.7.1 too much for now; try again later\"",
        doc: "The action of Postfix's access tables for who is over the quota. Everybody else is answered DUNNO.",
        example: "\"REJECT 5.7.1 you are not welcome\"",
        effect: Effect::Reload,
    },
];

const STATES: &[&str] = &["CONNECT", "EHLO", "HELO", "MAIL", "RCPT", "DATA", "END-OF-MESSAGE", "VRFY", "ETRN", "BDAT"];

/// Makes what the program runs on.
pub fn make(values: &Values, others: Others<'_>, problems: &mut Vec<Problem>) -> Meter {
    let Others { smtp, directory, listeners, policy } = others;
    let secret = values.text_if_set("meter.secret").and_then(|text| {
        let secret = Secret::new(&text);
        if secret.is_none() {
            let why =
                format!("must have {SECRET_OCTETS_MIN} characters at least: who listens to a login can try guesses");
            problems.push(Problem::with_value(values.position("meter.secret"), "meter.secret", why));
        }
        secret
    });
    let servers: Vec<SocketAddr> = values.picked("meter.servers", |value| match value {
        Value::Socket(address) => Some(address),
        _ => None,
    });
    let is_served = listeners.iter().any(|listener| listener.protocol == Protocol::Meter);
    if (is_served || !servers.is_empty()) && !values.is_written("meter.secret") {
        let why = "must be given: a meter is asked over the network only by those who know it";
        let problem = Problem::with_value(values.position("meter.servers"), "meter.secret", why);
        problems.push(problem.helped("write secret = \"...\", secret_file or secret_env in [meter]"));
    }
    let [connect_wait, read_wait, connect_frequency] =
        ["meter.connect_wait", "meter.read_wait", "meter.connect_frequency"].map(|path| values.time(path));
    let outstanding_max = values.count("meter.outstanding");
    let client = secret.clone().filter(|_| !servers.is_empty()).map(|secret| ClientSettings {
        servers,
        secret,
        connect_wait,
        read_wait,
        connect_frequency,
        outstanding_max,
    });
    let mut tables = built_in(smtp, directory);
    tables.extend(policy.rate_tables());
    for at in values.each("meter.tables") {
        add_table(values, &at, &mut tables, problems);
    }
    // Which tables another meter has is not known here.
    let known = client.is_none().then_some(&tables);
    let rules = values.each("meter.rules").iter().filter_map(|at| rule(values, at, known, problems)).collect();
    Meter { secret, client, tables, rules }
}

/// The tables of `[smtp]` and `[directory]`.
fn built_in(smtp: &Smtp, directory: &directory::settings::Settings) -> BTreeMap<String, TableSettings> {
    let failures = |policy: Policy| {
        let time = policy.forget_each.saturating_mul(policy.most);
        Some(Rate { quota: u64::from(policy.most), time })
    };
    let address = DataType::Address { v4_bits: Some(32), v6_bits: Some(64) };
    let account = DataType::Text { fold_case: true };
    let rates = [
        (CONNECTIONS, smtp.connection_rate, address),
        (MESSAGES, smtp.submission_messages, account),
        (RECIPIENTS, smtp.submission_recipients, account),
        (login_tables::ADDRESSES, failures(directory.address_policy()), address),
        (login_tables::ACCOUNTS, failures(directory.account_policy()), account),
    ];
    let table = |(name, rate, data_type): (&str, Option<Rate>, DataType)| {
        let Rate { quota, time } = rate?;
        Some((name.to_owned(), TableSettings::throttle(quota, time).of(data_type).entries(BUILT_IN_ENTRIES)))
    };
    rates.into_iter().filter_map(table).collect()
}

fn add_table(values: &Values, at: &str, tables: &mut BTreeMap<String, TableSettings>, problems: &mut Vec<Problem>) {
    let path = |name: &str| format!("{at}.{name}");
    let mut refuse = |name: &str, why: String| {
        let path = path(name);
        problems.push(Problem::with_value(values.position(&path), &path, why));
    };
    let settings = TableSettings {
        data_type: data_type(values, at),
        entries_max: values.count(&path("max_entries")),
        kind: kind(values, at),
    };
    if let TableKind::Throttle { quota, average: Average::Sliding, .. } = settings.kind
        && quota > SLIDING_QUOTA_MAX
    {
        refuse("quota", format!("must be {SLIDING_QUOTA_MAX} at most for a sliding average, which keeps every event"));
    }
    match values.text_if_set(&path("name")) {
        None => refuse("name", "must be given".to_owned()),
        Some(name) if name.is_empty() || name.len() > TABLE_NAME_OCTETS_MAX => {
            refuse("name", format!("must have 1 to {TABLE_NAME_OCTETS_MAX} characters"));
        }
        Some(name) if name.contains([',', '\n', '"']) => refuse("name", "must not hold commas or quotes".to_owned()),
        Some(name) if tables.contains_key(&name) => {
            refuse("name", format!("is the name of another table: {name}"));
        }
        Some(name) => {
            tables.insert(name, settings);
        }
    }
}

fn data_type(values: &Values, at: &str) -> DataType {
    let path = |name: &str| format!("{at}.{name}");
    let (v4, v6) = (Some(values.count(&path("ipv4_prefix"))), Some(values.count(&path("ipv6_prefix"))));
    match values.text(&path("data_type")).as_str() {
        "ipv4" => DataType::Address { v4_bits: v4, v6_bits: None },
        "ipv6" => DataType::Address { v4_bits: None, v6_bits: v6 },
        "ip" => DataType::Address { v4_bits: v4, v6_bits: v6 },
        _ => DataType::Text { fold_case: has_option(values, at, "nocase") },
    }
}

fn has_option(values: &Values, at: &str, option: &str) -> bool {
    values.texts(&format!("{at}.options")).iter().any(|chosen| chosen == option)
}

fn kind(values: &Values, at: &str) -> TableKind {
    let path = |name: &str| format!("{at}.{name}");
    let burst = values.count(&path("burst"));
    let average = match values.text(&path("average")).as_str() {
        "sliding" => Average::Sliding,
        "token-bucket" => Average::TokenBucket { burst },
        _ => Average::Leaky,
    };
    let throttle = TableKind::Throttle {
        quota: values.count(&path("quota")),
        quota_time: values.time(&path("quota_time")),
        average,
        penalise: has_option(values, at, "penalize"),
    };
    let greylisting = TableKind::Greylisting {
        block: values.time(&path("block_time")),
        resubmit: values.time(&path("resubmit_time")),
        inactivity: values.time(&path("inactivity_time")),
    };
    let simple = if values.text(&path("value_type")) == "string" { TableKind::Text } else { TableKind::Number };
    match values.text(&path("type")).as_str() {
        "greylisting" => greylisting,
        "simple" => simple,
        _ => throttle,
    }
}

fn is_throttle(table: &TableSettings) -> bool {
    matches!(table.kind, TableKind::Throttle { .. })
}

fn rule(
    values: &Values,
    at: &str,
    known: Option<&BTreeMap<String, TableSettings>>,
    problems: &mut Vec<Problem>,
) -> Option<Rule> {
    let path = |name: &str| format!("{at}.{name}");
    let mut refuse = |name: &str, why: String| {
        let path = path(name);
        problems.push(Problem::with_value(values.position(&path), &path, why));
    };
    let attributes: Vec<String> = values
        .list_if_set(&path("key"))
        .unwrap_or_default()
        .into_iter()
        .filter_map(|value| if let Value::Text(text) = value { Some(text) } else { None })
        .collect();
    if attributes.is_empty() || attributes.len() > RULE_ATTRIBUTES_MAX {
        refuse("key", format!("must name 1 to {RULE_ATTRIBUTES_MAX} attributes of a request"));
    }
    let table = values.text_if_set(&path("table"));
    match (&table, known) {
        (None, _) => refuse("table", "must be given".to_owned()),
        (Some(name), Some(tables)) if !tables.get(name).is_some_and(is_throttle) => {
            refuse("table", "must be the name of a throttle in [[meter.tables]], or nobody is held back".to_owned());
        }
        _ => {}
    }
    let answer = Action::parse(&values.text(&path("answer")));
    if answer.is_none() {
        refuse("answer", "must be an action such as \"DEFER_IF_PERMIT 4.7.1 later\"".to_owned());
    }
    let amount = match values.text(&path("count")).as_str() {
        "recipients" => Amount::Recipients,
        "kibibytes" => Amount::Kibibytes,
        _ => Amount::One,
    };
    Some(Rule { states: values.texts(&path("states")), attributes, table: table?, amount, answer: answer? })
}
