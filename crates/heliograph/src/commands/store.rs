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
#[derive(Clone, Debug, Subcommand)]
pub enum StoreVerb {
    /// Verify every checksum, reference, count and index; the server may run.
    Check,
    /// Put the counts of mailboxes and accounts right from what is counted. With --partition: rebuild a damaged partition
    /// from its log; no server may run then.
    Repair {
        /// The partition; system is the one of directory and queue.
        #[arg(long, value_name = "NAME")]
        partition: Option<String>,
    },
    /// Rewrite segments of the log that are mostly dead; the server may run.
    Compact,
}

/// Does it.
///
/// # Errors
/// Why it was not done, or that something is wrong.
pub fn run(verb: StoreVerb, context: &Context) -> Result<(), Failure> {
    let request = match &verb {
        StoreVerb::Repair { partition: Some(partition) } => return rebuild(partition, context),
        StoreVerb::Check => StoreRequest::Check,
        StoreVerb::Repair { partition: None } => StoreRequest::Repair,
        StoreVerb::Compact => StoreRequest::Compact,
    };
    let report = client::ask(context, Request::Store(request))?;
    let parsed: StoreReport =
        serde_json::from_value(report.clone()).map_err(|error| Failure::failed("a strange report").because(error))?;
    if context.json {
        print(&format!("{report}\n"))?;
    } else {
        print(&text(&verb, &parsed))?;
    }
    match (&verb, parsed.findings.len()) {
        (StoreVerb::Check, count) if count > 0 => {
            Err(Failure::failed(format!("{count} findings; `heliograph store repair` mends counts")))
        }
        _ => Ok(()),
    }
}

/// Rebuilds a partition that nobody has open.
fn rebuild(partition: &str, context: &Context) -> Result<(), Failure> {
    let report = client::repair_partition(context, partition)?;
    if context.json {
        let findings: Vec<_> = report.findings.iter().map(|one| (one.lost, one.text.as_str())).collect();
        let text =
            serde_json::json!({ "rows": report.rows, "findings": findings, "more_findings": report.more_findings });
        print(&format!("{text}\n"))?;
    } else {
        let mut text = String::new();
        for finding in &report.findings {
            let _infallible = writeln!(text, "{}{}", if finding.lost { "lost: " } else { "" }, finding.text);
        }
        if report.more_findings > 0 {
            let _infallible = writeln!(text, "and {} more", report.more_findings);
        }
        let _infallible =
            writeln!(text, "{} rows are there; run `heliograph store check` and `store repair` next", report.rows);
        print(&text)?;
    }
    match report.findings.iter().filter(|finding| finding.lost).count() {
        0 => Ok(()),
        lost => Err(Failure::failed(format!("{lost} things could not be saved"))),
    }
}

fn text(verb: &StoreVerb, report: &StoreReport) -> String {
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
        StoreVerb::Repair { .. } => writeln!(text, "{} things mended", report.findings.len()),
        StoreVerb::Compact => writeln!(text, "{} given back", model::ByteSize(report.freed_octets)),
    };
    text
}
