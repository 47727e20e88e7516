//! MTA-STS (RFC 8461): which hosts take mail for a domain, by a document that its web server vouches for.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Where a policy is, at a web server (RFC 8461 §3.3).
pub const PATH: &str = "/.well-known/mta-sts.txt";
/// Hosts of one policy that are kept.
const HOSTS_MAX: usize = 64;
/// The longest time for which a policy may be kept: a year and a day (RFC 8461 §3.2 says 31557600 seconds).
const MAX_AGE_SECS: u64 = 31_557_600;

/// How strictly a policy is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Mail goes only to hosts that fit.
    Enforce,
    /// What does not fit is only reported.
    Testing,
    /// There is no policy any more.
    None,
}

/// A policy (RFC 8461 §3.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// How strictly it is meant.
    pub mode: Mode,
    /// The hosts: names, or `*.` and what follows the first label.
    pub hosts: Vec<String>,
    /// For how many seconds it holds.
    pub max_age_secs: u64,
}

/// Why a text is no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAPolicy {
    /// The first field is not `version: STSv1`.
    #[error("it does not begin with version: STSv1")]
    Version,
    /// No mode, or an unknown one.
    #[error("it has no mode that we know")]
    Mode,
    /// No time, or no number.
    #[error("it has no max_age")]
    MaxAge,
    /// No hosts, though it is in force.
    #[error("it names no host")]
    NoHosts,
    /// A pattern that is no name.
    #[error("`{0}` is no host")]
    Host(String),
    /// It is not text.
    #[error("it is not text")]
    NotText,
}

/// The web server that hands out the policy of a domain (RFC 8461 §3.3).
pub fn host_of(domain: &str) -> String {
    format!("mta-sts.{domain}")
}

/// The identifier of the record at `_mta-sts.DOMAIN` (RFC 8461 §3.1); `None` when there is not exactly one record.
pub fn identifier(texts: &[String]) -> Option<String> {
    let mut records = texts.iter().filter(|text| text.starts_with("v=STSv1"));
    let (Some(record), None) = (records.next(), records.next()) else { return None };
    let mut fields = record.split(';').map(str::trim);
    if fields.next() != Some("v=STSv1") {
        return None;
    }
    let identifier = fields.find_map(|field| field.strip_prefix("id="))?.trim();
    let is_good = (1..=32).contains(&identifier.len()) && identifier.bytes().all(|octet| octet.is_ascii_alphanumeric());
    is_good.then(|| identifier.to_owned())
}

/// Reads a policy.
///
/// # Errors
/// [`NotAPolicy`].
pub fn parse(document: &[u8]) -> Result<Policy, NotAPolicy> {
    let text = std::str::from_utf8(document).map_err(|_| NotAPolicy::NotText)?;
    let mut fields = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(|line| {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        (name.trim(), value.trim())
    });
    if fields.next() != Some(("version", "STSv1")) {
        return Err(NotAPolicy::Version);
    }
    let (mut mode, mut max_age_secs, mut hosts) = (None, None, Vec::new());
    for (name, value) in fields {
        match name {
            "mode" if mode.is_none() => {
                mode = match value {
                    "enforce" => Some(Mode::Enforce),
                    "testing" => Some(Mode::Testing),
                    "none" => Some(Mode::None),
                    _ => None,
                }
            }
            "max_age" if max_age_secs.is_none() => {
                let digits = value.len() <= 10 && value.bytes().all(|octet| octet.is_ascii_digit());
                max_age_secs = value.parse::<u64>().ok().filter(|_| digits).map(|secs| secs.min(MAX_AGE_SECS));
            }
            "mx" if hosts.len() < HOSTS_MAX => hosts.push(host(value)?),
            // Unknown fields and repeated ones are passed over (RFC 8461 §3.2).
            _ => {}
        }
    }
    let policy =
        Policy { mode: mode.ok_or(NotAPolicy::Mode)?, max_age_secs: max_age_secs.ok_or(NotAPolicy::MaxAge)?, hosts };
    if policy.hosts.is_empty() && policy.mode != Mode::None { Err(NotAPolicy::NoHosts) } else { Ok(policy) }
}

