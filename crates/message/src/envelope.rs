//! The envelope as IMAP understands it: a summary of the header (RFC 9051 §7.5.2).

use crate::address::{self, Entry};
use crate::header::{self, Field};
use crate::limits::{ADDRESSES_MAX, ENVELOPE_TEXT_OCTETS_MAX};
use crate::word;

/// Texts are unfolded and otherwise as they came: encoded words are not decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// `Date:`.
    pub date: Option<String>,
    /// `Subject:`.
    pub subject: Option<String>,
    /// `From:`.
    pub from: Vec<Entry>,
    /// `Sender:` as it stands; see [`Envelope::sender_or_from`].
    pub sender: Vec<Entry>,
    /// `Reply-To:` as it stands; see [`Envelope::reply_to_or_from`].
    pub reply_to: Vec<Entry>,
    /// `To:`; several fields are joined.
    pub to: Vec<Entry>,
    /// `Cc:`; several fields are joined.
    pub cc: Vec<Entry>,
    /// `Bcc:`; several fields are joined.
    pub bcc: Vec<Entry>,
    /// `In-Reply-To:`.
    pub in_reply_to: Option<String>,
    /// `Message-ID:`.
    pub message_id: Option<String>,
}

impl Envelope {
    /// Reads the envelope out of a header or a whole message.
    pub fn of(message: &[u8]) -> Envelope {
        let mut envelope = Envelope::default();
        for field in header::fields(message) {
            envelope.take(&field);
        }
        envelope
    }

    fn take(&mut self, field: &Field<'_>) {
        let Ok(name) = std::str::from_utf8(field.name) else { return };
        match name.to_ascii_lowercase().as_str() {
            "date" => take_text(&mut self.date, field),
            "subject" => take_text(&mut self.subject, field),
            "from" => take_addresses(&mut self.from, field),
            "sender" => take_addresses(&mut self.sender, field),
            "reply-to" => take_addresses(&mut self.reply_to, field),
            "to" => take_addresses(&mut self.to, field),
            "cc" => take_addresses(&mut self.cc, field),
            "bcc" => take_addresses(&mut self.bcc, field),
            "in-reply-to" => take_text(&mut self.in_reply_to, field),
            "message-id" => take_text(&mut self.message_id, field),
            _ => {}
        }
    }

    /// What IMAP shows as sender: `From:` when `Sender:` is absent or empty (RFC 9051 §7.5.2).
    pub fn sender_or_from(&self) -> &[Entry] {
        if self.sender.is_empty() { &self.from } else { &self.sender }
    }

    /// What IMAP shows as reply-to: `From:` when `Reply-To:` is absent or empty (RFC 9051 §7.5.2).
    pub fn reply_to_or_from(&self) -> &[Entry] {
        if self.reply_to.is_empty() { &self.from } else { &self.reply_to }
    }

    /// The subject with encoded words decoded; empty when there is none.
    pub fn subject_text(&self) -> String {
        word::decode(self.subject.as_deref().unwrap_or_default()).into_owned()
    }
}

/// The first field of a name counts.
fn take_text(slot: &mut Option<String>, field: &Field<'_>) {
    if slot.is_none() {
        let mut text = field.unfolded().into_owned();
        text.truncate(text.floor_char_boundary(ENVELOPE_TEXT_OCTETS_MAX));
        *slot = Some(text);
    }
}

fn take_addresses(slot: &mut Vec<Entry>, field: &Field<'_>) {
    if slot.len() < ADDRESSES_MAX {
        slot.extend(address::parse(field.value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_unfolded_and_joined_and_missing_ones_replaced() {
        let envelope = Envelope::of(
            b"Date: Fri, 21 Nov 1997 09:55:06 -0600\r\nSUBJECT: =?utf-8?Q?caf=C3=A9?=\r\n two\r\nFrom: a@x\r\n\
              To: b@x\r\nTo: c@x\r\nSubject: second\r\nMessage-ID:\r\n <1@x>\r\nSender: ,\r\n\r\nCc: body@x\r\n",
        );
        assert_eq!(envelope.date.as_deref(), Some("Fri, 21 Nov 1997 09:55:06 -0600"));
        assert_eq!(envelope.subject.as_deref(), Some("=?utf-8?Q?caf=C3=A9?= two"));
        assert_eq!(envelope.subject_text(), "café two");
        assert_eq!(address::mailboxes(&envelope.to).count(), 2);
        assert_eq!(envelope.message_id.as_deref(), Some("<1@x>"));
        assert_eq!(envelope.sender_or_from(), envelope.from);
        assert_eq!(envelope.reply_to_or_from(), envelope.from);
        assert!(envelope.cc.is_empty() && envelope.in_reply_to.is_none());
    }
}
