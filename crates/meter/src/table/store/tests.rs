use super::*;
use proptest::prelude::*;
use std::collections::HashMap;

fn never(_: &i64) -> bool {
    false
}

fn count(store: &Store<i64>, key: &str) -> i64 {
    store.with(
        key.as_bytes(),
        || 0,
        never,
        |value| {
            *value += 1;
            *value
        },
    )
}

#[test]
fn an_entry_of_a_number_is_small() {
    assert_eq!(size_of::<Slot<i64>>(), 40);
    let store: Store<i64> = Store::new(100_000);
    for number in 0..100_000u32 {
        count(&store, &format!("user{number}@example.org"));
    }
    let each = store.octets() / store.len();
    assert!(each <= 60, "{each} octets for an entry with a short key");
    let long: Store<i64> = Store::new(100_000);
    for number in 0..100_000u32 {
        count(&long, &format!("somebody.with.a.long.name.{number}@example.org"));
    }
    let each = long.octets() / long.len();
    assert!(each <= 130, "{each} octets for an entry with a long key");
}

#[test]
fn keys_of_any_length_are_told_apart() {
    let store = Store::new(10_000);
    for octets in 1..200 {
        assert_eq!(count(&store, &"x".repeat(octets)), 1);
    }
    for octets in 1..200 {
        assert_eq!(count(&store, &"x".repeat(octets)), 2);
    }
    assert_eq!(store.len(), 199);
}

#[test]
fn a_frequent_key_survives_a_flood_of_new_ones() {
    let store = Store::new(10);
    let mut frequent = 0;
    for number in 0..1000 {
        if number % 5 == 0 {
            frequent = count(&store, "frequent");
        }
        count(&store, &number.to_string());
        assert!(store.len() <= 10);
    }
    assert_eq!(frequent, 200, "it was never dropped");
    assert_eq!(store.dropped(), 1001 - 10);
}

#[test]
fn of_entries_used_alike_the_oldest_goes() {
    let store = Store::new(3);
    for key in ["a", "b", "c", "d"] {
        count(&store, key);
    }
    assert_eq!(store.peek(b"a", |value| *value), None);
    assert!(["b", "c", "d"].iter().all(|key| store.peek(key.as_bytes(), |_| ()).is_some()));
}

#[test]
fn entries_that_say_nothing_leave_by_themselves() {
    let store = Store::new(1000);
    let is_idle = |value: &i64| *value == 0;
    for number in 0..500 {
        store.with(format!("idle{number}").as_bytes(), || 0, is_idle, |_| ());
    }
    for number in 0..500 {
        store.with(format!("busy{number}").as_bytes(), || 1, is_idle, |_| ());
    }
    assert!(store.len() <= 510, "{} are left", store.len());
    assert_eq!(store.dropped(), 0, "nobody had to make room");
    assert!((0..500).all(|number| store.peek(format!("busy{number}").as_bytes(), |_| ()).is_some()));
}

#[test]
fn counting_is_exact_however_many_count_at_once() {
    let store = Store::new(100_000);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for number in 0..20_000 {
                    count(&store, &(number % 100).to_string());
                }
            });
        }
    });
    assert!((0..100).all(|key: i32| store.peek(key.to_string().as_bytes(), |value| *value) == Some(800)));
}

#[test]
fn a_new_size_keeps_what_fits() {
    let mut store = Store::new(100);
    for number in 0..100 {
        count(&store, &number.to_string());
    }
    store.resize(1_000_000, never);
    assert_eq!(store.shards.len(), SHARDS_MAX);
    assert!((0..100).all(|key: i32| store.peek(key.to_string().as_bytes(), |value| *value) == Some(1)));
    store.resize(5000, never);
    assert_eq!(store.len(), 100);
    store.resize(7, never);
    assert_eq!((store.len(), store.shards.len()), (7, 1));
    assert_eq!(store.clear(), 7);
    assert!(store.is_empty());
}

proptest! {
    /// Against a plain map, with room enough: every key holds what was done to it.
    #[test]
    fn it_is_a_map(steps in proptest::collection::vec((0u8..40, 0u8..4), 0..400)) {
        let (store, mut plain) = (Store::new(1000), HashMap::new());
        for (key, step) in steps {
            let name = "k".repeat(usize::from(key) + 1);
            if step == 0 {
                prop_assert_eq!(store.remove(name.as_bytes()), plain.remove(&name).is_some());
            } else {
                let held = plain.entry(name.clone()).or_insert(0);
                *held += 1;
                prop_assert_eq!(count(&store, &name), *held);
            }
            prop_assert_eq!(store.len(), plain.len());
        }
        for (key, value) in &plain {
            prop_assert_eq!(store.peek(key.as_bytes(), |held| *held), Some(*value));
        }
        let heap: usize = plain.keys().map(|key| Key::new(key.as_bytes()).heap_octets()).sum();
        prop_assert_eq!(store.shards.iter().map(|shard| shard.lock().unwrap().heap_octets).sum::<usize>(), heap);
    }

    /// Full to the brim, it stays within its room and its index stays right.
    #[test]
    fn a_full_store_finds_what_it_keeps(keys in proptest::collection::vec(0u16..60, 0..600)) {
        let store = Store::new(16);
        for key in keys {
            let name = key.to_string();
            count(&store, &name);
            prop_assert!(store.peek(name.as_bytes(), |_| ()).is_some(), "what was just used is there");
            let mut kept = Vec::new();
            store.for_each(|key, _| kept.push(key.to_vec()));
            prop_assert!(kept.len() <= 16);
            prop_assert!(kept.iter().all(|key| store.find_quietly(key)));
        }
    }
}

impl Store<i64> {
    fn find_quietly(&self, key: &[u8]) -> bool {
        let hash = self.hasher.hash_one(key);
        self.shard(hash).find(hash, key).is_some()
    }
}
