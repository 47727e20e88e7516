//! An open mailbox: its messages in the order of their UIDs, compact, immutable, and shared.
//!
//! A view is a value. A session holds one and so has fixed message numbers, whatever happens meanwhile; catching up is
//! getting the newer view and telling the client what [`View::changes_to`] finds. Views of one mailbox share the chunks
//! that are the same in both, so that a change of one message in a hundred thousand copies some hundred rows.

use crate::flags::{KeywordTable, SystemFlags};
use crate::record::MessageRow;
use model::{BlobHash, Modseq, Timestamp, Uid, UidValidity};
use std::ops::Range;
use std::sync::Arc;

mod chunk;
use chunk::Chunk;

/// Rows of a chunk: small enough to copy for one change, large enough to keep few pointers.
const CHUNK_ROWS: usize = 256;

/// What a view knows of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its UID.
    pub uid: Uid,
    /// Octets.
    pub octets: u32,
    /// Flags.
    pub flags: SystemFlags,
    /// Keywords as bits of [`View::keywords`].
    pub keywords: u128,
    /// Its last change.
    pub modseq: Modseq,
    /// When it arrived.
    pub internal_date: Timestamp,
    /// When it came into this mailbox.
    pub save_date: Timestamp,
    /// Its conversation.
    pub thread: u64,
    /// Its octets' name.
    pub blob: BlobHash,
}

impl Row {
    pub(crate) fn new(uid: Uid, row: &MessageRow) -> Row {
        Row {
            uid,
            octets: row.octets,
            flags: row.flags,
            keywords: row.keywords,
            modseq: row.modseq,
            internal_date: row.internal_date,
            save_date: row.save_date,
            thread: row.thread,
            blob: row.blob,
        }
    }
}

/// A mailbox at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// RFC 9051 §2.3.1.1
    pub uid_validity: UidValidity,
    /// The next UID.
    pub uid_next: Uid,
    /// The last change in the mailbox.
    pub highest_modseq: Modseq,
    /// Expunges up to here were forgotten.
    pub vanished_floor: Modseq,
    /// The keywords by bit.
    pub keywords: Arc<KeywordTable>,
    chunks: Vec<Arc<Chunk>>,
    /// Rows before each chunk.
    starts: Vec<usize>,
    len: usize,
}

/// What a session must tell its client to come from one view to a later one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Indices in the old view of messages that are gone, ascending.
    pub expunged: Vec<usize>,
    /// Indices in the new view of messages that both have and whose flags changed, ascending.
    pub changed: Vec<usize>,
    /// Indices in the new view of messages that only it has.
    pub added: Range<usize>,
}

