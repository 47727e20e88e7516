//! The account's row inside one transaction: read once, changed in memory, written once.

use crate::row::AccountRow;
use model::{AccountId, Modseq, UidValidity};
use storage::{Error, Read, Space, Transaction};

/// The name of the storage space that holds account rows.
pub const SPACE: &str = "account";

/// An account's row in a transaction.
#[derive(Debug)]
pub struct Ledger {
    space: Space,
    account: AccountId,
    before: AccountRow,
    /// The row as it will be written.
    pub row: AccountRow,
    is_new: bool,
}

impl Ledger {
    /// Reads the row; an account that has none yet begins with an empty one.
    pub fn open(reader: &dyn Read, space: Space, account: AccountId) -> Result<Ledger, Error> {
        let stored = row(reader, space, account)?;
        let is_new = stored.is_none();
        let row = stored.unwrap_or_default();
        Ok(Ledger { space, account, before: row.clone(), row, is_new })
    }

    /// Whether the account had no row.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// The number of this transaction's changes: one for all of them.
    pub fn modseq(&mut self) -> Modseq {
        if self.row.modseq == self.before.modseq {
            self.row.modseq += 1;
        }
        Modseq(self.row.modseq)
    }

    /// The number of this transaction's changes, if it made any.
    pub fn modseq_if_any(&self) -> Option<Modseq> {
        (self.row.modseq != self.before.modseq).then_some(Modseq(self.row.modseq))
    }

    /// A collection number never used before.
    pub fn next_collection(&mut self) -> u32 {
        self.row.last_collection += 1;
        self.row.last_collection
    }

    /// A UIDVALIDITY never used before in this account: the time, or one more than the last.
    pub fn next_uid_validity(&mut self, now_secs: u64) -> UidValidity {
        let by_time = u32::try_from(now_secs).unwrap_or(u32::MAX);
        self.row.last_uid_validity = by_time.max(self.row.last_uid_validity.saturating_add(1));
        UidValidity(self.row.last_uid_validity)
    }

    /// A thread number never used before.
    pub fn next_thread(&mut self) -> u64 {
        self.row.last_thread += 1;
        self.row.last_thread
    }

    /// Counts a new item.
    pub fn grow(&mut self, octets: u64) {
        self.row.octets = self.row.octets.saturating_add(octets);
        self.row.items += 1;
    }

    /// Counts an item that is gone.
    pub fn shrink(&mut self, octets: u64) {
        self.row.octets = self.row.octets.saturating_sub(octets);
        self.row.items = self.row.items.saturating_sub(1);
    }

    /// Writes the row if it changed.
    pub fn write(self, transaction: &mut Transaction<'_>) {
        if self.is_new || self.row != self.before {
            transaction.put(self.space.key(self.account).u8(ROW), self.row.encode());
        }
    }
}

/// The account's row as it is stored.
pub fn row(reader: &dyn Read, space: Space, account: AccountId) -> Result<Option<AccountRow>, Error> {
    match reader.get(&space.key(account).u8(ROW))? {
        None => Ok(None),
        Some(bytes) => AccountRow::decode(&bytes).map(Some).map_err(|_| Error::Row("accounts")),
    }
}

/// The kind of key below [`SPACE`] under which the row stands: account, space, 0.
const ROW: u8 = 0;

#[cfg(test)]
mod tests {
    use super::*;
    use storage::Partition;

    #[test]
    fn one_transaction_has_one_number_and_numbers_are_given_once() {
        let partition = Partition::in_memory().unwrap();
        let space = partition.space(SPACE).unwrap();
        let mut seen = Vec::new();
        for round in 0..3u64 {
            let writing = partition.write(move |transaction| {
                let mut ledger = Ledger::open(transaction, space, AccountId(7))?;
                assert_eq!(ledger.is_new(), round == 0);
                let (first, again) = (ledger.modseq(), ledger.modseq());
                assert_eq!(first, again);
                let given = (first, ledger.next_collection(), ledger.next_uid_validity(1_000), ledger.next_thread());
                ledger.grow(10);
                ledger.write(transaction);
                Ok(given)
            });
            seen.push(writing.wait().unwrap().value);
        }
        let expected = |n: u64| (Modseq(n), n as u32, UidValidity(999 + n as u32), n);
        assert_eq!(seen, [expected(1), expected(2), expected(3)]);
        let stored = row(&partition.snapshot().unwrap(), space, AccountId(7)).unwrap().unwrap();
        assert_eq!((stored.octets, stored.items), (30, 3));
        assert_eq!(row(&partition.snapshot().unwrap(), space, AccountId(8)).unwrap(), None);
    }

    #[test]
    fn what_did_not_change_is_not_written() {
        let partition = Partition::in_memory().unwrap();
        let space = partition.space(SPACE).unwrap();
        let touch = || {
            let touching = partition.write(move |transaction| {
                let ledger = Ledger::open(transaction, space, AccountId(7))?;
                ledger.write(transaction);
                Ok(())
            });
            touching.wait().unwrap();
        };
        touch();
        touch();
        let stored = row(&partition.snapshot().unwrap(), space, AccountId(7)).unwrap();
        assert_eq!(stored, Some(AccountRow::default()));
    }
}
