//! The mail store: its partitions, its spaces in them, and the open mailboxes.

use crate::cache::Cache;
use crate::error::Error;
use crate::keys::{self, Spaces};
use crate::moves::{Moved, Mover};
use crate::scripts::active;
use crate::settings::Settings;
use account::ledger;
use account::owner::Owner;
use account::row::AccountRow;
use bytes::Bytes;
use events::Bus;
use model::{AccountId, BlobHash};
use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::sync::{Arc, OnceLock, RwLock};
use storage::{Partition, Partitions, Snapshot};

pub use crate::keys::TOPIC;

/// The mail store. Cheap to clone.
#[derive(Clone)]
pub struct Mail {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    partitions: Partitions,
    spaces: BTreeMap<String, Spaces>,
    pub(crate) settings: Settings,
    pub(crate) bus: Bus,
    pub(crate) cache: Cache,
    mover: OnceLock<Arc<dyn Mover>>,
    /// Accounts that have, or since the opening had, an active script.
    pub(crate) scripted: RwLock<HashSet<AccountId>>,
}

impl Mail {
    /// Opens the store on `partitions` and publishes their changes on `bus`. Blocks while the spaces are made.
    pub fn new(partitions: Partitions, bus: Bus, settings: Settings) -> Result<Mail, Error> {
        let (mut spaces, mut scripted) = (BTreeMap::new(), HashSet::new());
        for (nick, partition) in partitions.iter() {
            let both = Spaces { account: partition.space(ledger::SPACE)?, mail: partition.space(keys::SPACE)? };
            scripted.extend(active::scripted(partition, both)?);
            spaces.insert(nick.to_owned(), both);
            partition.subscribe(Arc::new(bus.clone()));
        }
        let cache = Cache::default();
        let (mover, scripted) = (OnceLock::new(), RwLock::new(scripted));
        Ok(Mail { inner: Arc::new(Inner { partitions, spaces, settings, bus, cache, mover, scripted }) })
    }

    /// The bus on which changes are told.
    pub fn bus(&self) -> &Bus {
        &self.inner.bus
    }

    /// Has `mover` told of all moves and copies from now on. Only the first one is.
    pub fn tell_moves(&self, mover: Arc<dyn Mover>) {
        let _first = self.inner.mover.set(mover);
    }

    pub(crate) fn moved(&self, moved: Moved) {
        if let Some(mover) = self.inner.mover.get() {
            mover.moved(moved);
        }
    }

    /// The partitions.
    pub fn partitions(&self) -> &Partitions {
        &self.inner.partitions
    }

    pub(crate) fn partition(&self, nick: &str) -> Result<(&Partition, Spaces), Error> {
        let partition = self.inner.partitions.get(nick);
        let spaces = self.inner.spaces.get(nick);
        partition.zip(spaces.copied()).ok_or_else(|| Error::NoPartition(nick.to_owned()))
    }

    pub(crate) fn read(&self, owner: &Owner) -> Result<(Snapshot, Spaces), Error> {
        let (partition, spaces) = self.partition(&owner.partition)?;
        Ok((partition.snapshot()?, spaces))
    }

    /// Counter and usage of an account; all zero for one that has never had mail.
    pub fn usage(&self, owner: &Owner) -> Result<AccountRow, Error> {
        let (snapshot, spaces) = self.read(owner)?;
        Ok(ledger::row(&snapshot, spaces.account, owner.account)?.unwrap_or_default())
    }

    /// The octets of a message, whole.
    pub fn body(&self, owner: &Owner, blob: &BlobHash) -> Result<Bytes, Error> {
        let (partition, _) = self.partition(&owner.partition)?;
        Ok(partition.blob(blob)?.into_bytes())
    }

    /// Some octets of a message, cut off at its end.
    pub fn body_range(&self, owner: &Owner, blob: &BlobHash, range: Range<u64>) -> Result<Bytes, Error> {
        let (partition, _) = self.partition(&owner.partition)?;
        Ok(partition.blob_range(blob, range)?)
    }
}
