//! Snapshots of the index: whole or refused.

use std::path::Path;

use bytes::Bytes;

use crate::disk::{Disk, SimulatedDisk};
use crate::dump::{DumpFolder, encode_header};
use crate::index::memory::MemoryIndex;
use crate::index::{Index, View};
use crate::key::KeyRange;
use crate::read::Scan;
use crate::rows::Position;

fn filled(rows: u32) -> MemoryIndex {
    let index = MemoryIndex::new();
    let change = |number: u32| {
        let value = vec![number as u8; 1000];
        (Bytes::copy_from_slice(&number.to_be_bytes()), Some(Bytes::from(value)))
    };
    let changes: Vec<_> = (0..rows).map(change).collect();
    index.apply(&changes, Some(Position { sequence: 9, segment: 2, offset: 300 })).unwrap();
    index
}

fn rows(index: &dyn Index) -> Vec<(Vec<u8>, Vec<u8>)> {
    let view: Box<dyn View> = index.view().unwrap();
    view.scan(&KeyRange::prefix(&[]), Scan::first(10_000)).unwrap().rows
}

#[test]
fn a_snapshot_header_has_its_golden_octets() {
    let header = encode_header(Position { sequence: 1, segment: 2, offset: 3 });
    let mut golden = b"HELIOIDX\x01\0\0\0\x40\0\0\0\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x03".to_vec();
    golden.resize(60, 0);
    assert_eq!(header[..60], golden[..]);
}

#[test]
fn a_snapshot_fills_an_empty_index() {
    for count in [0, 1, 700] {
        let disk = SimulatedDisk::new();
        let folder = DumpFolder::new(Path::new("/p"));
        let index = filled(count);
        let position = folder.write(&disk, index.view().unwrap().as_ref()).unwrap();
        assert_eq!(folder.position(&disk, 9).unwrap(), Some(position));
        let copy = MemoryIndex::new();
        assert!(folder.load(&disk, 9, &copy).unwrap());
        assert_eq!(rows(&copy), rows(&index));
    }
}

#[test]
fn damage_anywhere_in_a_snapshot_is_noticed_and_leaves_no_position() {
    let disk = SimulatedDisk::new();
    let folder = DumpFolder::new(Path::new("/p"));
    folder.write(&disk, filled(600).view().unwrap().as_ref()).unwrap();
    let path = Path::new("/p/snapshots/0000000000000009.rows");
    let octets = disk.open(path).unwrap().octets().unwrap();
    assert!(octets > 600_000);
    for at in [0, 9, 17, 62, 64, 70, 90, octets / 2, octets - 1, octets - 20] {
        disk.damage(path, at, 0x10);
        let copy = MemoryIndex::new();
        assert!(!folder.load(&disk, 9, &copy).unwrap(), "octet {at}");
        assert!(!folder.verify(&disk, 9).unwrap(), "octet {at}");
        assert_eq!(copy.view().unwrap().position().unwrap(), None);
        disk.damage(path, at, 0x10);
    }
    disk.open(path).unwrap().truncate(octets - 28).unwrap();
    assert!(!folder.verify(&disk, 9).unwrap(), "without its end record");
}

#[test]
fn only_the_newest_snapshots_are_kept() {
    let disk = SimulatedDisk::new();
    let folder = DumpFolder::new(Path::new("/p"));
    let index = filled(1);
    for sequence in 1..6 {
        index.apply(&[], Some(Position { sequence, segment: 1, offset: 0 })).unwrap();
        folder.write(&disk, index.view().unwrap().as_ref()).unwrap();
    }
    assert_eq!(folder.list(&disk).unwrap(), [5, 4]);
}
