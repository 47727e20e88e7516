//! Delivery status notifications: `multipart/report` (RFC 6522) with `message/delivery-status` (RFC 3464), for the
//! rules of RFC 3461 §6 and the internationalised forms of RFC 6533.

use crate::edit::Prefix;
use crate::header;
use crate::limits::LINE_OCTETS_MAX;
use crate::transfer;
use crate::word;
use model::{Address, Domain, Timestamp};
use std::fmt::Write;

/// A notification to be built.
#[derive(Clone, Debug)]
pub struct Report<'a> {
    /// Whom `From:` names, such as `MAILER-DAEMON@mx.example`; the envelope sender is always `<>`.
    pub from: &'a Address,
    /// The originator who is told.
    pub to: &'a Address,
    /// `Subject:`.
    pub subject: &'a str,
    /// `Date:`.
    pub now: Timestamp,
    /// `Message-ID:` without angle brackets.
    pub message_id: &'a str,
    /// The delimiter between the parts; one that does not occur in the original, for example with random digits.
    pub boundary: &'a str,
    /// The first part: what a person reads; lines ended by LF or CRLF.
    pub text: &'a str,
    /// `Reporting-MTA:` (RFC 3464 §2.2.2).
    pub reporting_mta: &'a Domain,
    /// `Original-Envelope-Id:`, decoded from xtext (RFC 3464 §2.2.1).
    pub envelope_id: Option<&'a str>,
    /// `Arrival-Date:` (RFC 3464 §2.2.5).
    pub arrived_at: Option<Timestamp>,
    /// `Received-From-MTA:`, the name in EHLO (RFC 3464 §2.2.4).
    pub received_from: Option<&'a str>,
    /// What happened, one entry a recipient.
    pub recipients: &'a [RecipientStatus],
    /// The third part.
    pub original: Original<'a>,
    /// Whether the originator's side takes internationalised reports (the message came with SMTPUTF8).
    pub utf8: bool,
}

/// What is known of one recipient (RFC 3464 §2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientStatus {
    /// ORCPT as the originator gave it (RFC 3461 §4.2).
    pub original: Option<OriginalRecipient>,
    /// Whom the message was for here.
    pub recipient: Address,
    /// What was done.
    pub action: Action,
    /// The enhanced status code, such as `5.1.1` (RFC 3463).
    pub status: String,
    /// Who said so (RFC 3464 §2.3.5).
    pub remote_mta: Option<String>,
    /// What was said, such as `550 5.1.1 no such user` (RFC 3464 §2.3.6).
    pub diagnostic: Option<String>,
    /// When it was last tried (RFC 3464 §2.3.7).
    pub last_attempt: Option<Timestamp>,
    /// Until when it will be tried (RFC 3464 §2.3.9).
    pub will_retry_until: Option<Timestamp>,
}

/// An ORCPT parameter, decoded (RFC 3461 §4.2, RFC 6533 §3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginalRecipient {
    /// Such as `rfc822` or `utf-8`.
    pub kind: String,
    /// The address with xtext undone.
    pub address: String,
}

/// What was done with a message for a recipient (RFC 3464 §2.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It could not be delivered.
    Failed,
    /// It has not been delivered yet.
    Delayed,
    /// It was delivered.
    Delivered,
    /// It was handed to a system that makes no notifications.
    Relayed,
    /// It went to a list and no further notification will come.
    Expanded,
}

/// What of the original is sent back (RFC 3461 §4.3, §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Original<'a> {
    /// Nothing.
    Nothing,
    /// The header of this message.
    Header(&'a [u8]),
    /// This whole message.
    Message(&'a [u8]),
}

impl Action {
    /// The word in `Action:`.
    pub fn as_str(self) -> &'static str {
        match self {
            Action::Failed => "failed",
            Action::Delayed => "delayed",
            Action::Delivered => "delivered",
            Action::Relayed => "relayed",
            Action::Expanded => "expanded",
        }
    }
}

