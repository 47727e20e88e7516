//! The meter: its tables, and what they hold of whom.

use meter::call::Refused;
use meter::meter::Meter;
use meter::table::Entry;
use meter::table::settings::{Average, Kind};
use meter::tables::Overview;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::Failure;
use crate::metering::Metering;
use crate::operations::report;

/// What can be asked about the meter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MeterRequest {
    /// Every table in numbers.
    Tables,
    /// The entries of a table, in the order of their keys.
    List {
        /// The table.
        table: String,
        /// Only those after this key.
        after: Option<String>,
        /// At most so many.
        limit: usize,
    },
    /// The entries that count most.
    Top {
        /// The table.
        table: String,
        /// At most so many.
        limit: usize,
    },
    /// One entry.
    Show {
        /// The table.
        table: String,
        /// The key.
        key: String,
    },
    /// Forget one key, or all.
    Reset {
        /// The table.
        table: String,
        /// The key; all without one.
        key: Option<String>,
    },
}

/// All tables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownTables {
    /// The servers that are asked instead of these tables, if any.
    pub asked_elsewhere: Vec<String>,
    /// The tables.
    pub tables: Vec<ShownTable>,
}

/// A table as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownTable {
    /// Its name.
    pub name: String,
    /// Its type and what it admits, in words.
    pub kind: String,
    /// Keys that it keeps.
    pub entries: usize,
    /// Keys that it can keep.
    pub entries_max: usize,
    /// Octets of memory.
    pub octets: usize,
    /// Keys dropped for want of room.
    pub dropped: u64,
}

/// An entry as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownEntry {
    /// The key.
    pub key: String,
    /// How much counts, or the number that is kept.
    pub weight: i64,
    /// The same in words.
    pub state: String,
}

/// Performs a request.
///
/// # Errors
/// Why it was not done.
pub fn perform(metering: &Metering, request: MeterRequest) -> Result<Value, Failure> {
    let tables = &metering.tables;
    match request {
        MeterRequest::Tables => report(&ShownTables {
            asked_elsewhere: match &metering.meter {
                Meter::There(client) => client.servers().iter().map(ToString::to_string).collect(),
                Meter::Here(_) => Vec::new(),
            },
            tables: tables.overview().iter().map(shown_table).collect(),
        }),
        MeterRequest::List { table, after, limit } => {
            let entries = tables.list(&table, after.as_deref(), limit).map_err(refused)?;
            report(&entries.into_iter().map(shown).collect::<Vec<ShownEntry>>())
        }
        MeterRequest::Top { table, limit } => {
            let entries = tables.top(&table, limit).map_err(refused)?;
            report(&entries.into_iter().map(shown).collect::<Vec<ShownEntry>>())
        }
        MeterRequest::Show { table, key } => {
            let entry = tables.entry(&table, &key).map_err(refused)?;
            let entry = entry.ok_or_else(|| Failure::failed(format!("{table} knows nothing of {key}")))?;
            report(&shown(entry))
        }
        MeterRequest::Reset { table, key: None } => report(&tables.clear(&table).map_err(refused)?),
        MeterRequest::Reset { table, key: Some(key) } => report(&tables.forget(&table, &key).map_err(refused)?),
    }
}

fn shown(entry: Entry) -> ShownEntry {
    ShownEntry { key: entry.key, weight: entry.weight, state: entry.state }
}

fn shown_table(table: &Overview) -> ShownTable {
    ShownTable {
        name: table.name.clone(),
        kind: kind(&table.settings.kind),
        entries: table.entries,
        entries_max: table.settings.entries_max,
        octets: table.octets,
        dropped: table.dropped,
    }
}

fn kind(kind: &Kind) -> String {
    let Kind::Throttle { quota, quota_time, average, penalise } = kind else { return kind.name().to_owned() };
    let average = match average {
        Average::Leaky => String::new(),
        Average::Sliding => ", sliding".to_owned(),
        Average::TokenBucket { burst } => format!(", burst {burst}"),
    };
    let penalise = if *penalise { ", penalize" } else { "" };
    format!("throttle {quota} in {}{average}{penalise}", crate::settings::key::written(*quota_time))
}

fn refused(refused: Refused) -> Failure {
    Failure::failed("the meter did not do it").because(refused)
}
