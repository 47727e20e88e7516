//! A durable group is applied also when the index finds no room at first.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use bytes::Bytes;

use crate::disk::{Disk, SimulatedDisk};
use crate::error::Error;
use crate::index::memory::MemoryIndex;
use crate::index::{Change, Index, View};
use crate::pipeline::applier::Applier;
use crate::pipeline::group::Group;
use crate::pipeline::job::job;
use crate::pipeline::state::Shared;
use crate::reserve::Reserve;
use crate::rows::Position;

/// Has no room while the disk is as full as `full`.
struct Crowded {
    inner: MemoryIndex,
    disk: SimulatedDisk,
    full: u64,
}

impl Index for Crowded {
    fn view(&self) -> Result<Box<dyn View>, Error> {
        self.inner.view()
    }

    fn latest(&self) -> Result<Box<dyn View>, Error> {
        self.inner.latest()
    }

    fn apply(&self, changes: &[Change], position: Option<Position>) -> Result<(), Error> {
        if self.disk.used() >= self.full {
            return Err(Error::NoSpace { operation: "applying a group" });
        }
        self.inner.apply(changes, position)
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

#[test]
fn the_reserve_is_given_up_for_a_durable_group() {
    let disk = SimulatedDisk::new();
    let port: Arc<dyn Disk> = Arc::new(disk.clone());
    let reserve = Arc::new(Reserve::new(port, Path::new("/p"), 100_000));
    reserve.fill().unwrap();
    let index = Arc::new(Crowded { inner: MemoryIndex::new(), disk: disk.clone(), full: 100_000 });
    let shared = Arc::new(Shared::new(Position::default(), Position::default(), 0));
    let (to_upkeep, _commits) = sync_channel(1);
    let (job, pending) = job(|_| Ok(()));
    let position = Position { sequence: 1, segment: 1, offset: 100 };
    let pieces = vec![Bytes::from_static(b"x")];
    let changes = vec![(Bytes::from_static(b"key"), Some(Bytes::from_static(b"value")))];
    let group = Group { epoch: 0, start: 0, position, pieces, changes, notices: Vec::new(), jobs: vec![(job, Ok(()))] };
    let engine: Arc<dyn Index> = index.clone();
    Applier { index: engine, shared: Arc::clone(&shared), reserve: Arc::clone(&reserve), to_upkeep }.apply(vec![group]);
    // The closure was never run here, so its waiter only hears that it was answered.
    assert!(pending.wait().is_err());
    assert_eq!(index.view().unwrap().position().unwrap(), Some(position));
    assert_eq!(shared.lock().applied, position);
    assert!(shared.lock().is_full, "nothing new is taken before the reserve is whole again");
    assert_eq!(disk.used(), 0);
    disk.limit(Some(50_000));
    assert!(matches!(reserve.fill(), Err(Error::NoSpace { .. })));
    assert_eq!(disk.used(), 0, "what there was of it is given up again");
}
