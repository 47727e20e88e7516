//! Where notifications go: `mailto:` (RFC 5436, RFC 6068) and `xmpp:` (RFC 5437, RFC 5122) URIs, read and checked.

use model::{Address, Domain};

use crate::limits::NOTIFY_RECIPIENTS_MAX;

/// A notification method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Method {
    /// A message by mail.
    Mail(MailMethod),
    /// An instant message.
    Chat(ChatMethod),
}

/// A `mailto:` URI. Fields that a notification must not take from it are left out (RFC 5436 §2.7).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailMethod {
    /// To whom; at least one here or in `cc`.
    pub to: Vec<Address>,
    /// Who gets a copy.
    pub cc: Vec<Address>,
    /// The subject where the script gives no `:message`.
    pub subject: Option<String>,
    /// The body.
    pub body: Option<String>,
    /// Further fields: name and value on one line.
    pub fields: Vec<(String, String)>,
}

/// An `xmpp:` URI.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChatMethod {
    /// To whom: `user@domain/resource`, or less of it.
    pub to: String,
    /// The subject.
    pub subject: Option<String>,
    /// The text where the script gives no `:message`.
    pub body: Option<String>,
}

/// Why a URI names no method.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadMethod {
    /// Another scheme.
    #[error("{0:?} is no notification method; there are mailto: and xmpp:")]
    Unsupported(String),
    /// No such address.
    #[error("{0:?} in a notification method is no mail address")]
    Address(String),
    /// Nobody to notify.
    #[error("the notification method {0:?} names nobody")]
    Nobody(String),
    /// Too many to notify.
    #[error("the notification method names more than {max}")]
    TooMany {
        /// The bound.
        max: usize,
    },
    /// Not what the scheme's standard says.
    #[error("the notification method {0:?} is not written as its standard says")]
    Malformed(String),
}

/// Fields that the URI must not decide (RFC 5436 §2.7), and those that say how the body is written.
const UNSAFE_FIELDS: &[&str] = &[
    "auto-submitted",
    "bcc",
    "content-disposition",
    "content-transfer-encoding",
    "content-type",
    "date",
    "from",
    "message-id",
    "mime-version",
    "received",
    "return-path",
    "sender",
];

impl Method {
    /// Reads a URI.
    pub fn parse(uri: &str) -> Result<Method, BadMethod> {
        let (scheme, rest) = uri.split_once(':').ok_or_else(|| BadMethod::Unsupported(shown(uri)))?;
        let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
        match scheme.to_ascii_lowercase().as_str() {
            "mailto" => read_mail(uri, rest).map(Method::Mail),
            "xmpp" => read_chat(uri, rest).map(Method::Chat),
            _ => Err(BadMethod::Unsupported(shown(uri))),
        }
    }
}

/// Whether this can stand in `:options` (RFC 5435 §3.5).
pub(crate) fn is_option(option: &str) -> bool {
    let Some((name, value)) = option.split_once('=') else { return false };
    let is_name = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'-' | b'_');
    name.bytes().next().is_some_and(|octet| octet.is_ascii_alphanumeric())
        && name.bytes().all(is_name)
        && !value.bytes().any(|octet| matches!(octet, 0 | b'\n' | b'\r'))
}

fn read_mail(uri: &str, rest: &str) -> Result<MailMethod, BadMethod> {
    let malformed = || BadMethod::Malformed(shown(uri));
    let (to, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut method = MailMethod::default();
    add_addresses(&mut method.to, to)?;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, written) = pair.split_once('=').ok_or_else(malformed)?;
        let name = unescape(name).ok_or_else(malformed)?.to_ascii_lowercase();
        let value = unescape(written).ok_or_else(malformed)?;
        match name.as_str() {
            "to" => add_addresses(&mut method.to, written)?,
            "cc" => add_addresses(&mut method.cc, written)?,
            "subject" => method.subject = Some(one_line(&value)),
            "body" => method.body = Some(value),
            name if UNSAFE_FIELDS.contains(&name) || name.starts_with("resent-") => {}
            name if name.is_empty() || !name.bytes().all(|octet| octet.is_ascii_graphic() && octet != b':') => {
                return Err(malformed());
            }
            name => method.fields.push((name.to_owned(), one_line(&value))),
        }
    }
    match method.to.len() + method.cc.len() {
        0 => Err(BadMethod::Nobody(shown(uri))),
        count if count > NOTIFY_RECIPIENTS_MAX => Err(BadMethod::TooMany { max: NOTIFY_RECIPIENTS_MAX }),
        _ => Ok(method),
    }
}

/// Addresses divided by commas; a comma in one is escaped.
fn add_addresses(list: &mut Vec<Address>, written: &str) -> Result<(), BadMethod> {
    for one in written.split(',').filter(|one| !one.is_empty()) {
        let address = unescape(one).and_then(|text| text.trim().parse().ok());
        list.push(address.ok_or_else(|| BadMethod::Address(shown(one)))?);
        if list.len() > NOTIFY_RECIPIENTS_MAX {
            return Err(BadMethod::TooMany { max: NOTIFY_RECIPIENTS_MAX });
        }
    }
    Ok(())
}

