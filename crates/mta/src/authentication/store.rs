//! What authentication keeps: policies of others, facts for reports, and reports of others. All lies below account 0 of the
//! system partition, in the space `authentication`.
//!
//! | kind | rest of the key | value |
//! |---|---|---|
//! | 1 | domain text | the MTA-STS policy of a domain, JSON |
//! | 2 | day u32, domain text, hash of the fact | count u64 little-endian, the DMARC fact: messages of that day |
//! | 3 | day u32, domain text, hash of the fact | count u64 little-endian, the TLS fact: sessions of that day |
//! | 5 | received second u64, number u64 | a report of others, JSON |
//! | 6 | number u64 | the second at which the report with this number was received, u64 little-endian |

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::AccountId;
use sha2::{Digest, Sha256};
use storage::{Abort, Key, KeyParts, Partition, Read, Scan, Space};

/// The name of the storage space.
const SPACE: &str = "authentication";
/// Policies that are kept.
const POLICIES_MAX: usize = 20_000;
/// Reports of others that are kept; the oldest go.
const REPORTS_MAX: usize = 20_000;
/// Facts of all domains and days that are kept, each up to four KiB.
const ALL_FACTS_MAX: usize = 100_000;
/// Facts of one domain and day that are kept, and that one report holds.
pub const FACTS_MAX: usize = 10_000;
/// Octets of the facts of one domain and day that are read for its report.
const FACTS_OCTETS_MAX: usize = 16 << 20;
/// Policies that are looked at when one must go: those whose names follow the new one's.
const EVICTION_SAMPLE: usize = 50;

/// A kind of report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// RFC 7489 §7.2.
    Dmarc,
    /// RFC 8460.
    Tls,
}

impl Kind {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Dmarc => "dmarc",
            Kind::Tls => "tls",
        }
    }

    fn octet(self) -> u8 {
        match self {
            Kind::Dmarc => 2,
            Kind::Tls => 3,
        }
    }
}

/// A fact that is counted by day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fact {
    /// What kind of report it goes into.
    pub kind: Kind,
    /// Days since 1970.
    pub day: u32,
    /// To whom the report goes: the domain.
    pub domain: String,
    /// The fact itself, JSON.
    pub text: String,
}

/// What authentication keeps. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    partition: Partition,
    space: Space,
    counted: Arc<Counted>,
}

/// How much is kept, counted once, so that no writing has to.
#[derive(Debug, Default)]
struct Counted {
    policies: AtomicUsize,
    reports: AtomicUsize,
    facts: Mutex<BTreeMap<About, usize>>,
}

/// What facts are about: a kind of report, a day and a domain.
type About = (Kind, u32, String);

impl Counted {
    fn facts(&self) -> MutexGuard<'_, BTreeMap<About, usize>> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    /// In the system partition. Blocks.
    ///
    /// # Errors
    /// Those of the partition.
    pub fn open(partition: Partition) -> Result<Store, storage::Error> {
        let space = partition.space(SPACE)?;
        let store = Store { partition, space, counted: Arc::default() };
        let snapshot = store.partition.snapshot()?;
        store.counted.policies.store(count(&snapshot, store.kind(1).range())?, Ordering::Relaxed);
        store.counted.reports.store(count(&snapshot, store.kind(5).range())?, Ordering::Relaxed);
        for kind in [Kind::Dmarc, Kind::Tls] {
            snapshot.each(store.kind(kind.octet()).range(), &mut |key, _| {
                if let Some((day, domain)) = day_and_domain(key) {
                    *store.counted.facts().entry((kind, day, domain)).or_default() += 1;
                }
                Ok(ControlFlow::Continue(()))
            })?;
        }
        Ok(store)
    }

    fn kind(&self, kind: u8) -> Key {
        self.space.key(AccountId(0)).u8(kind)
    }

    /// The policy that is kept for a domain, as text. Blocks.
    ///
    /// # Errors
    /// Those of the partition.
    pub fn policy(&self, domain: &str) -> Result<Option<Vec<u8>>, storage::Error> {
        self.partition.snapshot()?.get(&self.kind(1).text(domain))
    }

