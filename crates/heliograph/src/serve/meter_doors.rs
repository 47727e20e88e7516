//! The doors of the meter: its own protocol for those who know the secret, and policy delegation.

use std::sync::Arc;

use meter::service::{policy, tcp};
use net::{Door, Random, Registry};

use crate::metering::Metering;
use crate::settings::Settings;

/// The doors of the meter.
pub struct MeterDoors {
    /// Its own protocol; `None` without a secret, and then nothing listens for it.
    pub meter: Option<Arc<dyn Door>>,
    /// Policy delegation.
    pub policy: Arc<dyn Door>,
}

impl MeterDoors {
    /// Makes them.
    pub fn new(settings: &Settings, metering: &Metering, random: &Arc<dyn Random>, registry: &Registry) -> MeterDoors {
        let meter = settings.meter.secret.clone().map(|secret| {
            let tables = Arc::clone(&metering.tables);
            Arc::new(tcp::Service::new(tables, secret, Arc::clone(random), registry)) as Arc<dyn Door>
        });
        let rules = Arc::clone(&metering.rules);
        MeterDoors { meter, policy: Arc::new(policy::Service::new(metering.meter.clone(), rules, registry)) }
    }
}
