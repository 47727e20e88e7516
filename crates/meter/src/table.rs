//! One table: what it keeps for each key, and what can be asked of it. Nothing here waits; time is an argument.

pub mod comparison;
pub mod key;
pub mod moment;
pub mod rate;
pub mod settings;
pub mod sliding;
pub mod store;
pub mod windows;

use std::borrow::Cow;
use std::collections::VecDeque;

use crate::call::{Operation, Outcome, Refused};
use crate::limits::VALUE_OCTETS_MAX;
use crate::table::comparison::Test;
use crate::table::moment::Moment;
use crate::table::rate::{Level, Rate};
use crate::table::settings::{Average, Kind, TableSettings};
use crate::table::sliding::{Log, Sliding};
use crate::table::store::{Store, Value};
use crate::table::windows::{Seen, Windows};

impl Value for Level {}

impl Value for Log {
    fn heap_octets(&self) -> usize {
        size_of::<VecDeque<Moment>>() + self.capacity() * size_of::<Moment>()
    }
}

impl Value for Option<Seen> {}

impl Value for Box<str> {
    fn heap_octets(&self) -> usize {
        self.len()
    }
}

/// A table.
#[derive(Debug)]
pub struct Table {
    name: String,
    settings: TableSettings,
    entries: Entries,
}

/// The entries, each kind with the arithmetic that reads them.
#[derive(Debug)]
enum Entries {
    Rate(Rate, Store<Level>),
    Sliding(Sliding, Store<Log>),
    Greylisting(Windows, Store<Option<Seen>>),
    Numbers(Store<i64>),
    Texts(Store<Box<str>>),
}

/// The same done with the store of any kind.
macro_rules! of_store {
    ($entries:expr, $store:ident => $work:expr) => {
        match $entries {
            Entries::Rate(_, $store) => $work,
            Entries::Sliding(_, $store) => $work,
            Entries::Greylisting(_, $store) => $work,
            Entries::Numbers($store) => $work,
            Entries::Texts($store) => $work,
        }
    };
}

/// An entry as it is shown to operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key, as people write it.
    pub key: String,
    /// What `top` orders by: what counts, a number, 1 for a text or a known sender.
    pub weight: i64,
    /// What is kept, in words.
    pub state: String,
}

