//! Many small values by key, in shards with a lock each, in little memory, with the least used dropped when it is full.
//!
//! A shard is a list of slots and an index of positions in it. A slot holds its key when it is short, so that an entry of a
//! number costs 40 octets and its share of the index. Which slot to drop is decided by a hand that goes round the slots and
//! takes one use from each that it passes (the clock algorithm): what is asked for often survives any flood of new keys.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hashbrown::HashTable;

use crate::limits::{ENTRIES_MAX, EVICTION_STEPS, SHARD_ENTRIES, SHARDS_MAX, SWEEP_STEPS};

/// A value and what it holds beyond itself.
pub trait Value {
    /// Octets outside of the value.
    fn heap_octets(&self) -> usize {
        0
    }
}

/// The values of one table.
#[derive(Debug)]
pub struct Store<V> {
    shards: Box<[Mutex<Shard<V>>]>,
    hasher: RandomState,
    entries_max: usize,
}

#[derive(Debug)]
struct Shard<V> {
    /// Positions in `slots`.
    index: HashTable<u32>,
    slots: Vec<Slot<V>>,
    /// Where the hand stands that looks for the least used.
    hand: usize,
    /// Where the broom stands that takes out what no longer says anything.
    broom: usize,
    /// Octets of keys and values outside of `slots`.
    heap_octets: usize,
    /// How many were dropped to make room.
    dropped: u64,
}

/// What a shard must know of its store.
#[derive(Clone, Copy)]
struct Room<'a> {
    /// Entries of a shard.
    most: usize,
    hasher: &'a RandomState,
}

#[derive(Debug)]
struct Slot<V> {
    key: Key,
    value: V,
}

/// A key with the uses that it has left, in 32 octets.
#[derive(Debug)]
enum Key {
    Short { uses: u8, octets_used: u8, octets: [u8; SHORT_OCTETS] },
    Long { uses: u8, octets: Box<[u8]> },
}

/// Octets of a key that fit into its slot.
const SHORT_OCTETS: usize = 29;
/// Rounds of the hand that a slot can earn.
const USES_MAX: u8 = 7;

impl Key {
    fn new(octets: &[u8]) -> Key {
        let mut short = [0; SHORT_OCTETS];
        match (short.get_mut(..octets.len()), u8::try_from(octets.len())) {
            (Some(room), Ok(octets_used)) => {
                room.copy_from_slice(octets);
                Key::Short { uses: 0, octets_used, octets: short }
            }
            _ => Key::Long { uses: 0, octets: octets.into() },
        }
    }

    fn octets(&self) -> &[u8] {
        match self {
            Key::Short { octets_used, octets, .. } => octets.get(..usize::from(*octets_used)).unwrap_or_default(),
            Key::Long { octets, .. } => octets,
        }
    }

    fn uses(&mut self) -> &mut u8 {
        match self {
            Key::Short { uses, .. } | Key::Long { uses, .. } => uses,
        }
    }

    fn heap_octets(&self) -> usize {
        match self {
            Key::Short { .. } => 0,
            // What an allocator takes for it: in steps of 16, with 8 of its own.
            Key::Long { octets, .. } => (octets.len() + 8).div_ceil(16) * 16,
        }
    }
}

impl<V: Value> Store<V> {
    /// Room for so many entries.
    pub fn new(entries_max: usize) -> Store<V> {
        let entries_max = entries_max.clamp(1, ENTRIES_MAX);
        let shards = shards_for(entries_max);
        let shards = (0..shards).map(|_| Mutex::new(Shard::default())).collect();
        Store { shards, hasher: RandomState::new(), entries_max }
    }

    /// Works on the value of `key`, which `make` makes if it is not there. `is_idle` tells values that no longer say
    /// anything: they go first. The shard is locked meanwhile: `work` must be quick and must not wait.
    pub fn with<R>(
        &self,
        key: &[u8],
        make: impl FnOnce() -> V,
        is_idle: impl Fn(&V) -> bool,
        work: impl FnOnce(&mut V) -> R,
    ) -> R {
        let hash = self.hasher.hash_one(key);
        let mut shard = self.shard(hash);
        let at = match shard.find(hash, key) {
            Some(at) => shard.used(at),
            // To be there is no use yet: a flood of keys that come once finds each other, not those that come often.
            None => shard.insert(hash, Slot { key: Key::new(key), value: make() }, self.room(), is_idle),
        };
        shard.work_on(at, work)
    }

