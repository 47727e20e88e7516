//! Time as tables see it: nanoseconds since the meter began, handed in, never going back.

use std::time::{Duration, Instant};

/// A moment, in nanoseconds since the meter began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub u64);

impl Moment {
    /// So long after the beginning; 584 years is the most.
    pub fn at(since: Duration) -> Moment {
        Moment(nanos(since))
    }

    /// Nanoseconds from an earlier moment to this one; 0 if it is not earlier.
    pub fn since(self, earlier: Moment) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// A time in nanoseconds, at most 584 years.
pub fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Where the moments of a running meter come from: the machine's steady clock, which no correction of the time moves.
#[derive(Clone, Copy, Debug)]
pub struct Steady(Instant);

impl Steady {
    /// A clock whose first moment is now.
    pub fn start() -> Steady {
        Steady(Instant::now())
    }

    /// The present moment.
    pub fn now(&self) -> Moment {
        Moment::at(self.0.elapsed())
    }
}
