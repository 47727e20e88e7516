//! What keeps two fragments of one message apart while they are examined, so that each sees what came of the one before.

use crate::content::limits::LOCKS;
use queue::fragments::SetId;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// One of them for each message.
#[derive(Debug)]
pub struct Locks(Vec<Arc<Mutex<()>>>);

impl Default for Locks {
    fn default() -> Locks {
        Locks((0..LOCKS).map(|_| Arc::default()).collect())
    }
}

impl Locks {
    /// Waits for the message's lock and holds it as long as the guard lives; nothing when it is not free in time.
    pub async fn lock(&self, set: SetId, wait: Duration) -> Option<OwnedMutexGuard<()>> {
        let at = usize::try_from(set % LOCKS as SetId).ok()?;
        let lock = Arc::clone(self.0.get(at)?);
        tokio::time::timeout(wait, lock.lock_owned()).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nobody_waits_for_ever() {
        let locks = Locks::default();
        let wait = Duration::ZERO;
        let held = locks.lock(7, wait).await;
        assert!(held.is_some() && locks.lock(8, wait).await.is_some());
        assert!(locks.lock(7, wait).await.is_none(), "another one of its message is being examined all the time");
        drop(held);
        assert!(locks.lock(7, wait).await.is_some());
    }
}
