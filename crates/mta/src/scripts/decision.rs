//! What is to be done with a message for one account.

use mail::deliver::Target;
use mail::filing::{Destination, Filing, Placement};
use mail::scripts::{Memory, Trouble};
use queue::entry::NewEntry;

/// Kinds of messages that scripts cause, by what they are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// A message sent on.
    Redirect,
    /// An answer that somebody is away.
    Vacation,
    /// A notification.
    Notify,
    /// A copy for somebody else.
    Capture,
}

/// What the scripts of an account decided.
#[derive(Clone, Default)]
pub struct Decision {
    /// Copies to file; none where the message is dropped.
    pub placements: Vec<Placement>,
    /// What to remember.
    pub remember: Vec<Memory>,
    /// Messages to send.
    pub outgoing: Vec<(Sent, NewEntry)>,
    /// Why the message is refused.
    pub rejection: Option<String>,
    /// Why the message waits for an operator. Nothing else is done then.
    pub hold: Option<String>,
    /// That a script failed.
    pub trouble: Option<Trouble>,
    /// What a trace tells of it.
    pub notes: Vec<String>,
}

impl Decision {
    /// Whether filing is all that there is to do.
    pub fn is_local(&self) -> bool {
        self.outgoing.is_empty() && self.rejection.is_none() && self.hold.is_none()
    }

    /// What the store is to do.
    pub fn filing(&self, of: &Target) -> Filing {
        Filing {
            owner: of.owner.clone(),
            quota: of.quota,
            delivery: of.delivery,
            internal_date: None,
            placements: self.placements.clone(),
            remember: self.remember.clone(),
            trouble: self.trouble.clone(),
        }
    }

    /// Takes a copy for a mailbox that a script chose.
    pub(crate) fn keep(&mut self, placement: Placement) {
        self.placements.push(placement);
    }

    pub(crate) fn note(&mut self, text: impl Into<String>) {
        /// Notes of one message: enough to see what happened.
        const NOTES_MAX: usize = 16;
        if self.notes.len() < NOTES_MAX {
            self.notes.push(text.into());
        }
    }
}

/// The place where a message goes without scripts.
pub fn usual(of: &Target) -> Destination {
    Destination::Usual { mailbox: of.mailbox.clone(), poster: of.poster.clone() }
}
