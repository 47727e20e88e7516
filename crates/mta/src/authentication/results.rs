//! What was found out about a message's authenticity, as facts for policy and as the field of RFC 8601.

use std::net::IpAddr;

use message::edit::Prefix;

/// A result, by the names of RFC 8601 §2.7.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing to check was there.
    #[default]
    None,
    /// The owner says nothing either way, or what was there cannot be judged.
    Neutral,
    /// Good.
    Pass,
    /// Bad.
    Fail,
    /// Probably bad.
    SoftFail,
    /// It could not be found out now.
    TempError,
    /// It can never be found out: records or signatures are wrong.
    PermError,
    /// Good as such, and not accepted by a rule of ours.
    Policy,
}

impl Verdict {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::None => "none",
            Verdict::Neutral => "neutral",
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::SoftFail => "softfail",
            Verdict::TempError => "temperror",
            Verdict::PermError => "permerror",
            Verdict::Policy => "policy",
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// SPF of one identity.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Spf {
    /// The result.
    pub verdict: Verdict,
    /// The domain that was checked.
    pub domain: String,
    /// What its owner tells those who fail.
    pub explanation: Option<String>,
}

/// One DKIM signature.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Dkim {
    /// The result.
    pub verdict: Verdict,
    /// Who signed: `d=`.
    pub domain: String,
    /// With which key: `s=`.
    pub selector: String,
    /// How: `a=`.
    pub algorithm: String,
    /// The beginning of the signature, so that several can be told apart (RFC 6008).
    pub signature: String,
    /// Why it is not good.
    pub reason: Option<String>,
}

/// DMARC.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Dmarc {
    /// The result.
    pub verdict: Verdict,
    /// The author's domain.
    pub domain: String,
    /// What its owner asks for when the result is bad: `none`, `quarantine` or `reject`; empty without a record.
    pub policy: String,
    /// Whether SPF passed for an aligned domain.
    pub spf_aligned: bool,
    /// Whether a signature of an aligned domain passed.
    pub dkim_aligned: bool,
    /// What the record says, for reports.
    pub published: Option<Published>,
}

/// A DMARC record as reports repeat it (RFC 7489 Appendix C).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Published {
    /// Where it is.
    pub domain: String,
    /// `r` or `s`.
    pub adkim: String,
    /// `r` or `s`.
    pub aspf: String,
    /// For the domain itself.
    pub p: String,
    /// For those below.
    pub sp: String,
    /// Whether it is only tried out.
    pub testing: bool,
    /// To whom aggregate reports go, with the octets that each takes; 0 for any number.
    pub rua: Vec<(String, u64)>,
}

/// A chain of ARC sets.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Arc {
    /// The result.
    pub verdict: Verdict,
    /// How many sets there are.
    pub sets: u32,
    /// Who sealed last.
    pub domain: String,
    /// Why it is not good.
    pub reason: Option<String>,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Results {
    /// Whether anything was checked at all.
    pub checked: bool,
    /// From where the message came.
    pub address: Option<IpAddr>,
    /// The envelope sender; empty for none.
    pub sender: String,
    /// How the client named itself.
    pub hello: String,
    /// SPF of the client's name.
    pub spf_helo: Spf,
    /// SPF of the envelope sender; that of the client's name where there is none.
    pub spf: Spf,
    /// DKIM, one for each signature.
    pub dkim: Vec<Dkim>,
    /// DMARC.
    pub dmarc: Dmarc,
    /// ARC.
    pub arc: Arc,
    /// Signatures that nobody looked at, since that would cost too much.
    pub unlooked: usize,
    /// Whether something was given up for want of time.
    #[serde(skip)]
    pub is_slow: bool,
    /// Whether this server had no time to verify any signature: nothing is known, and that is nobody else's fault.
    #[serde(skip)]
    pub is_late: bool,
}

impl Results {
    /// The best result of all signatures, for rules that ask for one word.
    pub fn dkim_verdict(&self) -> Verdict {
        let order = [Verdict::Pass, Verdict::TempError, Verdict::Policy, Verdict::Fail, Verdict::PermError];
        let has = |wanted: &&Verdict| self.dkim.iter().any(|one| one.verdict == **wanted);
        let found = order.iter().find(has).copied();
        found.unwrap_or(if self.dkim.is_empty() { Verdict::None } else { Verdict::Neutral })
    }

    /// Each result as a word, by name: what rules and scripts ask for.
    pub fn facts(&self) -> [(&'static str, &'static str); 5] {
        [
            ("spf", self.spf.verdict.as_str()),
            ("spf-helo", self.spf_helo.verdict.as_str()),
            ("dkim", self.dkim_verdict().as_str()),
            ("dmarc", self.dmarc.verdict.as_str()),
            ("arc", self.arc.verdict.as_str()),
        ]
    }

    /// The value of the Authentication-Results field (RFC 8601 §2.2) without the service identifier in front.
    pub fn text(&self) -> String {
        let mut parts = Vec::new();
        let spf = match self.sender.rsplit_once('@') {
            _ if self.spf.verdict == Verdict::None && self.spf.domain.is_empty() => None,
            Some(_) => Some(format!("spf={} smtp.mailfrom={}", self.spf.verdict, value(&self.sender))),
            None => Some(format!("spf={} smtp.helo={}", self.spf.verdict, value(&self.hello))),
        };
        parts.extend(spf);
        for one in &self.dkim {
            let reason = one.reason.as_deref().map_or_else(String::new, |why| format!(" reason={}", quoted(why)));
            let mut part = format!("dkim={}{reason}", one.verdict);
            for (name, text) in [
                ("header.d", &one.domain),
                ("header.s", &one.selector),
                ("header.a", &one.algorithm),
                ("header.b", &one.signature),
            ] {
                if !text.is_empty() {
                    part.push_str(&format!(" {name}={}", value(text)));
                }
            }
            parts.push(part);
        }
        if self.dkim.is_empty() {
            parts.push("dkim=none".to_owned());
        }
        let policy = if self.dmarc.policy.is_empty() { String::new() } else { format!(" (p={})", self.dmarc.policy) };
        if !self.dmarc.domain.is_empty() {
            let (verdict, from) = (self.dmarc.verdict, value(&self.dmarc.domain));
            parts.push(format!("dmarc={verdict}{policy} header.from={from}"));
        }
        if self.arc.verdict != Verdict::None {
            let from =
                self.address.map_or_else(String::new, |ip| format!(" smtp.remote-ip={}", value(&ip.to_string())));
            parts.push(format!("arc={}{from}", self.arc.verdict));
        }
        parts.join("; ")
    }

    /// The whole field, with its line end.
    pub fn field(&self, service: &str) -> Vec<u8> {
        let mut prefix = Prefix::new();
        prefix.field("Authentication-Results", &format!("{service}; {}", self.text()));
        prefix.into_octets()
    }
}

/// A value as RFC 8601 §2.2 writes it: a token or an address as it is, anything else quoted.
fn value(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`{|}~@".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { quoted(text) }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars().filter(|c| !c.is_control()) {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}
