//! Reports to others: once a day, about the day before (RFC 7489 §7.2, RFC 8460). One message or document for each domain
//! that asks; what is on its way is forgotten here only when the queue has it.

use std::collections::BTreeMap;

use mail_auth::report::tlsrpt::{
    DateRange, FailureDetails, Policy, PolicyDetails, PolicyType, ResultType, Summary, TlsReport,
};
use mail_auth::report::{
    ActionDisposition, Alignment, DKIMAuthResult, Disposition, DkimResult, DmarcResult, PolicyPublished, Record,
    Report, SPFAuthResult, SPFDomainScope, SpfResult,
};
use model::Address;
use net::Resolver;

use crate::authentication::facts::{DmarcFact, Failure, PolicyKind, TlsFact};
use crate::authentication::results::{Published, Verdict};

/// Seconds of a day.
pub const DAY_SECS: u64 = 86_400;
/// Addresses that get one report.
const ADDRESSES_MAX: usize = 4;
/// Octets of a report that goes out by mail.
const OCTETS_MAX: usize = 10 << 20;
/// Failures that one TLS report tells apart.
const FAILURES_MAX: usize = 1000;

/// Who sends a report, about which day.
#[derive(Clone, Copy, Debug)]
pub struct Sender<'a> {
    /// Its address.
    pub address: &'a Address,
    /// Who we are.
    pub organisation: &'a str,
    /// This server.
    pub host: &'a str,
    /// Days since 1970.
    pub day: u32,
}

impl Sender<'_> {
    fn begin(&self) -> u64 {
        u64::from(self.day) * DAY_SECS
    }

    /// The same for the same day and domain, so that a report that comes twice counts once.
    fn report_id(&self, domain: &str) -> String {
        format!("{}.{domain}@{}", self.begin(), self.host)
    }
}

/// A report ready to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready {
    /// To whom.
    pub to: Vec<Address>,
    /// The message.
    pub message: Vec<u8>,
}

/// Why there is no report.
pub type Why = String;

/// The aggregate report about a domain (RFC 7489 §7.2.1.1) from what was counted.
///
/// # Errors
/// Why none can be sent.
pub async fn dmarc(
    resolver: &dyn Resolver,
    sender: Sender<'_>,
    domain: &str,
    facts: &[(String, u64)],
) -> Result<Ready, Why> {
    let facts: Vec<(DmarcFact, u64)> =
        facts.iter().filter_map(|(text, count)| Some((serde_json::from_str(text).ok()?, *count))).collect();
    let published = facts.last().map(|(fact, _)| fact.published.clone()).ok_or("nothing was counted")?;
    let to = addresses(resolver, domain, &published.rua).await;
    if to.is_empty() {
        return Err("nobody who asks for it may get it".to_owned());
    }
    let message = dmarc_message(sender, domain, &published, &facts, &to)?;
    let smallest = to.iter().map(|(_, octets)| *octets).filter(|octets| *octets > 0).min();
    if message.len() as u64 > smallest.unwrap_or(u64::MAX) || message.len() > OCTETS_MAX {
        return Err(format!("it has {} octets, which is more than is taken", message.len()));
    }
    Ok(Ready { to: to.into_iter().map(|(address, _)| address).collect(), message })
}

fn dmarc_message(
    sender: Sender<'_>,
    domain: &str,
    published: &Published,
    facts: &[(DmarcFact, u64)],
    to: &[(Address, u64)],
) -> Result<Vec<u8>, Why> {
    let from = sender.address.to_string();
    let mut report = Report::new()
        .with_version(1.0)
        .with_org_name(sender.organisation)
        .with_email(from.clone())
        .with_report_id(sender.report_id(domain))
        .with_date_range_begin(sender.begin())
        .with_date_range_end(sender.begin() + DAY_SECS - 1)
        .with_policy_published(policy_published(domain, published));
    for (fact, count) in facts {
        report.add_record(record(fact, *count));
    }
    let names: Vec<String> = to.iter().map(|(address, _)| address.to_string()).collect();
    let mut message = Vec::new();
    report
        .write_rfc5322(sender.host, from.as_str(), names.iter().map(String::as_str), &mut message)
        .map_err(|error| error.to_string())?;
    Ok(message)
}

