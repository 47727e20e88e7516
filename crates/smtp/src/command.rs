//! One command line, read whole: a verb and its arguments become a [`Command`] or an [`Offence`].

use crate::envelope::{
    BodyKind, DeliverBy, DeliverByMode, Hold, MailFrom, Notify, OriginalRecipient, RcptTo, Returned,
};
use crate::limits::{ENVELOPE_ID_OCTETS_MAX, HOLD_SECS_MAX, ORIGINAL_RECIPIENT_OCTETS_MAX};
use crate::offence::Offence;
use crate::xtext;
use model::{Address, CivilTime, Domain};

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `EHLO` with the client's name (RFC 5321 §4.1.1.1).
    Ehlo(String),
    /// `HELO` (RFC 5321 §4.1.1.1).
    Helo(String),
    /// `LHLO` (RFC 2033 §4.1).
    Lhlo(String),
    /// `MAIL FROM` (RFC 5321 §4.1.1.2).
    Mail(Box<MailFrom>),
    /// `RCPT TO` (RFC 5321 §4.1.1.3).
    Rcpt(Box<RcptTo>),
    /// `DATA` (RFC 5321 §4.1.1.4).
    Data,
    /// `BDAT` (RFC 3030 §2).
    Bdat {
        /// Octets that follow.
        octets: u64,
        /// Whether they end the message.
        last: bool,
    },
    /// `RSET` (RFC 5321 §4.1.1.5).
    Rset,
    /// `VRFY` (RFC 5321 §4.1.1.6).
    Vrfy,
    /// `EXPN` (RFC 5321 §4.1.1.7).
    Expn,
    /// `HELP` (RFC 5321 §4.1.1.8).
    Help,
    /// `NOOP` (RFC 5321 §4.1.1.9).
    Noop,
    /// `QUIT` (RFC 5321 §4.1.1.10).
    Quit,
    /// `STARTTLS` (RFC 3207 §4).
    StartTls,
    /// `AUTH` (RFC 4954 §4): the mechanism in capitals and the initial response, still in base64.
    Auth {
        /// The mechanism.
        mechanism: String,
        /// The initial response; `=` is an empty one.
        initial: Option<String>,
    },
}