    /// Looks at the value of `key`, if it is there.
    pub fn peek<R>(&self, key: &[u8], work: impl FnOnce(&mut V) -> R) -> Option<R> {
        let hash = self.hasher.hash_one(key);
        let mut shard = self.shard(hash);
        let at = shard.find(hash, key)?;
        shard.used(at);
        Some(shard.work_on(at, work))
    }

    /// Forgets a key; tells whether it was there.
    pub fn remove(&self, key: &[u8]) -> bool {
        let hash = self.hasher.hash_one(key);
        let mut shard = self.shard(hash);
        match shard.find(hash, key) {
            Some(at) => shard.remove(at, hash, &self.hasher),
            None => return false,
        }
        true
    }

    /// Forgets all keys; tells how many there were.
    pub fn clear(&self) -> usize {
        self.each_shard(|shard| {
            let count = shard.slots.len();
            *shard = Shard { dropped: shard.dropped, ..Shard::default() };
            count
        })
    }

    /// Visits all entries, one shard after the other; those of a shard are from one moment.
    pub fn for_each(&self, mut visit: impl FnMut(&[u8], &mut V)) {
        self.each_shard(|shard| {
            for slot in &mut shard.slots {
                visit(slot.key.octets(), &mut slot.value);
            }
            0
        });
    }

    /// Entries that are kept.
    pub fn len(&self) -> usize {
        self.each_shard(|shard| shard.slots.len())
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Entries that were dropped to make room.
    pub fn dropped(&self) -> u64 {
        self.each_shard(|shard| usize::try_from(shard.dropped).unwrap_or(usize::MAX)) as u64
    }

    /// Octets of memory for all of it.
    pub fn octets(&self) -> usize {
        self.each_shard(|shard| {
            let slots = shard.slots.capacity() * size_of::<Slot<V>>();
            size_of::<Mutex<Shard<V>>>() + slots + shard.index.allocation_size() + shard.heap_octets
        })
    }

    /// Room for so many entries from now on; the least used go if there is less than before.
    pub fn resize(&mut self, entries_max: usize, is_idle: impl Fn(&V) -> bool + Copy) {
        let fresh = Store::new(entries_max);
        if shards_for(fresh.entries_max) == self.shards.len() {
            self.entries_max = fresh.entries_max;
            let (most, hasher) = (self.entries_per_shard(), self.hasher.clone());
            self.each_shard(|shard| {
                while shard.slots.len() > most {
                    let at = shard.least_used(is_idle);
                    shard.remove_at(at, &hasher);
                    shard.dropped += 1;
                }
                0
            });
            return;
        }
        let old = std::mem::replace(self, fresh);
        for shard in old.shards {
            let shard = shard.into_inner().unwrap_or_else(PoisonError::into_inner);
            self.shard(0).dropped += shard.dropped;
            for slot in shard.slots {
                let hash = self.hasher.hash_one(slot.key.octets());
                self.shard(hash).insert(hash, slot, self.room(), is_idle);
            }
        }
    }

    fn room(&self) -> Room<'_> {
        Room { most: self.entries_per_shard(), hasher: &self.hasher }
    }

    fn entries_per_shard(&self) -> usize {
        (self.entries_max / self.shards.len()).max(1)
    }

    fn shard(&self, hash: u64) -> MutexGuard<'_, Shard<V>> {
        // The index uses the lowest and the highest bits of the hash; these lie between.
        let at = usize::try_from((hash >> 32) & (SHARDS_MAX as u64 - 1)).unwrap_or(0) & (self.shards.len() - 1);
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn each_shard(&self, mut count: impl FnMut(&mut Shard<V>) -> usize) -> usize {
        self.shards.iter().map(|shard| count(&mut shard.lock().unwrap_or_else(PoisonError::into_inner))).sum()
    }
}

/// A power of two.
fn shards_for(entries_max: usize) -> usize {
    let wanted = (entries_max / SHARD_ENTRIES).clamp(1, SHARDS_MAX);
    if wanted.is_power_of_two() { wanted } else { wanted.next_power_of_two() / 2 }
}

impl<V> Default for Shard<V> {
    fn default() -> Shard<V> {
        Shard { index: HashTable::new(), slots: Vec::new(), hand: 0, broom: 0, heap_octets: 0, dropped: 0 }
    }
}

impl<V: Value> Shard<V> {
    fn find(&self, hash: u64, key: &[u8]) -> Option<usize> {
        let is_it = |at: &u32| self.slots.get(*at as usize).is_some_and(|slot| slot.key.octets() == key);
        self.index.find(hash, is_it).map(|at| *at as usize)
    }

