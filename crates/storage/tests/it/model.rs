//! The store against a `BTreeMap`: every value a transaction sees, and everything that is there after each reopening.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use model::{AccountId, BlobHash};
use proptest::prelude::*;
use storage::{
    Abort, Engine, Key, KeyRange, NewBlob, Options, Partition, Read, Row, Scan, SimulatedDisk, Space, Transaction,
};

use crate::scratch::Scratch;

/// What a transaction does.
#[derive(Clone, Debug)]
enum Act {
    Put(u8, u8),
    Delete(u8),
    DeleteRange(u8, u8),
    Add(u8, i64),
    Blob(u8),
    Unlink(u8),
    Get(u8),
    Scan(u8, u8, usize, bool),
    Refuse,
}

/// What happens between transactions.
#[derive(Clone, Debug)]
enum Step {
    /// Transactions handed in together, so that they share groups and overlap with the index.
    Burst(Vec<Vec<Act>>),
    Reopen,
    Compact,
}

/// What a transaction saw.
#[derive(Clone, Debug, PartialEq)]
enum Seen {
    Value(Option<Vec<u8>>),
    Rows(Vec<Row>),
    Number(i64),
    Failed,
}

#[derive(Clone, Default)]
struct Model {
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    blobs: BTreeMap<u8, u32>,
}

fn row(space: Space, number: u8) -> Key {
    space.key(AccountId(1)).u8(number)
}

fn counter(space: Space, number: u8) -> Key {
    space.key(AccountId(2)).u8(number)
}

fn range(space: Space, from: u8, to: u8) -> KeyRange {
    KeyRange::new(row(space, from), row(space, to.max(from)))
}

fn blob(number: u8) -> NewBlob {
    NewBlob::new(vec![number; usize::from(number) * 97])
}

impl Model {
    /// What the acts should see; the model is as before if they are refused.
    fn perform(&mut self, space: Space, acts: &[Act]) -> Option<Vec<Seen>> {
        let before = self.clone();
        let mut seen = Vec::new();
        for act in acts {
            match act {
                Act::Put(key, value) => {
                    self.rows.insert(row(space, *key).into(), vec![*value; usize::from(*value)]);
                }
                Act::Delete(key) => {
                    self.rows.remove(row(space, *key).as_slice());
                }
                Act::DeleteRange(from, to) => {
                    let range = range(space, *from, *to);
                    self.rows.retain(|key, _| !range.contains(key));
                }
                Act::Add(key, delta) => {
                    let key: Vec<u8> = counter(space, *key).into();
                    let old =
                        self.rows.get(&key).map_or(0, |row| i64::from_le_bytes(row.as_slice().try_into().unwrap()));
                    let sum = old.saturating_add(*delta);
                    self.rows.insert(key, sum.to_le_bytes().to_vec());
                    seen.push(Seen::Number(sum));
                }
                Act::Blob(number) => *self.blobs.entry(*number).or_default() += 1,
                Act::Unlink(number) => match self.blobs.get_mut(number) {
                    None => seen.push(Seen::Failed),
                    Some(count) => {
                        *count -= 1;
                        self.blobs.retain(|_, count| *count > 0);
                    }
                },
                Act::Get(key) => seen.push(Seen::Value(self.rows.get(row(space, *key).as_slice()).cloned())),
                Act::Scan(from, to, limit, reverse) => {
                    let range = range(space, *from, *to);
                    let found = self.rows.iter().filter(|(key, _)| range.contains(key));
                    let found = found.map(|(key, value)| (key.clone(), value.clone()));
                    let rows: Vec<Row> =
                        if *reverse { found.rev().take(*limit).collect() } else { found.take(*limit).collect() };
                    seen.push(Seen::Rows(rows));
                }
                Act::Refuse => {
                    *self = before;
                    return None;
                }
            }
        }
        Some(seen)
    }
}