fn policy_published(domain: &str, published: &Published) -> PolicyPublished {
    let alignment = |letter: &str| if letter == "s" { Alignment::Strict } else { Alignment::Relaxed };
    let disposition = |word: &str| match word {
        "reject" => Disposition::Reject,
        "quarantine" => Disposition::Quarantine,
        _ => Disposition::None,
    };
    PolicyPublished {
        domain: domain.to_owned(),
        adkim: alignment(&published.adkim),
        aspf: alignment(&published.aspf),
        p: disposition(&published.p),
        sp: disposition(&published.sp),
        testing: published.testing,
        ..PolicyPublished::default()
    }
}

fn record(fact: &DmarcFact, count: u64) -> Record {
    let passed = |is_good: bool| if is_good { DmarcResult::Pass } else { DmarcResult::Fail };
    let disposition = match fact.disposition.as_str() {
        "reject" => ActionDisposition::Reject,
        "quarantine" => ActionDisposition::Quarantine,
        _ => ActionDisposition::None,
    };
    let (spf, scope) = match fact.spf {
        Verdict::Pass => (SpfResult::Pass, fact.sender.is_empty()),
        Verdict::Fail => (SpfResult::Fail, fact.sender.is_empty()),
        Verdict::SoftFail => (SpfResult::SoftFail, fact.sender.is_empty()),
        Verdict::Neutral => (SpfResult::Neutral, fact.sender.is_empty()),
        Verdict::TempError => (SpfResult::TempError, fact.sender.is_empty()),
        Verdict::PermError => (SpfResult::PermError, fact.sender.is_empty()),
        Verdict::None | Verdict::Policy => (SpfResult::None, fact.sender.is_empty()),
    };
    let scope = if scope { SPFDomainScope::Helo } else { SPFDomainScope::MailFrom };
    let spf = SPFAuthResult::new().with_domain(fact.spf_domain.clone()).with_scope(scope).with_result(spf);
    let mut record = Record::new()
        .with_source_ip(fact.address)
        .with_count(u32::try_from(count).unwrap_or(u32::MAX))
        .with_action_disposition(disposition)
        .with_dmarc_dkim_result(passed(fact.dkim_aligned))
        .with_dmarc_spf_result(passed(fact.spf_aligned))
        .with_envelope_from(fact.sender.clone())
        .with_header_from(fact.author.clone())
        .with_spf_auth_result(spf);
    for (domain, selector, verdict) in &fact.dkim {
        let result = match verdict {
            Verdict::Pass => DkimResult::Pass,
            Verdict::Fail | Verdict::SoftFail => DkimResult::Fail,
            Verdict::Policy => DkimResult::Policy,
            Verdict::Neutral => DkimResult::Neutral,
            Verdict::TempError => DkimResult::TempError,
            Verdict::PermError => DkimResult::PermError,
            Verdict::None => DkimResult::None,
        };
        let one = DKIMAuthResult::new().with_domain(domain.clone()).with_selector(selector.clone());
        record = record.with_dkim_auth_result(one.with_result(result));
    }
    record
}

/// The addresses that may get a report about a domain, with the octets that each takes: those of other domains only when
/// these say so (RFC 7489 §7.1).
async fn addresses(resolver: &dyn Resolver, domain: &str, wanted: &[(String, u64)]) -> Vec<(Address, u64)> {
    let mut found = Vec::new();
    for (uri, octets) in wanted.iter().take(ADDRESSES_MAX) {
        let address = uri.strip_prefix("mailto:").unwrap_or(uri).split('?').next().unwrap_or_default();
        let Ok(address) = address.parse::<Address>() else { continue };
        let there = address.domain.as_str().to_ascii_lowercase();
        let is_own =
            there == domain || there.ends_with(&format!(".{domain}")) || domain.ends_with(&format!(".{there}"));
        let is_welcome = is_own || {
            let name = format!("{domain}._report._dmarc.{there}");
            let texts = resolver.txt(&name).await.unwrap_or_default();
            texts.iter().any(|text| text.trim_start().starts_with("v=DMARC1"))
        };
        if is_welcome {
            found.push((address, *octets));
        }
    }
    found
}

