//! What can go wrong below: one enum for reading and opening, one for a transaction that did not happen.

use std::any::Any;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a partition could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk is full. Temporary: reads go on, and writes do again once there is room.
    #[error("no space left on the disk while {operation}")]
    NoSpace {
        /// What was being done.
        operation: &'static str,
    },
    /// The operating system refused. After a failed synchronisation the partition takes no more writes until it
    /// is opened again.
    #[error("{operation} {}", path.display())]
    Io {
        /// What was being done, such as "reading".
        operation: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Bytes on the disk are not what was written. `heliograph store check` and `store repair` say more.
    #[error("{what} is damaged: {location}")]
    Corrupt {
        /// What is damaged.
        what: &'static str,
        /// Where, in words.
        location: String,
    },
    /// An earlier failure made this partition fail-stop; it must be opened again.
    #[error("the partition stopped after an earlier failure: {reason}")]
    Stopped {
        /// The earlier failure.
        reason: String,
    },
    /// The partition was closed.
    #[error("the partition is closed")]
    Closed,
    /// Another process has the partition open.
    #[error("the partition is in use by process {pid}")]
    Locked {
        /// That process, 0 if it did not say.
        pid: u32,
    },
    /// The folder was written by a program newer than this one, or is not ours.
    #[error("{} has format {found:?}; this program knows version {known}", path.display())]
    UnknownFormat {
        /// The file that says so.
        path: PathBuf,
        /// What stands in it.
        found: String,
        /// What we can read.
        known: u32,
    },
    /// The index engine failed.
    #[error("the index failed while {operation}: {message}")]
    Index {
        /// What was being done.
        operation: &'static str,
        /// What the engine said.
        message: String,
    },
    /// A blob was asked for that is not stored.
    #[error("blob {0} is not stored")]
    NoBlob(model::BlobHash),
    /// A key, value, blob or transaction is over its limit.
    #[error("{what} is too large: {octets}, at most {limit}")]
    TooLarge {
        /// What it is.
        what: &'static str,
        /// Its size.
        octets: usize,
        /// The limit (see `limits`).
        limit: usize,
    },
    /// A key lies in the space that is our own: account 0, space 0.
    #[error("a key lies in the space of the store itself")]
    ReservedKey,
    /// A row does not hold what its owner writes there.
    #[error("a row of the {0} cannot be read")]
    Row(&'static str),
    /// More transactions wait than the partition takes.
    #[error("too many transactions are waiting")]
    Overloaded,
    /// The name cannot be a space or a partition.
    #[error("{0:?} cannot name a space or a partition")]
    Name(String),
}

impl Error {
    /// Wraps what the system said; a full disk becomes [`Error::NoSpace`].
    pub(crate) fn io(operation: &'static str, path: &Path, source: io::Error) -> Error {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::NoSpace { operation },
            _ => Error::Io { operation, path: path.to_path_buf(), source },
        }
    }

    /// Whether trying the same again later may work without a person doing anything.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Error::NoSpace { .. } | Error::Overloaded | Error::Locked { .. })
    }
}

/// Why a transaction's closure does not want to commit. Everything it did is discarded.
pub enum Abort {
    /// The closure said no, with its own reason.
    Refused(Box<dyn Any + Send>),
    /// Storage failed under the closure.
    Storage(Error),
}

impl Abort {
    /// Says no with a reason that [`WriteError::refused`] hands back.
    pub fn refuse<E: Any + Send>(reason: E) -> Abort {
        Abort::Refused(Box::new(reason))
    }
}

impl From<Error> for Abort {
    fn from(error: Error) -> Abort {
        Abort::Storage(error)
    }
}

impl fmt::Debug for Abort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Abort::Refused(_) => f.write_str("Refused"),
            Abort::Storage(error) => f.debug_tuple("Storage").field(error).finish(),
        }
    }
}

/// Why a transaction did not happen. Nothing of it is visible, now or later.
#[derive(thiserror::Error)]
pub enum WriteError {
    /// The closure said no.
    #[error("the transaction was refused")]
    Refused(Box<dyn Any + Send>),
    /// The disk is full: temporary.
    #[error("no space left on the disk")]
    NoSpace,
    /// The partition was closed, or stopped before this transaction was durable.
    #[error("the partition is closed")]
    Closed,
    /// Storage failed.
    #[error(transparent)]
    Storage(Error),
    /// The closure panicked; only its own transaction is affected.
    #[error("the transaction panicked")]
    Panicked,
}

impl WriteError {
    /// The closure's own reason, or the error itself if it is another one.
    pub fn refused<E: 'static>(self) -> Result<E, WriteError> {
        match self {
            WriteError::Refused(reason) => match reason.downcast::<E>() {
                Ok(reason) => Ok(*reason),
                Err(reason) => Err(WriteError::Refused(reason)),
            },
            other => Err(other),
        }
    }
}

impl From<Error> for WriteError {
    fn from(error: Error) -> WriteError {
        match error {
            Error::NoSpace { .. } => WriteError::NoSpace,
            Error::Closed => WriteError::Closed,
            other => WriteError::Storage(other),
        }
    }
}

impl From<Abort> for WriteError {
    fn from(abort: Abort) -> WriteError {
        match abort {
            Abort::Refused(reason) => WriteError::Refused(reason),
            Abort::Storage(error) => error.into(),
        }
    }
}

impl fmt::Debug for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WriteError({self})")
    }
}
