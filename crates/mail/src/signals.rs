//! Everything the mail store tells its operator: one function per fact.

use account::owner::Owner;
use model::MailboxId;

/// A mailbox was read from its rows because no view of it was held.
pub(crate) fn opened(owner: &Owner, mailbox: MailboxId, messages: u32) {
    tracing::debug!(account = owner.account.0, mailbox = mailbox.0, messages, "mailbox opened");
}

/// A message found no room.
pub(crate) fn over_quota(owner: &Owner, octets: u64) {
    tracing::info!(account = owner.account.0, octets, "over quota");
}

/// A partition could not be asked for shared mailboxes; those of the others are shown.
pub(crate) fn shares_unreadable(partition: &str, error: &crate::error::Error) {
    tracing::warn!(partition, %error, "shared mailboxes cannot be listed");
}

/// An upkeep of a partition gave things up for good.
pub(crate) fn kept_up(partition: &str, accounts: usize, purged: usize, forgotten: usize) {
    tracing::info!(partition, accounts, purged, forgotten, "mail store kept up");
}

/// Counts of an account were wrong and have been made right.
pub(crate) fn repaired(owner: &Owner, repairs: usize) {
    tracing::warn!(account = owner.account.0, repairs, "mailbox counts repaired");
}

/// An account could not be kept up.
pub(crate) fn not_kept_up(owner: &Owner, error: &crate::error::Error) {
    tracing::error!(account = owner.account.0, partition = owner.partition, %error, "mail of an account not kept up");
}