fn host(pattern: &str) -> Result<String, NotAPolicy> {
    let name = pattern.strip_prefix("*.").unwrap_or(pattern).trim_end_matches('.');
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let is_label = |label: &str| (1..=63).contains(&label.len()) && label.chars().all(inner);
    let is_name = name.len() <= 253 && name.split('.').all(is_label);
    if is_name {
        Ok(pattern.trim_end_matches('.').to_ascii_lowercase())
    } else {
        Err(NotAPolicy::Host(pattern.to_owned()))
    }
}

impl Policy {
    /// Whether a host is one of the policy's (RFC 8461 §4.1): a star stands for exactly one label.
    pub fn names(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let after_first = host.split_once('.').map(|(_, rest)| rest);
        self.hosts.iter().any(|pattern| match pattern.strip_prefix("*.") {
            Some(rest) => after_first == Some(rest),
            None => *pattern == host,
        })
    }

    /// The document that says this, as a web server hands it out.
    pub fn document(&self) -> String {
        let mode = match self.mode {
            Mode::Enforce => "enforce",
            Mode::Testing => "testing",
            Mode::None => "none",
        };
        let hosts: String = self.hosts.iter().map(|host| format!("mx: {host}\r\n")).collect();
        format!("version: STSv1\r\nmode: {mode}\r\n{hosts}max_age: {}\r\n", self.max_age_secs)
    }

    /// The text of the record at `_mta-sts.DOMAIN` (RFC 8461 §3.1). Its identifier is made from the document, so that it
    /// changes when the policy does, and only then.
    pub fn record(&self) -> String {
        let digest = Sha256::digest(self.document());
        let identifier: String = digest.iter().take(16).map(|octet| format!("{octet:02x}")).collect();
        format!("v=STSv1; id={identifier}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_standard() {
        // RFC 8461 §3.2, with a star.
        let text = b"version: STSv1\nmode: enforce\nmx: mail.example.com\nmx: *.example.net\nmx: backupmx.example.com\nmax_age: 604800\n";
        let policy = parse(text).unwrap();
        assert_eq!((policy.mode, policy.max_age_secs, policy.hosts.len()), (Mode::Enforce, 604_800, 3));
        assert!(policy.names("MAIL.example.com.") && policy.names("a.example.net"));
        assert!(!policy.names("example.net") && !policy.names("a.b.example.net") && !policy.names("example.com"));
        assert_eq!(parse(policy.document().as_bytes()), Ok(policy.clone()));
        let other = Policy { max_age_secs: 1, ..policy.clone() };
        assert_eq!(identifier(&[policy.record()]).map(|id| id.len()), Some(32));
        assert_ne!(policy.record(), other.record());
    }

    #[test]
    fn what_is_no_policy_is_told() {
        let wrong = |text: &str| parse(text.as_bytes()).unwrap_err();
        assert_eq!(wrong("mode: enforce"), NotAPolicy::Version);
        assert_eq!(wrong("version: STSv1\nmax_age: 1\nmx: a.test"), NotAPolicy::Mode);
        assert_eq!(wrong("version: STSv1\nmode: enforce\nmx: a.test"), NotAPolicy::MaxAge);
        assert_eq!(wrong("version: STSv1\nmode: enforce\nmax_age: 1"), NotAPolicy::NoHosts);
        assert_eq!(wrong("version: STSv1\nmode: testing\nmax_age: 1\nmx: a..b"), NotAPolicy::Host("a..b".to_owned()));
        assert!(parse(b"version: STSv1\nmode: none\nmax_age: 1").is_ok());
    }

    #[test]
    fn the_record_has_one_identifier() {
        let of = |texts: &[&str]| identifier(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&["v=spf1 -all", "v=STSv1; id=20160831085700Z;"]).as_deref(), Some("20160831085700Z"));
        assert_eq!(of(&["v=STSv1; id=1", "v=STSv1; id=2"]), None);
        assert_eq!(of(&["v=STSv1"]), None);
        assert_eq!(of(&["v=STSv1x; id=1"]), None);
        assert_eq!(of(&["v=STSv1; id=not good"]), None);
    }
}
