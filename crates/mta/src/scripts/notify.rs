//! Notifications by mail (RFC 5435, RFC 5436). Other methods are not offered.

use crate::scripts::letter::{self, Body, Letter};
use crate::scripts::run::{Away, Subject};
use crate::scripts::service::Scripts;
use crate::scripts::vacation::{is_automatic, sender};
use message::header;
use model::{Address, Timestamp};
use queue::entry::NewEntry;
use sieve::Notification;

/// Recipients of one notification.
const RECIPIENTS_MAX: usize = 10;

/// A `mailto:` URI (RFC 6068 §2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mailto {
    /// To whom.
    pub to: Vec<Address>,
    /// The subject.
    pub subject: Option<String>,
    /// The text.
    pub body: Option<String>,
}

impl Mailto {
    /// Reads a URI. Fields besides `to`, `cc`, `subject` and `body` are passed over (RFC 5436 §2.1 forbids most).
    pub fn read(uri: &str) -> Option<Mailto> {
        let scheme = uri.get(..7)?;
        if !scheme.eq_ignore_ascii_case("mailto:") {
            return None;
        }
        let (to, query) = uri.get(7..)?.split_once('?').unwrap_or((uri.get(7..)?, ""));
        let mut read = Mailto::default();
        read.add(&decoded(to)?)?;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=')?;
            let value = decoded(value)?;
            match decoded(name)?.to_ascii_lowercase().as_str() {
                "to" | "cc" => read.add(&value)?,
                "subject" => read.subject = Some(value),
                "body" => read.body = Some(value),
                _ => {}
            }
        }
        (!read.to.is_empty()).then_some(read)
    }

    fn add(&mut self, list: &str) -> Option<()> {
        for text in list.split(',').map(str::trim).filter(|text| !text.is_empty()) {
            if self.to.len() >= RECIPIENTS_MAX {
                return None;
            }
            self.to.push(text.parse().ok()?);
        }
        Some(())
    }
}

/// Undoes percent-encoding (RFC 3986 §2.1).
fn decoded(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        if octet != b'%' {
            octets.push(octet);
            continue;
        }
        let digit = |octet: Option<u8>| char::from(octet?).to_digit(16);
        let (high, low) = (digit(rest.next())?, digit(rest.next())?);
        octets.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(octets).ok()
}

/// The notification with its octets, or why there is none.
///
/// # Errors
/// The directory is away.
pub async fn letter(
    scripts: &Scripts,
    subject: &Subject<'_>,
    octets: &[u8],
    wanted: &Notification,
    now: Timestamp,
) -> Result<Result<(NewEntry, Vec<u8>), &'static str>, Away> {
    let Some(mailto) = Mailto::read(&wanted.method) else { return Ok(Err("the method of notification is not known")) };
    // RFC 5436 §2.7.1: what programs send is not told of, or it would never end.
    let is_answer = header::find(octets, "Auto-Submitted")
        .is_some_and(|field| !field.unfolded().trim().to_ascii_lowercase().starts_with("no"));
    let is_daemon = subject.sender.is_some_and(|sender| {
        is_automatic(sender, b"\r\n").is_some() && sender.local.as_str().eq_ignore_ascii_case("mailer-daemon")
    });
    if is_answer || is_daemon {
        return Ok(Err("nobody is told of a message that a program sent"));
    }
    let (from, address) = sender(scripts, subject, wanted.from.as_deref()).await?;
    let field = |name: &str| header::find(octets, name).map(|field| field.decoded()).unwrap_or_default();
    let line = wanted.message.clone().or_else(|| mailto.subject.clone()).unwrap_or_else(|| field("Subject"));
    let text = mailto.body.clone().unwrap_or_else(|| {
        format!("A message has come.\n\nFrom: {}\nTo: {}\nSubject: {}\n", field("From"), field("To"), field("Subject"))
    });
    let importance = match wanted.importance {
        1 => "high",
        3 => "low",
        _ => "normal",
    };
    let to: Vec<String> = mailto.to.iter().map(|to| format!("<{to}>")).collect();
    let written = Letter {
        from,
        to: to.join(", "),
        subject: line.lines().next().unwrap_or_default(),
        host: &scripts.settings.host,
        now,
        token: scripts.parts.random.u64(),
        fields: vec![
            ("Auto-Submitted", format!("auto-notified; owner-email=\"{}\"", subject.account.address)),
            ("Importance", importance.to_owned()),
        ],
        body: Body::Text(&text),
    }
    .write();
    // RFC 5436 §2.7: a null sender stays one.
    let envelope = subject.sender.and(address);
    let entry = letter::entry(envelope, mailto.to, written.clone(), subject.trace);
    Ok(Ok((entry, written)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_read() {
        let read = Mailto::read("mailto:a@b.test,c@d.test?subject=one%20two&body=x%0Ay&bcc=e@f.test").unwrap();
        assert_eq!(read.to.len(), 2);
        assert_eq!((read.subject.as_deref(), read.body.as_deref()), (Some("one two"), Some("x\ny")));
        assert_eq!(Mailto::read("MAILTO:?to=a%40b.test").map(|read| read.to.len()), Some(1));
        for bad in ["", "mailto:", "xmpp:a@b.test", "mailto:nobody", "mailto:a@b.test?subject=%zz", "mailto:a%4"] {
            assert_eq!(Mailto::read(bad), None, "{bad}");
        }
    }
}
