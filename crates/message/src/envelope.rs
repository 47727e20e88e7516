//! The envelope as IMAP understands it: a summary of the header (RFC 9051 §7.5.2).

use crate::address::Entry;

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
        todo!()
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
        todo!()
    }
}