/// Where TLS reports about a domain go (RFC 8460 §3): the `rua` of its record.
pub async fn tls_addresses(resolver: &dyn Resolver, domain: &str) -> Vec<String> {
    let texts = resolver.txt(&format!("_smtp._tls.{domain}")).await.unwrap_or_default();
    let mut records = texts.iter().filter(|text| text.starts_with("v=TLSRPTv1"));
    let (Some(record), None) = (records.next(), records.next()) else { return Vec::new() };
    let uris = record.split(';').map(str::trim).find_map(|field| field.strip_prefix("rua="));
    let uris = uris.into_iter().flat_map(|uris| uris.split(','));
    uris.map(|uri| uri.trim().to_owned()).filter(|uri| !uri.is_empty()).take(ADDRESSES_MAX).collect()
}

/// The TLS report about a domain (RFC 8460 §4) from what was counted.
pub fn tls(sender: Sender<'_>, domain: &str, facts: &[(String, u64)]) -> TlsReport {
    let mut policies: BTreeMap<String, Policy> = BTreeMap::new();
    for (fact, count) in
        facts.iter().filter_map(|(text, count)| Some((serde_json::from_str::<TlsFact>(text).ok()?, count)))
    {
        let kind = match fact.kind {
            PolicyKind::Tlsa => PolicyType::Tlsa,
            PolicyKind::Sts => PolicyType::Sts,
            PolicyKind::None => PolicyType::NoPolicyFound,
        };
        let key = format!("{:?} {:?} {:?}", fact.kind, fact.policy, fact.hosts);
        let policy = policies.entry(key).or_insert_with(|| Policy {
            policy: PolicyDetails {
                policy_string: fact.policy.clone(),
                mx_host: fact.hosts.clone(),
                ..PolicyDetails::new(kind, domain)
            },
            summary: Summary { total_success: 0, total_failure: 0 },
            failure_details: Vec::new(),
        });
        let count = u32::try_from(*count).unwrap_or(u32::MAX);
        let Some(failure) = fact.failure else {
            policy.summary.total_success = policy.summary.total_success.saturating_add(count);
            continue;
        };
        policy.summary.total_failure = policy.summary.total_failure.saturating_add(count);
        if policy.failure_details.len() < FAILURES_MAX {
            let mut details = FailureDetails::new(result_type(failure)).with_receiving_mx_hostname(fact.host.clone());
            details.receiving_ip = fact.address;
            details.failed_session_count = count;
            details.failure_reason_code = Some(fact.reason.clone()).filter(|reason| !reason.is_empty());
            policy.failure_details.push(details);
        }
    }
    let begin = i64::try_from(sender.begin()).unwrap_or(i64::MAX);
    TlsReport {
        organization_name: Some(sender.organisation.to_owned()),
        date_range: DateRange::from_timestamps(begin, begin.saturating_add(DAY_SECS as i64 - 1)),
        contact_info: Some(sender.address.to_string()),
        report_id: sender.report_id(domain),
        policies: policies.into_values().collect(),
    }
}

fn result_type(failure: Failure) -> ResultType {
    match failure {
        Failure::StartTlsNotSupported => ResultType::StartTlsNotSupported,
        Failure::CertificateHostMismatch => ResultType::CertificateHostMismatch,
        Failure::CertificateExpired => ResultType::CertificateExpired,
        Failure::CertificateNotTrusted => ResultType::CertificateNotTrusted,
        Failure::ValidationFailure => ResultType::ValidationFailure,
    }
}

/// A TLS report as a message to these addresses.
///
/// # Errors
/// Why it cannot be made.
pub fn tls_message(sender: Sender<'_>, domain: &str, report: &TlsReport, to: Vec<Address>) -> Result<Ready, Why> {
    let from = sender.address.to_string();
    let names: Vec<String> = to.iter().map(Address::to_string).collect();
    let mut message = Vec::new();
    report
        .write_rfc5322(domain, sender.host, from.as_str(), names.iter().map(String::as_str), &mut message)
        .map_err(|error| error.to_string())?;
    if message.len() > OCTETS_MAX {
        return Err(format!("it has {} octets", message.len()));
    }
    Ok(Ready { to, message })
}
