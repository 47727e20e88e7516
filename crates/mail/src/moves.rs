//! Telling somebody what people move from one mailbox into another, so that spam filters can learn from it.

use account::owner::Owner;
use model::{MailboxId, Uid};

/// Messages that went, or were copied, from one mailbox into another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Whose mailbox they were in, and which.
    pub from: (Owner, MailboxId),
    /// Whose mailbox they are in, and which.
    pub to: (Owner, MailboxId),
    /// Under which numbers they are there.
    pub uids: Vec<Uid>,
}

/// Is told of moves and copies when they are durable. Must neither wait nor fail.
pub trait Mover: Send + Sync {
    /// These went.
    fn moved(&self, moved: Moved);
}
