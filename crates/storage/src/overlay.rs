//! The rows of groups that are on their way to the log and the index, so that the executor sees them already.
//!
//! A row leaves the overlay only after the index holds it; what the overlay does not name has not changed.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

use bytes::Bytes;

use crate::error::Error;
use crate::index::View;
use crate::key::KeyRange;
use crate::read::{Page, Row, Scan};

/// Rows to be, by key: the value, or `None` for a row that goes away.
pub type Rows = BTreeMap<Bytes, Option<Bytes>>;

/// Rows of groups on their way.
#[derive(Default)]
pub struct Overlay {
    rows: BTreeMap<Bytes, (u64, Option<Bytes>)>,
    groups: VecDeque<(u64, Vec<Bytes>)>,
}

impl Overlay {
    /// Adds rows of the group `sequence`, which is the newest.
    pub fn insert(&mut self, sequence: u64, rows: &Rows) {
        if self.groups.back().is_none_or(|(last, _)| *last != sequence) {
            self.groups.push_back((sequence, Vec::new()));
        }
        for (key, value) in rows {
            self.rows.insert(key.clone(), (sequence, value.clone()));
        }
        if let Some((_, keys)) = self.groups.back_mut() {
            keys.extend(rows.keys().cloned());
        }
    }

    /// Forgets what the index holds now that it has come to `sequence`.
    pub fn retire(&mut self, sequence: u64) {
        while self.groups.front().is_some_and(|(group, _)| *group <= sequence) {
            let Some((group, keys)) = self.groups.pop_front() else { return };
            for key in keys {
                if self.rows.get(&key).is_some_and(|(last, _)| *last == group) {
                    self.rows.remove(&key);
                }
            }
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.groups.clear();
    }

    /// The row, if it is on its way.
    pub fn get(&self, key: &[u8]) -> Option<&Option<Bytes>> {
        self.rows.get(key).map(|(_, value)| value)
    }
}

/// Three layers read as one: a transaction's own rows, over those on their way, over the index.
pub struct Layers<'a> {
    /// The transaction's own rows.
    pub own: &'a Rows,
    /// The rows on their way.
    pub overlay: &'a Overlay,
    /// The index.
    pub index: &'a dyn View,
}

impl Layers<'_> {
    /// The value of `key`.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        match self.own.get(key).or_else(|| self.overlay.get(key)) {
            Some(value) => Ok(value.as_ref().map(|value| value.to_vec())),
            None => self.index.get(key),
        }
    }

    /// One page of the rows of `range`.
    pub fn scan(&self, range: &KeyRange, scan: Scan) -> Result<Page, Error> {
        let scan = scan.bounded();
        if range.is_empty() {
            return Ok(Page::default());
        }
        let mut own = directed(self.own.range::<[u8], _>(bounds(range)), scan.reverse).peekable();
        let overlay = self.overlay.rows.range::<[u8], _>(bounds(range)).map(|(key, (_, value))| (key, value));
        let mut overlay = directed(overlay, scan.reverse).peekable();
        if own.peek().is_none() && overlay.peek().is_none() {
            return self.index.scan(range, scan);
        }
        let mut index = Below { view: self.index, rest: Some(range.clone()), scan, page: VecDeque::new() };
        let mut rows = Vec::new();
        while rows.len() < scan.limit {
            let candidates = [own.peek().map(|(key, _)| key.as_ref()), overlay.peek().map(|(key, _)| key.as_ref())];
            let below = index.peek()?;
            let keys = candidates.into_iter().flatten().chain(below);
            let Some(next) = (if scan.reverse { keys.max() } else { keys.min() }) else {
                return Ok(Page::new(rows, scan, false));
            };
            let next = next.to_vec();
            let mine = own.next_if(|(key, _)| **key == next);
            let coming = overlay.next_if(|(key, _)| **key == next);
            let stored = index.next_if(&next);
            let value = match mine.or(coming) {
                Some((_, value)) => value.as_ref().map(|value| value.to_vec()),
                None => stored.map(|(_, value)| value),
            };
            if let Some(value) = value {
                rows.push((next, if scan.keys_only { Vec::new() } else { value }));
            }
        }
        Ok(Page::new(rows, scan, true))
    }
}

/// The rows of the index, fetched as they are needed.
struct Below<'a> {
    view: &'a dyn View,
    rest: Option<KeyRange>,
    scan: Scan,
    page: VecDeque<Row>,
}

impl Below<'_> {
    fn peek(&mut self) -> Result<Option<&[u8]>, Error> {
        while self.page.is_empty() {
            let Some(range) = self.rest.take() else { return Ok(None) };
            let page = self.view.scan(&range, self.scan)?;
            self.page = page.rows.into();
            self.rest = page.next.map(|next| range.resume(next, self.scan.reverse));
        }
        Ok(self.page.front().map(|(key, _)| key.as_slice()))
    }

    fn next_if(&mut self, key: &[u8]) -> Option<Row> {
        if self.page.front().is_some_and(|(front, _)| front == key) { self.page.pop_front() } else { None }
    }
}

fn bounds(range: &KeyRange) -> (Bound<&[u8]>, Bound<&[u8]>) {
    let end = range.end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
    (Bound::Included(range.start.as_slice()), end)
}

fn directed<'a, T: 'a>(
    rows: impl DoubleEndedIterator<Item = T> + 'a,
    reverse: bool,
) -> Box<dyn Iterator<Item = T> + 'a> {
    if reverse { Box::new(rows.rev()) } else { Box::new(rows) }
}
