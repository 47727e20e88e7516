//! What can go wrong, and whose fault it is.

use storage::{Abort, WriteError};

/// Why something was not done. Nothing of it happened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No mailbox has this name or number.
    #[error("there is no such mailbox")]
    NoMailbox,
    /// A mailbox has this name already.
    #[error("a mailbox of this name exists")]
    MailboxExists,
    /// INBOX cannot be deleted, and no mailbox can be renamed to it or below itself.
    #[error("INBOX cannot be deleted or replaced, and a mailbox cannot move below itself")]
    Unmovable,
    /// The name cannot be a mailbox's.
    #[error("the name cannot be used: {0}")]
    BadName(&'static str),
    /// A special use that another mailbox has.
    #[error("another mailbox has this special use")]
    SpecialUseTaken,
    /// More of something than is kept.
    #[error("there are too many {0}")]
    TooMany(&'static str),
    /// An identifier of an access control list that is empty or too long.
    #[error("the identifier cannot be used")]
    BadIdentifier,
    /// The name of an annotation that is too long or holds control characters.
    #[error("the entry name cannot be used")]
    BadEntry,
    /// A keyword that is too long or holds what no keyword may.
    #[error("the keyword cannot be used")]
    BadKeyword,
    /// Something larger than is kept.
    #[error("{0} is too large")]
    TooLarge(&'static str),
    /// The owner's quota leaves no room.
    #[error("the quota leaves no room")]
    OverQuota,
    /// What scripts decided upon is not so any more: they must decide again.
    #[error("the scripts decided upon what has changed since")]
    Outdated,
    /// No script has this name.
    #[error("there is no such script")]
    NoScript,
    /// A script has this name already.
    #[error("a script of this name exists")]
    ScriptExists,
    /// The active script cannot be deleted.
    #[error("the script is active")]
    ScriptActive,
    /// A script's name that is empty, too long or holds control characters.
    #[error("the name cannot be a script's")]
    BadScriptName,
    /// No message has this UID.
    #[error("there is no such message")]
    NoMessage,
    /// No partition has this nickname, or it is not open: temporary.
    #[error("the partition {0} is not open")]
    NoPartition(String),
    /// The disk is full: temporary.
    #[error("the disk is full")]
    NoSpace,
    /// The store does not take this now: temporary.
    #[error("the mail store is away")]
    Unavailable(#[source] storage::Error),
    /// The store is closing, or failed and must be opened again: temporary.
    #[error("the mail store is closed")]
    Closed,
}

impl Error {
    /// Whether the whole partition, and not only what was asked for, is away.
    pub(crate) fn is_everywhere(&self) -> bool {
        matches!(self, Error::NoPartition(_) | Error::NoSpace | Error::Closed)
    }

    /// Whether the same may succeed later.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Error::NoPartition(_) | Error::NoSpace | Error::Unavailable(_) | Error::Closed | Error::Outdated)
    }
}

impl From<storage::Error> for Error {
    fn from(error: storage::Error) -> Error {
        match error {
            storage::Error::NoSpace { .. } => Error::NoSpace,
            storage::Error::Closed => Error::Closed,
            storage::Error::TooLarge { what, .. } => Error::TooLarge(what),
            other => Error::Unavailable(other),
        }
    }
}

impl From<WriteError> for Error {
    fn from(error: WriteError) -> Error {
        match error.refused::<Error>() {
            Ok(error) => error,
            Err(WriteError::NoSpace) => Error::NoSpace,
            Err(WriteError::Storage(error)) => error.into(),
            Err(_) => Error::Closed,
        }
    }
}

impl From<Error> for Abort {
    fn from(error: Error) -> Abort {
        match error {
            Error::Unavailable(error) => Abort::Storage(error),
            other => Abort::refuse(other),
        }
    }
}
