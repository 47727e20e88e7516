//! One list in the name service: what to ask it, which answers count, and how much (RFC 5782).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use crate::greylist::limits::NAME_OCTETS;
use crate::greylist::triplet::Query;

/// What a list knows about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Addresses of clients that are suspicious (RFC 5782 §2.1, §2.4).
    Dnsbl,
    /// Domains of senders that are suspicious (RFC 5782 §3).
    Rhsbl,
    /// Addresses of clients that are trusted, whatever other lists say.
    Dnswl,
}

/// A list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What it knows about.
    pub kind: Kind,
    /// The domain below which it answers, in lower case, without a dot at the end.
    pub zone: String,
    /// What being listed adds to the suspicion.
    pub weight: i32,
    /// The answers that count.
    pub answers: Answers,
}

/// A list as the operator writes it, before it is known what it knows about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    zone: String,
    weight: i32,
    answers: Answers,
}

/// Why a text is no list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// The domain is not one.
    #[error("`{0}` is no domain name")]
    Zone(String),
    /// The weight is no number between -1000 and 1000.
    #[error("the weight `{0}` is no whole number from -1000 to 1000")]
    Weight(String),
    /// The answers are no addresses.
    #[error("`{0}` is no answer: write 127.0.0.2, 127.0.0.2-11 or 127.0.0.2-127.0.0.11")]
    Answers(String),
}

impl FromStr for Written {
    type Err = CheckError;

    /// `NAME`, `NAME;WEIGHT` or `NAME;WEIGHT;ANSWERS`, where answers are addresses and ranges with commas between them.
    fn from_str(text: &str) -> Result<Written, CheckError> {
        let mut parts = text.splitn(3, ';').map(str::trim);
        let zone = parts.next().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
        let is_name = zone.parse::<model::Domain>().is_ok_and(|domain| !domain.is_literal() && domain.is_ascii());
        if !is_name {
            return Err(CheckError::Zone(zone));
        }
        let weight = match parts.next() {
            None | Some("") => 1,
            Some(text) => {
                let number = text.parse().ok().filter(|weight| (-1_000..=1_000).contains(weight));
                number.ok_or_else(|| CheckError::Weight(text.to_owned()))?
            }
        };
        let answers = parts.next().map_or(Ok(Answers::default()), str::parse)?;
        Ok(Written { zone, weight, answers })
    }
}

impl Written {
    /// The list, knowing about this.
    pub fn of(self, kind: Kind) -> Check {
        Check { kind, zone: self.zone, weight: self.weight, answers: self.answers }
    }
}

impl Check {
    /// The name to ask for about a delivery; `None` when the list can know nothing about it.
    pub fn question(&self, query: &Query) -> Option<String> {
        let what = match self.kind {
            Kind::Dnsbl | Kind::Dnswl => reversed(query.client),
            Kind::Rhsbl => query.sender_domain().filter(|domain| is_askable(domain))?,
        };
        let name = format!("{what}.{}", self.zone);
        (name.len() <= NAME_OCTETS).then_some(name)
    }
}

impl Check {
    /// What being listed adds, for people: a trusting list adds nothing, whatever is written.
    pub fn shown_weight(&self) -> i32 {
        if self.kind == Kind::Dnswl { 0 } else { self.weight }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.zone)
    }
}

/// Octets of IPv4, digits of IPv6, last first (RFC 5782 §2.1, §2.4).
fn reversed(client: IpAddr) -> String {
    use std::fmt::Write as _;
    match client.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            format!("{d}.{c}.{b}.{a}")
        }
        IpAddr::V6(ip) => {
            let mut text = String::with_capacity(64);
            for octet in ip.octets().iter().rev() {
                let separator = if text.is_empty() { "" } else { "." };
                // Writing to a String cannot fail.
                let _infallible = write!(text, "{separator}{:x}.{:x}", octet & 15, octet >> 4);
            }
            text
        }
    }
}

/// A domain that can be part of a name: anything else is listed nowhere.
fn is_askable(domain: &str) -> bool {
    domain.split('.').all(|label| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'))
    })
}

/// Ranges of addresses that a list answers with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers(Vec<(Ipv4Addr, Ipv4Addr)>);

