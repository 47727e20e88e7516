//! Reports that others send us: read from mail to the addresses for them, shortened to what operators ask for.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::{DeflateDecoder, GzDecoder};
use mail_auth::report::tlsrpt::TlsReport;
use mail_auth::report::{DmarcResult, Report};
use message::structure::Part;
use serde::{Deserialize, Serialize};

/// Octets of a message that may hold a report: reports are packed, and ours have ten thousand rows at most.
pub const MESSAGE_OCTETS_MAX: usize = 1 << 20;
/// Octets of a report after it is unpacked. A row takes about six hundred.
const OCTETS_MAX: usize = 4 << 20;
/// Rows of a DMARC report that are read; the reader keeps several hundred octets of each.
const ROWS_READ_MAX: usize = 20_000;
/// Tags of XML, or objects of JSON, that are read.
const NODES_MAX: usize = 250_000;
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

/// Reads the first report of a message, and of an archive the first file: all others are passed over, however many there
/// are. May take a moment: the report is unpacked.
///
/// # Errors
/// Why there is none that can be read.
pub fn read(message: &[u8], received_secs: u64) -> Result<Received, String> {
    if message.len() > MESSAGE_OCTETS_MAX {
        return Err(format!("it has {} octets, which is more than a report needs", message.len()));
    }
    let structure = message::parse::structure(message);
    let found = structure.parts().find_map(|part| Some((part, form(part)?)));
    let (part, (kind, packing)) = found.ok_or("no part of it is a report")?;
    let octets = message::content::octets(message, part).map_err(|_| "its encoding is unknown")?;
    let octets = unpacked(octets, packing)?;
    // By what it is: reports have come under every name.
    let is_json = octets.trim_ascii_start().first() == Some(&b'{');
    let mut received = match kind {
        Some(Kind::Tls) => read_tls(&octets)?,
        None if is_json => read_tls(&octets)?,
        _ => read_dmarc(&octets)?,
    };
    received.received_secs = received_secs;
    received.rows.sort_by_key(|row| (row.passed, std::cmp::Reverse(row.count)));
    received.rows.truncate(ROWS_MAX);
    Ok(received)
}

/// What a report is, where its part tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Dmarc,
    Tls,
}

/// How it is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    Plain,
    Gzip,
    Zip,
}

/// What kind of report a part may be, by its type or the end of its name (RFC 7489 §7.2.1.1, RFC 8460 §5.3, §6.4).
fn form(part: &Part) -> Option<(Option<Kind>, Packing)> {
    let name = part.file_name().unwrap_or_default().to_ascii_lowercase();
    let packing_of_name = match name.rsplit_once('.').map_or("", |(_, end)| end) {
        "gz" => Some((None, Packing::Gzip)),
        "zip" => Some((None, Packing::Zip)),
        "xml" => Some((Some(Kind::Dmarc), Packing::Plain)),
        "json" => Some((Some(Kind::Tls), Packing::Plain)),
        _ => None,
    };
    match part.subtype.as_str() {
        "gzip" | "x-gzip" => Some((None, Packing::Gzip)),
        "zip" | "x-zip-compressed" => Some((None, Packing::Zip)),
        "xml" => Some((Some(Kind::Dmarc), Packing::Plain)),
        "tlsrpt+gzip" => Some((Some(Kind::Tls), Packing::Gzip)),
        "tlsrpt+zip" => Some((Some(Kind::Tls), Packing::Zip)),
        "tlsrpt+json" => Some((Some(Kind::Tls), Packing::Plain)),
        _ => packing_of_name,
    }
}

fn unpacked(octets: Cow<'_, [u8]>, packing: Packing) -> Result<Vec<u8>, String> {
    match packing {
        Packing::Plain => limited(&*octets),
        Packing::Gzip => limited(GzDecoder::new(&*octets)),
        Packing::Zip => first_file(&octets),
    }
}

/// Everything, if it is not too much.
fn limited(reader: impl Read) -> Result<Vec<u8>, String> {
    let mut octets = Vec::new();
    let most = OCTETS_MAX as u64 + 1;
    reader.take(most).read_to_end(&mut octets).map_err(|error| format!("it cannot be unpacked: {error}"))?;
    if octets.len() > OCTETS_MAX { Err("it is too large".to_owned()) } else { Ok(octets) }
}

