//! What a partition does for itself in the background: the index's write-ahead log, snapshots, rewriting.

use std::sync::Weak;
use std::sync::mpsc::Receiver;

use crate::compact::compact;
use crate::error::Error;
use crate::store::Store;

/// Runs until the partition is closed. Holds it only while it works, so that dropping the last handle closes it.
pub fn run(store: &Weak<Store>, commits: &Receiver<()>) {
    let mut snapshot_at = 0;
    while commits.recv().is_ok() {
        let Some(store) = store.upgrade() else { return };
        if let Err(error) = work(&store, &mut snapshot_at) {
            tracing::warn!(%error, "the upkeep of a partition failed; it will be tried again");
        }
    }
}

fn work(store: &Store, snapshot_at: &mut u64) -> Result<(), Error> {
    if store.index().needs_tending() {
        store.index().tend()?;
    }
    let appended = store.shared.lock().appended_octets;
    let every = store.place.options.snapshot_octets;
    if every == 0 || appended.saturating_sub(*snapshot_at) < every {
        return Ok(());
    }
    *snapshot_at = appended;
    let report = compact(store, &mut |_| {})?;
    tracing::info!(
        segments = report.segments,
        moved = report.octets_moved,
        freed = report.octets_freed,
        "the upkeep wrote a snapshot of the index and rewrote segments"
    );
    Ok(())
}
