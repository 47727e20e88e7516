//! For whom scripts run.

use directory::entry::Account;
use mail::deliver::Target;
use model::{Address, TraceId};
use queue::entry::Scores;

/// For whom scripts run, and what is known of the message besides its text.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The transaction's name.
    pub trace: TraceId,
    /// The envelope sender; `None` is the null sender.
    pub sender: Option<&'a Address>,
    /// The envelope recipient.
    pub recipient: &'a Address,
    /// The account behind it.
    pub account: &'a Account,
    /// How the message would be filed without scripts.
    pub target: &'a Target,
    /// Fragments of filters and policy.
    pub instructions: &'a [String],
    /// What filters found.
    pub scores: Scores,
    /// Who had logged in to send it.
    pub authenticated: Option<&'a str>,
    /// Whether an operator has let it go on: `hold` does nothing then.
    pub is_released: bool,
}

/// What scripts need is away: the message must wait.
#[derive(Debug, thiserror::Error)]
#[error("what scripts need is away: {0}")]
pub struct Away(pub String);
