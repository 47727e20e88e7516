//! `heliograph store`.

use std::fmt::Write as _;

use clap::Subcommand;

use crate::context::Context;
use crate::control::client;
use crate::control::request::Request;
use crate::failure::Failure;
use crate::terminal::print;
use crate::verbs::store::{StoreReport, StoreRequest};

/// What can be done with the store.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum StoreVerb {
    /// Verify every checksum, reference, count and index; the server may run.
    Check,
    /// Put the counts of mailboxes and accounts right from what is counted.
    Repair,
    /// Rewrite segments of the log that are mostly dead; the server may run.
    Compact,
}

/// Does it.
///
/// # Errors
/// Why it was not done, or that something is wrong.
pub fn run(verb: StoreVerb, context: &Context) -> Result<(), Failure> {
    let request = match verb {
        StoreVerb::Check => StoreRequest::Check,
        StoreVerb::Repair => StoreRequest::Repair,
        StoreVerb::Compact => StoreRequest::Compact,
    };
    let report = client::ask(context, Request::Store(request))?;
    let parsed: StoreReport =
        serde_json::from_value(report.clone()).map_err(|error| Failure::failed("a strange report").because(error))?;
    if context.json {
        print(&format!("{report}\n"))?;
    } else {
        print(&text(verb, &parsed))?;
    }
    match (verb, parsed.findings.len()) {
        (StoreVerb::Check, count) if count > 0 => {
            Err(Failure::failed(format!("{count} findings; `heliograph store repair` mends counts")))
        }
        _ => Ok(()),
    }
}

fn text(verb: StoreVerb, report: &StoreReport) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        let _infallible = writeln!(text, "{finding}");
    }
    let _infallible = match verb {
        StoreVerb::Check => writeln!(
            text,
            "{} records, {} blobs, {} accounts, {} messages: {}",
            report.records,
            report.blobs,
            report.accounts,
            report.messages,
            if report.findings.is_empty() { "clean".to_owned() } else { format!("{} findings", report.findings.len()) }
        ),
        StoreVerb::Repair => writeln!(text, "{} things mended", report.findings.len()),
        StoreVerb::Compact => writeln!(text, "{} given back", model::ByteSize(report.freed_octets)),
    };
    text
}
