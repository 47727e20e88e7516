//! Golden octets of commits, and reading back.

use bytes::Bytes;
use model::{BlobHash, Timestamp};
use proptest::prelude::*;

use crate::log::commit::{Change, Commit};

#[test]
fn a_commit_has_its_golden_octets() {
    let commit = Commit {
        time: Timestamp(1),
        transactions: 2,
        changes: vec![
            Change::Put(Bytes::from_static(b"key"), Bytes::from_static(b"value")),
            Change::Delete(Bytes::from_static(b"k")),
            Change::Blob(BlobHash([7; 32]), 4),
        ],
    };
    let mut golden = vec![1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0];
    golden.extend_from_slice(b"\x01\x03\0\x05\0\0\0keyvalue\x02\x01\0k\x03");
    golden.extend_from_slice(&[7; 32]);
    golden.extend_from_slice(&[4, 0, 0, 0]);
    assert_eq!(commit.encode(), golden);
    assert_eq!(Commit::decode(golden.clone().into()), Some(commit));
    golden.push(0);
    assert_eq!(Commit::decode(golden.into()), None);
}

fn change() -> impl Strategy<Value = Change> {
    let octets = || prop::collection::vec(any::<u8>(), 0..40).prop_map(Bytes::from);
    prop_oneof![
        (octets(), octets()).prop_map(|(key, value)| Change::Put(key, value)),
        octets().prop_map(Change::Delete),
        (any::<[u8; 32]>(), any::<u32>()).prop_map(|(hash, count)| Change::Blob(BlobHash(hash), count)),
    ]
}

proptest! {
    #[test]
    fn commits_read_back(time: u64, transactions: u32, changes in prop::collection::vec(change(), 0..20)) {
        let commit = Commit { time: Timestamp(time), transactions, changes };
        prop_assert_eq!(Commit::decode(commit.encode().into()), Some(commit));
    }

    #[test]
    fn reading_never_panics(octets: Vec<u8>) {
        Commit::decode(octets.into());
    }
}
