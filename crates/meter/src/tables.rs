//! All tables of one meter by name, and the one clock that they share.
//!
//! A question holds the list of tables for reading and one shard of its table, both for the moment of a calculation; nothing
//! waits under them. A reload holds the list alone.

use std::collections::{BTreeMap, HashMap};
use std::sync::{PoisonError, RwLock};

use net::Registry;

use crate::call::{Call, Operation, Outcome, Refused};
use crate::listing::{Row, Rows};
use crate::signals::{TableSignals, TablesSignals};
use crate::table::moment::{Moment, Steady};
use crate::table::settings::TableSettings;
use crate::table::{Entry, Table};

/// The tables.
#[derive(Debug)]
pub struct Tables {
    clock: Steady,
    registry: Registry,
    pub(crate) signals: TablesSignals,
    tables: RwLock<HashMap<String, Kept>>,
}

#[derive(Debug)]
struct Kept {
    table: Table,
    signals: TableSignals,
}

/// A table as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overview {
    /// Its name.
    pub name: String,
    /// What was said about it.
    pub settings: TableSettings,
    /// Keys that it keeps.
    pub entries: usize,
    /// Octets of memory.
    pub octets: usize,
    /// Keys dropped for want of room.
    pub dropped: u64,
}

impl Tables {
    /// Empty tables.
    pub fn new(settings: BTreeMap<String, TableSettings>, registry: &Registry) -> Tables {
        let tables = Tables {
            clock: Steady::start(),
            registry: registry.clone(),
            signals: TablesSignals::new(registry),
            tables: RwLock::new(HashMap::new()),
        };
        tables.configure(settings);
        tables
    }

    /// The present moment, as the tables count it.
    pub fn now(&self) -> Moment {
        self.clock.now()
    }

    /// Answers a call.
    ///
    /// # Errors
    /// [`Refused`]: nothing has changed.
    pub fn perform(&self, call: &Call<'_>) -> Result<Outcome, Refused> {
        self.perform_at(call, self.clock.now())
    }

    /// Answers a call as of a moment (tests, and whoever answers many at once).
    ///
    /// # Errors
    /// As [`Tables::perform`].
    pub fn perform_at(&self, call: &Call<'_>, now: Moment) -> Result<Outcome, Refused> {
        self.with(call.table, |kept| {
            let outcome = kept.table.perform(call.key, &call.operation, now);
            kept.signals.performed(&outcome);
            outcome
        })?
    }

    /// Takes new settings: quotas, times and sizes change and what was counted stays; tables that are not named any more
    /// go. Tells which tables began empty because they are of another kind or have other keys now.
    pub fn configure(&self, settings: BTreeMap<String, TableSettings>) -> Vec<String> {
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        tables.retain(|name, _| settings.contains_key(name));
        let mut emptied = Vec::new();
        for (name, settings) in settings {
            match tables.get_mut(&name) {
                Some(kept) if *kept.table.settings() == settings => {}
                Some(kept) => {
                    if !kept.table.configure(settings, now) {
                        emptied.push(name);
                    }
                }
                None => {
                    let signals = TableSignals::new(&self.registry, &name);
                    tables.insert(name.clone(), Kept { table: Table::new(&name, settings), signals });
                }
            }
        }
        emptied
    }

    /// Names of all tables, in their order.
    pub fn names(&self) -> Vec<String> {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        let mut names: Vec<String> = tables.keys().cloned().collect();
        names.sort_unstable();
        names
    }

    /// Every table in numbers, by name.
    pub fn overview(&self) -> Vec<Overview> {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        let mut shown: Vec<Overview> = tables
            .values()
            .map(|kept| Overview {
                name: kept.table.name().to_owned(),
                settings: kept.table.settings().clone(),
                entries: kept.table.len(),
                octets: kept.table.octets(),
                dropped: kept.table.dropped(),
            })
            .collect();
        shown.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        shown
    }

