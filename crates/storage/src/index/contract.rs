//! What every engine must do, run against each of them and compared with a `BTreeMap`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bytes::Bytes;
use proptest::prelude::*;

use crate::index::memory::MemoryIndex;
use crate::index::sqlite::SqliteIndex;
use crate::index::{Change, Index, View};
use crate::key::KeyRange;
use crate::options::Options;
use crate::read::Scan;
use crate::rows::{POSITION, Position};
use crate::scratch::Scratch;

fn each_engine(test: impl Fn(&dyn Index)) {
    test(&MemoryIndex::new());
    let scratch = Scratch::new();
    test(&SqliteIndex::open(&scratch.path().join("index.sqlite"), &Options::default()).unwrap());
}

fn put(key: &[u8], value: &[u8]) -> Change {
    (Bytes::copy_from_slice(key), Some(Bytes::copy_from_slice(value)))
}

fn at(sequence: u64) -> Option<Position> {
    Some(Position { sequence, segment: 1, offset: 2 })
}

#[test]
fn a_view_stays_as_it_was_and_latest_does_not() {
    each_engine(|index| {
        index.apply(&[put(b"a", b"1")], at(1)).unwrap();
        let view = index.view().unwrap();
        let latest = index.latest().unwrap();
        index.apply(&[put(b"a", b"2"), put(b"b", b"")], at(2)).unwrap();
        assert_eq!(view.get(b"a").unwrap().as_deref(), Some(&b"1"[..]));
        assert_eq!(view.get(b"b").unwrap(), None);
        assert_eq!(view.position().unwrap(), at(1));
        assert_eq!(latest.get(b"a").unwrap().as_deref(), Some(&b"2"[..]));
        assert_eq!(latest.get(b"b").unwrap().as_deref(), Some(&b""[..]));
        assert_eq!(latest.position().unwrap(), at(2));
    });
}

#[test]
fn a_pinned_view_is_one_moment_and_follows_again() {
    each_engine(|index| {
        index.apply(&[put(b"a", b"1")], at(1)).unwrap();
        let latest = index.latest().unwrap();
        latest.pin().unwrap();
        latest.pin().unwrap();
        index.apply(&[put(b"b", b"2")], at(2)).unwrap();
        assert_eq!(latest.get(b"a").unwrap().as_deref(), Some(&b"1"[..]));
        latest.unpin().unwrap();
        latest.unpin().unwrap();
        assert_eq!(latest.get(b"b").unwrap().as_deref(), Some(&b"2"[..]));
        latest.pin().unwrap();
        drop(latest);
        index.apply(&[put(b"c", b"3")], at(3)).unwrap();
        index.settle().unwrap();
        assert_eq!(index.latest().unwrap().position().unwrap(), at(3));
    });
}

#[test]
fn later_changes_of_one_batch_win() {
    each_engine(|index| {
        let gone = (Bytes::from_static(b"a"), None);
        index.apply(&[put(b"a", b"1"), gone.clone(), put(b"b", b"1"), put(b"b", b"2")], at(1)).unwrap();
        let view = index.view().unwrap();
        assert_eq!(view.get(b"a").unwrap(), None);
        assert_eq!(view.get(b"b").unwrap().as_deref(), Some(&b"2"[..]));
        index.apply(&[gone], None).unwrap();
        assert_eq!(index.view().unwrap().position().unwrap(), at(1), "no position given, none changed");
    });
}

#[test]
fn tending_and_settling_change_nothing_that_is_seen() {
    each_engine(|index| {
        for number in 0..50u32 {
            index.apply(&[put(&number.to_be_bytes(), &[7; 3000])], at(u64::from(number))).unwrap();
            let _pinned = index.view().unwrap();
            index.tend().unwrap();
        }
        index.settle().unwrap();
        assert_eq!(index.check().unwrap(), Vec::<String>::new());
        let page = index.view().unwrap().scan(&KeyRange::prefix(&[]), Scan::default()).unwrap();
        assert_eq!(page.rows.len(), 51);
    });
}

