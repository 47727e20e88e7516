//! What a session holds of its mailbox and hands to its commands; below the session, so that no files import each other.

use account::rights::Rights;
use imap::command::StoreMode;
use mail::change::Place;
use mail::view::View;
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
