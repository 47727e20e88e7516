//! Which door serves which protocol.

use std::sync::Arc;

use net::http::Administration;
use net::{Door, Registry};

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
        Ok(Doors { administration: administration(&services.registry, running) })
    }

    /// The door of a protocol.
    pub fn of(&self, protocol: &str) -> Arc<dyn Door> {
        let _only_one_yet = Protocol::from_name(protocol);
        Arc::clone(&self.administration)
    }
}

fn administration(registry: &Registry, running: &Arc<Running>) -> Arc<dyn Door> {
    let running = Arc::clone(running);
    let readiness = Arc::new(move || match running.since() {
        Some(_) => Vec::new(),
        None => vec!["starting".to_owned()],
    });
    Arc::new(Administration::new(registry.clone(), readiness))
}
