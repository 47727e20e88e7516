//! What a session holds of its mailbox and hands to its commands; below the session, so that no files import each other.

use account::rights::Rights;
use events::Subscription;
use imap::command::{Numbers, StoreMode};
use imap::notify::Group;
use imap::search::Key;
use mail::annotation::Annotation;
use mail::change::Place;
use mail::view::View;
use model::{AccountId, MailboxId, Modseq};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A selected mailbox as the client knows it.
pub(crate) struct Selected {
    pub place: Place,
    /// What the client has been told: message numbers are positions in it.
    pub view: Arc<View>,
    pub rights: Rights,
    pub read_only: bool,
}

impl Selected {
    /// The UID of the last message.
    pub fn largest_uid(&self) -> u32 {
        self.view.len().checked_sub(1).and_then(|last| self.view.get(last)).map_or(0, |row| row.uid.0)
    }
}

/// What a STORE wants.
pub(crate) struct Wanted {
    pub mode: StoreMode,
    pub silent: bool,
    pub flags: Vec<String>,
    pub unchanged_since: Option<u64>,
}

/// A search whose result is kept up to date (RFC 5267).
pub(crate) struct Context {
    /// The search's tag as a string.
    pub tag: String,
    pub numbers: Numbers,
    pub key: Key,
    /// What fits now.
    pub uids: BTreeSet<u32>,
}

/// What a client wants to be told of, and what it knows (RFC 5465).
pub(crate) struct Watch {
    pub groups: Vec<Group>,
    pub subscription: Subscription,
    pub seen: BTreeMap<(AccountId, MailboxId), Seen>,
    pub subscriptions: BTreeSet<String>,
    /// Of the account.
    pub annotations: Vec<Annotation>,
}

/// A mailbox as a watching client knows it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub name: String,
    pub is_own: bool,
    pub messages: u32,
    pub uid_next: u32,
    pub modseq: Modseq,
    pub annotations: Vec<Annotation>,
}
