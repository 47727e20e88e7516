//! What was computed of a message when it arrived: read back, or made again when it was too long to keep.

use crate::change::Place;
use crate::error::Error;
use crate::store::Mail;
use message::summary::Summary;
use model::{BlobHash, Uid};
use storage::Read;

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
}