/// Reads a line without its CRLF.
pub fn parse(line: &[u8]) -> Result<Command, Offence> {
    let text = std::str::from_utf8(line).map_err(|_| Offence::BadOctet)?;
    if text.chars().any(|character| character.is_control() && character != '\t') {
        return Err(Offence::BadOctet);
    }
    let text = text.trim_end_matches([' ', '\t']);
    let (verb, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    let rest = rest.trim_start_matches([' ', '\t']);
    match verb.to_ascii_uppercase().as_str() {
        "EHLO" => greeting_name(rest).map(Command::Ehlo),
        "HELO" => greeting_name(rest).map(Command::Helo),
        "LHLO" => greeting_name(rest).map(Command::Lhlo),
        "MAIL" => mail(rest),
        "RCPT" => rcpt(rest),
        "DATA" => alone(rest, Command::Data),
        "BDAT" => bdat(rest),
        "RSET" => alone(rest, Command::Rset),
        "QUIT" => alone(rest, Command::Quit),
        "STARTTLS" => alone(rest, Command::StartTls),
        "NOOP" => Ok(Command::Noop),
        "HELP" => Ok(Command::Help),
        "VRFY" => Ok(Command::Vrfy),
        "EXPN" => Ok(Command::Expn),
        "AUTH" => auth(rest),
        _ => Err(Offence::UnknownCommand),
    }
}

fn alone(rest: &str, command: Command) -> Result<Command, Offence> {
    if rest.is_empty() {
        return Ok(command);
    }
    Err(Offence::BadArgument { what: "the command takes no argument".to_owned() })
}

/// The client's name is not held against the grammar of a domain: real clients send all kinds of names, and policy may
/// judge them. It must be one word of printable characters.
fn greeting_name(rest: &str) -> Result<String, Offence> {
    let name = rest.split([' ', '\t']).next().unwrap_or_default();
    if name.is_empty() {
        return Err(Offence::BadArgument { what: "the command needs the name of the client".to_owned() });
    }
    if name.len() > 255 {
        return Err(Offence::BadArgument { what: "the name of the client is longer than 255 octets".to_owned() });
    }
    Ok(name.to_owned())
}

fn auth(rest: &str) -> Result<Command, Offence> {
    let mut words = rest.split([' ', '\t']).filter(|word| !word.is_empty());
    let mechanism = words.next().unwrap_or_default().to_ascii_uppercase();
    let initial = words.next().map(str::to_owned);
    let fits = (1..=20).contains(&mechanism.len())
        && mechanism.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_');
    if !fits || words.next().is_some() {
        return Err(Offence::BadArgument {
            what: "AUTH takes a mechanism and at most one initial response".to_owned(),
        });
    }
    Ok(Command::Auth { mechanism, initial })
}

fn bdat(rest: &str) -> Result<Command, Offence> {
    let wrong = || Offence::BadArgument { what: "BDAT takes a number of octets and, at the end, LAST".to_owned() };
    let mut words = rest.split([' ', '\t']).filter(|word| !word.is_empty());
    let octets = words.next().filter(|word| word.bytes().all(|octet| octet.is_ascii_digit())).ok_or_else(wrong)?;
    let octets = octets.parse().map_err(|_| wrong())?;
    let last = match words.next() {
        None => false,
        Some(word) if word.eq_ignore_ascii_case("LAST") => true,
        Some(_) => return Err(wrong()),
    };
    if words.next().is_some() {
        return Err(wrong());
    }
    Ok(Command::Bdat { octets, last })
}

fn mail(rest: &str) -> Result<Command, Offence> {
    let rest = strip_word(rest, "FROM:")
        .ok_or_else(|| Offence::BadArgument { what: "MAIL is followed by FROM:<address>".to_owned() })?;
    let (path, parameters) = path(rest, true)?;
    let mut mail = MailFrom { reverse_path: path, ..MailFrom::default() };
    each_parameter(parameters, |name, value| mail_parameter(&mut mail, name, value))?;
    Ok(Command::Mail(Box::new(mail)))
}

fn rcpt(rest: &str) -> Result<Command, Offence> {
    let rest = strip_word(rest, "TO:")
        .ok_or_else(|| Offence::BadArgument { what: "RCPT is followed by TO:<address>".to_owned() })?;
    let (path, parameters) = path(rest, false)?;
    let address =
        path.ok_or_else(|| Offence::BadAddress { why: "a recipient cannot be empty".to_owned(), is_sender: false })?;
    let mut rcpt = RcptTo { address, notify: None, original: None };
    each_parameter(parameters, |name, value| rcpt_parameter(&mut rcpt, name, value))?;
    Ok(Command::Rcpt(Box::new(rcpt)))
}

/// Strips `word` in any case and the blanks behind it, which many clients send although the grammar has none.
fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(word.len())?;
    head.eq_ignore_ascii_case(word).then(|| rest.trim_start_matches([' ', '\t']))
}

/// Reads `<path>`; a source route is read and dropped (RFC 5321 §3.6.1, appendix C).
fn path(text: &str, is_sender: bool) -> Result<(Option<Address>, &str), Offence> {
    let wrong = |why: &str| Offence::BadAddress { why: why.to_owned(), is_sender };
    let inner = text.strip_prefix('<').ok_or_else(|| wrong("it must stand between < and >"))?;
    let end = closing_bracket(inner).ok_or_else(|| wrong("the closing > is missing"))?;
    let (address, rest) = inner.split_at_checked(end).ok_or_else(|| wrong("the closing > is missing"))?;
    let rest = rest.get(1..).unwrap_or_default();
    if !rest.is_empty() && !rest.starts_with([' ', '\t']) {
        return Err(wrong("something follows the > without a blank"));
    }
    let address = match address.strip_prefix('@') {
        Some(route) => route.split_once(':').map(|(_, address)| address).ok_or_else(|| wrong("a route without end"))?,
        None => address,
    };
    if address.is_empty() && is_sender {
        return Ok((None, rest));
    }
    // RFC 5321 §4.5.1: the postmaster of the server itself may be named without a domain; the caller fills it in.
    if !is_sender && address.eq_ignore_ascii_case("postmaster") {
        return Ok((postmaster(), rest));
    }
    let address = address.parse().map_err(|error: model::AddressError| wrong(&error.to_string()))?;
    Ok((Some(address), rest))
}

