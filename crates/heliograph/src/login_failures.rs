//! Failed logins counted by the meter, so that servers which ask one meter slow an attacker down together, and operators see
//! and reset them. Where the meter is away, this server's own count goes on: a brake on guessing must not fail open.

use directory::limiter::{FailedLogins, Subject, Waiting};
use meter::call::{Call, Operation, Outcome};

use crate::metering::Metering;
use crate::settings::sections::meter::login_tables;

/// Counted here, and by the meter that is asked, if that is another one.
pub struct MeteredLogins(pub Metering);

impl MeteredLogins {
    /// Does the same here and there. What is away, or refuses, says nothing: the other one counts.
    async fn ask(&self, subject: Subject<'_>, operation: Operation<'_>) -> [Option<Outcome>; 2] {
        let address;
        let (table, key) = match subject {
            Subject::Name(name) => (login_tables::ACCOUNTS, name),
            Subject::Address(ip) => {
                address = ip.to_string();
                (login_tables::ADDRESSES, address.as_str())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;
    use directory::limiter::Advice;
    use net::{Random, Registry};
    use std::path::Path;
    use std::sync::Arc;

    #[tokio::test]
    async fn failed_logins_count_as_far_as_they_are_waited_for_after_a_reload() {
        let settings = |text| Settings::parse(Path::new("heliograph.toml"), text).expect("it is right");
        let first = settings("directory.failed_logins = 30");
        let random: Arc<dyn Random> = Arc::new(net::SystemRandom);
        let metering = Metering::new(&first, &random, &Registry::new());
        let logins = MeteredLogins(metering.clone());
        metering.reload(&settings("directory.failed_logins = 10"));
        for _ in 0..30 {
            logins.failed(Subject::Name("alice")).await;
        }
        let failures = logins.count(Subject::Name("alice")).await;
        assert_eq!(first.directory.account_policy().advice(failures), Advice::Refuse, "after {failures}");
    }
}
