//! Why a filter gave no answer.

use std::time::Duration;

/// A filter gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No connection to a host.
    #[error("cannot connect to {host}: {why}")]
    Connect {
        /// The host as it is configured.
        host: String,
        /// Why.
        why: String,
    },
    /// All hosts are left alone for a moment because they failed before.
    #[error("its hosts failed before and are left alone for a moment")]
    Resting,
    /// As many messages as allowed are with the filter already, for too long.
    #[error("all its connections were busy for {} ms", .0.as_millis())]
    Busy(Duration),
    /// The filter was silent for too long.
    #[error("{host} was silent for too long while {phase}")]
    TimedOut {
        /// The host.
        host: String,
        /// What was waited for.
        phase: &'static str,
    },
    /// The connection ended in the middle.
    #[error("{host} closed the connection while {phase}")]
    Lost {
        /// The host.
        host: String,
        /// What was waited for.
        phase: &'static str,
    },
    /// An answer that cannot be understood.
    #[error("{host} answered strangely: {why}")]
    Strange {
        /// The host.
        host: String,
        /// What is wrong with it.
        why: String,
    },
    /// The filter says that it cannot judge this message.
    #[error("{host} could not judge the message: {why}")]
    Declined {
        /// The host.
        host: String,
        /// What it said.
        why: String,
    },
}

impl Failure {
    /// The word under which it is counted.
    pub fn kind(&self) -> &'static str {
        match self {
            Failure::Connect { .. } => "connect",
            Failure::Resting => "resting",
            Failure::Busy(_) => "busy",
            Failure::TimedOut { .. } => "timeout",
            Failure::Lost { .. } => "lost",
            Failure::Strange { .. } => "strange",
            Failure::Declined { .. } => "declined",
        }
    }
}

/// An answer that is not as its protocol asks for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Strange(pub String);

impl Strange {
    /// What is wrong with it.
    pub fn new(why: &str) -> Strange {
        Strange(why.to_owned())
    }
}
