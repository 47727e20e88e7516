//! The first rows of a long listing, held while a table is gone through, so that no more than a page is ever in memory.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::limits::LISTING_ROWS_MAX;

/// A row with what orders it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The key's octets.
    pub key: Vec<u8>,
    /// How much it counts.
    pub weight: i64,
    heaviest_first: bool,
}

impl Row {
    /// A row of a listing in the order of the keys.
    pub fn by_key(key: &[u8], weight: i64) -> Row {
        Row { key: key.to_vec(), weight, heaviest_first: false }
    }

    /// A row of a listing that begins with those that count most.
    pub fn by_weight(key: &[u8], weight: i64) -> Row {
        Row { key: key.to_vec(), weight, heaviest_first: true }
    }
}

impl Ord for Row {
    fn cmp(&self, other: &Row) -> Ordering {
        let by_weight = if self.heaviest_first { other.weight.cmp(&self.weight) } else { Ordering::Equal };
        by_weight.then_with(|| self.key.cmp(&other.key))
    }
}

impl PartialOrd for Row {
    fn partial_cmp(&self, other: &Row) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The first of all rows offered.
#[derive(Debug)]
pub struct Rows {
    first: BTreeMap<Row, String>,
    limit: usize,
}

impl Rows {
    /// At most so many.
    pub fn new(limit: usize) -> Rows {
        Rows { first: BTreeMap::new(), limit: limit.min(LISTING_ROWS_MAX) }
    }

    /// Takes a row if it is among the first; only then its words are made.
    pub fn offer(&mut self, row: Row, state: &dyn Fn() -> String) {
        if self.first.len() >= self.limit {
            if self.first.last_key_value().is_none_or(|(last, _)| *last <= row) {
                return;
            }
            self.first.pop_last();
        }
        self.first.insert(row, state());
    }

    /// All of them in their order.
    pub fn into_sorted(self) -> Vec<(Row, String)> {
        self.first.into_iter().collect()
    }
}
