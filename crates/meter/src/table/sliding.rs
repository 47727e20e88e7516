//! The exact window: every admitted moment is kept until it is older than the quota time. Dearer than the averaged rate
//! by eight octets for each event that counts, and all of the quota comes back as its own events grow old.

use std::collections::VecDeque;
use std::time::Duration;

use crate::call::Verdict;
use crate::limits::SLIDING_QUOTA_MAX;
use crate::table::moment::{Moment, nanos};

/// The moments that count, oldest first. Behind a pointer, so that an entry stays small.
pub type Log = Box<VecDeque<Moment>>;

/// A quota in a window that moves with time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sliding {
    quota: usize,
    /// Nanoseconds.
    window: u64,
    penalise: bool,
}

impl Sliding {
    /// At most `quota` in any window of `time`. With `penalise`, attempts beyond it count, too: the last `quota` of them.
    pub fn new(quota: u64, time: Duration, penalise: bool) -> Sliding {
        let quota = usize::try_from(quota.clamp(1, SLIDING_QUOTA_MAX)).unwrap_or(1);
        Sliding { quota, window: nanos(time).max(1), penalise }
    }

    /// Counts `amount` if it fits, and says whether it did.
    pub fn take(&self, log: &mut VecDeque<Moment>, amount: u32, now: Moment) -> Verdict {
        self.forget(log, now);
        let verdict = self.verdict(log, amount, now);
        let count = usize::try_from(amount).unwrap_or(usize::MAX).min(self.quota);
        if !verdict.is_over {
            log.extend(std::iter::repeat_n(now, count));
            return Verdict { used: log.len() as u64, ..verdict };
        }
        if self.penalise {
            let excess = (log.len() + count).saturating_sub(self.quota).min(log.len());
            log.drain(..excess);
            log.extend(std::iter::repeat_n(now, count));
            return Verdict { is_over: true, ..self.verdict(log, amount, now) };
        }
        verdict
    }

    /// What `take` would say about `amount`, without counting it.
    pub fn look(&self, log: &mut VecDeque<Moment>, amount: u32, now: Moment) -> Verdict {
        self.forget(log, now);
        self.verdict(log, amount, now)
    }

    /// Whether nothing counts any more.
    pub fn is_empty(&self, log: &VecDeque<Moment>, now: Moment) -> bool {
        log.back().is_none_or(|last| now.since(*last) >= self.window)
    }

    /// How many count.
    pub fn used(&self, log: &VecDeque<Moment>, now: Moment) -> u64 {
        log.iter().rev().take_while(|moment| now.since(**moment) < self.window).count() as u64
    }

    /// Adds events of this moment, or takes the latest away.
    pub fn adjust(&self, log: &mut VecDeque<Moment>, by: i64, now: Moment) {
        self.forget(log, now);
        let count = usize::try_from(by.unsigned_abs()).unwrap_or(usize::MAX);
        if by < 0 {
            log.truncate(log.len().saturating_sub(count));
        } else {
            let room = self.quota.saturating_sub(log.len());
            log.extend(std::iter::repeat_n(now, count.min(room)));
        }
    }

    fn forget(&self, log: &mut VecDeque<Moment>, now: Moment) {
        let old = log.iter().take_while(|moment| now.since(**moment) >= self.window).count();
        log.drain(..old);
    }

    fn verdict(&self, log: &VecDeque<Moment>, amount: u32, now: Moment) -> Verdict {
        let amount = usize::try_from(amount).unwrap_or(usize::MAX);
        let excess = log.len().saturating_add(amount).saturating_sub(self.quota);
        // Room for all of it comes when so many of the oldest have left the window; never, if it is more than the quota.
        let freed = excess.checked_sub(1).and_then(|last| log.get(last).or(log.back()));
        let wait = freed.map_or(0, |moment| self.window.saturating_sub(now.since(*moment)));
        Verdict {
            is_over: excess > 0,
            used: log.len() as u64,
            quota: self.quota as u64,
            retry_after: Duration::from_nanos(wait),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(millis: u64) -> Moment {
        Moment(millis * 1_000_000)
    }

    #[test]
    fn the_window_is_exact() {
        let sliding = Sliding::new(3, Duration::from_secs(10), false);
        let mut log = VecDeque::new();
        for millis in [0, 4000, 9000] {
            assert!(!sliding.take(&mut log, 1, at(millis)).is_over);
        }
        let verdict = sliding.take(&mut log, 1, at(9_999));
        assert_eq!(verdict, Verdict { is_over: true, used: 3, quota: 3, retry_after: Duration::from_millis(1) });
        assert!(!sliding.take(&mut log, 1, at(10_000)).is_over, "the first has left the window");
        assert!(sliding.take(&mut log, 2, at(14_000)).is_over);
        assert!(!sliding.take(&mut log, 2, at(19_000)).is_over);
    }

    #[test]
    fn with_penalise_a_hammering_client_stays_out() {
        let sliding = Sliding::new(3, Duration::from_secs(10), true);
        let mut log = VecDeque::new();
        assert!(!sliding.take(&mut log, 3, at(0)).is_over);
        for millis in (1000..60_000).step_by(1000) {
            assert!(sliding.take(&mut log, 1, at(millis)).is_over, "{millis}");
            assert!(log.len() <= 3, "the log is bounded");
        }
        assert!(!sliding.take(&mut log, 1, at(69_000)).is_over);
    }

    #[test]
    fn adjusting_adds_and_takes_away() {
        let sliding = Sliding::new(5, Duration::from_secs(10), false);
        let mut log = VecDeque::new();
        sliding.adjust(&mut log, i64::MAX, at(0));
        assert_eq!(sliding.used(&log, at(0)), 5);
        sliding.adjust(&mut log, -2, at(1));
        assert_eq!(sliding.used(&log, at(1)), 3);
        assert_eq!(sliding.used(&log, at(10_000)), 0);
        assert!(sliding.is_empty(&log, at(10_000)));
    }

    proptest! {
        #[test]
        fn no_window_holds_more_than_the_quota(
            quota in 1u64..20, penalise in any::<bool>(), gaps in proptest::collection::vec(0u64..2000, 1..150),
        ) {
            let sliding = Sliding::new(quota, Duration::from_secs(3), penalise);
            let (mut log, mut now, mut admitted) = (VecDeque::new(), 0, Vec::new());
            for gap in gaps {
                now += gap;
                if !sliding.take(&mut log, 1, at(now)).is_over {
                    admitted.push(now);
                }
                prop_assert!(log.len() as u64 <= quota);
            }
            for (index, first) in admitted.iter().enumerate() {
                let within = admitted.iter().skip(index).take_while(|moment| **moment < first + 3000).count();
                prop_assert!(within as u64 <= quota);
            }
        }
    }
}
