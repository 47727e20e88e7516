//! `[[rules]]`: readable conditions that must all hold, and what happens then.

use policy::decision::{Effect as Does, Refusal, Verdict};
use policy::rule::{Condition, Key as Datum, Rule};
use policy::stage::Stage;
use policy::wildcard::Wildcards;
use smtp::status::EnhancedStatus;

use crate::settings::document::Values;
use crate::settings::key::{Effect, Key, Kind};
use crate::settings::nearest::nearest;
use crate::settings::problem::Problem;
use crate::settings::sections::sources::networks;

const STAGES: &[&str] = &["connect", "hello", "mail", "rcpt", "expanded", "data", "message"];
const ACTIONS: &[&str] = &["accept", "reject", "defer", "discard", "discard-all", "hold", "redirect"];
const RESULTS: &[&str] = &["none", "neutral", "pass", "fail", "softfail", "temperror", "permerror", "policy"];

macro_rules! key {
    ($name:literal, $kind:expr, $default:literal, $doc:expr, $example:literal) => {
        Key {
            path: concat!("rules[].", $name),
            kind: $kind,
            default: $default,
            doc: $doc,
            example: $example,
            effect: Effect::Reload,
        }
    };
}

/// The keys.
pub const KEYS: &[Key] = &[
    key!("name", Kind::Text, "", "Its name in logs and reports; its number without one.", "\"no dynamic hosts\""),
    key!(
        "stage",
        Kind::Choice(STAGES),
        "",
        "When it is judged: connect, hello, mail, rcpt (each recipient as given), expanded (each address behind it), data or \
         message. Unset means as early as all of its conditions can be judged.",
        "\"rcpt\""
    ),
    key!("addresses", Kind::List(&Kind::Network), "[]", "The client has one of these addresses.", "[\"192.0.2.0/24\"]"),
    key!(
        "not_addresses",
        Kind::List(&Kind::Network),
        "[]",
        "The client has none of these addresses.",
        "[\"127.0.0.0/8\"]"
    ),
    key!(
        "host",
        Kind::List(&Kind::Text),
        "[]",
        "The confirmed name of the client's address is like one of these. As in all lists of names, * is any text, ? one \
         character, and a name behind ! must not fit; \"\" is a client without a name.",
        "[\"*.dynamic.example.net\"]"
    ),
    key!("hello", Kind::List(&Kind::Text), "[]", "The client names itself like one of these.", "[\"localhost\"]"),
    key!(
        "sender",
        Kind::List(&Kind::Text),
        "[]",
        "The envelope sender is like one of these; <> is the empty one.",
        "[\"*@example.net\", \"!friend@example.net\"]"
    ),
    key!("recipient", Kind::List(&Kind::Text), "[]", "The recipient is like one of these.", "[\"sales@*\"]"),
    key!(
        "login",
        Kind::List(&Kind::Text),
        "[]",
        "The account that has logged in is like one of these.",
        "[\"*@example.org\"]"
    ),
    key!("logged_in", Kind::Flag, "", "Somebody has logged in, or nobody has.", "false"),
    key!("tls", Kind::Flag, "", "TLS is on, or it is not.", "false"),
    key!(
        "source",
        Kind::List(&Kind::Text),
        "[]",
        "The channel of the session is like one of these.",
        "[\"tcp_local\"]"
    ),
    key!(
        "destination",
        Kind::List(&Kind::Text),
        "[]",
        "The channel of the recipient is like one of these.",
        "[\"ims-ms\"]"
    ),
    key!("larger_than", Kind::Size { min: 1, max: 500 << 20 }, "", "The message has more octets.", "\"20 MiB\""),
    key!(
        "spf",
        Kind::List(&Kind::Choice(RESULTS)),
        "[]",
        "SPF gave one of these results; none where it gave no result.",
        "[\"fail\"]"
    ),
    key!(
        "dkim",
        Kind::List(&Kind::Choice(RESULTS)),
        "[]",
        "DKIM gave one of these results for one of the signatures.",
        "[\"pass\"]"
    ),
    key!("dmarc", Kind::List(&Kind::Choice(RESULTS)), "[]", "DMARC gave one of these results.", "[\"fail\"]"),
    key!("arc", Kind::List(&Kind::Choice(RESULTS)), "[]", "ARC gave one of these results.", "[\"pass\"]"),
    key!(
        "header",
        Kind::List(&Kind::Text),
        "[]",
        "The message has, for each of these, a field of that name and a value like that.",
        "[\"Subject: *lottery*\"]"
    ),
    key!(
        "tagged",
        Kind::List(&Kind::Text),
        "[]",
        "An earlier stage has put a word like one of these on it.",
        "[\"dynamic\"]"
    ),
    key!(
        "score_from",
        Kind::Number { min: -1_000_000, max: 1_000_000 },
        "",
        "Earlier stages have given at least so many points.",
        "10"
    ),
    key!(
        "dns_lists",
        Kind::List(&Kind::Text),
        "[]",
        "The client's address stands on one of these DNS lists.",
        "[\"zen.example.org\"]"
    ),
    key!(
        "meter",
        Kind::Text,
        "",
        "This table of the meter says that the datum of `meter_key` is over its quota; asking counts.",
        "\"per_sender\""
    ),
    key!(
        "meter_key",
        Kind::Text,
        "\"{client}\"",
        "What the meter counts: a text with {client}, {network}, {hello}, {login}, {sender}, {sender_domain}, {recipient}, \
         {recipient_domain}, {source}, {destination} or {port} in it.",
        "\"{login}\""
    ),
    key!("greylist", Kind::Flag, "false", "The greylister wants client, sender and recipient to wait.", "true"),
    key!(
        "table",
        Kind::Text,
        "",
        "This mapping table, asked with the text of `table_key`, sets $Y.",
        "\"INTERNAL_IP\""
    ),
    key!(
        "table_key",
        Kind::Text,
        "\"{client}\"",
        "What the mapping table is asked, written like `meter_key`.",
        "\"{sender}\""
    ),
    key!(
        "action",
        Kind::Choice(ACTIONS),
        "",
        "What happens: accept, reject (5xx), defer (4xx), discard, discard-all (for all recipients), hold in the queue, or \
         redirect. With one, the rules behind it are not looked at in this stage; without, it only does what the keys below \
         say.",
        "\"reject\""
    ),
    key!("text", Kind::Text, "", "What a refused client is told.", "\"mail from dynamic addresses is not taken\""),
    key!("status", Kind::Text, "", "The enhanced status of a refusal.", "\"5.7.25\""),
    key!("to", Kind::Text, "", "Where redirected mail goes.", "\"spam@example.org\""),
    key!(
        "delay",
        Kind::Time { min: std::time::Duration::ZERO, max: std::time::Duration::from_secs(600) },
        "",
        "How long this reply waits, at most as `policy.delay` says.",
        "\"5s\""
    ),
    key!("add_tags", Kind::List(&Kind::Text), "[]", "Words for later rules and the log.", "[\"dynamic\"]"),
    key!("add_headers", Kind::List(&Kind::Text), "[]", "Fields for the top of the message.", "[\"X-Origin: dynamic\"]"),
    key!("set_sender", Kind::Text, "", "The envelope sender instead of the client's; <> is the empty one.", "\"<>\""),
    key!("limit_size", Kind::Size { min: 1_024, max: 500 << 20 }, "", "Octets of the message at most.", "\"5 MiB\""),
    key!(
        "limit_recipients",
        Kind::Number { min: 1, max: 10_000 },
        "",
        "Recipients of the message at most; counted from the recipient behind.",
        "10"
    ),
    key!("score", Kind::Number { min: -1_000, max: 1_000 }, "", "Points for a later rule with `score_from`.", "5"),
    key!("log", Kind::Text, "", "A line for the log.", "\"somebody knocked\""),
];

