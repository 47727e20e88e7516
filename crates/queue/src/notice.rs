//! What a sender is told (RFC 3461 §6, RFC 3464).

use crate::entry::{Channel, Message, NewEntry, Recipient, Route};
use crate::settings::Settings;
use message::report::{Action, Original, OriginalRecipient, RecipientStatus, Report};
use model::Timestamp;
use smtp::envelope::{BodyKind, MailFrom, RcptTo, Returned};
use std::fmt::Write;
use storage::NewBlob;

/// A recipient of whom the sender is told.
pub struct Told {
    pub recipient: Recipient,
    pub action: Action,
    /// Until when it is tried.
    pub until: Option<Timestamp>,
}

/// The notice about recipients with the same action, ready for the queue. `None` when there is nobody to tell.
pub fn build(
    settings: &Settings,
    message: &Message,
    told: &[&Told],
    original: &[u8],
    now: Timestamp,
    token: u64,
) -> Option<NewEntry> {
    let to = message.mail_from.reverse_path.as_ref()?;
    let from = settings.daemon()?;
    let action = told.first()?.action;
    let recipients: Vec<RecipientStatus> = told.iter().map(|told| status(told)).collect();
    let whole = match message.mail_from.returned {
        // RFC 8689 §5: the content of what must be private is not sent around once more.
        _ if message.mail_from.require_tls => false,
        Some(Returned::Full) => true,
        Some(Returned::Headers) => false,
        None => message.octets <= settings.return_octets_max,
    };
    let original = match action {
        Action::Failed if whole => Original::Message(original),
        _ => Original::Header(original),
    };
    let host = &settings.host;
    let octets = Report {
        from: &from,
        to,
        subject: subject(action),
        now,
        message_id: &format!("{token:016x}.{:x}@{host}", now.0),
        boundary: &format!("=_{token:016x}_{:x}", message.trace.0),
        text: &text(settings, action, told),
        reporting_mta: host,
        envelope_id: message.mail_from.envelope_id.as_deref(),
        arrived_at: Some(message.arrived_at),
        received_from: Some(message.received_from.as_str()).filter(|name| !name.is_empty()),
        recipients: &recipients,
        original,
        utf8: message.mail_from.smtputf8,
    }
    .build();
    let is_ascii = octets.is_ascii();
    let mail_from = MailFrom {
        body: if is_ascii { BodyKind::SevenBit } else { BodyKind::EightBitMime },
        smtputf8: !is_ascii && message.mail_from.smtputf8,
        require_tls: message.mail_from.require_tls,
        ..MailFrom::default()
    };
    let rcpt = RcptTo { address: to.clone(), notify: None, original: None };
    let recipients = vec![(rcpt, Route::new(Channel::Process, ""))];
    Some(NewEntry::of(mail_from, recipients, NewBlob::new(octets), message.trace))
}

fn status(told: &Told) -> RecipientStatus {
    let recipient = &told.recipient;
    let heard = recipient.heard.as_ref();
    let class = match told.action {
        Action::Failed => '5',
        Action::Delayed => '4',
        Action::Delivered | Action::Relayed | Action::Expanded => '2',
    };
    let status = heard.map(|heard| heard.status.clone());
    // A temporary reply can be the last word when the time is over (RFC 3464 §2.3.4 wants the last status).
    let fits = |status: &String| status.starts_with(class) || class == '5' && status.starts_with('4');
    RecipientStatus {
        original: recipient
            .rcpt
            .original
            .as_ref()
            .map(|original| OriginalRecipient { kind: original.kind.clone(), address: original.address.clone() }),
        recipient: recipient.rcpt.address.clone(),
        action: told.action,
        status: status.filter(fits).unwrap_or_else(|| format!("{class}.0.0")),
        remote_mta: heard.map(|heard| heard.host.clone()).filter(|host| !host.is_empty()),
        diagnostic: heard.filter(|heard| !heard.host.is_empty()).map(|heard| format!("{} {}", heard.code, heard.text)),
        last_attempt: heard.map(|heard| heard.at),
        will_retry_until: told.until.filter(|_| told.action == Action::Delayed),
    }
}

fn subject(action: Action) -> &'static str {
    match action {
        Action::Failed => "Your message could not be delivered",
        Action::Delayed => "Your message is delayed",
        Action::Delivered => "Your message was delivered",
        Action::Relayed => "Your message was passed on",
        Action::Expanded => "Your message was sent on to a list",
    }
}

fn text(settings: &Settings, action: Action, told: &[&Told]) -> String {
    let first = match action {
        Action::Failed => "Your message could not be delivered to:",
        Action::Delayed => "Your message has not been delivered yet. You need not send it again. It is waiting for:",
        Action::Delivered => "Your message was delivered to:",
        Action::Relayed => "Your message was passed on to a system that may not tell you more. It was for:",
        Action::Expanded => "Your message was sent on to the members of:",
    };
    let mut text = format!("This is the mail system at {}.\n\n{first}\n", settings.host);
    for told in told {
        let _infallible = write!(text, "\n  <{}>\n", told.recipient.rcpt.address);
        if let Some(heard) = told.recipient.heard.as_ref().filter(|_| action != Action::Delivered) {
            let host = if heard.host.is_empty() { "this system" } else { &heard.host };
            let _infallible = writeln!(text, "    {host} said: {} {}", heard.code, heard.text);
        }
        if let Some(until) = told.until.filter(|_| action == Action::Delayed) {
            let _infallible = writeln!(text, "    It will be tried until {}.", until.rfc5322());
        }
    }
    text
}
