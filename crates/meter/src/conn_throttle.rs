//! The oldest form of a throttle (`conn_throttle`): the caller names the rate, so many a minute, and what is counted stays
//! in this process. No table has to be named in the settings; each rate has a table of its own.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use crate::call::{Operation, Outcome, Refused, Verdict};
use crate::limits::{RATE_ENTRIES_MAX, RATES_MAX};
use crate::table::Table;
use crate::table::moment::Steady;
use crate::table::settings::{Average, Kind, TableSettings};

/// The tables by their rate, and by whether attempts beyond it count.
#[derive(Debug)]
pub struct ConnThrottle {
    clock: Steady,
    tables: RwLock<BTreeMap<(u32, bool), Table>>,
}

impl ConnThrottle {
    /// Nothing counted yet.
    pub fn new() -> ConnThrottle {
        ConnThrottle { clock: Steady::start(), tables: RwLock::new(BTreeMap::new()) }
    }

    /// Counts one for `key`, of which `per_minute` are admitted; `throttle_p` is with `penalise`.
    ///
    /// # Errors
    /// [`Refused`]: the key is empty or too long, or more than [`RATES_MAX`] rates are in use.
    pub fn throttle(&self, key: &str, per_minute: u32, penalise: bool) -> Result<Verdict, Refused> {
        let rate = (per_minute.max(1), penalise);
        let known = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(table) = known.get(&rate) {
            return self.count(table, key);
        }
        drop(known);
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        if tables.len() >= RATES_MAX && !tables.contains_key(&rate) {
            let what = format!("more than {RATES_MAX} rates are in use; name a table of the meter instead");
            return Err(Refused::Argument { what });
        }
        let table = tables.entry(rate).or_insert_with(|| Table::new("conn_throttle", settings(rate)));
        self.count(table, key)
    }

    fn count(&self, table: &Table, key: &str) -> Result<Verdict, Refused> {
        let operation = Operation::Throttle { amount: 1 };
        match table.perform(key, &operation, self.clock.now())? {
            Outcome::Verdict(verdict) => Ok(verdict),
            _ => Err(Refused::Argument { what: "a throttle answers with a verdict".to_owned() }),
        }
    }
}

impl Default for ConnThrottle {
    fn default() -> ConnThrottle {
        ConnThrottle::new()
    }
}

fn settings((per_minute, penalise): (u32, bool)) -> TableSettings {
    let (quota, quota_time) = (u64::from(per_minute), Duration::from_secs(60));
    let kind = Kind::Throttle { quota, quota_time, average: Average::Leaky, penalise };
    TableSettings { kind, ..TableSettings::throttle(quota, quota_time).entries(RATE_ENTRIES_MAX) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rate_counts_for_itself() {
        let throttle = ConnThrottle::new();
        let over = |key: &str, per_minute| throttle.throttle(key, per_minute, false).map(|verdict| verdict.is_over);
        // A rate so slow that nothing comes back while the test runs would need hours; of 2 a minute, one may.
        let refused = (0..20).filter(|_| over("192.0.2.1", 2) == Ok(true)).count();
        assert!(refused >= 17, "{refused}");
        assert_eq!(over("192.0.2.2", 2), Ok(false));
        assert_eq!(over("192.0.2.1", 1000), Ok(false));
    }

    #[test]
    fn rates_are_bounded() {
        let throttle = ConnThrottle::new();
        let known = u32::try_from(RATES_MAX).expect("it is small");
        assert!((1..=known).all(|rate| throttle.throttle("k", rate, false).is_ok()));
        assert!(throttle.throttle("k", known + 1, false).is_err());
        assert!(throttle.throttle("k", known, false).is_ok());
    }
}
