//! The handle by which everybody asks: it hides whether the tables are here or on another server.

use std::sync::Arc;
use std::time::Duration;

use crate::call::{Call, Operation, Outcome, Verdict};
use crate::client::Client;
use crate::client::question::Unavailable;
use crate::routine;
use crate::tables::Tables;

/// Where the tables are. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Meter {
    /// In this process.
    Here(Arc<Tables>),
    /// On other servers.
    There(Client),
}

impl Meter {
    /// Asks. Here nothing is waited for; there, no longer than the settings say.
    ///
    /// # Errors
    /// [`Unavailable`]: go on as if nobody were over a quota. It is counted and, where the operator can do something,
    /// logged.
    pub async fn perform(&self, call: &Call<'_>) -> Result<Outcome, Unavailable> {
        match self {
            Meter::Here(tables) => tables.perform(call).map_err(|refused| {
                tables.signals.refused(&refused);
                Unavailable::Refused(refused.to_string())
            }),
            Meter::There(client) => client.ask(call).await,
        }
    }

    /// Counts `amount` for a key and says whether it is over its quota. Whatever goes wrong, it is not (the contract of
    /// `check_metermaid`: a failure never holds anybody back).
    pub async fn throttle(&self, table: &str, key: &str, amount: u32) -> Verdict {
        let call = Call { table, key, operation: Operation::Throttle { amount } };
        match self.perform(&call).await {
            Ok(Outcome::Verdict(verdict)) => verdict,
            Ok(_) | Err(_) => Verdict { is_over: false, used: 0, quota: 0, retry_after: Duration::ZERO },
        }
    }

    /// A routine of `check_metermaid` by its name: `throttle`, `query`, `greylisting`, `fetch` and `remove` take no further
    /// argument, `adjust` a number, `test` a test, `adjust_and_test` both, `store` a text. A text is success; over the
    /// quota is success; nothing is failure.
    ///
    /// # Errors
    /// [`Unavailable`], which counts as failure.
    pub async fn call(
        &self,
        routine: &str,
        table: &str,
        key: &str,
        arguments: &[&str],
    ) -> Result<Option<String>, Unavailable> {
        let operation = routine::read(routine, arguments).map_err(Unavailable::Refused)?;
        self.perform(&Call { table, key, operation }).await.map(Outcome::as_callout)
    }

    /// The same from one text, as a mapping table writes it behind the library: `throttle,TABLE,KEY`. Keys may hold commas.
    ///
    /// # Errors
    /// As [`Meter::call`].
    pub async fn callout(&self, text: &str) -> Result<Option<String>, Unavailable> {
        let (routine, table, key, arguments) = routine::split(text).map_err(Unavailable::Refused)?;
        self.call(routine, table, key, &arguments).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::settings::{Kind, TableSettings};
    use net::Registry;

    fn meter() -> Meter {
        counted(&Registry::new())
    }

    fn counted(registry: &Registry) -> Meter {
        let hour = Duration::from_secs(3600);
        let grey = Kind::Greylisting { block: hour, resubmit: hour * 4, inactivity: hour * 100 };
        let settings = [
            ("t", TableSettings::throttle(2, hour)),
            ("n", TableSettings { kind: Kind::Number, ..TableSettings::throttle(1, hour) }),
            ("g", TableSettings { kind: grey, ..TableSettings::throttle(1, hour) }),
        ];
        let settings = settings.into_iter().map(|(name, settings)| (name.to_owned(), settings)).collect();
        Meter::Here(Arc::new(Tables::new(settings, registry)))
    }

    #[tokio::test]
    async fn over_the_quota_is_success() {
        let meter = meter();
        for expected in [None, None, Some(String::new())] {
            assert_eq!(meter.call("throttle", "t", "k", &[]).await, Ok(expected));
        }
        assert!(meter.throttle("t", "k", 1).await.is_over);
        assert!(!meter.throttle("no such table", "k", 1).await.is_over, "a failure holds nobody back");
        assert!(matches!(meter.call("throttle", "no such table", "k", &[]).await, Err(Unavailable::Refused(_))));
        assert!(matches!(meter.call("invent", "t", "k", &[]).await, Err(Unavailable::Refused(_))));
    }

    #[tokio::test]
    async fn tables_that_are_not_there_are_counted() {
        let registry = Registry::new();
        let meter = counted(&registry);
        meter.throttle("t", "k", 1).await;
        meter.throttle("no such table", "k", 1).await;
        assert!(registry.render().contains("heliograph_meter_unknown_tables_total 1\n"));
    }

    #[tokio::test]
    async fn callouts_are_read_as_mapping_tables_write_them() {
        let meter = meter();
        for (text, expected) in [
            ("adjust_and_test,n,a,b,+5,>4", Some(String::new())),
            ("fetch,n,a,b", Some("5".to_owned())),
            ("test,n,a,b,<5", None),
            ("adjust,n,a,b,-1", Some(String::new())),
            ("store,n,a,17", Some(String::new())),
            ("fetch,n,a", Some("17".to_owned())),
            ("remove,n,a", Some(String::new())),
            ("fetch,n,a", None),
            ("greylisting,g,192.0.2.1,a@x,b@y", Some(String::new())),
            ("throttle,t,a,b", None),
        ] {
            assert_eq!(meter.callout(text).await, Ok(expected), "{text}");
        }
        for text in ["throttle", "throttle,t", "adjust,n,a", "adjust,n,a,x", "test,n,a,5"] {
            assert!(meter.callout(text).await.is_err(), "{text}");
        }
    }
}
