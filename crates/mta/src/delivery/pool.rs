//! Idle connections, kept a moment for the next message to the same place.

use crate::delivery::peer::{Peer, Place};
use crate::delivery::routing::TlsPolicy;
use net::Tlsa;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Connections kept to one place.
const KEPT_EACH: usize = 4;
/// Connections kept in all.
const KEPT_MAX: usize = 256;

/// What two uses of a connection must have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub place: Place,
    pub policy: TlsPolicy,
    pub login: Option<String>,
    /// The TLSA records by which its certificate was judged.
    pub pins: Vec<Tlsa>,
    /// The domain that its certificate may have been for instead, where there are such records.
    pub domain: String,
}

#[derive(Default)]
pub struct Pool {
    idle: Mutex<HashMap<Key, Vec<(Instant, Peer)>>>,
}

impl Pool {
    /// The connection that was used last.
    pub fn take(&self, key: &Key) -> Option<Peer> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let peers = idle.get_mut(key)?;
        let peer = peers.pop().map(|(_, peer)| peer);
        if peers.is_empty() {
            idle.remove(key);
        }
        peer
    }

    /// Keeps a connection, or hands it back when there are enough.
    pub fn keep(&self, key: Key, peer: Peer) -> Option<Peer> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.values().map(Vec::len).sum::<usize>() >= KEPT_MAX {
            return Some(peer);
        }
        let peers = idle.entry(key).or_default();
        if peers.len() >= KEPT_EACH {
            return Some(peer);
        }
        peers.push((Instant::now(), peer));
        None
    }

    /// Takes out those that were idle for longer than `kept`.
    pub fn expire(&self, kept: Duration) -> Vec<Peer> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let mut old = Vec::new();
        for peers in idle.values_mut() {
            let (gone, here) = std::mem::take(peers).into_iter().partition(|(since, _)| since.elapsed() >= kept);
            *peers = here;
            let gone: Vec<(Instant, Peer)> = gone;
            old.extend(gone.into_iter().map(|(_, peer)| peer));
        }
        idle.retain(|_, peers| !peers.is_empty());
        old
    }
}
