//! A question on its way to a meter elsewhere, and why it may come back unanswered.

use tokio::sync::oneshot;

use crate::wire::answer::Answer;

/// Why no answer came. The caller goes on as if nobody were over a quota.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// No server can be reached, or all are being left alone after a failure.
    #[error("no meter can be reached")]
    NotReached,
    /// It did not answer in time.
    #[error("the meter did not answer in time")]
    TimedOut,
    /// The connection ended before the answer.
    #[error("the connection to the meter broke")]
    Broken,
    /// Too many questions are under way.
    #[error("too many questions wait for the meter")]
    Crowded,
    /// The meter answered that it cannot: no such table, wrong key, type or argument.
    #[error("{0}")]
    Refused(String),
}

/// A question on its way.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The call's frame, under the number 0.
    pub frame: Vec<u8>,
    /// Where the answer goes.
    pub reply: oneshot::Sender<Result<Answer, Unavailable>>,
}
