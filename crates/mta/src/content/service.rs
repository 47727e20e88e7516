//! What the inbound side and the agents share about content.

use crate::content::locks::Locks;
use crate::content::settings::Settings;
use crate::content::signals::Signals;
use net::{Random, Registry};
use std::sync::Arc;

/// Everything about content.
pub struct Content {
    pub(crate) settings: Settings,
    pub(crate) signals: Signals,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) locks: Locks,
    /// This host's name, in the ids of fragments.
    pub(crate) host: String,
}

impl Content {
    /// With these settings, for a host of this name.
    pub fn new(settings: Settings, host: &str, random: Arc<dyn Random>, registry: &Registry) -> Content {
        let signals = Signals::new(registry);
        Content { settings, signals, random, locks: Locks::default(), host: host.to_owned() }
    }
}
