//! The memory that all IMAP sessions together may use for messages in flight: literals of APPEND and REPLACE, decoded
//! parts. Large bodies that are only read are sent in pieces and need none of it.

use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What a session may hold without asking.
pub const FREE_OCTETS: u64 = 64 * 1024;

/// How long a session waits for others to give memory back before it refuses.
pub const WAIT: Duration = Duration::from_secs(20);

/// Memory taken, given back when dropped.
pub type Taken = OwnedSemaphorePermit;

/// The common budget.
#[derive(Debug)]
pub struct Memory {
    kib: Arc<Semaphore>,
    kib_max: u32,
    wait: Duration,
}

impl Memory {
    /// A budget of so many octets, and how long to wait for a part of it.
    pub fn new(octets: u64, wait: Duration) -> Memory {
        let kib_max = u32::try_from(octets >> 10).unwrap_or(u32::MAX).min(u32::MAX >> 4);
        Memory { kib: Arc::new(Semaphore::new(kib_max as usize)), kib_max, wait }
    }

    /// Takes memory for so many octets, waiting a while for it; `None` if there is none. What is larger than the whole
    /// budget takes all of it.
    pub async fn take(&self, octets: u64) -> Option<Taken> {
        let kib = u32::try_from(octets.div_ceil(1024)).unwrap_or(u32::MAX).min(self.kib_max);
        let taking = Arc::clone(&self.kib).acquire_many_owned(kib);
        tokio::time::timeout(self.wait, taking).await.ok()?.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_taken_comes_back() {
        let memory = Memory::new(100 << 10, Duration::from_millis(1));
        let first = memory.take(60 << 10).await;
        assert!(first.is_some());
        assert!(memory.take(60 << 10).await.is_none(), "there is no room for both, ever");
        drop(first);
        assert!(memory.take(60 << 10).await.is_some());
    }

    #[tokio::test]
    async fn more_than_there_is_takes_everything() {
        let memory = Memory::new(100 << 10, Duration::from_millis(1));
        let all = memory.take(1 << 40).await;
        assert!(all.is_some());
        assert!(memory.take(1).await.is_none());
    }
}
