//! `heliograph report`.

use std::fmt::Write as _;

use clap::Subcommand;
use model::Timestamp;
use mta::authentication::received::Received;

use crate::commands::show::show;
use crate::context::Context;
use crate::control::client;
use crate::control::request::Request;
use crate::failure::Failure;
use crate::verbs::report::ReportRequest;

/// What can be done with reports.
#[derive(Debug, Subcommand)]
pub enum ReportVerb {
    /// List reports that others sent about our domains, newest first.
    List {
        /// Only dmarc, or only tls.
        #[arg(long, value_parser = ["dmarc", "tls"])]
        kind: Option<String>,
        /// Only about this domain.
        #[arg(long)]
        domain: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Show the lines of the latest report about a domain.
    Show {
        /// Such as example.org.
        domain: String,
        /// Only dmarc, or only tls.
        #[arg(long, value_parser = ["dmarc", "tls"])]
        kind: Option<String>,
    },
    /// Send our reports to others now, about today too, instead of after midnight.
    Send,
}

/// `heliograph report`.
///
/// # Errors
/// Why it was not done.
pub fn run(verb: ReportVerb, context: &Context) -> Result<(), Failure> {
    let ask = |request| client::ask(context, Request::Report(request));
    match verb {
        ReportVerb::List { kind, domain, limit } => {
            let report = ask(ReportRequest::List { kind, domain, limit })?;
            show(context, report, |reports: Vec<Received>| reports.iter().map(line).collect())
        }
        ReportVerb::Show { domain, kind } => {
            let report = ask(ReportRequest::List { kind, domain: Some(domain), limit: 1 })?;
            show(context, report, |reports: Vec<Received>| reports.iter().map(whole).collect())
        }
        ReportVerb::Send => {
            let report = ask(ReportRequest::Send)?;
            show(context, report, |sent: usize| format!("{sent} reports sent\n"))
        }
    }
}

fn line(report: &Received) -> String {
    let day = Timestamp(report.begin_secs.saturating_mul(1000)).to_string();
    let day = day.get(..10).unwrap_or(&day).to_owned();
    let Received { kind, domain, organisation, passed, failed, .. } = report;
    format!("{day}  {kind:<5}  {domain:<30}  {passed:>8} good  {failed:>8} bad  {organisation}\n")
}

fn whole(report: &Received) -> String {
    let mut text = line(report);
    for row in &report.rows {
        let word = if row.passed { "good" } else { "bad" };
        let _infallible = writeln!(text, "  {:<40} {:>8} {word:<4}  {}", row.source, row.count, row.text);
    }
    text
}
