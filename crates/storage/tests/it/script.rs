//! Transactions whose outcome is a function of how many of them happened, so that a store can be judged from one number
//! per writer. Transaction `n` of a writer stores a row and a blob; every third removes what `n - 2` stored.

use std::collections::BTreeMap;

use model::{AccountId, BlobHash};
use storage::{Abort, Key, NewBlob, Partition, Pending, Read, Scan, Space, Transaction};

/// One writer of the script.
#[derive(Clone, Copy)]
pub struct Writer {
    /// Its number, also its account.
    pub number: u32,
    /// The space of the script.
    pub space: Space,
}

/// The body that transaction `n` stores; some are equal, so that blobs are shared.
fn body(writer: u32, n: u32) -> Vec<u8> {
    let octets = match n % 7 {
        0 => 9000,
        1 => 70_000,
        2 => 0,
        _ => 700,
    };
    let seed = if n.is_multiple_of(5) { n } else { n * 31 + writer };
    (0..octets).map(|at: u32| (at.wrapping_mul(seed ^ 0x9e37) >> 3) as u8 ^ seed as u8).collect()
}

impl Writer {
    fn row(&self, n: u32) -> Key {
        self.space.key(AccountId(self.number)).u8(1).u32(n)
    }

    fn count(&self) -> Key {
        self.space.key(AccountId(self.number)).u8(0)
    }

    /// Hands transaction `n` in; they are numbered from 1.
    pub fn write(self, partition: &Partition, n: u32) -> Pending<()> {
        let blob = NewBlob::new(body(self.number, n));
        let old = NewBlob::new(body(self.number, n.saturating_sub(2))).hash();
        partition.write(move |tx: &mut Transaction<'_>| -> Result<(), Abort> {
            assert_eq!(tx.add(self.count(), 1), i64::from(n), "transactions run in order, on what was before");
            tx.put(self.row(n), blob.hash().0);
            tx.blob(&blob);
            if n.is_multiple_of(3) {
                tx.delete(self.row(n - 2));
                tx.unlink(&old)?;
            }
            Ok(())
        })
    }

    /// How many transactions the store knows of.
    pub fn happened(&self, partition: &Partition) -> u32 {
        partition.snapshot().unwrap().counter(&self.count()).unwrap() as u32
    }

    fn rows_after(&self, happened: u32) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let is_left = |n: &u32| n % 3 != 1 || n + 2 > happened;
        let row = |n: u32| (self.row(n).into(), NewBlob::new(body(self.number, n)).hash().0.to_vec());
        (1..=happened).filter(is_left).map(row).collect()
    }
}

/// Says what is wrong with the store, if anything: rows, bodies, reference counts, and its own check.
pub fn judge(partition: &Partition, writers: &[Writer]) -> Result<(), String> {
    let mut references: BTreeMap<BlobHash, u32> = BTreeMap::new();
    for writer in writers {
        let expected = writer.rows_after(writer.happened(partition));
        let range = writer.space.key(AccountId(writer.number)).u8(1).range();
        let snapshot = partition.snapshot().unwrap();
        let found: BTreeMap<_, _> =
            snapshot.scan(range, Scan::first(10_000)).map_err(|error| error.to_string())?.rows.into_iter().collect();
        if found != expected {
            return Err(format!("writer {}: {} rows, {} expected", writer.number, found.len(), expected.len()));
        }
        for hash in expected.values() {
            let hash = BlobHash(hash.as_slice().try_into().unwrap());
            *references.entry(hash).or_default() += 1;
            let blob = partition.blob(&hash).map_err(|error| error.to_string())?;
            if NewBlob::new(blob.into_bytes()).hash() != hash {
                return Err(format!("blob {hash} has other octets"));
            }
        }
    }
    let counted: BTreeMap<_, _> = partition
        .snapshot()
        .unwrap()
        .blobs(None, 10_000)
        .map_err(|error| error.to_string())?
        .into_iter()
        .map(|blob| (blob.hash, blob.count))
        .collect();
    if counted != references {
        return Err("the reference counts are wrong".to_owned());
    }
    let report = partition.check(&mut |_| {}).map_err(|error| error.to_string())?;
    if report.is_clean() { Ok(()) } else { Err(format!("{:?}", report.findings)) }
}
