//! Notifications by mail (RFC 5435, RFC 5436). Other methods are not offered.

use crate::scripts::letter::{self, Body, Letter};
use crate::scripts::service::Scripts;
use crate::scripts::subject::{Away, Subject};
use crate::scripts::vacation::sender;
use message::header;
use model::{Address, Timestamp};
use queue::entry::NewEntry;
use sieve::{Method, Notification};

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
    let Ok(Method::Mail(mailto)) = Method::parse(&wanted.method) else {
        return Ok(Err("the method of notification is not known here"));
    };
    // RFC 5436 §2.7.1: what programs send is not told of, or it would never end.
    let is_answer = header::find(octets, "Auto-Submitted")
        .is_some_and(|field| !field.unfolded().trim().to_ascii_lowercase().starts_with("no"));
    let is_daemon = subject.sender.is_some_and(|sender| sender.local.as_str().eq_ignore_ascii_case("mailer-daemon"));
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
    let list = |of: &[Address]| of.iter().map(|one| format!("<{one}>")).collect::<Vec<_>>().join(", ");
    let mut fields: Vec<(&str, String)> =
        mailto.fields.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    if !mailto.cc.is_empty() {
        fields.push(("Cc", list(&mailto.cc)));
    }
    fields.push(("Auto-Submitted", format!("auto-notified; owner-email=\"{}\"", subject.account.address)));
    fields.push(("Importance", importance.to_owned()));
    let written = Letter {
        from,
        to: list(&mailto.to),
        subject: line.lines().next().unwrap_or_default(),
        host: &scripts.settings.host,
        now,
        token: scripts.parts.random.u64(),
        fields,
        body: Body::Text(&text),
    }
    .write();
    // RFC 5436 §2.7: a null sender stays one.
    let envelope = subject.sender.and(address);
    let entry = letter::entry(envelope, [mailto.to, mailto.cc].concat(), written.clone(), subject.trace);
    Ok(Ok((entry, written)))
}
