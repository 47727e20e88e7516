//! Slowing down who fails to log in: each failure of an address or a name makes the next try wait longer.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
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

/// What to do with a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Hear it after waiting so long.
    After(Duration),
    /// Refuse it unheard.
    Refuse,
}

/// Failures that are always so many: for tests of what the rest does then.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fixed(pub u32);

impl FailedLogins for Fixed {
    fn count<'a>(&'a self, _subject: Subject<'a>) -> Waiting<'a, u32> {
        Box::pin(async { self.0 })
    }

    fn failed<'a>(&'a self, _subject: Subject<'a>) -> Waiting<'a, ()> {
        Box::pin(async {})
    }

    fn forgive<'a>(&'a self, _subject: Subject<'a>) -> Waiting<'a, ()> {
        Box::pin(async {})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_wait_longer_and_longer_and_are_then_refused() {
        let policy = Policy { free: 2, most: 5, forget_each: Duration::from_secs(60) };
        let ms = |ms| Advice::After(Duration::from_millis(ms));
        let advice: Vec<Advice> = (0..7).map(|failures| policy.advice(failures)).collect();
        assert_eq!(advice, [ms(0), ms(0), ms(0), ms(500), ms(1000), Advice::Refuse, Advice::Refuse]);
    }
}
