//! Reading rows: the same questions to a snapshot and to a running transaction.

use std::ops::ControlFlow;

use crate::error::Error;
use crate::key::KeyRange;
use crate::limits::PAGE_ROWS_MAX;

/// Is shown a key and its value, and says whether to go on.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, Error> + 'a;

/// A key with its value.
pub type Row = (Vec<u8>, Vec<u8>);

/// Ordered rows, read consistently.
pub trait Read {
    /// The value of `key`.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;

    /// One page of the rows of `range`, in the order of the keys.
    fn scan(&self, range: KeyRange, options: Scan) -> Result<Page, Error>;

    /// A counter kept with `Transaction::add`: 0 when there is no such row.
    fn counter(&self, key: &[u8]) -> Result<i64, Error> {
        match self.get(key)? {
            None => Ok(0),
            Some(value) => decode_counter(&value).ok_or(Error::Row("counters")),
        }
    }

    /// Shows every row of `range` in order until `visit` breaks.
    fn each(&self, range: KeyRange, visit: &mut Visit<'_>) -> Result<(), Error> {
        let mut range = range;
        loop {
            let page = self.scan(range.clone(), Scan::default())?;
            for (key, value) in &page.rows {
                if visit(key, value)?.is_break() {
                    return Ok(());
                }
            }
            match page.next {
                None => return Ok(()),
                Some(next) => range = range.resume(next, false),
            }
        }
    }
}

/// The value of a counter row.
pub(crate) fn decode_counter(value: &[u8]) -> Option<i64> {
    value.try_into().ok().map(i64::from_le_bytes)
}

/// How to scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scan {
    /// Rows of a page at most; never more than `limits::PAGE_ROWS_MAX`.
    pub limit: usize,
    /// From the greatest key down.
    pub reverse: bool,
    /// Leave the values empty.
    pub keys_only: bool,
}

impl Default for Scan {
    fn default() -> Scan {
        Scan { limit: 1000, reverse: false, keys_only: false }
    }
}

impl Scan {
    /// The first `limit` rows.
    pub fn first(limit: usize) -> Scan {
        Scan { limit, ..Scan::default() }
    }

    /// The last `limit` rows, the greatest key first.
    pub fn last(limit: usize) -> Scan {
        Scan { limit, reverse: true, ..Scan::default() }
    }

    /// The same without values.
    #[must_use]
    pub fn keys_only(self) -> Scan {
        Scan { keys_only: true, ..self }
    }

    pub(crate) fn bounded(self) -> Scan {
        Scan { limit: self.limit.clamp(1, PAGE_ROWS_MAX), ..self }
    }
}

/// Some rows, and where to go on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The rows, in the order asked for.
    pub rows: Vec<Row>,
    /// If there may be more: hand this to `KeyRange::resume`.
    pub next: Option<Vec<u8>>,
}

impl Page {
    /// A page of `rows`; `full` says that the limit, and not the range, ended it.
    pub(crate) fn new(rows: Vec<Row>, scan: Scan, full: bool) -> Page {
        let next = match rows.last() {
            Some((key, _)) if full => {
                let mut next = key.clone();
                if !scan.reverse {
                    next.push(0);
                }
                Some(next)
            }
            _ => None,
        };
        Page { rows, next }
    }
}
