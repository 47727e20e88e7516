//! Greylisting as MeterMaid has it: a key that is new has to come back, not too early and not too late, and is known then
//! for as long as it comes again now and then.

use std::time::Duration;

use crate::call::Greylisting;
use crate::table::moment::{Moment, nanos};

/// What is kept of a key: a moment, and whether the key is known since then or waits since then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen(u64);

/// The highest bit tells the known from the waiting; it would be reached after 292 years.
const KNOWN: u64 = 1 << 63;

impl Seen {
    fn waiting(since: Moment) -> Seen {
        Seen(since.0 & !KNOWN)
    }

    fn known(last: Moment) -> Seen {
        Seen(last.0 | KNOWN)
    }

    /// Whether it has proven itself.
    pub fn is_known(self) -> bool {
        self.0 & KNOWN != 0
    }

    /// Since when it waits, or when it was here last.
    pub fn moment(self) -> Moment {
        Moment(self.0 & !KNOWN)
    }
}

/// The three times, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    block: u64,
    resubmit: u64,
    inactivity: u64,
}

impl Windows {
    /// A key is refused until `block` has passed, must have come back before `resubmit` has, and is forgotten when
    /// `inactivity` passes without it.
    pub fn new(block: Duration, resubmit: Duration, inactivity: Duration) -> Windows {
        Windows { block: nanos(block), resubmit: nanos(resubmit).max(nanos(block)), inactivity: nanos(inactivity) }
    }

    /// What to say of a key that is here now. `seen` is what is kept of it and changes with it.
    pub fn visit(&self, seen: &mut Option<Seen>, now: Moment) -> Greylisting {
        let verdict = self.look(*seen, now);
        *seen = match verdict {
            Greylisting::New { .. } => Some(Seen::waiting(now)),
            Greylisting::TooEarly { .. } => *seen,
            Greylisting::Proven | Greylisting::Known => Some(Seen::known(now)),
        };
        verdict
    }

    /// What `visit` would say, with nothing kept.
    pub fn look(&self, seen: Option<Seen>, now: Moment) -> Greylisting {
        let new = Greylisting::New { retry_after: Duration::from_nanos(self.block) };
        let Some(seen) = seen.filter(|seen| !self.is_over(*seen, now)) else { return new };
        if seen.is_known() {
            return Greylisting::Known;
        }
        match self.block.checked_sub(now.since(seen.moment())).filter(|left| *left > 0) {
            Some(left) => Greylisting::TooEarly { retry_after: Duration::from_nanos(left) },
            None => Greylisting::Proven,
        }
    }

    /// Whether what is kept no longer says anything.
    pub fn is_over(&self, seen: Seen, now: Moment) -> bool {
        let kept = if seen.is_known() { self.inactivity } else { self.resubmit };
        now.since(seen.moment()) > kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::at(Duration::from_secs(seconds))
    }

    fn windows() -> Windows {
        Windows::new(Duration::from_secs(300), Duration::from_secs(14_400), Duration::from_secs(86_400))
    }

    #[test]
    fn a_key_waits_comes_back_and_is_known() {
        let (windows, mut seen) = (windows(), None);
        let wait = |secs| Duration::from_secs(secs);
        assert_eq!(windows.visit(&mut seen, at(0)), Greylisting::New { retry_after: wait(300) });
        assert_eq!(windows.visit(&mut seen, at(100)), Greylisting::TooEarly { retry_after: wait(200) });
        assert_eq!(windows.visit(&mut seen, at(300)), Greylisting::Proven, "an early attempt prolongs nothing");
        assert_eq!(windows.visit(&mut seen, at(301)), Greylisting::Known);
        assert_eq!(windows.visit(&mut seen, at(301 + 86_400)), Greylisting::Known, "each visit keeps it known");
        assert!(windows.visit(&mut seen, at(302 + 2 * 86_400)).waits(), "until it stays away too long");
    }

    #[test]
    fn who_comes_back_too_late_begins_again() {
        let (windows, mut seen) = (windows(), None);
        windows.visit(&mut seen, at(0));
        assert_eq!(windows.look(seen, at(14_400)), Greylisting::Proven);
        assert!(matches!(windows.visit(&mut seen, at(14_401)), Greylisting::New { .. }));
        assert_eq!(windows.visit(&mut seen, at(14_701)), Greylisting::Proven);
    }
}