impl View {
    pub(crate) fn new(mailbox: &crate::record::MailboxRow, rows: Vec<Row>) -> View {
        let len = rows.len();
        let mut chunks = Vec::with_capacity(len / CHUNK_ROWS + 1);
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            chunks.push(Arc::new(Chunk::new(rows.by_ref().take(CHUNK_ROWS).collect())));
        }
        let mut view = View {
            uid_validity: mailbox.uid_validity,
            uid_next: mailbox.uid_next,
            highest_modseq: mailbox.highest_modseq,
            vanished_floor: mailbox.vanished_floor,
            keywords: Arc::new(mailbox.keywords.clone()),
            chunks,
            starts: Vec::new(),
            len,
        };
        view.index();
        view
    }

    fn index(&mut self) {
        self.len = 0;
        self.starts.clear();
        for chunk in &self.chunks {
            self.starts.push(self.len);
            self.len += chunk.len();
        }
    }

    /// The view after messages changed or came (`rows`, ascending by UID) and others vanished (ascending).
    pub(crate) fn next(&self, mailbox: &crate::record::MailboxRow, rows: Vec<Row>, vanished: &[Uid]) -> View {
        let mut view = self.clone();
        view.uid_next = mailbox.uid_next;
        view.highest_modseq = mailbox.highest_modseq;
        view.vanished_floor = mailbox.vanished_floor;
        if *view.keywords != mailbox.keywords {
            view.keywords = Arc::new(mailbox.keywords.clone());
        }
        for uid in vanished {
            view.take_out(*uid);
        }
        for row in rows {
            view.put(row);
        }
        view.index();
        view
    }

    fn take_out(&mut self, uid: Uid) {
        let Some((chunk, at)) = self.locate(uid) else { return };
        let Some(rows) = self.chunks.get_mut(chunk) else { return };
        Arc::make_mut(rows).rows_mut().remove(at);
        // An empty chunk would hide where the search has to go on.
        if rows.is_empty() {
            self.chunks.remove(chunk);
        }
    }

    fn put(&mut self, row: Row) {
        let is_last = self.chunks.last().and_then(|chunk| chunk.last()).is_none_or(|last| last.uid < row.uid);
        if is_last {
            match self.chunks.last_mut() {
                Some(chunk) if chunk.len() < CHUNK_ROWS => Arc::make_mut(chunk).rows_mut().push(row),
                _ => self.chunks.push(Arc::new(Chunk::new(vec![row]))),
            }
        } else if let Some((chunk, at)) = self.locate(row.uid)
            && let Some(slot) = self.chunks.get_mut(chunk).and_then(|rows| Arc::make_mut(rows).rows_mut().get_mut(at))
        {
            *slot = row;
        }
    }

    fn locate(&self, uid: Uid) -> Option<(usize, usize)> {
        let chunk = self.chunks.partition_point(|rows| rows.last().is_some_and(|last| last.uid < uid));
        let at = self.chunks.get(chunk)?.binary_search_by_key(&uid, |row| row.uid).ok()?;
        Some((chunk, at))
    }

    /// How many messages there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The message at `index`, which is its number minus one.
    pub fn get(&self, index: usize) -> Option<&Row> {
        let chunk = self.starts.partition_point(|start| *start <= index).checked_sub(1)?;
        self.chunks.get(chunk)?.get(index - self.starts.get(chunk)?)
    }

    /// The index of the message with this UID.
    pub fn index_of(&self, uid: Uid) -> Option<usize> {
        let (chunk, at) = self.locate(uid)?;
        Some(self.starts.get(chunk)? + at)
    }

    /// The index of the first message whose UID is `uid` or greater.
    pub fn lower_bound(&self, uid: Uid) -> usize {
        let chunk = self.chunks.partition_point(|rows| rows.last().is_some_and(|last| last.uid < uid));
        let start = self.starts.get(chunk).copied().unwrap_or(self.len);
        start + self.chunks.get(chunk).map_or(0, |rows| rows.partition_point(|row| row.uid < uid))
    }

    /// Every message in the order of the UIDs.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }

    /// The index of the first message without `\Seen`.
    pub fn first_unseen(&self) -> Option<usize> {
        let mut chunks = self.starts.iter().zip(&self.chunks);
        chunks.find_map(|(start, chunk)| Some(start + chunk.first_unseen()?))
    }

    /// The messages marked `\Deleted`, in the order of the UIDs.
    pub fn deleted(&self) -> impl Iterator<Item = &Row> {
        let chunks = self.chunks.iter().filter(|chunk| chunk.has_deleted());
        chunks.flat_map(|chunk| chunk.iter()).filter(|row| row.flags.has(SystemFlags::DELETED))
    }

    /// What has to be told to come from this view to `later`.
    pub fn changes_to(&self, later: &View) -> Changes {
        let mut changes = Changes::default();
        if self.highest_modseq == later.highest_modseq {
            changes.added = later.len..later.len;
            return changes;
        }
        let (mut old, mut new) = (0, 0);
        while let Some(before) = self.get(old) {
            // Whole chunks that both share are the same.
            if let Some(shared) = self.shared_chunk(old, later, new) {
                old += shared;
                new += shared;
                continue;
            }
            match later.get(new) {
                Some(after) if after.uid == before.uid => {
                    if after.modseq != before.modseq {
                        changes.changed.push(new);
                    }
                    new += 1;
                }
                _ => changes.expunged.push(old),
            }
            old += 1;
        }
        changes.added = new..later.len;
        changes
    }

    /// This view with all that `later` says but its expunges: for a client that may not be told of them yet. The way from
    /// it to `later` is those expunges.
    pub fn without_expunges(&self, later: &View) -> View {
        let mut rows = Vec::with_capacity(self.len.max(later.len));
        let mut new = later.rows().peekable();
        for old in self.rows() {
            while new.next_if(|row| row.uid < old.uid).is_some() {}
            rows.push(new.next_if(|row| row.uid == old.uid).unwrap_or(old).clone());
        }
        rows.extend(new.cloned());
        let mut view = View { chunks: Vec::new(), starts: Vec::new(), len: 0, ..later.clone() };
        // As long as something is untold it is not the later one.
        view.highest_modseq = self.highest_modseq;
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            view.chunks.push(Arc::new(Chunk::new(rows.by_ref().take(CHUNK_ROWS).collect())));
        }
        view.index();
        view
    }

    /// The length of the chunk that begins at `old` here and at `new` there, if it is one and the same.
    fn shared_chunk(&self, old: usize, later: &View, new: usize) -> Option<usize> {
        let here = self.chunks.get(self.starts.binary_search(&old).ok()?)?;
        let there = later.chunks.get(later.starts.binary_search(&new).ok()?)?;
        Arc::ptr_eq(here, there).then_some(here.len())
    }
}

#[cfg(test)]
mod tests;