impl Report<'_> {
    /// The finished message with CRLF line ends. It is ASCII unless `utf8` is set; a returned message that would need
    /// more than seven bits is then returned as its header, and a header that would need them in base64
    /// (RFC 6533 §6).
    pub fn build(&self) -> Vec<u8> {
        let status = self.status();
        let mut output = self.header(&status);
        self.delimiter(&mut output, "");
        self.text_part(&mut output);
        self.delimiter(&mut output, "");
        self.status_part(&mut output, &status);
        self.original_part(&mut output);
        self.delimiter(&mut output, "--");
        output
    }

    fn header(&self, status: &str) -> Vec<u8> {
        let mut prefix = Prefix::new();
        prefix
            .field("From", &format!("Mail Delivery System <{}>", self.from))
            .field("To", &format!("<{}>", self.to))
            .field("Subject", &if self.utf8 { self.subject.into() } else { word::encode(self.subject) })
            .field("Date", &self.now.rfc5322())
            .field("Message-ID", &format!("<{}>", self.message_id))
            // RFC 3834 §5: nothing may answer this automatically.
            .field("Auto-Submitted", "auto-replied")
            .field("MIME-Version", "1.0");
        let kind = status_kind(status);
        prefix.field("Content-Type", &format!("multipart/report; report-type={kind}; boundary=\"{}\"", self.boundary));
        if self.utf8 {
            prefix.field("Content-Transfer-Encoding", "8bit");
        }
        prefix.into_octets()
    }

    fn delimiter(&self, output: &mut Vec<u8>, end: &str) {
        output.extend_from_slice(format!("\r\n--{}{end}\r\n", self.boundary).as_bytes());
    }

    fn text_part(&self, output: &mut Vec<u8>) {
        let text = self.text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).collect::<Vec<_>>();
        let text = text.join("\r\n");
        let is_plain = text.is_ascii() && text.lines().all(|line| line.len() <= LINE_OCTETS_MAX);
        output.extend_from_slice(b"Content-Description: Notification\r\nContent-Type: text/plain; charset=utf-8\r\n");
        if is_plain {
            output.extend_from_slice(b"\r\n");
            output.extend_from_slice(text.as_bytes());
        } else {
            output.extend_from_slice(b"Content-Transfer-Encoding: quoted-printable\r\n\r\n");
            output.extend_from_slice(&transfer::quoted_printable(text.as_bytes()));
        }
    }

    fn status_part(&self, output: &mut Vec<u8>, status: &str) {
        let kind = status_kind(status);
        output.extend_from_slice(b"Content-Description: Delivery report\r\n");
        output.extend_from_slice(format!("Content-Type: message/{kind}\r\n").as_bytes());
        if !status.is_ascii() {
            output.extend_from_slice(b"Content-Transfer-Encoding: 8bit\r\n");
        }
        output.extend_from_slice(b"\r\n");
        output.extend_from_slice(status.as_bytes());
    }

    /// The per-message fields and, after an empty line each, those of every recipient (RFC 3464 §2.1).
    fn status(&self) -> String {
        let mut fields = Fields::default();
        // RFC 3464 §2.2.1: the identifier is written as it was before xtext.
        fields.optional("Original-Envelope-Id", self.envelope_id.map(|id| self.printable(id)));
        fields.field("Reporting-MTA", &format!("dns; {}", self.reporting_mta));
        fields.optional("Received-From-MTA", self.received_from.map(|name| format!("dns; {}", self.printable(name))));
        fields.optional("Arrival-Date", self.arrived_at.map(Timestamp::rfc5322));
        for recipient in self.recipients {
            fields.text.push_str("\r\n");
            self.recipient_fields(recipient, &mut fields);
        }
        fields.text
    }

    fn recipient_fields(&self, recipient: &RecipientStatus, fields: &mut Fields) {
        let original = recipient.original.as_ref();
        fields.optional("Original-Recipient", original.map(|original| self.original_recipient(original)));
        let address = recipient.recipient.to_string();
        fields.field("Final-Recipient", &self.typed_address(&address));
        fields.field("Action", recipient.action.as_str());
        fields.field("Status", &recipient.status);
        fields
            .optional("Remote-MTA", recipient.remote_mta.as_ref().map(|name| format!("dns; {}", self.printable(name))));
        let diagnostic = recipient.diagnostic.as_ref();
        fields.optional("Diagnostic-Code", diagnostic.map(|text| format!("smtp; {}", self.printable(text))));
        fields.optional("Last-Attempt-Date", recipient.last_attempt.map(Timestamp::rfc5322));
        fields.optional("Will-Retry-Until", recipient.will_retry_until.map(Timestamp::rfc5322));
    }

    fn original_recipient(&self, original: &OriginalRecipient) -> String {
        if original.kind.eq_ignore_ascii_case("utf-8") || !original.address.is_ascii() {
            return self.typed_address(&original.address);
        }
        format!("{};{}", original.kind, self.printable(&original.address))
    }

    /// `rfc822;` for ASCII, otherwise `utf-8;` as it is or, where only ASCII may stand, in `utf-8-addr-xtext`
    /// (RFC 6533 §3).
    fn typed_address(&self, address: &str) -> String {
        if address.is_ascii() {
            format!("rfc822;{address}")
        } else if self.utf8 {
            format!("utf-8;{address}")
        } else {
            format!("utf-8;{}", address_xtext(address))
        }
    }

    fn printable(&self, text: &str) -> String {
        let keeps = |c: char| !c.is_control() && (self.utf8 || c.is_ascii());
        text.chars()
            .map(|c| {
                if keeps(c) {
                    c
                } else if c.is_control() {
                    ' '
                } else {
                    '?'
                }
            })
            .collect()
    }

    fn original_part(&self, output: &mut Vec<u8>) {
        let (content, is_message) = match self.original {
            Original::Nothing => return,
            Original::Header(message) => (header_of(message), false),
            // A message of eight bits could only be returned whole as it is (RFC 3461 §6.2 allows its header instead).
            Original::Message(message) if !self.utf8 && !message.is_ascii() => (header_of(message), false),
            Original::Message(message) => (message, true),
        };
        let has_utf8_header = !header_of(content).is_ascii();
        let kind = match (is_message, has_utf8_header) {
            (true, false) => "message/rfc822",
            (true, true) => "message/global",
            (false, false) => "text/rfc822-headers",
            (false, true) => "message/global-headers",
        };
        self.delimiter(output, "");
        let described = if is_message { "Undelivered message" } else { "Header of the message" };
        output.extend_from_slice(format!("Content-Description: {described}\r\nContent-Type: {kind}\r\n").as_bytes());
        if content.is_ascii() {
            output.extend_from_slice(b"\r\n");
            output.extend_from_slice(content);
        } else if self.utf8 {
            output.extend_from_slice(b"Content-Transfer-Encoding: 8bit\r\n\r\n");
            output.extend_from_slice(content);
        } else {
            output.extend_from_slice(b"Content-Transfer-Encoding: base64\r\n\r\n");
            output.extend_from_slice(&transfer::base64_lines(content));
        }
    }
}