    /// Entries of a table in the order of their keys, those after `after`, at most `limit`.
    ///
    /// # Errors
    /// There is no such table, or `after` is no key of it.
    pub fn list(&self, table: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, Refused> {
        self.with(table, |kept| {
            let after = after.map(|after| kept.table.canonical(after)).transpose()?;
            let mut rows = Rows::new(limit);
            kept.table.for_each(self.clock.now(), |key, weight, state| {
                if after.as_deref().is_none_or(|after| key > after) {
                    rows.offer(Row::by_key(key, weight), state);
                }
            });
            Ok(shown(&kept.table, rows))
        })?
    }

    /// The entries of a table that count most, at most `limit`.
    ///
    /// # Errors
    /// There is no such table.
    pub fn top(&self, table: &str, limit: usize) -> Result<Vec<Entry>, Refused> {
        self.with(table, |kept| {
            let mut rows = Rows::new(limit);
            kept.table.for_each(self.clock.now(), |key, weight, state| rows.offer(Row::by_weight(key, weight), state));
            shown(&kept.table, rows)
        })
    }

    /// One entry.
    ///
    /// # Errors
    /// There is no such table, or the key is none for it.
    pub fn entry(&self, table: &str, key: &str) -> Result<Option<Entry>, Refused> {
        self.with(table, |kept| kept.table.entry(key, self.clock.now()))?
    }

    /// Forgets all keys of a table; tells how many there were.
    ///
    /// # Errors
    /// There is no such table.
    pub fn clear(&self, table: &str) -> Result<usize, Refused> {
        self.with(table, |kept| kept.table.clear())
    }

    /// Forgets one key; tells how many there were.
    ///
    /// # Errors
    /// There is no such table, or the key is none for it.
    pub fn forget(&self, table: &str, key: &str) -> Result<usize, Refused> {
        let was_there = self.entry(table, key)?.is_some();
        self.with(table, |kept| kept.table.perform(key, &Operation::Remove, self.clock.now()))??;
        Ok(usize::from(was_there))
    }

    fn with<R>(&self, table: &str, work: impl FnOnce(&Kept) -> R) -> Result<R, Refused> {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        match tables.get(table) {
            Some(kept) => Ok(work(kept)),
            None => Err(Refused::NoSuchTable { table: table.chars().take(64).collect() }),
        }
    }
}

fn shown(table: &Table, rows: Rows) -> Vec<Entry> {
    let entry = |(row, state): (Row, String)| Entry { key: table.shown(&row.key), weight: row.weight, state };
    rows.into_sorted().into_iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn settings(names: &[&str], quota: u64) -> BTreeMap<String, TableSettings> {
        let each = |name: &&str| ((*name).to_owned(), TableSettings::throttle(quota, Duration::from_secs(3600)));
        names.iter().map(each).collect()
    }

    fn is_over(tables: &Tables, table: &str, key: &str) -> bool {
        let call = Call { table, key, operation: Operation::Throttle { amount: 1 } };
        matches!(tables.perform(&call), Ok(Outcome::Verdict(verdict)) if verdict.is_over)
    }

    #[test]
    fn many_at_once_get_exactly_the_quota() {
        let tables = Tables::new(settings(&["t"], 1000), &Registry::new());
        let now = tables.now();
        let admitted: usize = std::thread::scope(|scope| {
            let ask = || {
                let call = Call { table: "t", key: "k", operation: Operation::Throttle { amount: 1 } };
                let is_over =
                    || matches!(tables.perform_at(&call, now), Ok(Outcome::Verdict(verdict)) if verdict.is_over);
                (0..1000).filter(|_| !is_over()).count()
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
            threads.into_iter().map(|thread| thread.join().expect("it ends")).sum()
        });
        assert_eq!(admitted, 1000);
    }

    #[test]
    fn a_reload_keeps_counts_and_takes_tables_away() {
        let tables = Tables::new(settings(&["a", "b"], 2), &Registry::new());
        assert!(!is_over(&tables, "a", "k") && !is_over(&tables, "a", "k") && is_over(&tables, "a", "k"));
        assert!(tables.configure(settings(&["a", "c"], 3)).is_empty());
        assert_eq!(tables.names(), ["a", "c"]);
        assert!(!is_over(&tables, "a", "k") && is_over(&tables, "a", "k"));
        let call = Call { table: "b", key: "k", operation: Operation::Query };
        assert!(matches!(tables.perform(&call), Err(Refused::NoSuchTable { .. })));
    }

    #[test]
    fn listings_are_in_order_and_go_on_where_they_ended() {
        let tables = Tables::new(settings(&["t"], 100), &Registry::new());
        for (key, count) in [("c", 3), ("a", 1), ("d", 2), ("b", 9)] {
            (0..count).for_each(|_| assert!(!is_over(&tables, "t", key)));
        }
        let keys = |entries: Vec<Entry>| entries.into_iter().map(|entry| entry.key).collect::<Vec<_>>();
        assert_eq!(keys(tables.list("t", None, 3).expect("it is there")), ["a", "b", "c"]);
        assert_eq!(keys(tables.list("t", Some("c"), 3).expect("it is there")), ["d"]);
        assert_eq!(keys(tables.top("t", 2).expect("it is there")), ["b", "c"]);
        assert_eq!(tables.entry("t", "b").expect("it is there").map(|entry| entry.weight), Some(9));
        assert_eq!(tables.clear("t"), Ok(4));
        assert_eq!(tables.list("t", None, 3), Ok(Vec::new()));
    }
}
