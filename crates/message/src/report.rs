//! Delivery status notifications: `multipart/report` (RFC 6522) with `message/delivery-status` (RFC 3464), for the
//! rules of RFC 3461 §6 and the internationalised forms of RFC 6533.

use model::{Address, Domain, Timestamp};

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

impl Report<'_> {
    /// The finished message with CRLF line ends. It needs 8BITMIME or SMTPUTF8 only as far as `utf8` or the returned
    /// original do.
    pub fn build(&self) -> Vec<u8> {
        todo!()
    }
}
