//! What everything else stands on: the time, random octets, and what is counted.

use std::sync::Arc;

use net::{Clock, Random, Registry, SystemClock, SystemRandom};

/// Handed to whoever needs one of them.
#[derive(Clone)]
pub struct Ground {
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Random octets.
    pub random: Arc<dyn Random>,
    /// What is counted.
    pub registry: Registry,
}

impl Ground {
    /// Those of this machine; nothing has been counted yet.
    pub fn new() -> Ground {
        Ground { clock: Arc::new(SystemClock), random: Arc::new(SystemRandom), registry: Registry::new() }
    }
}
