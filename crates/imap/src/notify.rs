//! What a client wants to be told without asking (RFC 5465).

use crate::fetch::Item;
use crate::search::Scope;

/// `NOTIFY SET`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notify {
    /// Whether the state of all mailboxes is told at once (RFC 5465 §3.1).
    pub status: bool,
    /// Which mailboxes, and what of them; a mailbox in several groups belongs to the first.
    pub groups: Vec<Group>,
}

/// One group of mailboxes (RFC 5465 §8 `event-group`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The mailboxes.
    pub scope: Scope,
    /// What is told; empty is `NONE`.
    pub events: Vec<Event>,
}

/// What happens to a mailbox (RFC 5465 §5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A message came; for the selected mailbox these items of it are told.
    MessageNew(Vec<Item>),
    /// A message went.
    MessageExpunge,
    /// Flags changed.
    FlagChange,
    /// An annotation of a message changed.
    AnnotationChange,
    /// A mailbox was made, renamed or deleted.
    MailboxName,
    /// A subscription changed.
    SubscriptionChange,
    /// Metadata of a mailbox changed.
    MailboxMetadataChange,
    /// Metadata of the server changed.
    ServerMetadataChange,
    /// An event that no standard here names; the answer is `NO [BADEVENT]` (RFC 5465 §5).
    Other(String),
}
