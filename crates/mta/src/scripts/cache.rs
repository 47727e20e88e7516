//! Compiled scripts that are kept, as much of them as a bound allows.

use sieve::Script;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// Octets of the texts whose compiled forms are kept; those are some times as large.
const TEXT_OCTETS_MAX: usize = 16 << 20;

/// A script, or why it cannot be compiled.
pub type Compiled = Result<Arc<Script>, String>;

/// Compiled scripts by what tells them apart. When there are too many all are forgotten: most come back at once, and
/// nobody has to count who was asked for when.
#[derive(Debug)]
pub struct Cache<K> {
    kept: Mutex<(HashMap<K, Compiled>, usize)>,
}

impl<K> Default for Cache<K> {
    fn default() -> Cache<K> {
        Cache { kept: Mutex::new((HashMap::new(), 0)) }
    }
}

impl<K: Eq + Hash> Cache<K> {
    /// What is kept under a key.
    pub fn get<Q>(&self, key: &Q) -> Option<Compiled>
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).0.get(key).cloned()
    }

    /// Keeps a script whose text has so many octets.
    pub fn keep(&self, key: K, text_octets: usize, compiled: &Compiled) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (by_key, octets) = &mut *kept;
        // The text of an error is not free either.
        let more = text_octets + 1_000;
        if *octets + more > TEXT_OCTETS_MAX {
            by_key.clear();
            *octets = 0;
        }
        if by_key.insert(key, compiled.clone()).is_none() {
            *octets += more;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_kept_than_the_bound() {
        let cache = Cache::default();
        let compiled: Compiled = Err("no".to_owned());
        cache.keep(1, 10, &compiled);
        assert!(cache.get(&1).is_some());
        for key in 2..5 {
            cache.keep(key, TEXT_OCTETS_MAX / 2, &compiled);
        }
        assert!(cache.get(&1).is_none() && cache.get(&4).is_some());
    }
}
