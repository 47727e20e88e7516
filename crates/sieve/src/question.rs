//! What a run must ask of the world, and what it is answered.

use std::sync::Arc;

use crate::effect::DuplicateKey;
use crate::program::Script;

/// A question. The same one is asked once in a run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Question {
    /// Whether there is such a mailbox and the user may file into it (RFC 5490 §3.1). Wants [`Answer::Is`].
    MailboxExists(String),
    /// The same by its identifier (RFC 9042 §5). Wants [`Answer::Is`].
    MailboxIdExists(String),
    /// Whether the uses are assigned to the mailbox, or to any (RFC 8579 §3). Wants [`Answer::Is`].
    SpecialUseExists {
        /// The mailbox.
        mailbox: Option<String>,
        /// The use, such as `\Junk`.
        special_use: String,
    },
    /// An annotation's value, of the server if there is no mailbox (RFC 5490 §3.3, §4.1). Wants [`Answer::Text`].
    Metadata {
        /// The mailbox.
        mailbox: Option<String>,
        /// The annotation's name.
        annotation: String,
    },
    /// Whether a value is in an external list (RFC 6134 §2.2). Wants [`Answer::Is`].
    InList {
        /// The list.
        list: String,
        /// What may be in it.
        value: String,
    },
    /// Whether there is such a list (RFC 6134 §2.3). Wants [`Answer::Is`].
    ListExists(String),
    /// Whether such a message came before (RFC 7352 §3). Wants [`Answer::Is`].
    IsDuplicate(DuplicateKey),
    /// Whether a notification method can be used (RFC 5435 §4). Wants [`Answer::Is`].
    ValidMethod(String),
    /// What a method says of a capability such as `online` (RFC 5435 §5). Wants [`Answer::Text`].
    MethodCapability {
        /// The URI.
        method: String,
        /// The capability.
        capability: String,
    },
    /// Another script (RFC 6609 §3.2). Wants [`Answer::Script`].
    Script {
        /// Its name.
        name: String,
        /// Whether it is the server's rather than the user's.
        is_global: bool,
    },
}

/// An answer.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Yes or no.
    Is(bool),
    /// A value, if there is one.
    Text(Option<String>),
    /// A script; `None` if there is none of that name.
    Script(Option<Arc<Script>>),
    /// It cannot be told; the run fails and the message is kept.
    Unknown(String),
}

impl Question {
    /// Octets of what it asks about.
    pub(crate) fn octets(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        match self {
            Question::MailboxExists(text)
            | Question::MailboxIdExists(text)
            | Question::ListExists(text)
            | Question::ValidMethod(text)
            | Question::Script { name: text, .. } => text.len(),
            Question::SpecialUseExists { mailbox, special_use } => length(mailbox) + special_use.len(),
            Question::Metadata { mailbox, annotation } => length(mailbox) + annotation.len(),
            Question::InList { list, value } => list.len() + value.len(),
            Question::IsDuplicate(key) => key.handle.len() + key.id.len(),
            Question::MethodCapability { method, capability } => method.len() + capability.len(),
        }
    }

    /// Whether `answer` answers it.
    pub(crate) fn takes(&self, answer: &Answer) -> bool {
        let wants_text = matches!(self, Question::Metadata { .. } | Question::MethodCapability { .. });
        match answer {
            Answer::Unknown(_) => true,
            Answer::Script(_) => matches!(self, Question::Script { .. }),
            Answer::Text(_) => wants_text,
            Answer::Is(_) => !wants_text && !matches!(self, Question::Script { .. }),
        }
    }
}
