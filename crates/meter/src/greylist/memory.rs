//! Which digests were seen, first and last: a ring of generations in one exact table.
//!
//! Gross keeps a ring of Bloom filters. Here each digest stands in a table once, with the moment it was first seen and the
//! second it was last seen; the latter says to which generation it belongs, and a generation is forgotten as a whole when it
//! leaves the ring. A digest is 80 bits of SHA-256, so a delivery that was never seen is taken for one of `n` known ones with
//! a chance of `n / 2^80`: below 10⁻¹⁷ with ten million. An entry takes 20 octets, and at most 43 with the table's free room.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::greylist::limits::SHARDS;

/// The first 80 bits of a SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; Digest::OCTETS]);

impl Digest {
    /// Octets of a digest.
    pub const OCTETS: usize = 10;

    /// The digest of a text.
    pub fn of(text: &str) -> Digest {
        let whole = Sha256::digest(text.as_bytes());
        let mut kept = [0; Digest::OCTETS];
        kept.iter_mut().zip(whole).for_each(|(kept, octet)| *kept = octet);
        Digest(kept)
    }
}

/// When something was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// First, in milliseconds since 1970.
    pub first: Timestamp,
    /// Last, in whole seconds since 1970.
    pub last_secs: u32,
}

/// A sighting as it is kept: 48 bits of milliseconds and 32 of seconds, without padding.
#[derive(Clone, Copy)]
struct Packed([u8; 10]);

impl Packed {
    fn new(sighting: Sighting) -> Packed {
        let [_, _, first @ ..] = sighting.first.0.min((1 << 48) - 1).to_be_bytes();
        let mut octets = [0; 10];
        octets
            .iter_mut()
            .zip(first.into_iter().chain(sighting.last_secs.to_be_bytes()))
            .for_each(|(to, from)| *to = from);
        Packed(octets)
    }

    fn unpack(self) -> Sighting {
        let [a, b, c, d, e, f, last @ ..] = self.0;
        Sighting { first: Timestamp(u64::from_be_bytes([0, 0, a, b, c, d, e, f])), last_secs: u32::from_be_bytes(last) }
    }
}

/// A digest with its sighting, as it goes to the file and to the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What.
    pub digest: Digest,
    /// When.
    pub sighting: Sighting,
}

impl Entry {
    /// Octets of an entry on disk and on the wire.
    pub const OCTETS: usize = 20;

    /// The entry as octets.
    pub fn to_octets(self) -> [u8; Entry::OCTETS] {
        let mut octets = [0; Entry::OCTETS];
        let parts = self.digest.0.into_iter().chain(Packed::new(self.sighting).0);
        octets.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
        octets
    }

    /// The entry of these octets; every text of this length is one.
    pub fn from_octets(octets: [u8; Entry::OCTETS]) -> Entry {
        let (mut digest, mut packed) = ([0; 10], [0; 10]);
        digest.iter_mut().chain(&mut packed).zip(octets).for_each(|(to, from)| *to = from);
        Entry { digest: Digest(digest), sighting: Packed(packed).unpack() }
    }
}

/// How long a memory keeps what it saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ring {
    /// How long a generation lasts, in seconds; at least one.
    pub rotate_secs: u32,
    /// Generations that are kept, with the present one; at least one.
    pub buffers: u32,
}

impl Ring {
    /// A ring of `buffers` generations that each last `rotate`.
    pub fn new(rotate: Duration, buffers: u32) -> Ring {
        Ring { rotate_secs: u32::try_from(rotate.as_secs()).unwrap_or(u32::MAX).max(1), buffers: buffers.max(1) }
    }

    fn generation(self, secs: u32) -> u32 {
        secs / self.rotate_secs.max(1)
    }

    /// Whether something last seen then is still remembered.
    pub fn remembers(self, last_secs: u32, now_secs: u32) -> bool {
        self.generation(now_secs).saturating_sub(self.generation(last_secs)) < self.buffers
    }
}

/// Seconds as entries count them.
pub fn seconds(now: Timestamp) -> u32 {
    u32::try_from(now.secs()).unwrap_or(u32::MAX)
}

type Shard = HashMap<Digest, Packed>;

/// The memory. All methods may be called at once from many threads; time is an argument.
pub struct Memory {
    ring: Ring,
    shards: Vec<Mutex<Shard>>,
    shard_entries_max: usize,
    evicted: AtomicU64,
}

impl Memory {
    /// An empty memory of at most about `entries_max` digests.
    pub fn new(ring: Ring, entries_max: usize) -> Memory {
        Memory {
            ring,
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            shard_entries_max: entries_max.div_ceil(SHARDS).max(8),
            evicted: AtomicU64::new(0),
        }
    }

