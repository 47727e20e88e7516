//! The envelope: who sends, who receives, and what the extensions say about both.

use model::Address;

/// Where notices go: an address, or nowhere for a null sender (RFC 5321 §4.5.5).
pub type ReversePath = Option<Address>;

/// What `MAIL FROM` says (RFC 5321 §4.1.1.2 and the extensions).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailFrom {
    /// The reverse-path; `None` is `<>`.
    pub reverse_path: ReversePath,
    /// Octets that the client announced (RFC 1870 §6).
    pub size_octets: Option<u64>,
    /// What kind of octets the body has (RFC 6152 §2, RFC 3030 §3).
    pub body: BodyKind,
    /// Whether addresses and header may use UTF-8 (RFC 6531 §3.4).
    pub smtputf8: bool,
    /// How much of the message a failure notice returns (RFC 3461 §4.3).
    pub returned: Option<Returned>,
    /// The sender's name for this envelope, decoded (RFC 3461 §4.4).
    pub envelope_id: Option<String>,
    /// Whether every hop must use verified TLS (RFC 8689 §2).
    pub require_tls: bool,
    /// When the message may leave (RFC 4865 §4).
    pub hold: Option<Hold>,
    /// Until when it must be delivered (RFC 2852 §4).
    pub deliver_by: Option<DeliverBy>,
    /// Priority from -9 to 9 (RFC 6710 §4).
    pub priority: Option<i8>,
    /// Who submitted the message as far as the client knows (RFC 4954 §5); `Some(None)` is `<>`.
    pub submitter: Option<Option<String>>,
}

/// One `RCPT TO` (RFC 5321 §4.1.1.3 and the extensions).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RcptTo {
    /// The address.
    pub address: Address,
    /// When to notify the sender; `None` leaves it to the rules (RFC 3461 §4.1).
    pub notify: Option<Notify>,
    /// The recipient as the sender named it (RFC 3461 §4.2).
    pub original: Option<OriginalRecipient>,
}

/// The kind of octets in a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum BodyKind {
    /// ASCII in lines.
    #[default]
    SevenBit,
    /// Any octets in lines (RFC 6152).
    EightBitMime,
    /// Any octets, no lines; only with BDAT (RFC 3030 §3).
    BinaryMime,
}

/// `RET` (RFC 3461 §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returned {
    /// The whole message.
    Full,
    /// Its header.
    Headers,
}

/// `NOTIFY` (RFC 3461 §4.1). All false is `NEVER`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notify {
    /// Tell of success.
    pub success: bool,
    /// Tell of failure.
    pub failure: bool,
    /// Tell of delay.
    pub delay: bool,
}

impl Notify {
    /// Whether nothing is ever told.
    pub fn is_never(self) -> bool {
        self == Notify::default()
    }
}

/// `ORCPT` (RFC 3461 §4.2): address type and decoded address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginalRecipient {
    /// The address type, such as `rfc822`, in lower case.
    pub kind: String,
    /// The address, decoded.
    pub address: String,
}

/// `HOLDFOR` or `HOLDUNTIL` (RFC 4865 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// So many seconds from now.
    ForSecs(u64),
    /// Until this moment, in milliseconds since 1970.
    Until(model::Timestamp),
}

/// `BY` (RFC 2852 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliverBy {
    /// Seconds from now; may be negative in mode `Notify`.
    pub secs: i64,
    /// What happens when they have passed.
    pub mode: DeliverByMode,
    /// Whether relaying is reported (`T`).
    pub trace: bool,
}

/// What happens when the time of [`DeliverBy`] has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliverByMode {
    /// The message is returned.
    Return,
    /// The sender is told and delivery goes on.
    Notify,
}

/// An envelope with its recipients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// The sender's half.
    pub mail_from: MailFrom,
    /// The recipients, in the order in which they were accepted.
    pub recipients: Vec<RcptTo>,
}
