//! The policy: what is judged by, and whom it asks.

use std::sync::Arc;

use directory::embedded::Embedded;
use mta::judge::counters::Counters;
use mta::judge::court::Judge;
use mta::judge::lookups::{Outside, Parts};
use net::Resolver;

use crate::compose::ground::Ground;
use crate::greylisting::Greylisting;
use crate::metering::Metering;
use crate::settings::Settings;

/// Who judges, by the rules and mapping tables of the settings.
pub fn judge(
    settings: &Settings,
    ground: &Ground,
    resolver: &Arc<dyn Resolver>,
    directory: &Embedded,
    metering: &Metering,
    greylisting: &Greylisting,
) -> Judge {
    let counters = Counters {
        meter: metering.meter.clone(),
        own: Arc::clone(&metering.tables),
        greylist: greylisting.for_rules(),
    };
    let outside = Outside::new(Parts {
        resolver: Arc::clone(resolver),
        directory: Arc::new(directory.clone()),
        random: Arc::clone(&ground.random),
        clock: Arc::clone(&ground.clock),
        counters: Some(Arc::new(counters)),
    });
    Judge::new(settings.policy.compiled(), settings.policy.manner.clone(), Arc::new(outside), &ground.registry)
}
