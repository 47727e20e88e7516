//! Reports about authenticity and TLS: those that others sent us, and ours that are due.

use mta::authentication::received::Received;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::Failure;
use crate::operations::{Operations, report};

/// What can be asked about reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReportRequest {
    /// Reports of others, newest first.
    List {
        /// Only `dmarc` or `tls`.
        kind: Option<String>,
        /// Only about this domain.
        domain: Option<String>,
        /// At most so many.
        limit: usize,
    },
    /// Send ours now, about today too, instead of after midnight.
    Send,
}

/// Reports that are looked through for those asked for.
const LOOKED_THROUGH: usize = 20_000;

/// Performs a request.
///
/// # Errors
/// Why it was not done.
pub fn perform(operations: &Operations, request: ReportRequest) -> Result<Value, Failure> {
    let authentication = &operations.services.authentication;
    match request {
        ReportRequest::List { kind, domain, limit } => {
            let refused = |error| Failure::failed("the reports cannot be read").because(error);
            let mut found = Vec::new();
            for text in authentication.store.reports(LOOKED_THROUGH).map_err(refused)? {
                let Ok(report) = serde_json::from_slice::<Received>(&text) else { continue };
                let fits = kind.as_ref().is_none_or(|kind| report.kind == *kind)
                    && domain.as_ref().is_none_or(|domain| report.domain.eq_ignore_ascii_case(domain));
                if fits && found.len() < limit {
                    found.push(report);
                }
            }
            report(&found)
        }
        ReportRequest::Send => {
            if authentication.settings().report_from.is_none() {
                return Err(Failure::failed("no reports are sent: `authentication.report_from` is not set"));
            }
            let sending = async {
                authentication.write_facts().await;
                let tomorrow = authentication.today().saturating_add(1);
                let shutdown = net::Shutdown::new();
                authentication.send_reports(&operations.services.queue, tomorrow, &shutdown.token()).await
            };
            report(&tokio::runtime::Handle::current().block_on(sending))
        }
    }
}
