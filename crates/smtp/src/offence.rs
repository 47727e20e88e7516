//! Every way in which a client can be wrong, and the standard's reply to it.

use crate::reply::Reply;
use crate::status::EnhancedStatus;

/// What a client did wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Offence {
    /// A line with more octets than [`crate::limits::COMMAND_OCTETS_MAX`].
    #[error("the line is longer than {limit_octets} octets")]
    LineTooLong {
        /// The limit.
        limit_octets: usize,
    },
    /// A CR or LF that is not part of a CRLF (RFC 5321 §2.3.8).
    #[error("a line must end in CR LF; a bare CR or LF ends nothing")]
    BareLineEnd,
    /// A control character or an octet that is not UTF-8.
    #[error("the line holds a control character or is not UTF-8")]
    BadOctet,
    /// A verb that this server does not know.
    #[error("the command is not known")]
    UnknownCommand,
    /// A verb that it knows and does not offer here.
    #[error("{verb} is not offered here")]
    NotOffered {
        /// The verb.
        verb: &'static str,
    },
    /// An argument that is missing or wrong.
    #[error("{what}")]
    BadArgument {
        /// What is wrong with it, in words.
        what: String,
    },
    /// An address that is wrong.
    #[error("the address is wrong: {why}")]
    BadAddress {
        /// Why.
        why: String,
        /// Whether the domain is meant, not the local part.
        is_sender: bool,
    },
    /// An address beyond ASCII without SMTPUTF8 (RFC 6531 §3.5).
    #[error("the address needs SMTPUTF8 on MAIL FROM")]
    NeedsSmtpUtf8,
    /// A parameter that is not known or not offered (RFC 5321 §4.1.1.11).
    #[error("the parameter {name} is not known or not offered")]
    UnknownParameter {
        /// Its name.
        name: String,
    },
    /// A parameter that is there twice.
    #[error("the parameter {name} is given twice")]
    RepeatedParameter {
        /// Its name.
        name: String,
    },
    /// A parameter with a wrong value.
    #[error("the value of {name} is wrong")]
    BadParameter {
        /// Its name.
        name: &'static str,
    },
    /// A command that does not fit the moment (RFC 5321 §4.1.4).
    #[error("{what}")]
    BadSequence {
        /// What should have come first.
        what: &'static str,
    },
    /// More recipients than the session takes (RFC 5321 §4.5.3.1.8).
    #[error("no more than {limit} recipients in one transaction")]
    TooManyRecipients {
        /// The limit.
        limit: usize,
    },
    /// A message with more octets than the session takes (RFC 1870 §6.1).
    #[error("the message is larger than {limit_octets} octets")]
    MessageTooLarge {
        /// The limit.
        limit_octets: u64,
    },
    /// Binary content outside BDAT (RFC 3030 §3).
    #[error("a binary body must come in BDAT")]
    BinaryNeedsBdat,
    /// Octets after STARTTLS in plain text (RFC 3207 §6).
    #[error("nothing may follow STARTTLS before the handshake")]
    PlainTextAfterStartTls,
}

impl Offence {
    /// The reply that the standards ask for.
    pub fn reply(&self) -> Reply {
        let (code, status) = match self {
            Offence::LineTooLong { .. } | Offence::BareLineEnd | Offence::BadOctet => (500, (5, 5, 2)),
            Offence::UnknownCommand => (500, (5, 5, 1)),
            Offence::NotOffered { .. } => (502, (5, 5, 1)),
            Offence::BadArgument { .. } | Offence::BadParameter { .. } | Offence::RepeatedParameter { .. } => {
                (501, (5, 5, 4))
            }
            Offence::BadAddress { is_sender: true, .. } => (501, (5, 1, 7)),
            Offence::BadAddress { .. } => (501, (5, 1, 3)),
            Offence::NeedsSmtpUtf8 => (553, (5, 6, 7)),
            Offence::UnknownParameter { .. } => (555, (5, 5, 4)),
            Offence::BadSequence { .. } | Offence::BinaryNeedsBdat => (503, (5, 5, 1)),
            Offence::TooManyRecipients { .. } => (452, (4, 5, 3)),
            Offence::MessageTooLarge { .. } => (552, (5, 3, 4)),
            Offence::PlainTextAfterStartTls => (554, (5, 5, 1)),
        };
        Reply::new(code, EnhancedStatus::new(status.0, status.1, status.2), self.to_string())
    }
}
