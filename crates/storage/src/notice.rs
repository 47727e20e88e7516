//! What a transaction tells the rest of the program once it is durable.

use model::AccountId;

/// A hint that something changed: level-triggered, so whoever hears it reads again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Notice {
    /// Whose account.
    pub account: AccountId,
    /// Which kind of thing, numbered by the crates above.
    pub topic: u8,
    /// Which collection of it.
    pub collection: u32,
    /// How far it has come.
    pub sequence: u64,
}

/// Hears of committed transactions.
pub trait Observer: Send + Sync {
    /// Called after `notices` are durable and readable and before those who wrote them are answered. Must not block.
    fn committed(&self, notices: &[Notice]);
}