    /// Keeps the policy of a domain. Of very many, the oldest among some gives way: `age` tells of a value when it is over.
    /// Whether one had to.
    ///
    /// # Errors
    /// Those of the partition.
    pub async fn keep_policy(
        &self,
        domain: &str,
        policy: Vec<u8>,
        age: fn(&[u8]) -> u64,
    ) -> Result<bool, storage::WriteError> {
        let (key, all) = (self.kind(1).text(domain), self.kind(1));
        let counted = Arc::clone(&self.counted);
        let writing = self.partition.write(move |transaction| {
            let is_new = transaction.get(&key)?.is_none();
            let mut gone = None;
            if is_new && counted.policies.load(Ordering::Relaxed) >= POLICIES_MAX {
                let behind = transaction.scan(all.range().starting_at(key.clone()), Scan::first(EVICTION_SAMPLE))?;
                let first = transaction.scan(all.range(), Scan::first(1))?;
                let some = behind.rows.into_iter().chain(first.rows);
                gone = some.min_by_key(|(_, value)| age(value)).map(|(key, _)| key);
            }
            let is_more = is_new && gone.is_none();
            let is_full = gone.is_some();
            gone.into_iter().for_each(|key| transaction.delete(key));
            transaction.put(key, policy);
            Ok::<_, Abort>((is_more, is_full))
        });
        let (is_more, is_full) = writing.await?.value;
        self.counted.policies.fetch_add(usize::from(is_more), Ordering::Relaxed);
        Ok(is_full)
    }

    /// Adds to the counts of facts, in one transaction. Says how many new ones were left out, since there are very many.
    ///
    /// # Errors
    /// Those of the partition.
    pub async fn add(&self, facts: Vec<(Fact, u64)>) -> Result<u64, storage::WriteError> {
        let keyed: Vec<(Key, Fact, u64)> = facts
            .into_iter()
            .map(|(fact, count)| {
                let hash = Sha256::digest(fact.text.as_bytes());
                (self.facts(fact.kind, fact.day, &fact.domain).raw(&hash), fact, count)
            })
            .collect();
        let counted = Arc::clone(&self.counted);
        let writing = self.partition.write(move |transaction| {
            let kept = counted.facts();
            let mut all: usize = kept.values().sum();
            let (mut added, mut left) = (BTreeMap::<About, usize>::new(), 0);
            for (key, Fact { kind, day, domain, text }, count) in keyed {
                let before = transaction.get(&key)?.as_deref().and_then(read_fact).map(|(_, count)| count);
                if before.is_none() {
                    let about = (kind, day, domain);
                    let its = kept.get(&about).unwrap_or(&0) + added.get(&about).unwrap_or(&0);
                    if its >= FACTS_MAX || all >= ALL_FACTS_MAX {
                        left += 1;
                        continue;
                    }
                    *added.entry(about).or_default() += 1;
                    all += 1;
                }
                let sum = before.unwrap_or(0).saturating_add(count);
                transaction.put(key, [&sum.to_le_bytes()[..], text.as_bytes()].concat());
            }
            Ok::<_, Abort>((added, left))
        });
        let (added, left) = writing.await?.value;
        let mut kept = self.counted.facts();
        added.into_iter().for_each(|(about, count)| *kept.entry(about).or_default() += count);
        Ok(left)
    }

    fn facts(&self, kind: Kind, day: u32, domain: &str) -> Key {
        self.kind(kind.octet()).u32(day).text(domain)
    }