fn perform(tx: &mut Transaction<'_>, space: Space, acts: &[Act]) -> Result<Vec<Seen>, Abort> {
    let mut seen = Vec::new();
    for act in acts {
        match act {
            Act::Put(key, value) => tx.put(row(space, *key), vec![*value; usize::from(*value)]),
            Act::Delete(key) => tx.delete(row(space, *key)),
            Act::DeleteRange(from, to) => tx.delete_range(range(space, *from, *to)),
            Act::Add(key, delta) => seen.push(Seen::Number(tx.add(counter(space, *key), *delta))),
            Act::Blob(number) => tx.blob(&blob(*number)),
            Act::Unlink(number) => {
                if tx.unlink(&blob(*number).hash()).is_err() {
                    seen.push(Seen::Failed);
                }
            }
            Act::Get(key) => seen.push(Seen::Value(tx.get(&row(space, *key))?)),
            Act::Scan(from, to, limit, reverse) => {
                let scan = Scan { limit: *limit, reverse: *reverse, keys_only: false };
                seen.push(Seen::Rows(tx.scan(range(space, *from, *to), scan)?.rows));
            }
            Act::Refuse => return Err(Abort::refuse(())),
        }
    }
    Ok(seen)
}

fn compare(partition: &Partition, space: Space, model: &Model) {
    let snapshot = partition.snapshot().unwrap();
    let mut rows = BTreeMap::new();
    for account in [1, 2] {
        let range = space.key(AccountId(account)).range();
        rows.extend(snapshot.scan(range, Scan::first(10_000)).unwrap().rows);
    }
    assert_eq!(rows, model.rows);
    let counts: BTreeMap<BlobHash, u32> =
        snapshot.blobs(None, 1000).unwrap().into_iter().map(|blob| (blob.hash, blob.count)).collect();
    let expected: BTreeMap<BlobHash, u32> =
        model.blobs.iter().map(|(number, count)| (blob(*number).hash(), *count)).collect();
    assert_eq!(counts, expected);
    for number in model.blobs.keys() {
        let expected = blob(*number);
        assert_eq!(partition.blob(&expected.hash()).unwrap().into_bytes(), expected.bytes());
    }
    let report = partition.check(&mut |_| {}).unwrap();
    assert!(report.is_clean(), "{report:?}");
}

fn run(folder: &Path, engine: Engine, steps: &[Step]) {
    let disk = SimulatedDisk::new();
    let options = Options { engine, reserve_octets: 0, segment_octets: 5000, snapshot_octets: 0, ..Options::default() };
    let open = || Partition::open(folder, options.clone(), Arc::new(disk.clone())).unwrap();
    let mut partition = open();
    let space = partition.space("model").unwrap();
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Reopen => {
                partition.close();
                partition = open();
            }
            Step::Compact => drop(partition.compact(&mut |_| {}).unwrap()),
            Step::Burst(transactions) => {
                let pending: Vec<_> = transactions
                    .iter()
                    .cloned()
                    .map(|acts| partition.write(move |tx| perform(tx, space, &acts)))
                    .collect();
                for (acts, pending) in transactions.iter().zip(pending) {
                    let seen = pending.wait().ok().map(|committed| committed.value);
                    assert_eq!(seen, model.perform(space, acts), "{acts:?}");
                }
            }
        }
        compare(&partition, space, &model);
    }
}

fn act() -> impl Strategy<Value = Act> {
    let key = 0u8..12;
    prop_oneof![
        4 => (key.clone(), any::<u8>()).prop_map(|(key, value)| Act::Put(key, value)),
        2 => key.clone().prop_map(Act::Delete),
        1 => (key.clone(), key.clone()).prop_map(|(from, to)| Act::DeleteRange(from, to)),
        2 => (0u8..3, any::<i64>()).prop_map(|(key, delta)| Act::Add(key, delta)),
        3 => (0u8..6).prop_map(Act::Blob),
        3 => (0u8..6).prop_map(Act::Unlink),
        2 => key.clone().prop_map(Act::Get),
        2 => (key.clone(), key, 1usize..6, any::<bool>())
            .prop_map(|(from, to, limit, reverse)| Act::Scan(from, to, limit, reverse)),
        1 => Just(Act::Refuse),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let transaction = prop::collection::vec(act(), 0..8);
    let burst = prop::collection::vec(transaction, 1..12).prop_map(Step::Burst);
    prop::collection::vec(prop_oneof![6 => burst, 2 => Just(Step::Reopen), 1 => Just(Step::Compact)], 1..10)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// The index in memory is always empty at an opening, so each reopening is a rebuild.
    #[test]
    fn rebuilt_at_every_opening(steps in steps()) {
        run(Path::new("/p"), Engine::Memory, &steps);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn with_an_index_that_lasts(steps in steps()) {
        let scratch = Scratch::new();
        run(scratch.path(), Engine::Sqlite, &steps);
    }
}
