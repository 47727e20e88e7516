//! `heliograph domain dns`.

use std::fmt::Write as _;

use mta::authentication::records::{Found, Record};

use crate::commands::dkim::in_strings;
use crate::commands::show::{parse, show};
use crate::context::Context;
use crate::control::client;
use crate::control::request::Request;
use crate::failure::Failure;
use crate::verbs::authentication::AuthenticationRequest;

/// `heliograph domain dns`. With `check` it fails when a record is missing that mail suffers without.
///
/// # Errors
/// Why it was not done, or what is missing.
pub fn run(domain: String, check: bool, context: &Context) -> Result<(), Failure> {
    let request = AuthenticationRequest::Records { domain: domain.clone(), check };
    let report = client::ask(context, Request::Authentication(request))?;
    let records: Vec<Record> = parse(report.clone())?;
    show(context, report, |records: Vec<Record>| records.iter().map(line).collect())?;
    let is_bad = |record: &&Record| record.needed && !matches!(record.found, Found::Good | Found::Unchecked);
    let bad: Vec<&str> = records.iter().filter(is_bad).map(|record| record.name.as_str()).collect();
    if bad.is_empty() {
        return Ok(());
    }
    Err(Failure::failed(format!("{domain} needs records that are not there as they should be: {}", bad.join(", "))))
}

fn line(record: &Record) -> String {
    let Record { purpose, name, kind, value, found, .. } = record;
    let value = if kind == "TXT" { in_strings(value) } else { value.clone() };
    let mut text = format!("; {purpose}");
    let _infallible = match found {
        Found::Unchecked => writeln!(text),
        Found::Good => writeln!(text, ": good"),
        Found::Missing => writeln!(text, ": MISSING"),
        Found::Other(what) => writeln!(text, ": OTHER: {what}"),
        Found::Unknown(why) => writeln!(text, ": not known: {why}"),
    };
    let _infallible = writeln!(text, "{name}. IN {kind} {value}");
    text
}
