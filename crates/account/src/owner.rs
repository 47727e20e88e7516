//! Whose collections are meant, and where they lie.

use model::AccountId;

/// An account and the nickname of the partition it lives on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// The account.
    pub account: AccountId,
    /// The partition's nickname.
    pub partition: String,
}

impl Owner {
    /// Puts the two together.
    pub fn new(account: AccountId, partition: impl Into<String>) -> Owner {
        Owner { account, partition: partition.into() }
    }
}
