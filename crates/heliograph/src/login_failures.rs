//! Failed logins counted by the meter, so that servers which ask one meter slow an attacker down together, and operators see
//! and reset them. Where the meter is away, this server's own count goes on: a brake on guessing must not fail open.

use directory::limiter::{FailedLogins, Subject, Waiting};
use meter::call::{Call, Operation, Outcome};

use crate::metering::Metering;

/// The tables.
pub mod tables {
    /// Failures of an address.
    pub const ADDRESSES: &str = "logins.addresses";
    /// Failures of a login name.
    pub const ACCOUNTS: &str = "logins.accounts";
}

/// Counted here, and by the meter that is asked, if that is another one.
pub struct MeteredLogins(pub Metering);

impl MeteredLogins {
    /// Does the same here and there. What is away, or refuses, says nothing: the other one counts.
    async fn ask(&self, subject: Subject<'_>, operation: Operation<'_>) -> [Option<Outcome>; 2] {
        let address;
        let (table, key) = match subject {
            Subject::Name(name) => (tables::ACCOUNTS, name),
            Subject::Address(ip) => {
                address = ip.to_string();
                (tables::ADDRESSES, address.as_str())
            }
        };
        let call = Call { table, key, operation };
        let here = self.0.tables.perform(&call).ok();
        let there = if self.0.asks_elsewhere() { self.0.meter.perform(&call).await.ok() } else { None };
        [here, there]
    }
}

impl FailedLogins for MeteredLogins {
    fn count<'a>(&'a self, subject: Subject<'a>) -> Waiting<'a, u32> {
        Box::pin(async move {
            let outcomes = self.ask(subject, Operation::Query).await;
            let used = outcomes.into_iter().flatten().map(|outcome| match outcome {
                Outcome::Verdict(verdict) => u32::try_from(verdict.used).unwrap_or(u32::MAX),
                _ => 0,
            });
            used.max().unwrap_or(0)
        })
    }

    fn failed<'a>(&'a self, subject: Subject<'a>) -> Waiting<'a, ()> {
        Box::pin(async move {
            self.ask(subject, Operation::Throttle { amount: 1 }).await;
        })
    }

    fn forgive<'a>(&'a self, subject: Subject<'a>) -> Waiting<'a, ()> {
        Box::pin(async move {
            self.ask(subject, Operation::Remove).await;
        })
    }
}
