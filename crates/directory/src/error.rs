//! What can go wrong, and whose fault it is.

use storage::WriteError;

/// Why the directory did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The directory cannot be asked now: temporary, and never to be taken for "no such user".
    #[error("the directory is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// There is no such entry.
    #[error("there is no {kind} {name}")]
    Missing {
        /// What was asked for.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// The name is taken.
    #[error("{name} exists already, as {kind}")]
    Taken {
        /// What has the name.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// The entry is still needed by others.
    #[error("{name} is still in use: {by}")]
    InUse {
        /// The entry.
        name: String,
        /// By whom.
        by: String,
    },
    /// Something larger than is kept.
    #[error("{what}: at most {limit}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How much there may be.
        limit: usize,
    },
    /// A password that is empty or too long.
    #[error("a password has 1 to 1024 octets and no control characters")]
    BadPassword,
}

impl Error {
    /// Wraps a failure below.
    pub fn unavailable(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error::Unavailable(cause.into())
    }

    /// Whether the same may succeed later.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Error::Unavailable(_))
    }
}

impl From<storage::Error> for Error {
    fn from(error: storage::Error) -> Error {
        Error::unavailable(error)
    }
}

impl From<WriteError> for Error {
    fn from(error: WriteError) -> Error {
        match error.refused::<Error>() {
            Ok(error) => error,
            Err(other) => Error::unavailable(other.to_string()),
        }
    }
}

impl From<Error> for storage::Abort {
    fn from(error: Error) -> storage::Abort {
        storage::Abort::refuse(error)
    }
}