#[test]
fn an_index_in_a_file_is_found_again() {
    let scratch = Scratch::new();
    let path: PathBuf = scratch.path().join("index.sqlite");
    let index = SqliteIndex::open(&path, &Options::default()).unwrap();
    index.apply(&[put(b"a", b"1")], at(3)).unwrap();
    drop(index);
    let index = SqliteIndex::open(&path, &Options::default()).unwrap();
    assert_eq!(index.view().unwrap().position().unwrap(), at(3));
}

#[test]
fn a_file_that_is_no_index_is_called_corrupt() {
    let scratch = Scratch::new();
    let path = scratch.path().join("index.sqlite");
    std::fs::write(&path, [b'x'; 9000]).unwrap();
    let outcome = SqliteIndex::open(&path, &Options::default());
    assert!(matches!(outcome, Err(crate::error::Error::Corrupt { .. })));
}

#[test]
fn the_write_ahead_log_is_begun_anew() {
    let scratch = Scratch::new();
    let path = scratch.path().join("index.sqlite");
    let index = SqliteIndex::open(&path, &Options { checkpoint_octets: 200_000, ..Options::default() }).unwrap();
    let mut tended = 0;
    for number in 0..600u32 {
        index.apply(&[put(&number.to_be_bytes(), &[7; 3000])], at(u64::from(number))).unwrap();
        if index.needs_tending() {
            index.tend().unwrap();
            tended += 1;
        }
        let octets = std::fs::metadata(scratch.path().join("index.sqlite-wal")).unwrap().len();
        assert!(octets < 300_000, "{octets}");
    }
    assert!(tended > 5, "{tended}");
}

#[test]
fn a_long_reader_delays_it_but_does_not_stop_the_writer() {
    let scratch = Scratch::new();
    let path = scratch.path().join("index.sqlite");
    let index = SqliteIndex::open(&path, &Options { checkpoint_octets: 100_000, ..Options::default() }).unwrap();
    let wal = || std::fs::metadata(scratch.path().join("index.sqlite-wal")).unwrap().len();
    let write = |number: u32| {
        index.apply(&[put(&number.to_be_bytes(), &[7; 3000])], at(u64::from(number))).unwrap();
        if index.needs_tending() {
            index.tend().unwrap();
        }
    };
    write(0);
    let view = index.view().unwrap();
    (1..60).for_each(write);
    assert!(wal() > 200_000);
    assert_eq!(view.position().unwrap(), at(0));
    drop(view);
    (60..80).for_each(write);
    assert!(wal() < 200_000, "{}", wal());
}

fn scanned(view: &dyn View, range: &KeyRange, scan: Scan) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut rows = Vec::new();
    let mut rest = Some(range.clone());
    while let Some(range) = rest.take() {
        let page = view.scan(&range, scan).unwrap();
        assert!(page.rows.len() <= scan.limit);
        rest = page.next.map(|next| range.resume(next, scan.reverse));
        rows.extend(page.rows);
    }
    rows
}

fn small_key() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop_oneof![Just(1u8), Just(2), Just(0xff)], 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn engines_agree_with_a_map(
        batches in prop::collection::vec(prop::collection::vec((small_key(), any::<Option<u8>>()), 0..8), 1..6),
        start in small_key(), end in prop::option::of(small_key()),
        limit in 1usize..5, reverse: bool, keys_only: bool,
    ) {
        each_engine(|index| {
            let mut model = BTreeMap::new();
            for (number, batch) in (1..).zip(&batches) {
                let changes: Vec<Change> =
                    batch.iter().map(|(key, value)| (key.clone().into(), value.map(|octet| vec![octet].into()))).collect();
                index.apply(&changes, at(number)).unwrap();
                for (key, value) in batch {
                    match value {
                        Some(octet) => model.insert(key.clone(), vec![*octet]),
                        None => model.remove(key),
                    };
                }
            }
            let range = KeyRange { start: start.clone(), end: end.clone() };
            let mut expected: Vec<_> =
                model.into_iter().filter(|(key, _)| range.contains(key)).collect();
            if keys_only {
                expected.iter_mut().for_each(|(_, value)| value.clear());
            }
            if reverse {
                expected.reverse();
            }
            let view = index.view().unwrap();
            let mut found = scanned(view.as_ref(), &range, Scan { limit, reverse, keys_only });
            found.retain(|(key, _)| key != &POSITION);
            assert_eq!(found, expected);
        });
    }
}