fn read_chat(uri: &str, rest: &str) -> Result<ChatMethod, BadMethod> {
    let malformed = || BadMethod::Malformed(shown(uri));
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    // RFC 5122 §2.2: the account to send with may stand in front; that is the server's here.
    let path = match path.strip_prefix("//") {
        Some(after) => after.split_once('/').ok_or_else(malformed)?.1,
        None => path,
    };
    let to = unescape(path).ok_or_else(malformed)?;
    let bare = to.split_once('/').map_or(to.as_str(), |(bare, _)| bare);
    let (node, domain) = bare.split_once('@').map_or((None, bare), |(node, domain)| (Some(node), domain));
    // RFC 7622 §3.3.1 forbids these in the local part.
    let is_forbidden = |character: char| character.is_control() || " \"&'/:<>@".contains(character);
    if domain.parse::<Domain>().is_err() || node.is_some_and(|node| node.is_empty() || node.contains(is_forbidden)) {
        return Err(malformed());
    }
    let mut method = ChatMethod { to, ..ChatMethod::default() };
    let mut pieces = query.split(';');
    if !matches!(pieces.next(), Some("" | "message")) {
        return Err(malformed());
    }
    for pair in pieces {
        let (name, written) = pair.split_once('=').ok_or_else(malformed)?;
        let value = unescape(written).ok_or_else(malformed)?;
        match name {
            "subject" => method.subject = Some(one_line(&value)),
            "body" => method.body = Some(value),
            // RFC 5437 §2.7: the rest is the server's to say.
            _ => {}
        }
    }
    Ok(method)
}

/// Percent escapes undone; `None` if one is broken or the outcome is no UTF-8.
fn unescape(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        if octet != b'%' {
            octets.push(octet);
            continue;
        }
        let mut digit = || rest.next().and_then(|octet| char::from(octet).to_digit(16));
        let (high, low) = (digit()?, digit()?);
        octets.push(u8::try_from(high * 16 + low).ok().filter(|octet| *octet != 0)?);
    }
    String::from_utf8(octets).ok()
}

fn one_line(text: &str) -> String {
    text.split(char::is_control).filter(|piece| !piece.is_empty()).collect::<Vec<_>>().join(" ")
}

/// As much of a text as an error shows.
fn shown(text: &str) -> String {
    text.chars().take(crate::limits::TRACE_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(uri: &str) -> MailMethod {
        match Method::parse(uri) {
            Ok(Method::Mail(method)) => method,
            other => panic!("{uri}: {other:?}"),
        }
    }

    fn chat(uri: &str) -> ChatMethod {
        match Method::parse(uri) {
            Ok(Method::Chat(method)) => method,
            other => panic!("{uri}: {other:?}"),
        }
    }

    #[test]
    fn mail_methods() {
        let method = mail("mailto:alm@example.com");
        assert_eq!(method.to, ["alm@example.com".parse().unwrap()]);
        let method = mail(
            "MAILTO:a@b.test,c@d.test?to=e@f.test&cc=g@h.test&subject=New%20mail&body=a%0D%0Ab&from=x@y.test\
             &Auto-Submitted=no&X-Priority=1&resent-to=q@q.test",
        );
        assert_eq!((method.to.len(), method.cc.len()), (3, 1));
        assert_eq!(method.subject.as_deref(), Some("New mail"));
        assert_eq!(method.body.as_deref(), Some("a\r\nb"));
        assert_eq!(method.fields, [("x-priority".to_owned(), "1".to_owned())]);
        assert_eq!(mail("mailto:a@b.test?subject=x%0D%0ABcc:%20e@f.test").subject.as_deref(), Some("x Bcc: e@f.test"));
    }

    #[test]
    fn chat_methods() {
        let method = chat("xmpp:tim@example.com?message;subject=SIEVE;body=You%20got%20mail");
        assert_eq!(method.to, "tim@example.com");
        assert_eq!(method.subject.as_deref(), Some("SIEVE"));
        assert_eq!(method.body.as_deref(), Some("You got mail"));
        assert_eq!(chat("xmpp://me@here.test/you@there.test/desk").to, "you@there.test/desk");
        assert_eq!(chat("xmpp:rooms.example.com").to, "rooms.example.com");
    }

    #[test]
    fn what_is_no_method() {
        for bad in [
            "",
            "mailto:",
            "mailto:nobody",
            "mailto:a@b.test?subject",
            "mailto:a@b.test?subject=%4",
            "mailto:a@b.test?subject=%ff",
            "mailto:a@b.test?a b=1",
            "tel:+14085551212",
            "http://gw.example.net/notify?test",
            "xmpp:",
            "xmpp:@example.com",
            "xmpp:a b@example.com",
            "xmpp:a@example.com?roster;name=x",
            "xmpp://example.com",
        ] {
            assert!(Method::parse(bad).is_err(), "{bad}");
        }
        let many = format!("mailto:{}a@b.test", "a@b.test,".repeat(NOTIFY_RECIPIENTS_MAX));
        assert_eq!(Method::parse(&many), Err(BadMethod::TooMany { max: NOTIFY_RECIPIENTS_MAX }));
    }

    #[test]
    fn options() {
        assert!(is_option("urgency=high") && is_option("a.b-c_1="));
        assert!(!is_option("=x") && !is_option("x") && !is_option("a b=c") && !is_option("a=b\r\nc"));
    }
}
