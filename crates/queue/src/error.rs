//! What can go wrong in the queue.

use model::QueueId;

/// Why the queue did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The queue holds as many messages as it may: temporary.
    #[error("the queue is full: it holds {0} messages")]
    Full(usize),
    /// A message came without recipients, or with too many.
    #[error("a message cannot have {0} recipients")]
    Recipients(usize),
    /// A recipient came with more Sieve fragments than it can carry.
    #[error("a recipient carries at most {max} Sieve fragments of {octets} octets together", max = crate::limits::INSTRUCTIONS_MAX, octets = crate::limits::INSTRUCTIONS_OCTETS_MAX)]
    Instructions,
    /// The message is not in the queue (any more).
    #[error("message {0} is not in the queue")]
    NoMessage(QueueId),
    /// Somebody has taken a waiting fragment meanwhile: temporary.
    #[error("fragment {0} does not wait any more")]
    Fragment(QueueId),
    /// A row cannot be read.
    #[error("a record of the queue cannot be read: {0}")]
    Record(#[from] crate::octets::RecordError),
    /// The store failed while reading.
    #[error(transparent)]
    Storage(#[from] storage::Error),
    /// The store failed while writing.
    #[error(transparent)]
    Write(storage::WriteError),
}

impl Error {
    /// Whether trying again later may help.
    pub fn is_temporary(&self) -> bool {
        match self {
            Error::Full(_)
            | Error::Fragment(_)
            | Error::Write(storage::WriteError::NoSpace | storage::WriteError::Closed) => true,
            Error::Storage(error) | Error::Write(storage::WriteError::Storage(error)) => error.is_temporary(),
            _ => false,
        }
    }
}

impl From<storage::WriteError> for Error {
    fn from(error: storage::WriteError) -> Error {
        match error.refused::<Error>() {
            Ok(error) => error,
            Err(other) => Error::Write(other),
        }
    }
}

impl From<Error> for storage::Abort {
    fn from(error: Error) -> storage::Abort {
        match error {
            Error::Storage(error) => storage::Abort::Storage(error),
            other => storage::Abort::refuse(other),
        }
    }
}