/// The subtype of the second part, which is the report's type as well (RFC 6522 §3, RFC 6533 §4).
fn status_kind(status: &str) -> &'static str {
    if status.is_ascii() { "delivery-status" } else { "global-delivery-status" }
}

fn header_of(message: &[u8]) -> &[u8] {
    message.get(..header::octets(message)).unwrap_or(message)
}

/// `utf-8-addr-xtext`: what is not printable ASCII, and `+ = \`, is `\x{…}` (RFC 6533 §3).
fn address_xtext(address: &str) -> String {
    let mut text = String::with_capacity(address.len() * 2);
    for character in address.chars() {
        if character.is_ascii_graphic() && !matches!(character, '+' | '=' | '\\') {
            text.push(character);
        } else {
            let _ = write!(text, "\\x{{{:X}}}", u32::from(character));
        }
    }
    text
}

/// Fields of a delivery status, folded so that no line is too long.
#[derive(Default)]
struct Fields {
    text: String,
}

impl Fields {
    fn field(&mut self, name: &str, value: &str) {
        let mut column = name.len() + 1;
        self.text.push_str(name);
        self.text.push(':');
        for word in value.split([' ', '\r', '\n', '\t']).filter(|word| !word.is_empty()) {
            if column > name.len() + 1 && column + 1 + word.len() > 78 {
                self.text.push_str("\r\n");
                column = 0;
            }
            self.text.push(' ');
            self.text.push_str(word);
            column += 1 + word.len();
        }
        self.text.push_str("\r\n");
    }

    fn optional(&mut self, name: &str, value: Option<String>) {
        if let Some(value) = value {
            self.field(name, &value);
        }
    }
}

#[cfg(test)]
mod tests;