/// Where the `>` stands that is not inside a quoted string.
fn closing_bracket(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, octet) in text.bytes().enumerate() {
        match octet {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'>' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

/// The domain that stands for "this server" in an address without a domain.
pub const OWN_DOMAIN: &str = "localhost";

fn postmaster() -> Option<Address> {
    let domain: Domain = OWN_DOMAIN.parse().ok()?;
    Some(Address::new("postmaster".parse().ok()?, domain))
}

fn each_parameter(text: &str, mut take: impl FnMut(&str, Option<&str>) -> Result<(), Offence>) -> Result<(), Offence> {
    let mut seen: Vec<String> = Vec::new();
    for word in text.split([' ', '\t']).filter(|word| !word.is_empty()) {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        let name = name.to_ascii_uppercase();
        if seen.contains(&name) {
            return Err(Offence::RepeatedParameter { name });
        }
        take(&name, value)?;
        seen.push(name);
    }
    Ok(())
}

fn mail_parameter(mail: &mut MailFrom, name: &str, value: Option<&str>) -> Result<(), Offence> {
    let bad = |name: &'static str| Offence::BadParameter { name };
    match (name, value) {
        ("SIZE", Some(value)) => mail.size_octets = Some(digits(value, 20).ok_or_else(|| bad("SIZE"))?),
        ("BODY", Some(value)) => {
            mail.body = match value.to_ascii_uppercase().as_str() {
                "7BIT" => BodyKind::SevenBit,
                "8BITMIME" => BodyKind::EightBitMime,
                "BINARYMIME" => BodyKind::BinaryMime,
                _ => return Err(bad("BODY")),
            }
        }
        ("SMTPUTF8", None) => mail.smtputf8 = true,
        ("RET", Some(value)) => {
            mail.returned = Some(match value.to_ascii_uppercase().as_str() {
                "FULL" => Returned::Full,
                "HDRS" => Returned::Headers,
                _ => return Err(bad("RET")),
            })
        }
        ("ENVID", Some(value)) => {
            let id = xtext::decode(value).filter(|id| id.len() <= ENVELOPE_ID_OCTETS_MAX && !id.is_empty());
            mail.envelope_id = Some(id.filter(|id| !id.contains(char::is_control)).ok_or_else(|| bad("ENVID"))?);
        }
        ("REQUIRETLS", None) => mail.require_tls = true,
        ("HOLDFOR", Some(value)) if mail.hold.is_none() => {
            let secs = digits(value, 9).filter(|secs| (1..=HOLD_SECS_MAX).contains(secs));
            mail.hold = Some(Hold::ForSecs(secs.ok_or_else(|| bad("HOLDFOR"))?));
        }
        ("HOLDUNTIL", Some(value)) if mail.hold.is_none() => {
            mail.hold = Some(Hold::Until(date_time(value).ok_or_else(|| bad("HOLDUNTIL"))?));
        }
        ("BY", Some(value)) => mail.deliver_by = Some(deliver_by(value).ok_or_else(|| bad("BY"))?),
        ("MT-PRIORITY", Some(value)) => mail.priority = Some(priority(value).ok_or_else(|| bad("MT-PRIORITY"))?),
        ("AUTH", Some("<>")) => mail.submitter = Some(None),
        ("AUTH", Some(value)) => mail.submitter = Some(Some(xtext::decode(value).ok_or_else(|| bad("AUTH"))?)),
        ("HOLDFOR" | "HOLDUNTIL", Some(_)) => return Err(bad("HOLDFOR and HOLDUNTIL")),
        ("SIZE" | "BODY" | "RET" | "ENVID" | "HOLDFOR" | "HOLDUNTIL" | "BY" | "MT-PRIORITY" | "AUTH", None)
        | ("SMTPUTF8" | "REQUIRETLS", Some(_)) => {
            return Err(Offence::BadArgument { what: format!("{name} is written wrongly") });
        }
        _ => return Err(Offence::UnknownParameter { name: name.to_owned() }),
    }
    Ok(())
}

fn rcpt_parameter(rcpt: &mut RcptTo, name: &str, value: Option<&str>) -> Result<(), Offence> {
    match (name, value) {
        ("NOTIFY", Some(value)) => rcpt.notify = Some(notify(value).ok_or(Offence::BadParameter { name: "NOTIFY" })?),
        ("ORCPT", Some(value)) => rcpt.original = Some(original(value).ok_or(Offence::BadParameter { name: "ORCPT" })?),
        ("NOTIFY" | "ORCPT", None) => return Err(Offence::BadArgument { what: format!("{name} needs a value") }),
        _ => return Err(Offence::UnknownParameter { name: name.to_owned() }),
    }
    Ok(())
}

fn notify(value: &str) -> Option<Notify> {
    if value.eq_ignore_ascii_case("NEVER") {
        return Some(Notify::default());
    }
    let mut notify = Notify::default();
    for word in value.split(',') {
        let flag = match word.to_ascii_uppercase().as_str() {
            "SUCCESS" => &mut notify.success,
            "FAILURE" => &mut notify.failure,
            "DELAY" => &mut notify.delay,
            _ => return None,
        };
        if std::mem::replace(flag, true) {
            return None;
        }
    }
    Some(notify)
}

fn original(value: &str) -> Option<OriginalRecipient> {
    let (kind, address) = value.split_once(';')?;
    let kind = kind.to_ascii_lowercase();
    if kind.is_empty() || !kind.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-') {
        return None;
    }
    let address = if kind == "utf-8" { xtext::decode_utf8_address(address)? } else { xtext::decode(address)? };
    let fits = (1..=ORIGINAL_RECIPIENT_OCTETS_MAX).contains(&address.len()) && !address.contains(char::is_control);
    fits.then_some(OriginalRecipient { kind, address })
}

fn digits(value: &str, most: usize) -> Option<u64> {
    let fits = (1..=most).contains(&value.len()) && value.bytes().all(|octet| octet.is_ascii_digit());
    fits.then(|| value.parse().ok()).flatten()
}

/// `by-value` of RFC 2852 §4: seconds of at most nine digits, a mode, and maybe `T`.
fn deliver_by(value: &str) -> Option<DeliverBy> {
    let (secs, mode) = value.split_once(';')?;
    let (sign, number) = match secs.strip_prefix('-') {
        Some(number) => (-1, number),
        None => (1, secs.strip_prefix('+').unwrap_or(secs)),
    };
    let secs = sign * i64::try_from(digits(number, 9)?).ok()?;
    let mode_letter = mode.to_ascii_uppercase();
    let (mode, trace) = match mode_letter.as_str() {
        "R" => (DeliverByMode::Return, false),
        "RT" => (DeliverByMode::Return, true),
        "N" => (DeliverByMode::Notify, false),
        "NT" => (DeliverByMode::Notify, true),
        _ => return None,
    };
    // A message that must be returned needs some time to be delivered in (RFC 2852 §4).
    (mode == DeliverByMode::Notify || secs > 0).then_some(DeliverBy { secs, mode, trace })
}

fn priority(value: &str) -> Option<i8> {
    let fits = matches!(value.as_bytes(), [b'0'..=b'9'] | [b'-', b'1'..=b'9']);
    fits.then(|| value.parse().ok()).flatten()
}

/// An RFC 3339 date and time, as `HOLDUNTIL` takes it.
fn date_time(value: &str) -> Option<model::Timestamp> {
    let (date, time) = value.split_once(['T', 't'])?;
    let mut date = date.split('-');
    let (year, month, day) = (fixed(date.next()?, 4)?, fixed(date.next()?, 2)?, fixed(date.next()?, 2)?);
    let zone_at = time.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = time.split_at_checked(zone_at)?;
    let mut clock = clock.split('.').next()?.split(':');
    let (hour, minute, second) = (fixed(clock.next()?, 2)?, fixed(clock.next()?, 2)?, fixed(clock.next()?, 2)?);
    let offset_minutes = match zone.split_at_checked(1)? {
        ("Z" | "z", "") => 0,
        (sign, rest) => {
            let (hours, minutes) = rest.split_once(':')?;
            let minutes = i16::try_from(fixed(hours, 2)? * 60 + fixed(minutes, 2)?).ok()?;
            if sign == "-" { -minutes } else { minutes }
        }
    };
    if date.next().is_some() || clock.next().is_some() {
        return None;
    }
    let part = |value: u32| u8::try_from(value).ok();
    CivilTime {
        year: i32::try_from(year).ok()?,
        month: part(month)?,
        day: part(day)?,
        hour: part(hour)?,
        minute: part(minute)?,
        second: part(second)?,
        offset_minutes,
    }
    .timestamp()
}

fn fixed(text: &str, length: usize) -> Option<u32> {
    (text.len() == length && text.bytes().all(|octet| octet.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests;
