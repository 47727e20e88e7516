//! Partitions as their users see them, on a disk in memory and on the real one.

use std::path::Path;
use std::sync::{Arc, Mutex};

use model::AccountId;

use crate::blob::NewBlob;
use crate::disk::{Disk, RealDisk, SimulatedDisk};
use crate::error::{Abort, Error, WriteError};
use crate::key::{Key, Space};
use crate::notice::{Notice, Observer};
use crate::options::{Engine, Options};
use crate::partition::Partition;
use crate::read::{Read, Scan};
use crate::scratch::Scratch;

fn memory_options() -> Options {
    Options { engine: Engine::Memory, reserve_octets: 0, ..Options::default() }
}

fn real(path: &Path) -> Partition {
    let options = Options { reserve_octets: 0, ..Options::default() };
    Partition::open(path, options, Arc::new(RealDisk)).unwrap()
}

fn key(space: Space, number: u32) -> Key {
    space.key(AccountId(1)).u32(number)
}

#[test]
fn what_is_committed_is_read_and_found_again() {
    let scratch = Scratch::new();
    let partition = real(scratch.path());
    let space = partition.space("test").unwrap();
    let blob = NewBlob::new(vec![5; 100_000]);
    let hash = blob.hash();
    let committed = partition
        .write(move |tx| {
            tx.put(key(space, 1), "one");
            tx.blob(&blob);
            Ok(tx.get(&key(space, 1))?)
        })
        .wait()
        .unwrap();
    assert_eq!(committed.value.as_deref(), Some(&b"one"[..]));
    let look = |partition: &Partition| {
        let snapshot = partition.snapshot().unwrap();
        assert_eq!(snapshot.sequence(), committed.receipt.sequence());
        assert_eq!(snapshot.get(&key(space, 1)).unwrap().as_deref(), Some(&b"one"[..]));
        assert_eq!(partition.blob(&hash).unwrap().len(), 100_000);
        assert_eq!(partition.blob_range(&hash, 65_530..65_540).unwrap().as_ref(), [5; 10]);
        assert_eq!(partition.blob_range(&hash, 99_999..u64::MAX).unwrap().as_ref(), [5]);
        assert_eq!(partition.blob_octets(&hash).unwrap(), 100_000);
        assert!(partition.check(&mut |_| {}).unwrap().is_clean());
    };
    look(&partition);
    partition.close();
    let partition = real(scratch.path());
    assert_eq!(partition.space("test").unwrap(), space);
    look(&partition);
    assert_ne!(partition.space("other").unwrap(), space);
}

#[test]
fn a_refused_or_panicking_closure_leaves_nothing_and_hurts_nobody() {
    let partition = Partition::in_memory().unwrap();
    let space = partition.space("test").unwrap();
    let refused = partition.write(move |tx| -> Result<(), Abort> {
        tx.put(key(space, 1), "x");
        Err(Abort::refuse("no".to_owned()))
    });
    let panicked = partition.write(move |tx| -> Result<(), Abort> {
        tx.put(key(space, 2), "x");
        panic!("a test's closure panics on purpose")
    });
    let too_large = partition.write(move |tx| {
        tx.put(key(space, 3), vec![0; 70_000]);
        Ok(())
    });
    let ours = partition.write(|tx| {
        tx.put(vec![0; 9], "x");
        Ok(())
    });
    let fine = partition.write(move |tx| {
        tx.put(key(space, 4), "x");
        Ok(())
    });
    assert_eq!(refused.wait().unwrap_err().refused::<String>().unwrap(), "no");
    assert!(matches!(panicked.wait(), Err(WriteError::Panicked)));
    assert!(matches!(too_large.wait(), Err(WriteError::Storage(Error::TooLarge { .. }))));
    assert!(matches!(ours.wait(), Err(WriteError::Storage(Error::ReservedKey))));
    assert!(fine.wait().is_ok());
    let rows = partition.snapshot().unwrap().scan(space.key(AccountId(1)).range(), Scan::default()).unwrap().rows;
    assert_eq!(rows, [(key(space, 4).into(), b"x".to_vec())]);
}

