//! Golden octets of records, and reading back.

use bytes::Bytes;
use proptest::prelude::*;

use crate::blob::NewBlob;
use crate::limits::BLOB_BLOCK_OCTETS;
use crate::log::record::{self, HEAD_OCTETS, Head, Kind};

#[test]
fn a_record_has_its_golden_octets() {
    let golden = [
        2, 0, 0, 0, // payload octets
        2, 1, 0, 0, // commit, format 1
        7, 0, 0, 0, 0, 0, 0, 0, // sequence
        0x12, 0x7a, 0xac, 0x30, // crc32c
        b'h', b'i',
    ];
    assert_eq!(record::encode(Kind::Commit, 7, b"hi").as_ref(), golden);
}

#[test]
fn a_blob_record_has_its_golden_octets() {
    let blob = NewBlob::new("abc");
    let prefix = record::encode_blob_prefix(9, &blob);
    let mut golden = vec![43, 0, 0, 0, 1, 1, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0];
    golden.extend_from_slice(&[0x63, 0x25, 0x8f, 0x66]);
    golden.extend_from_slice(&blob.hash().0);
    golden.extend_from_slice(&[3, 0, 0, 0]);
    golden.extend_from_slice(&[0xb7, 0x3f, 0x4b, 0x36]); // crc32c("abc"), RFC 3720 §B.4 polynomial
    assert_eq!(prefix.as_ref(), golden);
    assert_eq!(record::blob_body_offset(3), golden.len() as u64);
}

#[test]
fn lengths_of_blobs_at_the_edges_of_a_block_agree() {
    for octets in [0, 1, BLOB_BLOCK_OCTETS - 1, BLOB_BLOCK_OCTETS, BLOB_BLOCK_OCTETS + 1] {
        let blob = NewBlob::new(vec![1; octets]);
        let prefix = record::encode_blob_prefix(1, &blob);
        let head = Head::decode(&prefix).unwrap();
        assert_eq!(head.record_octets(), record::blob_record_octets(octets as u32));
        let payload = [&prefix[HEAD_OCTETS..], blob.bytes()].concat();
        assert!(head.fits(&payload));
        let read = record::decode_blob_prefix(&payload, head.payload_octets);
        assert_eq!(read, Some((blob.hash(), octets as u32)));
    }
}

proptest! {
    #[test]
    fn any_changed_octet_is_noticed(payload in prop::collection::vec(any::<u8>(), 0..200), at: usize, bit in 0u8..8) {
        let mut octets = record::encode(Kind::Rows, 3, &payload).to_vec();
        let at = at % octets.len();
        octets[at] ^= 1 << bit;
        let noticed = Head::decode(&octets).is_none_or(|head| !head.fits(&octets[HEAD_OCTETS..]));
        prop_assert!(noticed);
    }

    #[test]
    fn reading_a_head_never_panics(octets: Vec<u8>) {
        if let Some(head) = Head::decode(&octets) {
            let written = head.encode();
            prop_assert_eq!(written.as_slice(), &octets[..HEAD_OCTETS]);
            record::decode_blob_prefix(&Bytes::from(octets), head.payload_octets);
        }
    }
}
