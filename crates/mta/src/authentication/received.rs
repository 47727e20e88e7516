//! Reports that others send us: read from mail to the addresses for them, shortened to what operators ask for.

use mail_auth::report::tlsrpt::TlsReport;
use mail_auth::report::{DmarcResult, Report};
use serde::{Deserialize, Serialize};

/// Octets of a report after it is unpacked.
const OCTETS_MAX: usize = 16 << 20;
/// Rows of a report that are kept.
const ROWS_MAX: usize = 200;
/// Characters of a text that is kept.
const TEXT_MAX: usize = 200;

/// A report, shortened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// `dmarc` or `tls`.
    pub kind: String,
    /// Who sent it.
    pub organisation: String,
    /// Its name for it.
    pub report_id: String,
    /// About which domain.
    pub domain: String,
    /// From when, in seconds since 1970.
    pub begin_secs: u64,
    /// Until when.
    pub end_secs: u64,
    /// Messages or sessions that were good.
    pub passed: u64,
    /// Those that were not.
    pub failed: u64,
    /// When it came, in seconds since 1970.
    pub received_secs: u64,
    /// What is behind the numbers, the worst first; cut when there is very much.
    pub rows: Vec<Row>,
}

/// One line of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The address that sent, or the host that was sent to.
    pub source: String,
    /// How many.
    pub count: u64,
    /// Whether they were good.
    pub passed: bool,
    /// What was found.
    pub text: String,
}

/// Reads a report from a message. May take a moment: the report is unpacked.
///
/// # Errors
/// Why there is none that can be read.
pub fn read(message: &[u8], received_secs: u64) -> Result<Received, String> {
    let dmarc = Report::parse_rfc5322(message, OCTETS_MAX);
    let mut received = match dmarc {
        Ok(report) => from_dmarc(&report),
        Err(first) => match TlsReport::parse_rfc5322(message, OCTETS_MAX) {
            Ok(report) => from_tls(&report),
            Err(second) => return Err(format!("as a DMARC report: {first:?}; as a TLS report: {second:?}")),
        },
    };
    received.received_secs = received_secs;
    received.rows.sort_by_key(|row| (row.passed, std::cmp::Reverse(row.count)));
    received.rows.truncate(ROWS_MAX);
    Ok(received)
}

fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(TEXT_MAX).collect()
}

fn from_dmarc(report: &Report) -> Received {
    let mut received = Received {
        kind: "dmarc".to_owned(),
        organisation: cut(report.org_name()),
        report_id: cut(report.report_id()),
        domain: cut(report.domain()),
        begin_secs: report.date_range_begin(),
        end_secs: report.date_range_end(),
        ..Received::default()
    };
    for record in report.records() {
        let (dkim, spf) = (record.dmarc_dkim_result(), record.dmarc_spf_result());
        let passed = dkim == DmarcResult::Pass || spf == DmarcResult::Pass;
        let count = u64::from(record.count());
        *if passed { &mut received.passed } else { &mut received.failed } += count;
        let word = |result: DmarcResult| if result == DmarcResult::Pass { "pass" } else { "fail" };
        let text = format!("from {} dkim={} spf={}", record.header_from(), word(dkim), word(spf));
        let source = record.source_ip().map_or_else(|| "unknown".to_owned(), |ip| ip.to_string());
        received.rows.push(Row { source, count, passed, text: cut(&text) });
    }
    received
}

fn from_tls(report: &TlsReport) -> Received {
    let first = report.policies.first();
    let seconds = |timestamp: i64| u64::try_from(timestamp).unwrap_or(0);
    let mut received = Received {
        kind: "tls".to_owned(),
        organisation: cut(report.organization_name.as_deref().unwrap_or_default()),
        report_id: cut(&report.report_id),
        domain: cut(first.map_or("", |policy| &policy.policy.policy_domain)),
        begin_secs: seconds(report.date_range.start_datetime.to_timestamp()),
        end_secs: seconds(report.date_range.end_datetime.to_timestamp()),
        ..Received::default()
    };
    for policy in &report.policies {
        received.passed += u64::from(policy.summary.total_success);
        received.failed += u64::from(policy.summary.total_failure);
        for failure in &policy.failure_details {
            let host = failure.receiving_mx_hostname.as_deref().unwrap_or("unknown");
            let why = failure.failure_reason_code.as_deref().unwrap_or_default();
            let text = format!("{:?} {why}", failure.result_type);
            let count = u64::from(failure.failed_session_count);
            received.rows.push(Row { source: cut(host), count, passed: false, text: cut(&text) });
        }
    }
    received
}
