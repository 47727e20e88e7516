//! Rewriting segments: room comes back, nothing is lost, and the index can still be made anew.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use storage::{Disk, Engine, NewBlob, Options, Partition, RealDisk, SimulatedDisk};

use crate::scratch::Scratch;
use crate::script::{Writer, judge};

fn options(engine: Engine) -> Options {
    Options { engine, reserve_octets: 0, segment_octets: 200_000, snapshot_octets: 0, ..Options::default() }
}

fn write(partition: &Partition, from: u32, to: u32) -> Vec<Writer> {
    let space = partition.space("script").unwrap();
    let writer = Writer { number: 1, space };
    let pending: Vec<_> = (from..to).map(|n| writer.write(partition, n)).collect();
    for pending in pending {
        pending.wait().unwrap();
    }
    vec![writer]
}

#[test]
fn dead_blobs_give_their_room_back() {
    let disk = SimulatedDisk::new();
    let open = || Partition::open(Path::new("/p"), options(Engine::Memory), Arc::new(disk.clone())).unwrap();
    let partition = open();
    let bodies: Vec<NewBlob> = (0..40u8).map(|number| NewBlob::new(vec![number; 50_000])).collect();
    for blob in bodies.clone() {
        let work = partition.write(move |tx| {
            tx.blob(&blob);
            Ok(())
        });
        work.wait().unwrap();
    }
    let full = disk.used();
    for blob in bodies.iter().filter(|blob| blob.bytes()[0] % 4 != 0) {
        let hash = blob.hash();
        partition.write(move |tx| Ok(tx.unlink(&hash)?)).wait().unwrap();
    }
    let report = partition.compact(&mut |_| {}).unwrap();
    assert!(report.segments >= 8, "{report:?}");
    assert!(disk.used() * 2 < full, "{} of {full}", disk.used());
    let look = |partition: &Partition| {
        for blob in bodies.iter().filter(|blob| blob.bytes()[0] % 4 == 0) {
            assert_eq!(partition.blob(&blob.hash()).unwrap().into_bytes(), blob.bytes());
        }
        assert!(partition.check(&mut |_| {}).unwrap().is_clean());
    };
    look(&partition);
    assert_eq!(partition.compact(&mut |_| {}).unwrap().octets_moved, 0, "nothing is left to do");
    partition.close();
    look(&open());
}

#[test]
fn the_index_is_made_anew_from_a_snapshot_when_the_first_segments_are_gone() {
    let scratch = Scratch::new();
    let open = || Partition::open(scratch.path(), options(Engine::Sqlite), Arc::new(RealDisk)).unwrap();
    let partition = open();
    write(&partition, 1, 60);
    assert!(partition.compact(&mut |_| {}).unwrap().segments > 0);
    let writers = write(&partition, 60, 80);
    partition.close();
    for name in RealDisk.list(scratch.path()).unwrap().iter().filter(|name| name.starts_with("index")) {
        std::fs::remove_file(scratch.path().join(name)).unwrap();
    }
    let partition = open();
    assert_eq!(writers[0].happened(&partition), 79);
    judge(&partition, &writers).unwrap();
}

#[test]
fn readers_do_not_notice_that_blobs_move() {
    let scratch = Scratch::new();
    let partition = Partition::open(scratch.path(), options(Engine::Sqlite), Arc::new(RealDisk)).unwrap();
    let writers = write(&partition, 1, 40);
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let mut rounds = 0;
            while !is_done.load(Ordering::Relaxed) || rounds == 0 {
                for blob in partition.snapshot().unwrap().blobs(None, 1000).unwrap() {
                    match partition.blob(&blob.hash) {
                        Ok(_) | Err(storage::Error::NoBlob(_)) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
                rounds += 1;
            }
        });
        for from in (40..100).step_by(20) {
            write(&partition, from, from + 20);
            partition.compact(&mut |_| {}).unwrap();
        }
        is_done.store(true, Ordering::Relaxed);
        reading.join().unwrap();
    });
    judge(&partition, &writers).unwrap();
}

#[test]
fn the_upkeep_rewrites_by_itself() {
    let disk = SimulatedDisk::new();
    let options = Options { snapshot_octets: 300_000, ..options(Engine::Memory) };
    let partition = Partition::open(Path::new("/p"), options, Arc::new(disk.clone())).unwrap();
    // Far more than what is left is written, so without rewriting the first segment would still be there.
    let writers = write(&partition, 1, 150);
    let mut n = 150;
    while disk.list(Path::new("/p/log")).unwrap().contains(&"0000000000000001.seg".to_owned()) {
        assert!(n < 20_000, "the upkeep never removed a segment");
        writers[0].write(&partition, n).wait().unwrap();
        n += 1;
    }
    judge(&partition, &writers).unwrap();
}
