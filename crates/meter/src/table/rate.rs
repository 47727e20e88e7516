//! The averaged rate: a level that each event raises by one step and that sinks at the rate of the quota.
//!
//! A key may use up its quota at once; afterwards it gets it back evenly: half of it after half of the quota time, never
//! all of it at one instant. Only the moment is kept at which the level will have sunk to nothing, so that a key costs eight
//! octets and nothing has to run in the background (the generic cell rate algorithm). A token bucket is the same with a
//! burst that differs from the quota.

use std::time::Duration;

use crate::call::Verdict;
use crate::limits::{PENALTY_QUOTA_TIMES, QUOTA_MAX};
use crate::table::moment::{Moment, nanos};

/// The moment at which a key's level will have sunk to nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level(Moment);

impl Level {
    /// Whether it has sunk to nothing: the key is as good as one never seen.
    pub fn is_empty(self, now: Moment) -> bool {
        self.0 <= now
    }
}

/// A quota in a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many may be used at once.
    quota: u64,
    /// How long one lasts, in nanoseconds; at least 1.
    step: u64,
    /// The level at which a key is at its quota, in nanoseconds: a whole number of steps, so that exactly the quota fits.
    full: u64,
    /// The highest level; above `full` only where attempts beyond the quota count.
    highest: u64,
}

impl Rate {
    /// `quota` in `time`, of which `burst` may be used at once. With `penalise`, attempts beyond it count, too.
    pub fn new(quota: u64, time: Duration, burst: u64, penalise: bool) -> Rate {
        let (quota, burst) = (quota.clamp(1, QUOTA_MAX), burst.clamp(1, QUOTA_MAX));
        let step = (nanos(time) / quota).max(1);
        let full = step.saturating_mul(burst);
        let penalty = if penalise { nanos(time).saturating_mul(PENALTY_QUOTA_TIMES) } else { 0 };
        Rate { quota: burst, step, full, highest: full.saturating_add(penalty) }
    }

    /// Counts `amount` if it fits, and says whether it did.
    pub fn take(&self, level: &mut Level, amount: u32, now: Moment) -> Verdict {
        let height = level.0.since(now);
        let wanted = height.saturating_add(self.step.saturating_mul(u64::from(amount)));
        let is_over = wanted > self.full;
        if !is_over {
            *level = at_height(wanted, now);
        } else if self.highest > self.full {
            *level = at_height(wanted.min(self.highest), now);
        }
        self.verdict(level.0.since(now), is_over, amount)
    }

    /// What `take` would say about `amount`, without counting it.
    pub fn look(&self, level: Level, amount: u32, now: Moment) -> Verdict {
        let height = level.0.since(now);
        let wanted = height.saturating_add(self.step.saturating_mul(u64::from(amount)));
        self.verdict(height, wanted > self.full, amount)
    }

    fn verdict(&self, height: u64, is_over: bool, amount: u32) -> Verdict {
        let wanted = height.saturating_add(self.step.saturating_mul(u64::from(amount)));
        let wait = if is_over { wanted.saturating_sub(self.full) } else { 0 };
        Verdict {
            is_over,
            used: height.div_ceil(self.step),
            quota: self.quota,
            retry_after: Duration::from_nanos(wait),
        }
    }

    /// How many count against the quota: steps that have not wholly sunk yet count whole.
    pub fn used(&self, level: Level, now: Moment) -> u64 {
        level.0.since(now).div_ceil(self.step)
    }

    /// Raises or lowers the level by so many steps, within its bounds.
    pub fn adjust(&self, level: &mut Level, by: i64, now: Moment) {
        let height = level.0.since(now);
        let change = self.step.saturating_mul(by.unsigned_abs());
        let height = if by < 0 { height.saturating_sub(change) } else { height.saturating_add(change) };
        *level = at_height(height.min(self.highest), now);
    }

    /// The level that means under this rate what `level` meant under an `earlier` one: as many used.
    pub fn convert(&self, level: Level, earlier: &Rate, now: Moment) -> Level {
        let steps = u128::from(level.0.since(now)) * u128::from(self.step) / u128::from(earlier.step);
        at_height(u64::try_from(steps).unwrap_or(u64::MAX).min(self.highest), now)
    }
}

fn at_height(height: u64, now: Moment) -> Level {
    Level(Moment(now.0.saturating_add(height)))
}

#[cfg(test)]
mod tests;
