//! Golden files: what one small run leaves on the disk, octet for octet, and that such a disk is read.

use std::io::IoSlice;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::{AccountId, Timestamp};
use storage::{Disk, Engine, NewBlob, Options, Partition, Read, SimulatedDisk};

/// The files of a partition, by their path in it.
const FILES: [&str; 3] = ["format", "log/0000000000000001.seg", "snapshots/0000000000000003.rows"];

fn open(disk: &SimulatedDisk) -> Partition {
    let clock = Arc::new(|| Timestamp(1_800_000_000_000));
    let options = Options { engine: Engine::Memory, reserve_octets: 0, clock, ..Options::default() };
    Partition::open(Path::new("/p"), options, Arc::new(disk.clone())).unwrap()
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name.replace('/', "-"))
}

fn run(partition: &Partition) {
    let space = partition.space("golden").unwrap();
    let blob = NewBlob::new("a body of the golden run");
    let second = partition.write(move |tx| {
        tx.put(space.key(AccountId(7)).u32(1).text("name"), "value");
        tx.add(space.key(AccountId(7)).u8(2), -3);
        tx.blob(&blob);
        Ok(())
    });
    second.wait().unwrap();
    let third = partition.write(move |tx| {
        tx.delete(space.key(AccountId(7)).u32(1).text("name"));
        Ok(())
    });
    third.wait().unwrap();
    partition.compact(&mut |_| {}).unwrap();
}

/// To make them anew after a change of the format, which needs a new format version: set GOLDEN_WRITE.
#[test]
fn a_run_writes_the_golden_files() {
    let disk = SimulatedDisk::new();
    let partition = open(&disk);
    run(&partition);
    partition.close();
    for name in FILES {
        let file = disk.open(&Path::new("/p").join(name)).unwrap();
        let mut octets = vec![0; file.octets().unwrap() as usize];
        file.read_at(0, &mut octets).unwrap();
        if std::env::var_os("GOLDEN_WRITE").is_some() {
            std::fs::write(golden(name), &octets).unwrap();
        }
        assert_eq!(octets, std::fs::read(golden(name)).unwrap(), "{name}");
    }
}

#[test]
fn the_golden_files_are_read_with_and_without_the_snapshot() {
    for files in [&FILES[..], &FILES[..2]] {
        let disk = SimulatedDisk::new();
        for name in files {
            let file = disk.create(&Path::new("/p").join(name)).unwrap();
            file.write_at(0, &mut [IoSlice::new(&std::fs::read(golden(name)).unwrap())]).unwrap();
        }
        let partition = open(&disk);
        let space = partition.space("golden").unwrap();
        let snapshot = partition.snapshot().unwrap();
        assert_eq!(snapshot.counter(&space.key(AccountId(7)).u8(2)).unwrap(), -3);
        assert_eq!(snapshot.get(&space.key(AccountId(7)).u32(1).text("name")).unwrap(), None);
        let blobs = snapshot.blobs(None, 10).unwrap();
        assert_eq!(partition.blob(&blobs[0].hash).unwrap().into_bytes(), "a body of the golden run");
        assert!(partition.check(&mut |_| {}).unwrap().is_clean());
    }
}