    fn shard(&self, digest: Digest) -> Option<MutexGuard<'_, Shard>> {
        // The last octet of a digest is as good as any, and the table inside uses a secret hash of its own.
        let [.., last] = digest.0;
        let shard = self.shards.get(usize::from(last) % SHARDS)?;
        Some(shard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// When this was seen, if it is remembered.
    pub fn find(&self, digest: Digest, now: Timestamp) -> Option<Sighting> {
        let sighting = self.shard(digest)?.get(&digest)?.unpack();
        self.ring.remembers(sighting.last_secs, seconds(now)).then_some(sighting)
    }

    /// Notes that this is seen now, and gives what is then known of it.
    pub fn see(&self, digest: Digest, now: Timestamp) -> Sighting {
        let fresh = Sighting { first: now, last_secs: seconds(now) };
        self.merge(Entry { digest, sighting: fresh }, now)
    }

    /// Joins what somebody else knows with what is known here: the earlier first moment and the later last one hold. Gives
    /// what is then known. What is no longer remembered is not taken in.
    pub fn merge(&self, entry: Entry, now: Timestamp) -> Sighting {
        let now_secs = seconds(now);
        let mut joined = entry.sighting;
        if !self.ring.remembers(joined.last_secs, now_secs) {
            return joined;
        }
        let Some(mut shard) = self.shard(entry.digest) else { return joined };
        match shard.get_mut(&entry.digest) {
            Some(held) => {
                let known = held.unpack();
                if self.ring.remembers(known.last_secs, now_secs) {
                    joined.first = joined.first.min(known.first);
                    joined.last_secs = joined.last_secs.max(known.last_secs);
                }
                *held = Packed::new(joined);
            }
            None => {
                if shard.len() >= self.shard_entries_max {
                    let gone = make_room(&mut shard, self.ring, now_secs);
                    self.evicted.fetch_add(gone as u64, Ordering::Relaxed);
                }
                shard.insert(entry.digest, Packed::new(joined));
            }
        }
        joined
    }

    /// Forgets one digest; says whether it was there.
    pub fn forget(&self, digest: Digest) -> bool {
        self.shard(digest).is_some_and(|mut shard| shard.remove(&digest).is_some())
    }

    /// Forgets everything and gives how much that was.
    pub fn clear(&self) -> usize {
        self.each(|shard| std::mem::take(shard).len())
    }

    /// Gives up generations that have left the ring, and the room that is then free. Gives how many digests that was.
    pub fn sweep(&self, now: Timestamp) -> usize {
        let (ring, now_secs) = (self.ring, seconds(now));
        self.each(|shard| {
            let before = shard.len();
            shard.retain(|_, held| ring.remembers(held.unpack().last_secs, now_secs));
            if shard.capacity() > 64 && shard.len() < shard.capacity() / 4 {
                shard.shrink_to(shard.len() * 2);
            }
            before - shard.len()
        })
    }

    /// Digests that are held; some of them may have left the ring since the last sweep.
    pub fn len(&self) -> usize {
        self.each(|shard| shard.len())
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Digests that had to go before their time because the memory was full.
    pub fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    /// How many parts there are for [`Memory::part`].
    pub fn parts(&self) -> usize {
        self.shards.len()
    }

    /// All that is remembered in one part; the memory goes on being used meanwhile.
    pub fn part(&self, number: usize, now: Timestamp) -> Vec<Entry> {
        let now_secs = seconds(now);
        let Some(shard) = self.shards.get(number) else { return Vec::new() };
        let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = shard.iter().map(|(digest, held)| Entry { digest: *digest, sighting: held.unpack() });
        entries.filter(|entry| self.ring.remembers(entry.sighting.last_secs, now_secs)).collect()
    }

    fn each(&self, mut work: impl FnMut(&mut Shard) -> usize) -> usize {
        self.shards.iter().map(|shard| work(&mut shard.lock().unwrap_or_else(PoisonError::into_inner))).sum()
    }
}

/// Makes room in a full shard: first goes what has left the ring, then the eighth that was seen longest ago.
fn make_room(shard: &mut Shard, ring: Ring, now_secs: u32) -> usize {
    let before = shard.len();
    shard.retain(|_, held| ring.remembers(held.unpack().last_secs, now_secs));
    if shard.len() < before {
        return 0;
    }
    let mut lasts: Vec<u32> = shard.values().map(|held| held.unpack().last_secs).collect();
    let eighth = (before / 8).max(1);
    let (_, limit, _) = lasts.select_nth_unstable(eighth.min(before.saturating_sub(1)));
    let (limit, mut left) = (*limit, eighth);
    shard.retain(|_, held| {
        let goes = left > 0 && held.unpack().last_secs <= limit;
        left -= usize::from(goes);
        !goes
    });
    before - shard.len()
}

#[cfg(test)]
mod tests;