impl Table {
    /// An empty table.
    pub fn new(name: &str, settings: TableSettings) -> Table {
        let room = settings.entries_max;
        let entries = match arithmetic(&settings.kind) {
            Arithmetic::Rate(rate) => Entries::Rate(rate, Store::new(room)),
            Arithmetic::Sliding(sliding) => Entries::Sliding(sliding, Store::new(room)),
            Arithmetic::Windows(windows) => Entries::Greylisting(windows, Store::new(room)),
            Arithmetic::Numbers => Entries::Numbers(Store::new(room)),
            Arithmetic::Texts => Entries::Texts(Store::new(room)),
        };
        Table { name: name.to_owned(), settings, entries }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What was said about it.
    pub fn settings(&self) -> &TableSettings {
        &self.settings
    }

    /// Does what is asked with a key.
    ///
    /// # Errors
    /// [`Refused`]: nothing has changed.
    pub fn perform(&self, key: &str, operation: &Operation<'_>, now: Moment) -> Result<Outcome, Refused> {
        let key = self.settings.data_type.canonical(key)?;
        if let Operation::Remove = operation {
            // Forgetting what is not there is done as well.
            let _was_there = of_store!(&self.entries, store => store.remove(&key));
            return Ok(Outcome::Done);
        }
        match &self.entries {
            Entries::Rate(rate, store) => self.on_rate(*rate, store, &key, operation, now),
            Entries::Sliding(sliding, store) => self.on_sliding(*sliding, store, &key, operation, now),
            Entries::Greylisting(windows, store) => self.on_greylisting(*windows, store, &key, operation, now),
            Entries::Numbers(store) => self.on_numbers(store, &key, operation),
            Entries::Texts(store) => self.on_texts(store, &key, operation),
        }
    }

    fn on_rate(
        &self,
        rate: Rate,
        store: &Store<Level>,
        key: &[u8],
        operation: &Operation<'_>,
        now: Moment,
    ) -> Result<Outcome, Refused> {
        let is_idle = |level: &Level| level.is_empty(now);
        let used = |level: Level| number(rate.used(level, now));
        let kept = || store.peek(key, |level| *level).unwrap_or_default();
        let adjust = |by| {
            store.with(key, Level::default, is_idle, |level| {
                rate.adjust(level, by, now);
                used(*level)
            })
        };
        Ok(match operation {
            Operation::Throttle { amount } => {
                Outcome::Verdict(store.with(key, Level::default, is_idle, |level| rate.take(level, *amount, now)))
            }
            Operation::Query => Outcome::Verdict(rate.look(kept(), 1, now)),
            Operation::Fetch => Outcome::Value(store.peek(key, |level| used(*level).to_string())),
            _ => return self.on_count(operation, || used(kept()), adjust),
        })
    }

    fn on_sliding(
        &self,
        sliding: Sliding,
        store: &Store<Log>,
        key: &[u8],
        operation: &Operation<'_>,
        now: Moment,
    ) -> Result<Outcome, Refused> {
        let is_idle = |log: &Log| sliding.is_empty(log, now);
        let kept = || store.peek(key, |log| number(sliding.used(log, now)));
        let adjust = |by| {
            store.with(key, Log::default, is_idle, |log| {
                sliding.adjust(log, by, now);
                number(sliding.used(log, now))
            })
        };
        Ok(match operation {
            Operation::Throttle { amount } => {
                Outcome::Verdict(store.with(key, Log::default, is_idle, |log| sliding.take(log, *amount, now)))
            }
            Operation::Query => {
                let empty = || sliding.look(&mut VecDeque::new(), 1, now);
                Outcome::Verdict(store.peek(key, |log| sliding.look(log, 1, now)).unwrap_or_else(empty))
            }
            Operation::Fetch => Outcome::Value(kept().map(|used| used.to_string())),
            _ => return self.on_count(operation, || kept().unwrap_or(0), adjust),
        })
    }

    fn on_greylisting(
        &self,
        windows: Windows,
        store: &Store<Option<Seen>>,
        key: &[u8],
        operation: &Operation<'_>,
        now: Moment,
    ) -> Result<Outcome, Refused> {
        let is_idle = |seen: &Option<Seen>| seen.is_none_or(|seen| windows.is_over(seen, now));
        Ok(match operation {
            Operation::Greylist => {
                Outcome::Greylisting(store.with(key, || None, is_idle, |seen| windows.visit(seen, now)))
            }
            Operation::Query => Outcome::Greylisting(windows.look(store.peek(key, |seen| *seen).flatten(), now)),
            _ => return Err(self.wrong_type(operation)),
        })
    }

    fn on_numbers(&self, store: &Store<i64>, key: &[u8], operation: &Operation<'_>) -> Result<Outcome, Refused> {
        let kept = || store.peek(key, |value| *value);
        let adjust = |by: i64| {
            store.with(
                key,
                || 0,
                |_| false,
                |value| {
                    *value = value.saturating_add(by);
                    *value
                },
            )
        };
        Ok(match operation {
            Operation::Query | Operation::Fetch => Outcome::Value(kept().map(|value| value.to_string())),
            Operation::Store(text) => {
                let fresh: i64 = text.trim().parse().map_err(|_| no_number(text))?;
                store.with(key, || fresh, |_| false, |value| *value = fresh);
                Outcome::Done
            }
            _ => return self.on_count(operation, || kept().unwrap_or(0), adjust),
        })
    }

    fn on_texts(&self, store: &Store<Box<str>>, key: &[u8], operation: &Operation<'_>) -> Result<Outcome, Refused> {
        let kept = || store.peek(key, |value| value.to_string());
        Ok(match operation {
            Operation::Query | Operation::Fetch => Outcome::Value(kept()),
            Operation::Test(test) => {
                let held = test.of_text(&kept().unwrap_or_default());
                let what = || Refused::Argument { what: "texts can only be tested with =".to_owned() };
                Outcome::Holds(held.ok_or_else(what)?)
            }
            Operation::Store(text) => {
                if text.len() > VALUE_OCTETS_MAX {
                    let what = format!("a value may have {VALUE_OCTETS_MAX} octets, not {}", text.len());
                    return Err(Refused::Argument { what });
                }
                store.with(key, Box::default, |_| false, |value: &mut Box<str>| *value = (*text).into());
                Outcome::Done
            }
            _ => return Err(self.wrong_type(operation)),
        })
    }

    /// What every count bears: to be changed, and to be compared.
    fn on_count(
        &self,
        operation: &Operation<'_>,
        used: impl Fn() -> i64,
        adjust: impl Fn(i64) -> i64,
    ) -> Result<Outcome, Refused> {
        Ok(match operation {
            Operation::Adjust { by } => {
                adjust(*by);
                Outcome::Done
            }
            Operation::AdjustAndTest { by, test } => {
                check_operand(test)?;
                Outcome::Holds(holds(test, adjust(*by))?)
            }
            Operation::Test(test) => Outcome::Holds(holds(test, used())?),
            _ => return Err(self.wrong_type(operation)),
        })
    }

    fn wrong_type(&self, operation: &Operation<'_>) -> Refused {
        Refused::WrongType { operation: operation.name(), table: self.name.clone(), kind: self.settings.kind.name() }
    }

    /// Takes new settings. What was counted stays, also when quota, time or size change; a table that becomes of another
    /// kind, or whose keys count otherwise, begins empty. Tells whether what was counted stayed.
    pub fn configure(&mut self, settings: TableSettings, now: Moment) -> bool {
        if settings.data_type != self.settings.data_type {
            // Nobody would ever ask again for what is kept under the old keys.
            *self = Table::new(&self.name, settings);
            return false;
        }
        let room = settings.entries_max;
        let kept = match (&mut self.entries, arithmetic(&settings.kind)) {
            (Entries::Rate(old, store), Arithmetic::Rate(rate)) => {
                if *old != rate {
                    store.for_each(|_, level| *level = rate.convert(*level, old, now));
                    *old = rate;
                }
                store.resize(room, |level| level.is_empty(now));
                true
            }
            (Entries::Sliding(old, store), Arithmetic::Sliding(sliding)) => {
                *old = sliding;
                store.resize(room, |log| sliding.is_empty(log, now));
                true
            }
            (Entries::Greylisting(old, store), Arithmetic::Windows(windows)) => {
                *old = windows;
                store.resize(room, |seen| seen.is_none_or(|seen| windows.is_over(seen, now)));
                true
            }
            (Entries::Numbers(store), Arithmetic::Numbers) => {
                store.resize(room, |_| false);
                true
            }
            (Entries::Texts(store), Arithmetic::Texts) => {
                store.resize(room, |_| false);
                true
            }
            _ => false,
        };
        if kept {
            self.settings = settings;
        } else {
            *self = Table::new(&self.name, settings);
        }
        kept
    }

    /// Entries that are kept; some of them may say nothing any more.
    pub fn len(&self) -> usize {
        of_store!(&self.entries, store => store.len())
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Entries dropped for want of room since the table was made.
    pub fn dropped(&self) -> u64 {
        of_store!(&self.entries, store => store.dropped())
    }

    /// Octets of memory that it takes.
    pub fn octets(&self) -> usize {
        of_store!(&self.entries, store => store.octets())
    }

    /// Forgets everything; tells how many entries there were.
    pub fn clear(&self) -> usize {
        of_store!(&self.entries, store => store.clear())
    }

    /// Visits every entry that says something: the octets of its key, its weight, and how to write its state.
    pub fn for_each(&self, now: Moment, mut visit: impl FnMut(&[u8], i64, &dyn Fn() -> String)) {
        match &self.entries {
            Entries::Rate(rate, store) => store.for_each(|key, level| {
                let used = number(rate.used(*level, now));
                if used > 0 {
                    let verdict = rate.look(*level, 1, now);
                    visit(key, used, &|| counted(verdict));
                }
            }),
            Entries::Sliding(sliding, store) => store.for_each(|key, log| {
                let verdict = sliding.look(log, 1, now);
                if verdict.used > 0 {
                    visit(key, number(verdict.used), &|| counted(verdict));
                }
            }),
            Entries::Greylisting(windows, store) => store.for_each(|key, seen| {
                if let Some(seen) = seen.filter(|seen| !windows.is_over(*seen, now)) {
                    visit(key, i64::from(seen.is_known()), &|| greylisted(seen, now));
                }
            }),
            Entries::Numbers(store) => store.for_each(|key, value| visit(key, *value, &|| value.to_string())),
            Entries::Texts(store) => store.for_each(|key, value| visit(key, 1, &|| value.to_string())),
        }
    }

    /// One entry, as it is shown.
    ///
    /// # Errors
    /// The key is none for this table.
    pub fn entry(&self, key: &str, now: Moment) -> Result<Option<Entry>, Refused> {
        let octets = self.settings.data_type.canonical(key)?;
        let shown = |weight, state| Some(Entry { key: self.shown(&octets), weight, state });
        Ok(match &self.entries {
            Entries::Rate(rate, store) => store.peek(&octets, |level| *level).and_then(|level| {
                let verdict = rate.look(level, 1, now);
                shown(number(verdict.used), counted(verdict))
            }),
            Entries::Sliding(sliding, store) => store
                .peek(&octets, |log| sliding.look(log, 1, now))
                .and_then(|verdict| shown(number(verdict.used), counted(verdict))),
            Entries::Greylisting(windows, store) => store
                .peek(&octets, |seen| *seen)
                .flatten()
                .filter(|seen| !windows.is_over(*seen, now))
                .and_then(|seen| shown(i64::from(seen.is_known()), greylisted(seen, now))),
            Entries::Numbers(store) => {
                store.peek(&octets, |value| *value).and_then(|value| shown(value, value.to_string()))
            }
            Entries::Texts(store) => store.peek(&octets, |value| value.to_string()).and_then(|value| shown(1, value)),
        })
    }

    /// A kept key as people write it.
    pub fn shown(&self, octets: &[u8]) -> String {
        self.settings.data_type.shown(octets)
    }

    /// The octets under which a key is kept.
    ///
    /// # Errors
    /// The key is none for this table.
    pub fn canonical<'a>(&self, key: &'a str) -> Result<Cow<'a, [u8]>, Refused> {
        self.settings.data_type.canonical(key)
    }
}

