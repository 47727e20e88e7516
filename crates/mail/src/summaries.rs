//! What was computed of a message when it arrived: read back, or made again when it was too long to keep.

use crate::change::Place;
use crate::error::Error;
use crate::keys::{self, Keys};
use crate::store::Mail;
use crate::view::{Row, View};
use message::summary::Summary;
use model::{BlobHash, MailboxId, Uid};
use std::ops::ControlFlow;
use storage::{KeyRange, Read};

impl Mail {
    /// The summary of a message whose octets are `blob`.
    pub fn summary(&self, place: &Place, uid: Uid, blob: &BlobHash) -> Result<Summary, Error> {
        let (snapshot, spaces) = self.read(&place.owner)?;
        let stored = snapshot.get(&spaces.keys(&place.owner).summary(place.mailbox, uid))?;
        drop(snapshot);
        match stored.and_then(|bytes| Summary::decode(&bytes).ok()) {
            Some(summary) => Ok(summary),
            None => Ok(Summary::of(&self.body(&place.owner, blob)?)),
        }
    }

    /// Shows the summaries of the messages of a view at `indices`, ascending, until `visit` breaks: for a sort or a
    /// search over many, which are read together.
    pub fn summaries(
        &self,
        place: &Place,
        view: &View,
        indices: &[usize],
        visit: &mut dyn FnMut(usize, Summary) -> ControlFlow<()>,
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
                let found =
                    stored.next_if(|(uid, _)| *uid == row.uid).and_then(|(_, bytes)| Summary::decode(&bytes).ok());
                let summary = match found {
                    Some(summary) => summary,
                    None => Summary::of(&self.body(&place.owner, &row.blob)?),
                };
                if visit(index, summary).is_break() {
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
        reader.each(range, &mut |key, value| {
            found.extend(keys::last_uid(key).map(|uid| (uid, value.to_vec())));
            Ok(ControlFlow::Continue(()))
        })?;
        return Ok(found);
    }
    for (_, row) in rows {
        let bytes = reader.get(&keys.summary(mailbox, row.uid))?;
        found.extend(bytes.map(|bytes| (row.uid, bytes)));
    }
    Ok(found)
}