impl Default for Answers {
    /// All of 127.0.0.0/8, as RFC 5782 §2.1 has it, except 127.255.255.0/24, by which large lists say that they refuse to
    /// answer: taking that for a listing would make everybody suspicious.
    fn default() -> Answers {
        Answers(vec![(Ipv4Addr::new(127, 0, 0, 0), Ipv4Addr::new(127, 255, 254, 255))])
    }
}

impl Answers {
    /// Whether this answer counts.
    pub fn count(&self, answer: Ipv4Addr) -> bool {
        self.0.iter().any(|(from, to)| (*from..=*to).contains(&answer))
    }
}

impl FromStr for Answers {
    type Err = CheckError;

    fn from_str(text: &str) -> Result<Answers, CheckError> {
        text.split(',').map(|range| parse_range(range.trim())).collect::<Result<_, _>>().map(Answers)
    }
}

fn parse_range(text: &str) -> Result<(Ipv4Addr, Ipv4Addr), CheckError> {
    let refused = || CheckError::Answers(text.to_owned());
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let from: Ipv4Addr = from.trim().parse().map_err(|_| refused())?;
    let to = match to.trim().parse::<u8>() {
        Ok(last) => {
            let [a, b, c, _] = from.octets();
            Ipv4Addr::new(a, b, c, last)
        }
        Err(_) => to.trim().parse().map_err(|_| refused())?,
    };
    if from <= to { Ok((from, to)) } else { Err(refused()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::greylist::triplet::Way;

    fn check(kind: Kind, text: &str) -> Check {
        text.parse::<Written>().unwrap().of(kind)
    }

    fn question(kind: Kind, client: &str, sender: &str) -> Option<String> {
        let query = Query::new(Way::Policy, client.parse().unwrap(), sender, "b@home.test");
        check(kind, "List.Test.").question(&query)
    }

    #[test]
    fn addresses_are_asked_for_backwards() {
        assert_eq!(question(Kind::Dnsbl, "192.0.2.99", "").as_deref(), Some("99.2.0.192.list.test"));
        let v6 = "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.list.test";
        assert_eq!(question(Kind::Dnswl, "4321:0:1:2:3:4:567:89ab", "").as_deref(), Some(v6));
    }

    #[test]
    fn domains_are_asked_for_as_they_are() {
        assert_eq!(question(Kind::Rhsbl, "192.0.2.1", "a@Far.Test").as_deref(), Some("far.test.list.test"));
        let long = format!("a@{}", "label.".repeat(45));
        for sender in ["", "nobody", "a@", "a@[192.0.2.1]", "a@b..c", "a@bücher.test", &long] {
            assert_eq!(question(Kind::Rhsbl, "192.0.2.1", sender), None, "{sender}");
        }
    }

    #[test]
    fn a_list_may_have_a_weight_and_answers() {
        assert_eq!(check(Kind::Dnsbl, "a.test").weight, 1);
        assert_eq!(check(Kind::Dnsbl, "a.test;-3").weight, -3);
        let list = check(Kind::Dnsbl, "a.test; 2; 127.0.0.2-11, 127.0.1.0-127.0.1.9");
        let counts = |text: &str| list.answers.count(text.parse().unwrap());
        assert!(counts("127.0.0.2") && counts("127.0.0.11") && counts("127.0.1.5"));
        assert!(!counts("127.0.0.1") && !counts("127.0.0.12") && !counts("127.0.1.10"));
    }

    #[test]
    fn a_refusal_to_answer_is_no_listing() {
        let answers = Answers::default();
        assert!(answers.count(Ipv4Addr::new(127, 0, 0, 2)));
        assert!(!answers.count(Ipv4Addr::new(127, 255, 255, 254)));
        assert!(!answers.count(Ipv4Addr::new(192, 0, 2, 1)), "a list that was given up and points to a web site");
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", ";3", "a..b", "a.test;x", "a.test;1001", "a.test;1;", "a.test;1;127.0.0.9-2", "a.test;1;x-y"] {
            assert!(text.parse::<Written>().is_err(), "{text}");
        }
    }
}

#[cfg(test)]
mod properties {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whatever_is_written_and_asked_is_borne(text in "\\PC{0,80}\n\\PC{0,80}", octets in prop::collection::vec(any::<u8>(), 0..80)) {
            crate::greylist::fuzz::fuzz_greylist_check(text.as_bytes());
            crate::greylist::fuzz::fuzz_greylist_check(&octets);
        }
    }
}