enum Arithmetic {
    Rate(Rate),
    Sliding(Sliding),
    Windows(Windows),
    Numbers,
    Texts,
}

fn arithmetic(kind: &Kind) -> Arithmetic {
    match *kind {
        Kind::Throttle { quota, quota_time, average, penalise } => match average {
            Average::Leaky => Arithmetic::Rate(Rate::new(quota, quota_time, quota, penalise)),
            Average::TokenBucket { burst } => Arithmetic::Rate(Rate::new(quota, quota_time, burst, penalise)),
            Average::Sliding => Arithmetic::Sliding(Sliding::new(quota, quota_time, penalise)),
        },
        Kind::Greylisting { block, resubmit, inactivity } => {
            Arithmetic::Windows(Windows::new(block, resubmit, inactivity))
        }
        Kind::Number => Arithmetic::Numbers,
        Kind::Text => Arithmetic::Texts,
    }
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Before anything is changed, the test must be one.
fn check_operand(test: &Test<'_>) -> Result<(), Refused> {
    holds(test, 0).map(|_| ())
}

fn holds(test: &Test<'_>, value: i64) -> Result<bool, Refused> {
    test.of_number(value).ok_or_else(|| no_number(test.operand))
}

fn no_number(text: &str) -> Refused {
    let shown: String = text.chars().take(40).collect();
    Refused::Argument { what: format!("\"{shown}\" is no number") }
}

fn counted(verdict: crate::call::Verdict) -> String {
    let state = format!("{} of {}", verdict.used, verdict.quota);
    if verdict.is_over { format!("{state}, over for {} s", seconds(verdict.retry_after)) } else { state }
}

fn greylisted(seen: Seen, now: Moment) -> String {
    let ago = seconds(std::time::Duration::from_nanos(now.since(seen.moment())));
    if seen.is_known() { format!("known, last here {ago} s ago") } else { format!("waits since {ago} s") }
}

/// Whole seconds, begun ones included.
fn seconds(time: std::time::Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests;
