//! An SPF record, read strictly: what does not follow the grammar of RFC 7208 §12 is a permanent error, as §4.6 wants.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::authentication::spf::macros::{self, Malformed, Text};

/// What a match means (RFC 7208 §4.6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qualifier {
    /// `+`.
    Pass,
    /// `-`.
    Fail,
    /// `~`.
    SoftFail,
    /// `?`.
    Neutral,
}

/// How many leading bits of addresses must agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefixes {
    /// Of IPv4 addresses.
    pub v4: u8,
    /// Of IPv6 addresses.
    pub v6: u8,
}

/// A mechanism (RFC 7208 §5). Where no domain is given it is the current one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// §5.1.
    All,
    /// §5.2.
    Include(Text),
    /// §5.3.
    A(Option<Text>, Prefixes),
    /// §5.4.
    Mx(Option<Text>, Prefixes),
    /// §5.5.
    Ptr(Option<Text>),
    /// §5.6.
    Ip4(Ipv4Addr, u8),
    /// §5.6.
    Ip6(Ipv6Addr, u8),
    /// §5.7.
    Exists(Text),
}

/// A record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// In their order.
    pub directives: Vec<(Qualifier, Mechanism)>,
    /// Whose record holds when none matches (§6.1).
    pub redirect: Option<Text>,
    /// Where the text for a failure is (§6.2).
    pub explanation: Option<Text>,
}

/// Whether a text is an SPF record at all (RFC 7208 §4.5).
pub fn is_record(text: &str) -> bool {
    let Some((version, rest)) = text.split_at_checked(6) else { return false };
    version.eq_ignore_ascii_case("v=spf1") && (rest.is_empty() || rest.starts_with(' '))
}

/// Reads a record for which [`is_record`] holds.
pub fn parse(text: &str) -> Result<Record, Malformed> {
    let terms = text.get(6..).ok_or(Malformed)?;
    let mut record = Record::default();
    for term in terms.split(' ').filter(|term| !term.is_empty()) {
        let end = term.find([':', '/', '=']).unwrap_or(term.len());
        let (name, rest) = term.split_at(end);
        match rest.strip_prefix('=') {
            Some(value) if is_name(name) => add_modifier(&mut record, name, value)?,
            _ => record.directives.push(directive(term)?),
        }
    }
    Ok(record)
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

fn add_modifier(record: &mut Record, name: &str, value: &str) -> Result<(), Malformed> {
    let place = match name.to_ascii_lowercase().as_str() {
        "redirect" => &mut record.redirect,
        "exp" => &mut record.explanation,
        // Unknown modifiers are passed over, but their value must be a macro string (§6).
        _ => return macros::parse(value).map(|_| ()),
    };
    if place.is_some() {
        return Err(Malformed);
    }
    *place = Some(domain_spec(value)?);
    Ok(())
}

fn directive(term: &str) -> Result<(Qualifier, Mechanism), Malformed> {
    let (qualifier, term) = match term.split_at_checked(1) {
        Some(("+", rest)) => (Qualifier::Pass, rest),
        Some(("-", rest)) => (Qualifier::Fail, rest),
        Some(("~", rest)) => (Qualifier::SoftFail, rest),
        Some(("?", rest)) => (Qualifier::Neutral, rest),
        _ => (Qualifier::Pass, term),
    };
    let end = term.find([':', '/', '=']).unwrap_or(term.len());
    let (name, rest) = term.split_at(end);
    let given = rest.strip_prefix(':');
    let mechanism = match (name.to_ascii_lowercase().as_str(), given) {
        ("all", None) if rest.is_empty() => Mechanism::All,
        ("include", Some(domain)) => Mechanism::Include(domain_spec(domain)?),
        ("exists", Some(domain)) => Mechanism::Exists(domain_spec(domain)?),
        ("ptr", None) if rest.is_empty() => Mechanism::Ptr(None),
        ("ptr", Some(domain)) => Mechanism::Ptr(Some(domain_spec(domain)?)),
        ("a", _) => {
            let (domain, prefixes) = domain_and_prefixes(rest)?;
            Mechanism::A(domain, prefixes)
        }
        ("mx", _) => {
            let (domain, prefixes) = domain_and_prefixes(rest)?;
            Mechanism::Mx(domain, prefixes)
        }
        ("ip4", Some(network)) => {
            let (address, bits) = network.split_once('/').map_or((network, None), |(a, bits)| (a, Some(bits)));
            let bits = bits.map_or(Ok(32), |bits| prefix(bits, 32))?;
            Mechanism::Ip4(address.parse().map_err(|_| Malformed)?, bits)
        }
        ("ip6", Some(network)) => {
            let (address, bits) = network.split_once('/').map_or((network, None), |(a, bits)| (a, Some(bits)));
            let bits = bits.map_or(Ok(128), |bits| prefix(bits, 128))?;
            Mechanism::Ip6(address.parse().map_err(|_| Malformed)?, bits)
        }
        _ => return Err(Malformed),
    };
    Ok((qualifier, mechanism))
}

/// `[ ":" domain-spec ] [ "/" n ] [ "//" n ]`.
fn domain_and_prefixes(rest: &str) -> Result<(Option<Text>, Prefixes), Malformed> {
    let (mut rest, mut prefixes) = (rest, Prefixes { v4: 32, v6: 128 });
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    if let Some((before, bits)) = rest.rsplit_once("//").filter(|(_, bits)| is_number(bits)) {
        prefixes.v6 = prefix(bits, 128)?;
        rest = before;
    }
    if let Some((before, bits)) = rest.rsplit_once('/').filter(|(_, bits)| is_number(bits)) {
        prefixes.v4 = prefix(bits, 32)?;
        rest = before;
    }
    match rest.strip_prefix(':') {
        Some(domain) => Ok((Some(domain_spec(domain)?), prefixes)),
        None if rest.is_empty() => Ok((None, prefixes)),
        None => Err(Malformed),
    }
}

fn prefix(text: &str, most: u8) -> Result<u8, Malformed> {
    let is_canonical = text == "0" || !text.starts_with(['0', '+']);
    text.parse().ok().filter(|bits| is_canonical && *bits <= most).ok_or(Malformed)
}

/// A macro string that ends like a domain name, or with a macro (§7.1).
fn domain_spec(text: &str) -> Result<Text, Malformed> {
    let parsed = macros::parse(text)?;
    if parsed.ends_with_macro() {
        return Ok(parsed);
    }
    let text = text.strip_suffix('.').unwrap_or(text);
    let (_, top) = text.rsplit_once('.').ok_or(Malformed)?;
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let is_label = !top.is_empty() && top.chars().all(inner) && !top.starts_with('-') && !top.ends_with('-');
    let is_number = top.bytes().all(|octet| octet.is_ascii_digit());
    if is_label && !is_number { Ok(parsed) } else { Err(Malformed) }
}
