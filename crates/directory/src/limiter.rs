//! Slowing down who fails to log in: each failure of an address or a name makes the next try wait longer.

use crate::limits::FAILURES_REMEMBERED_MAX;
use model::Timestamp;
use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Whose failures are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject<'a> {
    /// Those of an address.
    Address(IpAddr),
    /// Those of a login name, in small letters.
    Name(&'a str),
}

/// What may have to be asked over a network.
pub type Waiting<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Who counts failed logins: this process, or several servers together.
pub trait FailedLogins: Send + Sync {
    /// How many failures count now.
    fn count<'a>(&'a self, subject: Subject<'a>) -> Waiting<'a, u32>;

    /// One more.
    fn failed<'a>(&'a self, subject: Subject<'a>) -> Waiting<'a, ()>;

    /// None any more: it has proved who it is.
    fn forgive<'a>(&'a self, subject: Subject<'a>) -> Waiting<'a, ()>;
}

/// Where the time comes from.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How failures count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Failures that cost nothing.
    pub free: u32,
    /// Failures after which no more tries are heard until some are forgotten.
    pub most: u32,
    /// After so long without failing one failure is forgotten.
    pub forget_each: Duration,
}

impl Policy {
    /// What to do with a try after so many failures.
    pub fn advice(&self, failures: u32) -> Advice {
        if failures >= self.most {
            return Advice::Refuse;
        }
        let over = failures.saturating_sub(self.free).min(5);
        Advice::After(if over == 0 { Duration::ZERO } else { Duration::from_millis(250 << over) })
    }
}

/// Failures counted in this process.
pub struct InProcess {
    now: Now,
    by_address: Limiter<IpAddr>,
    by_name: Limiter<String>,
}

impl InProcess {
    /// Nobody has failed yet.
    pub fn new(address: Policy, name: Policy, now: Now) -> InProcess {
        InProcess { now, by_address: Limiter::new(address), by_name: Limiter::new(name) }
    }
}

impl FailedLogins for InProcess {
    fn count<'a>(&'a self, subject: Subject<'a>) -> Waiting<'a, u32> {
        Box::pin(async move {
            match subject {
                Subject::Address(address) => self.by_address.count(&address, (self.now)()),
                Subject::Name(name) => self.by_name.count(&name.to_owned(), (self.now)()),
            }
        })
    }

    fn failed<'a>(&'a self, subject: Subject<'a>) -> Waiting<'a, ()> {
        Box::pin(async move {
            match subject {
                Subject::Address(address) => self.by_address.failed(address, (self.now)()),
                Subject::Name(name) => self.by_name.failed(name.to_owned(), (self.now)()),
            }
        })
    }

    fn forgive<'a>(&'a self, subject: Subject<'a>) -> Waiting<'a, ()> {
        Box::pin(async move {
            match subject {
                Subject::Address(address) => self.by_address.succeeded(&address),
                Subject::Name(name) => self.by_name.succeeded(&name.to_owned()),
            }
        })
    }
}

/// Failures by key. Bounded: the least recently failing keys are forgotten first.
#[derive(Debug)]
pub struct Limiter<K> {
    policy: Policy,
    failures: Mutex<HashMap<K, Failures>>,
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Timestamp,
}

/// What to do with a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Hear it after waiting so long.
    After(Duration),
    /// Refuse it unheard.
    Refuse,
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    /// Nobody has failed yet.
    pub fn new(policy: Policy) -> Limiter<K> {
        Limiter { policy, failures: Mutex::new(HashMap::new()) }
    }

    /// How many failures of `key` count now.
    pub fn count(&self, key: &K, now: Timestamp) -> u32 {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.get(key).map_or(0, |failures| self.left(*failures, now))
    }

    /// Counts a failure.
    pub fn failed(&self, key: K, now: Timestamp) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let count = failures.get(&key).map_or(0, |failures| self.left(*failures, now));
        if failures.len() >= FAILURES_REMEMBERED_MAX && !failures.contains_key(&key) {
            self.make_room(&mut failures, now);
        }
        failures.insert(key, Failures { count: count.saturating_add(1).min(self.policy.most), last: now });
    }

    /// Forgets the failures of somebody who has proved who they are.
    pub fn succeeded(&self, key: &K) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    fn left(&self, failures: Failures, now: Timestamp) -> u32 {
        let passed = now.since(failures.last).as_millis();
        let forgotten = passed / self.policy.forget_each.as_millis().max(1);
        failures.count.saturating_sub(u32::try_from(forgotten).unwrap_or(u32::MAX))
    }

    /// Drops what is forgotten, and if that is not enough the older half.
    fn make_room(&self, failures: &mut HashMap<K, Failures>, now: Timestamp) {
        failures.retain(|_, held| self.left(*held, now) > 0);
        if failures.len() >= FAILURES_REMEMBERED_MAX {
            let mut times: Vec<Timestamp> = failures.values().map(|held| held.last).collect();
            let middle = times.len() / 2;
            let (_, median, _) = times.select_nth_unstable(middle);
            let median = *median;
            failures.retain(|_, held| held.last > median);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy { free: 2, most: 5, forget_each: Duration::from_secs(60) };

    #[test]
    fn tries_wait_longer_and_longer_and_are_then_refused() {
        let limiter = Limiter::new(POLICY);
        let now = Timestamp(1_000_000);
        let advice: Vec<Advice> = (0..7)
            .map(|_| {
                let advice = POLICY.advice(limiter.count(&"a", now));
                limiter.failed("a", now);
                advice
            })
            .collect();
        let ms = |ms| Advice::After(Duration::from_millis(ms));
        assert_eq!(advice, [ms(0), ms(0), ms(0), ms(500), ms(1000), Advice::Refuse, Advice::Refuse]);
        assert_eq!(limiter.count(&"b", now), 0);
        let later = limiter.count(&"a", now.plus(Duration::from_secs(61)));
        assert_eq!(POLICY.advice(later), ms(1000), "one is forgotten");
        limiter.succeeded(&"a");
        assert_eq!(limiter.count(&"a", now), 0);
    }

    #[test]
    fn memory_is_bounded() {
        let limiter = Limiter::new(POLICY);
        for number in 0..FAILURES_REMEMBERED_MAX as u64 + 10 {
            limiter.failed(number, Timestamp(number));
        }
        assert!(limiter.failures.lock().unwrap().len() <= FAILURES_REMEMBERED_MAX);
    }
}
