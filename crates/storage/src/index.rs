//! The port to the index: an ordered map that follows the log and knows how far it has come.
//!
//! Every engine passes `contract`. The index need not be durable by itself; it must only never hold a part of a
//! batch, nor a position without the rows that belong to it.

use bytes::Bytes;

use crate::error::Error;
use crate::key::KeyRange;
use crate::read::{Page, Scan};
use crate::rows::{POSITION, Position};

#[cfg(test)]
mod contract;
pub mod memory;
pub mod sqlite;

/// A row to be: its key, and its value unless it goes away.
pub type Change = (Bytes, Option<Bytes>);

/// An engine.
pub trait Index: Send + Sync {
    /// A view that stays as it is now until dropped.
    fn view(&self) -> Result<Box<dyn View>, Error>;
    /// A view that always shows what was applied last.
    fn latest(&self) -> Result<Box<dyn View>, Error>;
    /// Makes the changes in order, and `position`, all together.
    fn apply(&self, changes: &[Change], position: Option<Position>) -> Result<(), Error>;
    /// Does what keeps the engine fit while others write; called in the background when `apply` asked for it.
    fn tend(&self) -> Result<(), Error>;
    /// Whether `tend` should be called.
    fn needs_tending(&self) -> bool;
    /// Makes everything that was applied durable.
    fn settle(&self) -> Result<(), Error>;
    /// What the engine finds wrong with itself.
    fn check(&self) -> Result<Vec<String>, Error>;
}

/// Rows as of some moment.
pub trait View: Send {
    /// The value of `key`.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;
    /// One page of the rows of `range`.
    fn scan(&self, range: &KeyRange, scan: Scan) -> Result<Page, Error>;

    /// Holds a view of [`Index::latest`] where it is until [`View::unpin`], so that each read need not ask anew what is
    /// latest. Engines to which that makes no difference do nothing.
    fn pin(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Lets the view follow again.
    fn unpin(&self) -> Result<(), Error> {
        Ok(())
    }

    /// How far the log has been followed; `None` in an index that was never finished.
    fn position(&self) -> Result<Option<Position>, Error> {
        match self.get(&POSITION)? {
            None => Ok(None),
            Some(row) => Position::decode(&row).map(Some).ok_or(Error::Row("index's position")),
        }
    }
}
