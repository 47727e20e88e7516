//! Entry points for fuzzing: everything that reads stored octets, fed with any octets. None may panic.

use std::io::IoSlice;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use crate::blob::BlobRow;
use crate::disk::{Disk, SimulatedDisk};
use crate::dump::DumpFolder;
use crate::index::memory::MemoryIndex;
use crate::key::KeyParts;
use crate::log::commit::Commit;
use crate::log::record::{self, Head};
use crate::options::{Engine, Options};
use crate::partition::Partition;
use crate::rows::{Position, SegmentUsage};

/// Single records and rows: what is read must be written again as it was.
pub fn fuzz_record(data: &[u8]) {
    if let Some(head) = Head::decode(data) {
        assert!(data.starts_with(&head.encode()), "a head is written as it was read");
        record::decode_blob_prefix(data, head.payload_octets);
    }
    if let Some(commit) = Commit::decode(Bytes::copy_from_slice(data)) {
        assert_eq!(commit.encode(), data, "a commit is written as it was read");
    }
    if let Some(row) = BlobRow::decode(data) {
        assert_eq!(row.encode(), data, "a blob row is written as it was read");
    }
    let _ = (Position::decode(data), SegmentUsage::decode(data));
    let mut parts = KeyParts::new(data);
    while parts.bytes().is_some() {}
}

/// A segment with these octets behind its header, or in place of it: opened, or refused, but never with a panic.
pub fn fuzz_segment(data: &[u8]) {
    let disk = SimulatedDisk::new();
    let options = Options { engine: Engine::Memory, reserve_octets: 0, ..Options::default() };
    let folder = Path::new("/p");
    let open = || Partition::open(folder, options.clone(), Arc::new(disk.clone()));
    let Ok(partition) = open() else { return };
    let written = partition.write(|tx| {
        tx.put(vec![1], vec![2]);
        Ok(())
    });
    let _ = written.wait();
    partition.close();
    let path = folder.join("log/0000000000000001.seg");
    let Ok(file) = disk.open(&path) else { return };
    let (at, data) = match data.split_first() {
        Some((0, rest)) => (0, rest),
        Some((_, rest)) => (file.octets().unwrap_or(0), rest),
        None => return,
    };
    let _ = file.write_at(at, &mut [IoSlice::new(data)]);
    if let Ok(partition) = open() {
        let _ = partition.check(&mut |_| {});
        partition.close();
    }
    let _ = Partition::repair(folder, options.clone(), Arc::new(disk.clone()), &mut |_| {});
}

/// A snapshot of the index with these octets.
pub fn fuzz_snapshot(data: &[u8]) {
    let disk = SimulatedDisk::new();
    let path = Path::new("/p/snapshots/0000000000000001.rows");
    if let Ok(file) = disk.create(path) {
        let _ = file.write_at(0, &mut [IoSlice::new(data)]);
    }
    let _ = DumpFolder::new(Path::new("/p")).load(&disk, 1, &MemoryIndex::new());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_octets_are_borne(data: Vec<u8>) {
            super::fuzz_record(&data);
            super::fuzz_segment(&data);
            super::fuzz_snapshot(&data);
        }
    }
}