/// Makes what the program runs on.
pub fn make(values: &Values, problems: &mut Vec<Problem>) -> Vec<Rule> {
    let tables = values.each("rules");
    tables.iter().enumerate().map(|(index, at)| Reader { values, at, problems }.rule(index)).collect()
}

struct Reader<'a> {
    values: &'a Values,
    at: &'a str,
    problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    fn path(&self, name: &str) -> String {
        format!("{}.{name}", self.at)
    }

    fn refuse(&mut self, name: &str, why: String, help: Option<String>) {
        let path = self.path(name);
        let mut problem = Problem::with_value(self.values.position(&path), &path, why);
        problem.help = help;
        self.problems.push(problem);
    }

    fn rule(&mut self, index: usize) -> Rule {
        let mut conditions = self.conditions();
        conditions.sort_by_key(Condition::cost);
        let stage = self.stage(&conditions);
        let verdict = self.verdict(stage);
        let effects = self.effects(verdict.clone());
        if effects.is_empty() {
            let help = "give an `action`, or one of delay, add_tags, add_headers, set_sender, limit_size, limit_recipients, score, log";
            self.refuse("action", "must be given: the rule does nothing".to_owned(), Some(help.to_owned()));
        }
        Rule {
            name: self.values.text_if_set(&self.path("name")).unwrap_or_else(|| (index + 1).to_string()),
            place: format!("settings:{}", self.values.line(self.at)),
            stage,
            conditions,
            effects,
            is_final: verdict.is_some(),
        }
    }

    fn names(&self, name: &str) -> Option<Wildcards> {
        let texts = self.values.texts(&self.path(name));
        (!texts.is_empty()).then(|| Wildcards::new(&texts))
    }

    fn conditions(&mut self) -> Vec<Condition> {
        let mut made = Vec::new();
        let wanted = networks(self.values, &self.path("addresses"));
        let unwanted = networks(self.values, &self.path("not_addresses"));
        if !wanted.is_empty() || !unwanted.is_empty() {
            made.push(Condition::Client(wanted, unwanted));
        }
        made.extend(self.names("host").map(Condition::Host));
        made.extend(self.names("hello").map(Condition::Hello));
        made.extend(self.names("sender").map(Condition::Sender));
        made.extend(self.names("recipient").map(Condition::Recipient));
        made.extend(self.names("login").map(Condition::Login));
        made.extend(self.names("source").map(Condition::Source));
        made.extend(self.names("destination").map(Condition::Destination));
        made.extend(self.names("tagged").map(Condition::Tag));
        made.extend(self.values.flag_if_set(&self.path("logged_in")).map(Condition::LoggedIn));
        made.extend(self.values.flag_if_set(&self.path("tls")).map(Condition::Tls));
        made.extend(self.values.size_if_set(&self.path("larger_than")).map(Condition::LargerThan));
        let score = self.values.number_if_set(&self.path("score_from"));
        made.extend(score.map(|points| Condition::ScoreFrom(points as f64)));
        for method in ["spf", "dkim", "dmarc", "arc"] {
            let results = self.values.texts(&self.path(method));
            if !results.is_empty() {
                made.push(Condition::Authentication { method: method.to_owned(), results });
            }
        }
        for (name, value) in self.fields("header") {
            made.push(Condition::Header { name, value: Wildcards::new(&[value]) });
        }
        let lists = self.values.texts(&self.path("dns_lists"));
        if !lists.is_empty() {
            made.push(Condition::DnsList(lists));
        }
        if self.values.flag(&self.path("greylist")) {
            made.push(Condition::Greylist);
        }
        if let Some((table, key)) = self.keyed("meter", "meter_key") {
            made.push(Condition::Meter { table, key });
        }
        if let Some((table, key)) = self.keyed("table", "table_key") {
            made.push(Condition::Table { table, key });
        }
        made
    }

    fn keyed(&mut self, table: &str, key: &str) -> Option<(String, Datum)> {
        let read = Datum::read(&self.values.text(&self.path(key)));
        let table = self.values.text_if_set(&self.path(table))?;
        match read {
            Ok(read) => Some((table, read)),
            Err(unknown) => {
                let known = policy::facts::Facts::NAMES;
                let help = nearest(&unknown, known.iter().copied()).map(|near| format!("did you mean {{{near}}}?"));
                let help = help.unwrap_or_else(|| format!("there are {}", known.join(", ")));
                self.refuse(key, format!("asks for {{{unknown}}}, which is not known of a session"), Some(help));
                None
            }
        }
    }

    fn fields(&mut self, key: &str) -> Vec<(String, String)> {
        let mut made = Vec::new();
        for text in self.values.texts(&self.path(key)) {
            match text.split_once(':').filter(|(name, _)| is_field_name(name.trim())) {
                Some((name, value)) => made.push((name.trim().to_owned(), value.trim().to_owned())),
                None => self.refuse(
                    key,
                    format!("holds \"{text}\", which is no field"),
                    Some("write \"Name: value\"".to_owned()),
                ),
            }
        }
        made
    }

    fn stage(&mut self, conditions: &[Condition]) -> Stage {
        let usual = Rule::usual(conditions);
        let Some(stage) = self.values.text_if_set(&self.path("stage")).and_then(|name| Stage::from_name(&name)) else {
            return usual;
        };
        let earliest = Rule::earliest(conditions);
        // DATA and the whole message are about no recipient in particular; the message is judged for each when asked to.
        let about_one = conditions.iter().any(Condition::is_about_recipient);
        if stage < earliest {
            let why = format!("is {stage}, but what the rule looks at is not known before {earliest}");
            self.refuse("stage", why, Some(format!("leave it out, or write \"{earliest}\"")));
        } else if stage == Stage::Data && about_one {
            self.refuse(
                "stage",
                "is data, where no recipient is looked at".to_owned(),
                Some("write \"rcpt\" or \"message\"".to_owned()),
            );
        }
        stage
    }

    fn verdict(&mut self, stage: Stage) -> Option<Verdict> {
        let text = self.values.text_if_set(&self.path("text"));
        let status = self.values.text_if_set(&self.path("status"));
        let to = self.values.text_if_set(&self.path("to"));
        let action = self.values.text_if_set(&self.path("action"));
        let action = action.as_deref();
        if let Some(to) = &to
            && to.parse::<model::Address>().is_err()
        {
            self.refuse("to", format!("must be an address, not \"{to}\""), None);
        }
        match (action, &to) {
            (Some("redirect"), None) => {
                self.refuse("to", "must be given: it says where the mail goes".to_owned(), None)
            }
            (Some("redirect"), Some(_)) | (_, None) => {}
            (_, Some(_)) => self.refuse("to", "belongs to the action redirect only".to_owned(), None),
        }
        let is_refusal = matches!(action, Some("reject" | "defer"));
        for (name, is_given) in [("text", text.is_some()), ("status", status.is_some())] {
            if is_given && !is_refusal {
                self.refuse(name, "belongs to the actions reject and defer only".to_owned(), None);
            }
        }
        Some(match action? {
            "accept" => Verdict::Accept,
            "discard" => Verdict::Discard { for_all: false },
            "discard-all" => Verdict::Discard { for_all: true },
            "hold" => Verdict::Hold,
            "redirect" => Verdict::Redirect(to.unwrap_or_default()),
            action => self.refusal(stage, action == "defer", status, text),
        })
    }

    fn refusal(&mut self, stage: Stage, is_temporary: bool, status: Option<String>, text: Option<String>) -> Verdict {
        let class = if is_temporary { 4 } else { 5 };
        let status = status.map(|status| match status.parse::<EnhancedStatus>() {
            Ok(read) if read.class == class => read,
            _ => {
                let why =
                    format!("must be an enhanced status of class {class} such as \"{class}.7.1\", not \"{status}\"");
                self.refuse("status", why, None);
                EnhancedStatus::new(class, 7, 1)
            }
        });
        let status = status.unwrap_or(EnhancedStatus::new(class, 7, 1));
        let text = text.unwrap_or_else(|| if is_temporary { "try again later" } else { "access denied" }.to_owned());
        if stage != Stage::Connect {
            return Refusal::verdict(Some(status), &text);
        }
        // Before the greeting the text is the whole line.
        let code = if is_temporary { 421 } else { 554 };
        let refusal = Refusal { code, status, text: format!("{code} {status} {text}") };
        if is_temporary { Verdict::Defer(refusal) } else { Verdict::Reject(refusal) }
    }

    fn effects(&mut self, verdict: Option<Verdict>) -> Vec<Does> {
        let mut made: Vec<Does> = verdict.map(Does::Verdict).into_iter().collect();
        made.extend(self.values.time_if_set(&self.path("delay")).map(Does::Delay));
        made.extend(self.values.texts(&self.path("add_tags")).into_iter().map(Does::Tag));
        made.extend(self.fields("add_headers").into_iter().map(|(name, value)| Does::Header(name, value)));
        if let Some(sender) = self.values.text_if_set(&self.path("set_sender")) {
            let plain = sender.trim_matches(['<', '>']).to_owned();
            if !plain.is_empty() && plain.parse::<model::Address>().is_err() {
                self.refuse("set_sender", format!("must be an address or <>, not \"{sender}\""), None);
            }
            made.push(Does::Sender(plain));
        }
        made.extend(self.values.size_if_set(&self.path("limit_size")).map(Does::OctetsMax));
        let recipients = self.values.number_if_set(&self.path("limit_recipients"));
        made.extend(recipients.and_then(|count| u64::try_from(count).ok()).map(Does::RecipientsMax));
        made.extend(self.values.number_if_set(&self.path("score")).map(|points| Does::Score(points as f64)));
        made.extend(self.values.text_if_set(&self.path("log")).map(Does::Note));
        made
    }
}

fn is_field_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|octet| octet.is_ascii_graphic() && octet != b':')
}
