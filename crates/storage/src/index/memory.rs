//! An index in memory: for tests, and the model that the contract compares with.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::error::Error;
use crate::index::{Change, Index, View};
use crate::key::KeyRange;
use crate::read::{Page, Scan};
use crate::rows::{POSITION, Position};

type Rows = BTreeMap<Bytes, Bytes>;

/// The map. A view shares it; the first change after a view was taken copies it.
#[derive(Default)]
pub struct MemoryIndex {
    rows: Arc<Mutex<Arc<Rows>>>,
}

impl MemoryIndex {
    /// An empty index.
    pub fn new() -> MemoryIndex {
        MemoryIndex::default()
    }
}

fn lock(rows: &Mutex<Arc<Rows>>) -> MutexGuard<'_, Arc<Rows>> {
    rows.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Index for MemoryIndex {
    fn view(&self) -> Result<Box<dyn View>, Error> {
        Ok(Box::new(Pinned(Arc::clone(&lock(&self.rows)))))
    }

    fn latest(&self) -> Result<Box<dyn View>, Error> {
        Ok(Box::new(Latest(Arc::clone(&self.rows))))
    }

    fn apply(&self, changes: &[Change], position: Option<Position>) -> Result<(), Error> {
        let mut rows = lock(&self.rows);
        let rows = Arc::make_mut(&mut rows);
        for (key, value) in changes {
            match value {
                Some(value) => rows.insert(key.clone(), value.clone()),
                None => rows.remove(key),
            };
        }
        if let Some(position) = position {
            rows.insert(Bytes::from_static(&POSITION), position.encode().into());
        }
        Ok(())
    }

    fn tend(&self) -> Result<(), Error> {
        Ok(())
    }

    fn needs_tending(&self) -> bool {
        false
    }

    fn settle(&self) -> Result<(), Error> {
        Ok(())
    }

    fn check(&self) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }
}

struct Pinned(Arc<Rows>);

impl View for Pinned {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.0.get(key).map(|value| value.to_vec()))
    }

    fn scan(&self, range: &KeyRange, scan: Scan) -> Result<Page, Error> {
        Ok(scan_rows(&self.0, range, scan))
    }
}

struct Latest(Arc<Mutex<Arc<Rows>>>);

impl View for Latest {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(lock(&self.0).get(key).map(|value| value.to_vec()))
    }

    fn scan(&self, range: &KeyRange, scan: Scan) -> Result<Page, Error> {
        Ok(scan_rows(&lock(&self.0), range, scan))
    }
}

fn scan_rows(rows: &Rows, range: &KeyRange, scan: Scan) -> Page {
    let scan = scan.bounded();
    if range.is_empty() {
        return Page::default();
    }
    let end = range.end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
    let found = rows.range::<[u8], _>((Bound::Included(range.start.as_slice()), end));
    let copy =
        |(key, value): (&Bytes, &Bytes)| (key.to_vec(), if scan.keys_only { Vec::new() } else { value.to_vec() });
    let rows: Vec<_> = if scan.reverse {
        found.rev().take(scan.limit).map(copy).collect()
    } else {
        found.take(scan.limit).map(copy).collect()
    };
    let full = rows.len() == scan.limit;
    Page::new(rows, scan, full)
}
