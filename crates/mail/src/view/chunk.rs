//! Neighbouring rows of a view, shared between views as long as none of them changes.

use std::ops::Deref;
use std::sync::OnceLock;

use super::Row;
use crate::flags::SystemFlags;

/// Rows in the order of their UIDs.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    rows: Vec<Row>,
    /// Looked for once: a client that opens a large mailbox in which all is read would pass all of it each time.
    first_unseen: OnceLock<Option<usize>>,
    /// Likewise: a client that closes a large mailbox asks for what is to be expunged, which is mostly nothing.
    has_deleted: OnceLock<bool>,
}

impl Chunk {
    pub fn new(rows: Vec<Row>) -> Chunk {
        Chunk { rows, ..Chunk::default() }
    }

    /// The rows, to change them.
    pub fn rows_mut(&mut self) -> &mut Vec<Row> {
        (self.first_unseen, self.has_deleted) = (OnceLock::new(), OnceLock::new());
        &mut self.rows
    }

    /// The first row without `\Seen`.
    pub fn first_unseen(&self) -> Option<usize> {
        *self.first_unseen.get_or_init(|| self.rows.iter().position(|row| !row.flags.has(SystemFlags::SEEN)))
    }

    /// Whether any row is marked `\Deleted`.
    pub fn has_deleted(&self) -> bool {
        *self.has_deleted.get_or_init(|| self.rows.iter().any(|row| row.flags.has(SystemFlags::DELETED)))
    }
}

impl Clone for Chunk {
    /// A copy is made to be changed, so it knows nothing of its rows.
    fn clone(&self) -> Chunk {
        Chunk::new(self.rows.clone())
    }
}

impl PartialEq for Chunk {
    fn eq(&self, other: &Chunk) -> bool {
        self.rows == other.rows
    }
}

impl Eq for Chunk {}

impl Deref for Chunk {
    type Target = [Row];

    fn deref(&self) -> &[Row] {
        &self.rows
    }
}
