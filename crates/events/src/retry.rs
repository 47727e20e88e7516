//! The one retry policy: how long to wait before trying again. Randomness is handed in.

use std::time::Duration;

/// When to try again.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    growth: Growth,
    jitter: f64,
}

#[derive(Clone, Debug, PartialEq)]
enum Growth {
    Steps(Vec<Duration>),
    Exponential { first: Duration, factor: f64, cap: Duration },
}

/// Between tries that follow an empty list of steps.
const UNSET_STEP: Duration = Duration::from_secs(60);

impl Schedule {
    /// These waits one after the other; the last repeats for ever.
    pub fn steps(steps: Vec<Duration>) -> Schedule {
        Schedule { growth: Growth::Steps(steps), jitter: 0.0 }
    }

    /// Each wait `factor` times the one before, up to `cap`.
    pub fn exponential(first: Duration, factor: f64, cap: Duration) -> Schedule {
        Schedule { growth: Growth::Exponential { first, factor: factor.max(1.0), cap }, jitter: 0.0 }
    }

    /// Makes each wait longer by up to this fraction of itself (0 to 1), so that many who failed together do not come
    /// back together.
    #[must_use]
    pub fn with_jitter(mut self, fraction: f64) -> Schedule {
        self.jitter = fraction.clamp(0.0, 1.0);
        self
    }

    /// How long to wait after the failure of try number `attempt` (1 is the first). `random` is a fraction in `0..1`.
    pub fn delay(&self, attempt: u32, random: f64) -> Duration {
        let before = attempt.saturating_sub(1);
        let plain = match &self.growth {
            Growth::Steps(steps) => {
                let at = usize::try_from(before).unwrap_or(usize::MAX);
                steps.get(at).or(steps.last()).copied().unwrap_or(UNSET_STEP)
            }
            Growth::Exponential { first, factor, cap } => {
                let grown = first.as_secs_f64() * factor.powi(i32::try_from(before).unwrap_or(i32::MAX));
                Duration::try_from_secs_f64(grown).unwrap_or(*cap).min(*cap)
            }
        };
        plain.saturating_add(plain.mul_f64(self.jitter * random.clamp(0.0, 1.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn steps_follow_one_another_and_the_last_stays() {
        let schedule = Schedule::steps(vec![MINUTE, 5 * MINUTE, 60 * MINUTE]);
        let delays: Vec<u64> = (0..6).map(|attempt| schedule.delay(attempt, 0.9).as_secs() / 60).collect();
        assert_eq!(delays, [1, 1, 5, 60, 60, 60]);
        assert_eq!(Schedule::steps(Vec::new()).delay(1, 0.0), UNSET_STEP);
    }

    #[test]
    fn exponential_growth_ends_at_the_cap() {
        let schedule = Schedule::exponential(MINUTE, 2.0, 60 * MINUTE);
        let delays: Vec<u64> =
            [1, 2, 3, 6, 7, u32::MAX].map(|attempt| schedule.delay(attempt, 0.0).as_secs() / 60).into();
        assert_eq!(delays, [1, 2, 4, 32, 60, 60]);
    }

    #[test]
    fn jitter_only_adds() {
        let schedule = Schedule::steps(vec![MINUTE]).with_jitter(0.5);
        assert_eq!(schedule.delay(1, 0.0), MINUTE);
        assert_eq!(schedule.delay(1, 1.0), MINUTE + MINUTE / 2);
    }
}
