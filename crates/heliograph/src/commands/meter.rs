//! `heliograph meter`: what the running server counts.

use clap::Subcommand;

use crate::commands::show::show;
use crate::context::Context;
use crate::control::client;
use crate::control::request::Request;
use crate::failure::Failure;
use crate::terminal::confirm;
use crate::verbs::meter::{MeterRequest, ShownEntry, ShownTables};

/// What can be done with the meter.
#[derive(Debug, Subcommand)]
pub enum MeterVerb {
    /// List the tables, or the entries of one in the order of their keys.
    List {
        /// The table.
        table: Option<String>,
        /// Only entries after this key.
        #[arg(long, requires = "table")]
        after: Option<String>,
        /// At most so many entries.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// The entries of a table that count most.
    Top {
        /// The table.
        table: String,
        /// At most so many.
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// Show what a table holds of a key.
    Show {
        /// The table.
        table: String,
        /// The key.
        key: String,
    },
    /// Forget a key, or all keys of a table.
    Reset {
        /// The table.
        table: String,
        /// The key; all without one.
        key: Option<String>,
    },
}

/// `heliograph meter`. What it counts is in the memory of the server: it must run.
///
/// # Errors
/// That no server runs, or why it was not done.
pub fn run(verb: MeterVerb, context: &Context) -> Result<(), Failure> {
    let ask = |request| client::ask_server(context, Request::Meter(request));
    match verb {
        MeterVerb::List { table: None, .. } => {
            show(context, ask(MeterRequest::Tables)?, |shown: ShownTables| tables(&shown))
        }
        MeterVerb::List { table: Some(table), after, limit } => {
            show(context, ask(MeterRequest::List { table, after, limit })?, |shown: Vec<ShownEntry>| entries(&shown))
        }
        MeterVerb::Top { table, limit } => {
            show(context, ask(MeterRequest::Top { table, limit })?, |shown: Vec<ShownEntry>| entries(&shown))
        }
        MeterVerb::Show { table, key } => {
            show(context, ask(MeterRequest::Show { table, key })?, |shown: ShownEntry| entries(&[shown]))
        }
        MeterVerb::Reset { table, key } => {
            if key.is_none() {
                confirm(context, &format!("Forget everything that {table} has counted?"))?;
            }
            show(context, ask(MeterRequest::Reset { table, key })?, |count: u64| format!("{count} forgotten\n"))
        }
    }
}

fn tables(shown: &ShownTables) -> String {
    let mut text = String::new();
    if !shown.asked_elsewhere.is_empty() {
        text = format!("this server asks the meter at {}; its own tables:\n", shown.asked_elsewhere.join(", "));
    }
    text.push_str("   entries  of at most     memory    dropped  table\n");
    for table in &shown.tables {
        let memory = model::ByteSize(table.octets as u64).to_string();
        text.push_str(&format!(
            "{:>10} {:>11} {memory:>10} {:>10}  {}: {}\n",
            table.entries, table.entries_max, table.dropped, table.name, table.kind
        ));
    }
    text
}

fn entries(shown: &[ShownEntry]) -> String {
    shown.iter().map(|entry| format!("{:<40} {}\n", entry.key, entry.state)).collect()
}
