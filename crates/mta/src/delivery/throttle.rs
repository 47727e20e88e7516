//! How many messages may be under way to one destination, and how long one rests that could not be reached.

use events::retry::Schedule;
use model::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Destinations that are remembered for their failures only.
const RESTING_MAX: usize = 100_000;

#[derive(Debug, Default)]
pub struct Throttle {
    destinations: Mutex<HashMap<String, Destination>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Destination {
    active: usize,
    failures: u32,
    rests_until: Option<Timestamp>,
}

impl Throttle {
    fn with<R>(&self, work: impl FnOnce(&mut HashMap<String, Destination>) -> R) -> R {
        work(&mut self.destinations.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether another message may go.
    pub fn may(&self, destination: &str, most: usize, now: Timestamp) -> bool {
        self.with(|all| {
            all.get(destination).is_none_or(|one| one.active < most && one.rests_until.is_none_or(|until| until <= now))
        })
    }

    /// One more is under way.
    pub fn begin(&self, destination: &str) {
        self.with(|all| all.entry(destination.to_owned()).or_default().active += 1);
    }

    /// One less.
    pub fn end(&self, destination: &str) {
        self.with(|all| {
            let is_crowded = all.len() > RESTING_MAX;
            let Some(one) = all.get_mut(destination) else { return };
            one.active = one.active.saturating_sub(1);
            if one.active == 0 && (one.failures == 0 || is_crowded) {
                all.remove(destination);
            }
        });
    }

    /// Whether any host was reached decides over a rest; `None` says nothing of the hosts.
    pub fn judge(&self, destination: &str, reached: Option<bool>, schedule: &Schedule, now: Timestamp, random: f64) {
        self.with(|all| {
            let Some(one) = all.get_mut(destination) else { return };
            match reached {
                Some(false) => {
                    one.failures = one.failures.saturating_add(1);
                    one.rests_until = Some(now.plus(schedule.delay(one.failures, random)));
                }
                Some(true) => (one.failures, one.rests_until) = (0, None),
                None => {}
            }
        });
    }

    /// When the next destination has rested enough.
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        self.with(|all| all.values().filter_map(|one| one.rests_until).filter(|until| *until > now).min())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_destination_is_full_and_rests() {
        let throttle = Throttle::default();
        let schedule = Schedule::steps(vec![Duration::from_secs(60)]);
        throttle.begin("a");
        assert!(!throttle.may("a", 1, Timestamp(0)) && throttle.may("a", 2, Timestamp(0)));
        throttle.judge("a", Some(false), &schedule, Timestamp(0), 0.0);
        throttle.end("a");
        assert!(!throttle.may("a", 1, Timestamp(59_999)));
        assert_eq!(throttle.next(Timestamp(0)), Some(Timestamp(60_000)));
        assert!(throttle.may("a", 1, Timestamp(60_000)));
        throttle.begin("a");
        throttle.judge("a", Some(true), &schedule, Timestamp(60_000), 0.0);
        throttle.end("a");
        assert!(throttle.with(|all| all.is_empty()));
    }
}