    fn used(&mut self, at: usize) -> usize {
        let uses = self.slots[at].key.uses();
        *uses = uses.saturating_add(1).min(USES_MAX);
        at
    }

    fn work_on<R>(&mut self, at: usize, work: impl FnOnce(&mut V) -> R) -> R {
        let slot = &mut self.slots[at];
        let before = slot.value.heap_octets();
        let result = work(&mut slot.value);
        self.heap_octets = (self.heap_octets + slot.value.heap_octets()).saturating_sub(before);
        result
    }

    /// Adds an entry and returns its position. Those that say nothing any more leave, two for each that comes; if that is
    /// not enough, the least used one makes room.
    fn insert(&mut self, hash: u64, mut fresh: Slot<V>, room: Room<'_>, is_idle: impl Fn(&V) -> bool) -> usize {
        let Room { most, hasher } = room;
        for _ in 0..SWEEP_STEPS.min(self.slots.len()) {
            self.broom = if self.broom < self.slots.len() { self.broom } else { 0 };
            match self.slots.get(self.broom) {
                Some(slot) if is_idle(&slot.value) => self.remove_at(self.broom, hasher),
                _ => self.broom += 1,
            }
        }
        *fresh.key.uses() = 0;
        self.heap_octets += fresh.key.heap_octets() + fresh.value.heap_octets();
        let at = if self.slots.len() < most {
            self.push(fresh, most)
        } else {
            let at = self.least_used(is_idle);
            self.replace(at, fresh, hasher)
        };
        let slots = &self.slots;
        let position = u32::try_from(at).expect("a shard holds fewer entries than 32 bits count");
        self.index.insert_unique(hash, position, |at| hasher.hash_one(slots[*at as usize].key.octets()));
        at
    }

    fn push(&mut self, fresh: Slot<V>, most: usize) -> usize {
        if self.slots.len() == self.slots.capacity() {
            // A quarter at a time: doubling would leave half of a large table's memory unused.
            let room = (self.slots.len() / 4).max(8).min(most - self.slots.len());
            self.slots.reserve_exact(room);
        }
        self.slots.push(fresh);
        self.slots.len() - 1
    }

    /// Puts an entry where another was, and the hand behind it, so that the newcomer has a whole round to be used.
    fn replace(&mut self, at: usize, fresh: Slot<V>, hasher: &RandomState) -> usize {
        let old = std::mem::replace(&mut self.slots[at], fresh);
        let hash = hasher.hash_one(old.key.octets());
        if let Ok(entry) = self.index.find_entry(hash, |found| *found as usize == at) {
            entry.remove();
        }
        self.heap_octets = self.heap_octets.saturating_sub(old.key.heap_octets() + old.value.heap_octets());
        self.dropped += 1;
        self.hand = at + 1;
        at
    }

    /// Where the entry is that must go: the first idle or unused one that the hand meets, or the least used of many.
    fn least_used(&mut self, is_idle: impl Fn(&V) -> bool) -> usize {
        let mut least = (u8::MAX, 0);
        for _ in 0..EVICTION_STEPS {
            self.hand = if self.hand < self.slots.len() { self.hand } else { 0 };
            let Some(slot) = self.slots.get_mut(self.hand) else { break };
            let uses = slot.key.uses();
            if *uses == 0 || is_idle(&slot.value) {
                return self.hand;
            }
            *slot.key.uses() -= 1;
            let left = *slot.key.uses();
            if left < least.0 {
                least = (left, self.hand);
            }
            self.hand += 1;
        }
        least.1.min(self.slots.len().saturating_sub(1))
    }

    fn remove_at(&mut self, at: usize, hasher: &RandomState) {
        let hash = hasher.hash_one(self.slots[at].key.octets());
        self.remove(at, hash, hasher);
    }

    /// Takes out an entry; the last one moves to its place.
    fn remove(&mut self, at: usize, hash: u64, hasher: &RandomState) {
        if let Ok(entry) = self.index.find_entry(hash, |found| *found as usize == at) {
            entry.remove();
        }
        let gone = self.slots.swap_remove(at);
        self.heap_octets = self.heap_octets.saturating_sub(gone.key.heap_octets() + gone.value.heap_octets());
        let was_at = self.slots.len();
        if let Some(moved) = self.slots.get(at) {
            let hash = hasher.hash_one(moved.key.octets());
            let position = u32::try_from(at).expect("a shard holds fewer entries than 32 bits count");
            if let Some(found) = self.index.find_mut(hash, |found| *found as usize == was_at) {
                *found = position;
            }
        }
    }
}

impl Value for i64 {}

#[cfg(test)]
mod tests;
