//! What keeps two fragments of one message apart while they are examined, so that each sees what came of the one before.

use queue::fragments::SetId;
use std::sync::Arc;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Messages share locks by chance.
const LOCKS: usize = 256;

/// One of them for each message.
#[derive(Debug)]
pub struct Locks(Vec<Arc<Mutex<()>>>);

impl Default for Locks {
    fn default() -> Locks {
        Locks((0..LOCKS).map(|_| Arc::default()).collect())
    }
}

impl Locks {
    /// Waits for the message's lock and holds it as long as the guard lives.
    pub async fn lock(&self, set: SetId) -> Option<OwnedMutexGuard<()>> {
        let at = usize::try_from(set % LOCKS as SetId).ok()?;
        Some(Arc::clone(self.0.get(at)?).lock_owned().await)
    }
}
