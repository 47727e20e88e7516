//! Messages sent on (RFC 5228 §4.2, RFC 6009) and copies for others.

use crate::scripts::letter::{self, Body, Letter};
use crate::scripts::service::Scripts;
use crate::scripts::subject::Subject;
use message::edit::Prefix;
use message::header;
use model::{Address, Timestamp, TraceId};
use queue::entry::NewEntry;
use sieve::RedirectOptions;
use smtp::envelope::{DeliverBy, DeliverByMode, MailFrom, Notify, Returned};
use storage::NewBlob;

/// The message on its way to another address. The sender stays who it was; `Delivered-To` on top tells where it has been.
pub fn onward(subject: &Subject<'_>, to: Address, options: &RedirectOptions, octets: &[u8]) -> NewEntry {
    let mut prefix = Prefix::new();
    prefix.field("Delivered-To", &subject.account.address);
    let mut whole = prefix.into_octets();
    whole.extend_from_slice(without_return_path(octets));
    let mail_from = MailFrom {
        reverse_path: subject.sender.cloned(),
        returned: options.returns_full.map(|full| if full { Returned::Full } else { Returned::Headers }),
        deliver_by: options.by.map(|by| DeliverBy {
            secs: by.seconds,
            mode: if by.returns { DeliverByMode::Return } else { DeliverByMode::Notify },
            trace: by.traces,
        }),
        ..letter::kinds(&whole)
    };
    let notify =
        options.notify.map(|notify| Notify { success: notify.success, failure: notify.failure, delay: notify.delay });
    NewEntry::of(mail_from, vec![letter::recipient(to, notify)], NewBlob::new(whole), subject.trace)
}

/// The envelope of a message, as a copy of it names it.
pub struct Envelope<'a> {
    /// The sender; `None` is the null sender.
    pub sender: Option<&'a Address>,
    /// The recipients.
    pub to: Vec<&'a Address>,
}

/// A copy with its envelope, for somebody who keeps an eye on it.
pub fn capture(
    scripts: &Scripts,
    trace: TraceId,
    envelope: &Envelope<'_>,
    to: Vec<Address>,
    octets: &[u8],
    now: Timestamp,
) -> NewEntry {
    /// Recipients that a copy names: enough to see whom a message was for.
    const NAMED_MAX: usize = 100;
    let sender = envelope.sender.map_or_else(String::new, ToString::to_string);
    let mut text = format!("Envelope of the message below:\n\nfrom <{sender}>\n");
    envelope.to.iter().take(NAMED_MAX).for_each(|one| text.push_str(&format!("to <{one}>\n")));
    let more = envelope.to.len().saturating_sub(NAMED_MAX);
    if more > 0 {
        text.push_str(&format!("and to {more} more\n"));
    }
    let mut all: Vec<Address> = Vec::with_capacity(to.len());
    to.into_iter().for_each(|one| {
        if !all.contains(&one) {
            all.push(one);
        }
    });
    let host = &scripts.settings.host;
    let octets = Letter {
        from: format!("<MAILER-DAEMON@{host}>"),
        to: all.iter().map(|one| format!("<{one}>")).collect::<Vec<_>>().join(", "),
        subject: "Copy of a message",
        host,
        now,
        token: scripts.parts.random.u64(),
        fields: vec![("Auto-Submitted", "auto-generated".to_owned())],
        body: Body::Enclosing(&text, without_return_path(octets)),
    }
    .write();
    letter::entry(None, all, octets, trace)
}

/// The message without the field that only the last host writes on top (RFC 5321 §4.4).
fn without_return_path(octets: &[u8]) -> &[u8] {
    let first = header::fields(octets).next().filter(|field| field.is("return-path"));
    let end = first.and_then(|field| usize::try_from(field.span.end).ok()).unwrap_or(0);
    octets.get(end..).unwrap_or(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_field_on_top_goes() {
        assert_eq!(without_return_path(b"Return-Path: <a@b>\r\nTo: x\r\n\r\n"), b"To: x\r\n\r\n");
        assert_eq!(without_return_path(b"To: x\r\nReturn-Path: <>\r\n\r\n"), b"To: x\r\nReturn-Path: <>\r\n\r\n");
    }
}
