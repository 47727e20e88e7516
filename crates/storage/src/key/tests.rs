//! Order and reading back of keys.

use model::AccountId;
use proptest::prelude::*;

use crate::key::{KeyParts, KeyRange, Space};

const SPACE: Space = Space(9);

#[test]
fn keys_are_account_first_and_big_endian() {
    let key = SPACE.key(AccountId(0x0102)).u8(3).u16(4).u32(5).u64(6).text("a");
    let golden = [0, 0, 1, 2, 9, 3, 0, 4, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 6, b'a', 0, 0];
    assert_eq!(key.as_slice(), golden);
}

#[test]
fn a_prefix_of_all_ones_has_no_end() {
    assert_eq!(KeyRange::prefix(&[0xff, 0xff]).end, None);
    assert_eq!(KeyRange::prefix(&[1, 0xff]).end, Some(vec![2]));
    assert!(!KeyRange::prefix(&[1, 0xff]).contains(&[2]));
    assert!(KeyRange::prefix(&[]).contains(&[0xff; 9]));
}

#[test]
fn a_resumed_range_never_grows() {
    let range = KeyRange::new([3], [7]);
    assert_eq!(range.clone().resume(vec![1], false), range);
    assert_eq!(range.clone().resume(vec![9], true), range);
    assert_eq!(range.after([5]), KeyRange::new([5, 0], [7]));
}

proptest! {
    #[test]
    fn texts_keep_their_order_whatever_follows(a: Vec<u8>, b: Vec<u8>, x: u8, y: u8) {
        prop_assume!(a != b);
        let key = |text: &[u8], tail: u8| SPACE.key(AccountId(1)).bytes(text).u8(tail);
        prop_assert_eq!(a.cmp(&b), key(&a, x).cmp(&key(&b, y)));
    }

    #[test]
    fn keys_read_back(number: u64, text: String, octets: Vec<u8>, tail: Vec<u8>) {
        let key = SPACE.key(AccountId(7)).u64(number).text(&text).bytes(&octets).raw(&tail);
        let mut parts = KeyParts::after_space(&key).unwrap();
        prop_assert_eq!(parts.u64(), Some(number));
        prop_assert_eq!(parts.text(), Some(text));
        prop_assert_eq!(parts.bytes(), Some(octets));
        prop_assert_eq!(parts.rest(), tail.as_slice());
    }

    #[test]
    fn reading_never_panics(octets: Vec<u8>) {
        let mut parts = KeyParts::new(&octets);
        while parts.bytes().is_some() && parts.u16().is_some() {}
        parts.u64();
    }
}
