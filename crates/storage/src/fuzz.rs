//! Entry points for fuzzing: everything that reads stored octets, fed with any octets. None may panic.

use std::io::IoSlice;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use model::Timestamp;

use crate::blob::BlobRow;
use crate::disk::{Disk, SimulatedDisk};
use crate::dump::DumpFolder;
use crate::index::memory::MemoryIndex;
use crate::key::KeyParts;
use crate::log::commit::Commit;
use crate::log::record::{self, Head, Kind};
use crate::log::segment::Header;
use crate::opening::Place;
use crate::options::{Engine, Options};
use crate::repair::repair;
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

/// A segment of these octets: opened and repaired, or refused, but never with a panic. By the first octet they are the
/// whole file, or follow a good header, or become records with good checksums.
pub fn fuzz_segment(data: &[u8]) {
    let Some((how, data)) = data.split_first() else { return };
    let disk = SimulatedDisk::new();
    let options = Options { engine: Engine::Memory, reserve_octets: 0, ..Options::default() };
    let place = Place::new(Path::new("/p"), options, Arc::new(disk.clone()));
    let header = Header { segment: 1, first_sequence: 1, made: Timestamp(0) }.encode();
    let content = match how % 3 {
        0 => data.to_vec(),
        1 => [&header[..], data].concat(),
        _ => [&header[..], &records(data)].concat(),
    };
    drop(place.open());
    if let Ok(file) = disk.create(&place.log.file(1)) {
        let _ = file.write_at(0, &mut [IoSlice::new(&content)]);
    }
    drop(place.open());
    let _ = repair(&place, &mut |_| {});
    drop(place.open());
}

/// Cuts octets into records: kind and group in one octet, length in the next, then the payload.
fn records(mut data: &[u8]) -> Vec<u8> {
    let mut records = Vec::new();
    while let Some(([how, octets], rest)) = data.split_first_chunk::<2>() {
        let (payload, rest) = rest.split_at(usize::from(*octets).min(rest.len()));
        let kind = if how % 2 == 0 { Kind::Commit } else { Kind::Blob };
        records.extend_from_slice(&record::encode(kind, u64::from(how / 2 % 8), payload));
        data = rest;
    }
    records
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
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn any_octets_are_borne(data: Vec<u8>) {
            super::fuzz_record(&data);
            super::fuzz_segment(&data);
            super::fuzz_snapshot(&data);
        }
    }
}
