//! A report as it is printed: as text for people, as it came for programs.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::context::Context;
use crate::failure::Failure;
use crate::terminal::print;

/// Prints a report: one line of JSON with `--json`, else what `text` makes of it.
///
/// # Errors
/// The report is not what was asked for, or standard output takes nothing.
pub fn show<T: DeserializeOwned>(
    context: &Context,
    report: Value,
    text: impl FnOnce(T) -> String,
) -> Result<(), Failure> {
    if context.json {
        return print(&format!("{report}\n"));
    }
    print(&text(parse(report)?))
}

/// A report as what it is.
///
/// # Errors
/// It is something else: the server is of another version.
pub fn parse<T: DeserializeOwned>(report: Value) -> Result<T, Failure> {
    serde_json::from_value(report).map_err(|error| Failure::failed("a strange report").because(error))
}
