//! What was computed of a message when it arrived: read back, or made again when it was too long to keep.

use crate::change::Place;
use crate::error::Error;
use crate::keys::{self, Keys};
use crate::store::Mail;
use crate::view::{Row, View};
use message::summary::Summary;
use model::{BlobHash, MailboxId, Uid};
use std::ops::ControlFlow;
use storage::{KeyRange, Read, Scan};

/// Is shown a message's index and its stored record, and says whether to go on.
pub type VisitRecord<'a> = dyn FnMut(usize, Option<&[u8]>) -> Result<ControlFlow<()>, Error> + 'a;

impl Mail {
    /// The summary of a message whose octets are `blob`.
    pub fn summary(&self, place: &Place, uid: Uid, blob: &BlobHash) -> Result<Summary, Error> {
        let (snapshot, spaces) = self.read(&place.owner)?;
        let stored = snapshot.get(&spaces.keys(&place.owner).summary(place.mailbox, uid))?;
        drop(snapshot);
        self.read_back(place, blob, stored.as_deref())
    }

    /// Shows the summaries of the messages of a view at `indices`, ascending, until `visit` breaks: for a sort or a
    /// listing of many, which are read together.
    pub fn summaries(
        &self,
        place: &Place,
        view: &View,
        indices: &[usize],
        visit: &mut dyn FnMut(usize, Summary) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        self.records(place, view, indices, &mut |index, record| {
            let Some(row) = view.get(index) else { return Ok(ControlFlow::Continue(())) };
            Ok(visit(index, self.read_back(place, &row.blob, record)?))
        })
    }

    /// The summary in a stored record, or made again from the octets `blob`.
    pub fn read_back(&self, place: &Place, blob: &BlobHash, record: Option<&[u8]>) -> Result<Summary, Error> {
        match record.and_then(|record| Summary::decode(record).ok()) {
            Some(summary) => Ok(summary),
            None => Ok(Summary::of(&self.body(&place.owner, blob)?)),
        }
    }

    /// Shows the stored records of summaries, as [`Mail::summaries`] does, unread: for a search, which mostly needs only
    /// their beginning. `None` stands for one that was too long to keep.
    pub fn records(
        &self,
        place: &Place,
        view: &View,
        indices: &[usize],
        visit: &mut VisitRecord<'_>,
    ) -> Result<(), Error> {
        // In pages, so that no snapshot lives long.
        for page in indices.chunks(PAGE) {
            let (snapshot, spaces) = self.read(&place.owner)?;
            let keys = spaces.keys(&place.owner);
            let rows: Vec<(usize, &Row)> = page.iter().filter_map(|at| Some((*at, view.get(*at)?))).collect();
            let mut stored = stored(&snapshot, keys, place.mailbox, &rows)?.into_iter().peekable();
            drop(snapshot);
            for (index, row) in rows {
                while stored.peek().is_some_and(|(uid, _)| *uid < row.uid) {
                    stored.next();
                }
                let record = stored.next_if(|(uid, _)| *uid == row.uid);
                if visit(index, record.as_ref().map(|(_, record)| record.as_slice()))?.is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// Summaries that are held at a time.
const PAGE: usize = 500;

/// The stored summaries of `rows`: by one scan where they lie close together, else one by one.
fn stored(
    reader: &dyn Read,
    keys: Keys,
    mailbox: MailboxId,
    rows: &[(usize, &Row)],
) -> Result<Vec<(Uid, Vec<u8>)>, Error> {
    let (Some((first_at, first)), Some((last_at, last))) = (rows.first(), rows.last()) else { return Ok(Vec::new()) };
    let mut found = Vec::with_capacity(rows.len());
    if last_at - first_at < rows.len() * 2 {
        let range = KeyRange::new(keys.summary(mailbox, first.uid), keys.summary(mailbox, last.uid).u8(0));
        let mut rest = Some(range);
        while let Some(range) = rest.take() {
            let page = reader.scan(range.clone(), Scan::default())?;
            found.extend(page.rows.into_iter().filter_map(|(key, value)| Some((keys::last_uid(&key)?, value))));
            rest = page.next.map(|next| range.resume(next, false));
        }
        return Ok(found);
    }
    for (_, row) in rows {
        let bytes = reader.get(&keys.summary(mailbox, row.uid))?;
        found.extend(bytes.map(|bytes| (row.uid, bytes)));
    }
    Ok(found)
}