#[test]
fn blobs_live_as_long_as_they_are_held() {
    let partition = Partition::in_memory().unwrap();
    let blob = NewBlob::new("hello");
    let hash = blob.hash();
    let twice = blob.clone();
    partition
        .write(move |tx| {
            assert!(matches!(tx.link(&hash), Err(Error::NoBlob(_))));
            tx.blob(&twice);
            tx.link(&hash)?;
            Ok(())
        })
        .wait()
        .unwrap();
    assert_eq!(partition.snapshot().unwrap().blobs(None, 10).unwrap()[0].count, 2);
    let unlink = move || partition_write(&partition, move |tx| Ok(tx.unlink(&hash)?));
    fn partition_write(
        partition: &Partition,
        work: impl FnOnce(&mut crate::transaction::Transaction<'_>) -> Result<(), Abort> + Send + 'static,
    ) -> (Partition, Result<(), WriteError>) {
        (partition.clone(), partition.write(work).wait().map(|committed| committed.value))
    }
    let (partition, outcome) = unlink();
    outcome.unwrap();
    assert_eq!(partition.blob(&hash).unwrap().into_bytes(), "hello");
    unlink().1.unwrap();
    assert!(matches!(partition.blob(&hash), Err(Error::NoBlob(_))));
    assert!(matches!(unlink().1, Err(WriteError::Storage(Error::NoBlob(_)))));
    assert_eq!(partition.status().live_octets, 0);
    let again = blob.clone();
    partition
        .write(move |tx| {
            tx.blob(&again);
            Ok(())
        })
        .wait()
        .unwrap();
    assert_eq!(partition.blob(&hash).unwrap().into_bytes(), "hello");
    assert!(partition.check(&mut |_| {}).unwrap().is_clean());
}

#[test]
fn counters_count_and_refuse_what_is_none() {
    let partition = Partition::in_memory().unwrap();
    let space = partition.space("test").unwrap();
    let adding =
        (0..100i64).map(|number| partition.write(move |tx| Ok(tx.add(key(space, 1), number)))).collect::<Vec<_>>();
    let last = adding.into_iter().map(|pending| pending.wait().unwrap().value).last();
    assert_eq!(last, Some(4950));
    assert_eq!(partition.snapshot().unwrap().counter(&key(space, 1)).unwrap(), 4950);
    let broken = partition.write(move |tx| {
        tx.put(key(space, 2), "abc");
        tx.add(key(space, 2), 1);
        Ok(())
    });
    assert!(matches!(broken.wait(), Err(WriteError::Storage(Error::Row(_)))));
}

struct Ears(Mutex<Vec<Notice>>);

impl Observer for Ears {
    fn committed(&self, notices: &[Notice]) {
        self.0.lock().unwrap().extend_from_slice(notices);
    }
}

#[test]
fn observers_hear_what_happened_before_its_writer_does() {
    let partition = Partition::in_memory().unwrap();
    let ears = Arc::new(Ears(Mutex::default()));
    partition.subscribe(ears.clone());
    let notice = Notice { account: AccountId(1), topic: 2, collection: 3, sequence: 4 };
    let space = partition.space("test").unwrap();
    let heard = partition.write(move |tx| {
        tx.put(key(space, 1), "");
        tx.notify(notice);
        Ok(())
    });
    let refused = partition.write(move |tx| -> Result<(), Abort> {
        tx.notify(notice);
        Err(Abort::refuse(()))
    });
    heard.wait().unwrap();
    assert_eq!(*ears.0.lock().unwrap(), [notice]);
    refused.wait().unwrap_err();
    assert_eq!(ears.0.lock().unwrap().len(), 1);
}

#[test]
fn a_pending_transaction_is_a_future() {
    let partition = Partition::in_memory().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let value = runtime.block_on(async { partition.write(|_| Ok(7)).await.unwrap().value });
    assert_eq!(value, 7);
}

#[test]
fn a_partition_is_opened_once_at_a_time() {
    let scratch = Scratch::new();
    let partition = real(scratch.path());
    let second = Partition::open(scratch.path(), Options::default(), Arc::new(RealDisk));
    assert!(matches!(second, Err(Error::Locked { pid }) if pid == std::process::id()));
    partition.close();
    real(scratch.path()).close();
}

#[test]
fn a_closed_partition_answers_closed() {
    let partition = Partition::in_memory().unwrap();
    let clone = partition.clone();
    partition.close();
    assert!(matches!(clone.write(|_| Ok(())).wait(), Err(WriteError::Closed)));
    assert!(matches!(clone.snapshot(), Err(Error::Closed)));
    assert!(matches!(clone.compact(&mut |_| {}), Err(Error::Closed)));
}

#[test]
fn an_unknown_format_is_refused() {
    let scratch = Scratch::new();
    real(scratch.path()).close();
    std::fs::write(scratch.path().join("format"), "heliograph-partition 2\n").unwrap();
    let outcome = Partition::open(scratch.path(), Options::default(), Arc::new(RealDisk));
    assert!(matches!(outcome, Err(Error::UnknownFormat { known: 1, .. })));
    std::fs::remove_file(scratch.path().join("format")).unwrap();
    let outcome = Partition::open(scratch.path(), Options::default(), Arc::new(RealDisk));
    assert!(matches!(outcome, Err(Error::Corrupt { .. })));
}

#[test]
fn a_full_disk_refuses_writes_and_recovers_by_itself() {
    let disk = SimulatedDisk::new();
    let partition = Partition::open(Path::new("/p"), memory_options(), Arc::new(disk.clone())).unwrap();
    let space = partition.space("test").unwrap();
    let put = |number: u32, octets: usize| {
        let blob = NewBlob::new(vec![number as u8; octets]);
        let pending = partition.write(move |tx| {
            tx.put(key(space, number), "x");
            tx.blob(&blob);
            Ok(())
        });
        pending.wait().map(|committed| committed.receipt)
    };
    put(1, 1000).unwrap();
    disk.limit(Some(disk.used() + 5000));
    assert!(matches!(put(2, 20_000), Err(WriteError::NoSpace)));
    assert!(partition.status().is_full);
    put(3, 1000).unwrap();
    assert!(matches!(put(4, 20_000), Err(WriteError::NoSpace)));
    let snapshot = partition.snapshot().unwrap();
    assert!(snapshot.get(&key(space, 1)).unwrap().is_some(), "reads go on");
    disk.limit(None);
    put(5, 20_000).unwrap();
    assert!(!partition.status().is_full);
    let there = |partition: &Partition| {
        let snapshot = partition.snapshot().unwrap();
        let is_there = |number| snapshot.get(&key(space, number)).unwrap().is_some();
        assert_eq!([1, 2, 3, 4, 5].map(is_there), [true, false, true, false, true]);
        assert!(partition.check(&mut |_| {}).unwrap().is_clean());
    };
    there(&partition);
    partition.close();
    there(&Partition::open(Path::new("/p"), memory_options(), Arc::new(disk)).unwrap());
}

#[test]
fn a_disk_too_full_for_a_new_segment_recovers_too() {
    let disk = SimulatedDisk::new();
    let options = Options { segment_octets: 1000, ..memory_options() };
    let partition = Partition::open(Path::new("/p"), options, Arc::new(disk.clone())).unwrap();
    let space = partition.space("test").unwrap();
    let put = |number: u32| {
        let pending = partition.write(move |tx| {
            tx.put(key(space, number), vec![1; 2000]);
            Ok(())
        });
        pending.wait()
    };
    put(1).unwrap();
    disk.limit(Some(disk.used() + 30));
    assert!(matches!(put(2), Err(WriteError::NoSpace)));
    assert!(matches!(put(3), Err(WriteError::NoSpace)));
    disk.limit(None);
    put(4).unwrap();
    assert!(partition.check(&mut |_| {}).unwrap().is_clean());
    assert_eq!(partition.status().stopped, None);
}

#[test]
fn a_failed_synchronisation_stops_the_partition_until_it_is_opened_again() {
    let disk = SimulatedDisk::new();
    let open = || Partition::open(Path::new("/p"), memory_options(), Arc::new(disk.clone()));
    let partition = open().unwrap();
    let space = partition.space("test").unwrap();
    let put = |partition: &Partition, number: u32| {
        let pending = partition.write(move |tx| {
            tx.put(key(space, number), "x");
            Ok(())
        });
        pending.wait()
    };
    put(&partition, 1).unwrap();
    disk.fail_syncs(true);
    assert!(matches!(put(&partition, 2), Err(WriteError::Storage(Error::Stopped { .. }))));
    disk.fail_syncs(false);
    assert!(matches!(put(&partition, 3), Err(WriteError::Storage(Error::Stopped { .. }))), "never tried again");
    assert!(partition.status().stopped.is_some());
    assert!(partition.snapshot().unwrap().get(&key(space, 1)).unwrap().is_some(), "reads go on");
    partition.close();
    let partition = open().unwrap();
    put(&partition, 4).unwrap();
    let snapshot = partition.snapshot().unwrap();
    assert!(snapshot.get(&key(space, 1)).unwrap().is_some());
    assert!(snapshot.get(&key(space, 4)).unwrap().is_some());
}

#[test]
fn every_start_begins_a_new_segment() {
    let disk = SimulatedDisk::new();
    for _ in 0..3 {
        let partition = Partition::open(Path::new("/p"), memory_options(), Arc::new(disk.clone())).unwrap();
        let pending = partition.write(|tx| {
            tx.put(vec![1; 9], "x");
            Ok(())
        });
        pending.wait().unwrap();
        partition.close();
    }
    let segments = disk.list(Path::new("/p/log")).unwrap();
    assert_eq!(segments.len(), 3, "{segments:?}");
}