/// The first file of a zip archive, by its local header: signature, 22 octets of which the method is at 8 and the packed
/// size at 18, then the lengths of name and extra field (APPNOTE.TXT 4.3.7).
fn first_file(archive: &[u8]) -> Result<Vec<u8>, String> {
    let number = |at: usize| archive.get(at..at + 2).map(|two| usize::from(two[0]) | usize::from(two[1]) << 8);
    let header = || -> Option<(usize, usize, &[u8])> {
        let is_file = archive.starts_with(b"PK\x03\x04");
        let begin = 30 + number(26)? + number(28)?;
        let packed = number(18)? | number(20)? << 16;
        is_file.then_some((number(8)?, packed, archive.get(begin..)?))
    };
    match header().ok_or("it is no archive")? {
        (0, packed, rest) => limited(rest.get(..packed).ok_or("the archive is cut off")?),
        (8, _, rest) => limited(DeflateDecoder::new(rest)),
        (method, ..) => Err(format!("the archive is packed by method {method}, which we do not know")),
    }
}

fn has_more_than(octets: &[u8], what: &[u8], most: usize) -> bool {
    octets.windows(what.len()).filter(|window| *window == what).nth(most).is_some()
}

fn read_dmarc(octets: &[u8]) -> Result<Received, String> {
    if has_more_than(octets, b"<record", ROWS_READ_MAX) || has_more_than(octets, b"<", NODES_MAX) {
        return Err("it has too many rows".to_owned());
    }
    Report::parse_xml(octets).map(|report| from_dmarc(&report)).map_err(|error| format!("as a DMARC report: {error}"))
}

fn read_tls(octets: &[u8]) -> Result<Received, String> {
    if has_more_than(octets, b"{", NODES_MAX) {
        return Err("it has too many rows".to_owned());
    }
    TlsReport::parse_json(octets).map(|report| from_tls(&report)).map_err(|error| format!("as a TLS report: {error:?}"))
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

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use std::io::Write;

    const REPORT: &str = "<feedback><report_metadata><org_name>Far</org_name><report_id>1</report_id></report_metadata>\
        <policy_published><domain>ours.test</domain></policy_published><record><row><source_ip>192.0.2.1</source_ip>\
        <count>3</count></row></record></feedback>";

    fn message(kind: &str, octets: &[u8]) -> Vec<u8> {
        let text = base64::engine::general_purpose::STANDARD.encode(octets);
        format!("Content-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\n\r\n{text}\r\n").into_bytes()
    }

    fn gzip(octets: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(octets).unwrap();
        encoder.finish().unwrap()
    }

    fn zip(octets: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(octets).unwrap();
        let packed = encoder.finish().unwrap();
        let head = b"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x05\0\0\0a.xml";
        [&head[..], &packed, b"PK\x01\x02"].concat()
    }

    #[test]
    fn reports_are_read_however_they_are_packed() {
        let report = REPORT.as_bytes();
        let forms =
            [("application/gzip", gzip(report)), ("application/zip", zip(report)), ("text/xml", report.to_vec())];
        for (kind, octets) in forms {
            let received = read(&message(kind, &octets), 7).unwrap();
            assert_eq!(
                (received.organisation.as_str(), received.failed, received.received_secs),
                ("Far", 3, 7),
                "{kind}"
            );
        }
        let named = message("application/octet-stream; name=\"a!b!1!2.XML.gz\"", &gzip(report));
        assert!(read(&named, 7).is_ok());
    }

    #[test]
    fn what_unpacks_to_more_than_a_report_is_not_read() {
        let huge = vec![b' '; OCTETS_MAX + 1];
        for (kind, octets) in [("application/gzip", gzip(&huge)), ("application/zip", zip(&huge))] {
            assert_eq!(read(&message(kind, &octets), 7), Err("it is too large".to_owned()));
        }
        let rows = REPORT.replace("</feedback>", &"<record></record>".repeat(ROWS_READ_MAX));
        assert_eq!(
            read(&message("application/gzip", &gzip(rows.as_bytes())), 7),
            Err("it has too many rows".to_owned())
        );
        assert!(read(&vec![b'x'; MESSAGE_OCTETS_MAX + 1], 7).is_err());
    }
}
