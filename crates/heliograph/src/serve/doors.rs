//! Which door serves which protocol.

use std::sync::Arc;

use net::Door;
use net::http::Administration;
use storage::Partition;

use crate::compose::Services;
use crate::failure::Failure;
use crate::roles::Protocol;
use crate::serve::running::Running;
use crate::settings::Settings;

/// The doors.
pub struct Doors {
    administration: Arc<dyn Door>,
}

impl Doors {
    /// Makes those that the settings' roles need.
    ///
    /// # Errors
    /// What one of them could not be made from.
    pub fn new(_settings: &Settings, services: &Services, running: &Arc<Running>) -> Result<Doors, Failure> {
        Ok(Doors { administration: administration(services, running) })
    }

    /// The door of a protocol.
    pub fn of(&self, protocol: &str) -> Arc<dyn Door> {
        let _only_one_yet = Protocol::from_name(protocol);
        Arc::clone(&self.administration)
    }
}

fn administration(services: &Services, running: &Arc<Running>) -> Arc<dyn Door> {
    let (running, store) = (Arc::clone(running), services.store.clone());
    let readiness = Arc::new(move || {
        let starting = running.since().is_none().then(|| "starting".to_owned());
        let partitions = std::iter::once(("system", &store.system)).chain(store.partitions.iter());
        starting.into_iter().chain(partitions.filter_map(|(name, partition)| unfit(name, partition))).collect()
    });
    Arc::new(Administration::new(services.registry.clone(), readiness))
}

/// Why a partition cannot take what comes.
fn unfit(name: &str, partition: &Partition) -> Option<String> {
    let status = partition.status();
    match status.stopped {
        Some(why) => Some(format!("partition {name} stopped: {why}")),
        None if status.is_full => Some(format!("partition {name}: the disk is full")),
        None => None,
    }
}