    /// The days and domains of which there are facts of days before `today`. Blocks.
    ///
    /// # Errors
    /// Those of the partition.
    pub fn due(&self, kind: Kind, today: u32) -> Result<Vec<(u32, String)>, storage::Error> {
        let mut found: Vec<(u32, String)> = Vec::new();
        let all = self.kind(kind.octet());
        let range = all.range();
        self.partition.snapshot()?.each(range, &mut |key, _| {
            let named = day_and_domain(key);
            match named {
                Some((day, _)) if day >= today => return Ok(ControlFlow::Break(())),
                Some(named) if found.last() != Some(&named) => found.push(named),
                _ => {}
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    /// The facts of a domain and day with their counts, some of them when there are very many; and how many are left out.
    /// Blocks.
    ///
    /// # Errors
    /// Those of the partition.
    pub fn facts_of(&self, kind: Kind, day: u32, domain: &str) -> Result<(Vec<(String, u64)>, u64), storage::Error> {
        let mut found = Vec::new();
        let (mut octets, mut left) = (0, 0);
        let range = self.facts(kind, day, domain).range();
        let snapshot = self.partition.snapshot()?;
        snapshot.each(range, &mut |_, value| {
            octets += value.len();
            if found.len() < FACTS_MAX && octets <= FACTS_OCTETS_MAX {
                found.extend(read_fact(value));
            } else {
                left += 1;
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok((found, left))
    }

    /// Forgets the facts of a domain and day, whose report is on its way or will never be.
    ///
    /// # Errors
    /// Those of the partition.
    pub async fn forget(&self, kind: Kind, day: u32, domain: &str) -> Result<(), storage::WriteError> {
        let range = self.facts(kind, day, domain).range();
        let writing = self.partition.write(move |transaction| {
            transaction.delete_range(range);
            Ok::<_, Abort>(())
        });
        writing.await?;
        self.counted.facts().remove(&(kind, day, domain.to_owned()));
        Ok(())
    }

    /// Keeps a report of others by its name, which comes once however often it is sent; `false` when it is there already. Of
    /// very many the oldest go.
    ///
    /// # Errors
    /// Those of the partition.
    pub async fn keep_report(
        &self,
        received_secs: u64,
        name: &[&str],
        report: Vec<u8>,
    ) -> Result<bool, storage::WriteError> {
        let hash = Sha256::digest(name.join("\n").as_bytes());
        let number = hash.first_chunk::<8>().map_or(0, |octets| u64::from_be_bytes(*octets));
        let key = self.kind(5).u64(received_secs).u64(number);
        let (all, index) = (self.kind(5).range(), self.kind(6).u64(number));
        let index_of = {
            let store = self.clone();
            move |key: &[u8]| Some(store.kind(6).u64(report_number(key)?))
        };
        let counted = Arc::clone(&self.counted);
        let writing = self.partition.write(move |transaction| {
            if transaction.get(&index)?.is_some() {
                return Ok::<_, Abort>((false, 0));
            }
            let mut gone = 0;
            if counted.reports.load(Ordering::Relaxed) >= REPORTS_MAX {
                let oldest = transaction.scan(all, Scan::first(1).keys_only())?;
                for (key, _) in oldest.rows {
                    gone += 1;
                    if let Some(index) = index_of(&key) {
                        transaction.delete(index);
                    }
                    transaction.delete(key);
                }
            }
            transaction.put(index, received_secs.to_le_bytes().to_vec());
            transaction.put(key, report);
            Ok((true, gone))
        });
        let (is_new, gone) = writing.await?.value;
        if is_new {
            self.counted.reports.fetch_add(1, Ordering::Relaxed);
            self.counted.reports.fetch_sub(gone, Ordering::Relaxed);
        }
        Ok(is_new)
    }

    /// The latest reports of others, newest first. Blocks.
    ///
    /// # Errors
    /// Those of the partition.
    pub fn reports(&self, most: usize) -> Result<Vec<Vec<u8>>, storage::Error> {
        let page = self.partition.snapshot()?.scan(self.kind(5).range(), Scan::last(most.max(1)))?;
        Ok(page.rows.into_iter().map(|(_, value)| value).collect())
    }
}

fn count(read: &dyn Read, range: storage::KeyRange) -> Result<usize, storage::Error> {
    let mut count = 0;
    let mut rest = Some(range);
    while let Some(range) = rest.take() {
        let page = read.scan(range.clone(), Scan::first(1000).keys_only())?;
        count += page.rows.len();
        rest = page.next.map(|next| range.resume(next, false));
    }
    Ok(count)
}

fn day_and_domain(key: &[u8]) -> Option<(u32, String)> {
    let mut parts = KeyParts::after_space(key)?;
    parts.u8()?;
    Some((parts.u32()?, parts.text()?))
}

fn report_number(key: &[u8]) -> Option<u64> {
    let mut parts = KeyParts::after_space(key)?;
    parts.u8()?;
    parts.u64()?;
    parts.u64()
}

/// A fact with its count.
fn read_fact(value: &[u8]) -> Option<(String, u64)> {
    let (count, text) = value.split_first_chunk::<8>()?;
    Some((String::from_utf8(text.to_vec()).ok()?, u64::from_le_bytes(*count)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(domain: &str, numbers: std::ops::Range<usize>) -> Vec<(Fact, u64)> {
        let fact = |at| Fact { kind: Kind::Tls, day: 1, domain: domain.to_owned(), text: format!("\"{at}\"") };
        numbers.map(|at| (fact(at), 1)).collect()
    }

    #[tokio::test]
    async fn one_domain_and_day_have_so_many_facts_and_no_more() {
        let partition = Partition::in_memory().unwrap();
        let store = Store::open(partition.clone()).unwrap();
        assert_eq!(store.add(facts("a.test", 0..FACTS_MAX - 1)).await.unwrap(), 0);
        // What is kept is counted again when the store is opened.
        let store = Store::open(partition).unwrap();
        assert_eq!(store.add(facts("a.test", FACTS_MAX - 2..FACTS_MAX + 1)).await.unwrap(), 1);
        assert_eq!(store.add(facts("b.test", 0..1)).await.unwrap(), 0, "another domain has its own");
        let (kept, left) = store.facts_of(Kind::Tls, 1, "a.test").unwrap();
        assert_eq!((kept.len(), left), (FACTS_MAX, 0));
        store.forget(Kind::Tls, 1, "a.test").await.unwrap();
        assert_eq!(store.add(facts("a.test", FACTS_MAX..FACTS_MAX + 1)).await.unwrap(), 0);
    }
}
