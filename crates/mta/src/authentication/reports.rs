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

use crate::authentication::dmarc;
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

/// Why a report does not go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotSent {
    /// It never will.
    Never(Why),
    /// It may go later.
    Later(Why),
}

/// The aggregate report about a domain (RFC 7489 §7.2.1.1) from what was counted.
///
/// # Errors
/// Why none can be sent.
pub async fn dmarc_report(
    resolver: &dyn Resolver,
    sender: Sender<'_>,
    domain: &str,
    facts: &[(String, u64)],
) -> Result<Ready, NotSent> {
    let never = |why: &str| NotSent::Never(why.to_owned());
    let facts: Vec<(DmarcFact, u64)> =
        facts.iter().filter_map(|(text, count)| Some((serde_json::from_str(text).ok()?, *count))).collect();
    let published = facts.last().map(|(fact, _)| fact.published.clone()).ok_or_else(|| never("nothing was counted"))?;
    let mut to = addresses(resolver, domain, &published.rua).await?;
    if to.is_empty() {
        return Err(never("nobody who asks for it may get it"));
    }
    let mut message = dmarc_message(sender, domain, &published, &facts, &to).map_err(NotSent::Never)?;
    let octets = message.len() as u64;
    let count = to.len();
    to.retain(|(_, most)| *most == 0 || octets <= *most);
    if to.is_empty() || message.len() > OCTETS_MAX {
        return Err(NotSent::Never(format!("it has {octets} octets, which is more than is taken")));
    }
    if to.len() < count {
        message = dmarc_message(sender, domain, &published, &facts, &to).map_err(NotSent::Never)?;
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

/// The addresses that may get a report about a domain, with the octets that each takes: those of other organisations only
/// when these say so (RFC 7489 §7.1).
///
/// # Errors
/// Later, when nobody may get it now and the name service does not tell whether somebody may.
async fn addresses(
    resolver: &dyn Resolver,
    domain: &str,
    wanted: &[(String, u64)],
) -> Result<Vec<(Address, u64)>, NotSent> {
    let mut found = Vec::new();
    let mut unsure = None;
    for (uri, octets) in wanted.iter().take(ADDRESSES_MAX) {
        let Some(address) = mail_address(uri) else { continue };
        let there = address.domain.as_str().to_ascii_lowercase();
        match is_welcome(resolver, domain, &there).await {
            Ok(true) => found.push((address, *octets)),
            Ok(false) => {}
            Err(why) => unsure = Some(why),
        }
    }
    match unsure {
        Some(why) if found.is_empty() => Err(NotSent::Later(why)),
        _ => Ok(found),
    }
}

/// The one address of a `mailto:` URI (RFC 6068 §2); in it, octets may be written as `%` and two digits.
pub fn mail_address(uri: &str) -> Option<Address> {
    const SCHEME: &str = "mailto:";
    let rest = match uri.split_at_checked(SCHEME.len()) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case(SCHEME) => rest,
        // The library that reads DMARC records leaves the scheme out.
        _ => uri,
    };
    let mut pieces = rest.split('?').next()?.split('%');
    let mut octets = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        octets.push(u8::from_str_radix(piece.get(..2)?, 16).ok()?);
        octets.extend_from_slice(piece.get(2..)?.as_bytes());
    }
    String::from_utf8(octets).ok()?.parse().ok()
}

/// Whether reports about a domain may go to another: it is the same organisation, or says that it wants them.
async fn is_welcome(resolver: &dyn Resolver, domain: &str, there: &str) -> Result<bool, Why> {
    if there == domain {
        return Ok(true);
    }
    let unsure = |()| format!("nobody can say whether {there} is of the same organisation");
    let own = dmarc::organisation(resolver, domain).await.map_err(unsure)?;
    if own == dmarc::organisation(resolver, there).await.map_err(unsure)? {
        return Ok(true);
    }
    match resolver.txt(&format!("{domain}._report._dmarc.{there}")).await {
        Ok(texts) => Ok(texts.iter().any(|text| text.trim_start().starts_with("v=DMARC1"))),
        Err(error) if error.is_temporary() => Err(error.to_string()),
        Err(_) => Ok(false),
    }
}

/// Where TLS reports about a domain go (RFC 8460 §3): the `rua` of its record.
///
/// # Errors
/// Later, when the name service does not tell.
pub async fn tls_addresses(resolver: &dyn Resolver, domain: &str) -> Result<Vec<String>, NotSent> {
    let texts = match resolver.txt(&format!("_smtp._tls.{domain}")).await {
        Ok(texts) => texts,
        Err(error) if error.is_temporary() => return Err(NotSent::Later(error.to_string())),
        Err(_) => Vec::new(),
    };
    let mut records = texts.iter().filter(|text| text.starts_with("v=TLSRPTv1"));
    let (Some(record), None) = (records.next(), records.next()) else { return Ok(Vec::new()) };
    let uris = record.split(';').map(str::trim).find_map(|field| field.strip_prefix("rua="));
    let uris = uris.into_iter().flat_map(|uris| uris.split(','));
    Ok(uris.map(|uri| uri.trim().to_owned()).filter(|uri| !uri.is_empty()).take(ADDRESSES_MAX).collect())
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
        Failure::DnssecInvalid => ResultType::DnssecInvalid,
        Failure::ValidationFailure => ResultType::ValidationFailure,
    }
}

/// A TLS report as a message to these addresses. It tells of TLS that fails, and must arrive although it does (RFC 8460 §5.3,
/// RFC 8689 §3).
///
/// # Errors
/// Why it cannot be made.
pub fn tls_message(sender: Sender<'_>, domain: &str, report: &TlsReport, to: Vec<Address>) -> Result<Ready, Why> {
    let from = sender.address.to_string();
    let names: Vec<String> = to.iter().map(Address::to_string).collect();
    let mut message = b"TLS-Required: No\r\n".to_vec();
    report
        .write_rfc5322(domain, sender.host, from.as_str(), names.iter().map(String::as_str), &mut message)
        .map_err(|error| error.to_string())?;
    if message.len() > OCTETS_MAX {
        return Err(format!("it has {} octets", message.len()));
    }
    Ok(Ready { to, message })
}

#[cfg(test)]
mod tests {
    use super::*;
    use net::resolver::table::{Table, TableResolver};

    async fn found(names: &[&str], wanted: &[(&str, u64)]) -> Result<Vec<String>, NotSent> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let resolver = TableResolver::new(Table::parse(&names).unwrap());
        let wanted: Vec<(String, u64)> = wanted.iter().map(|(uri, octets)| ((*uri).to_owned(), *octets)).collect();
        let found = addresses(&resolver, "mail.owner.test", &wanted).await?;
        Ok(found.into_iter().map(|(address, _)| address.to_string()).collect())
    }

    #[tokio::test]
    async fn reports_go_to_the_same_organisation_and_to_who_wants_them() {
        let names = [
            "_dmarc.owner.test txt v=DMARC1; p=none",
            "mail.owner.test._report._dmarc.wants.test txt v=DMARC1",
            "test txt x",
            "_dmarc.other.test txt v=DMARC1; p=none",
        ];
        let wanted =
            [("mailto:a@owner.test", 0), ("mailto:b@wants.test", 0), ("mailto:c@other.test", 0), ("mailto:d@test", 0)];
        assert_eq!(found(&names, &wanted).await.unwrap(), ["a@owner.test", "b@wants.test"]);
    }

    #[test]
    fn addresses_are_written_as_uris() {
        let address = |uri| mail_address(uri).map(|address| address.to_string());
        assert_eq!(address("mailto:a%2Bb@c.test?subject=x").as_deref(), Some("a+b@c.test"));
        assert_eq!(address("MAILTO:a@c.test").as_deref(), Some("a@c.test"));
        assert_eq!(address("mailto:a%2"), None);
        assert_eq!(address("https://a@c.test"), None);
        assert_eq!(address("a@c.test").as_deref(), Some("a@c.test"));
    }

    #[tokio::test]
    async fn what_cannot_be_asked_now_is_asked_again() {
        let names = ["_dmarc.owner.test txt v=DMARC1; p=none", "_dmarc.away.test fail"];
        assert!(matches!(found(&names, &[("mailto:a@away.test", 0)]).await, Err(NotSent::Later(_))));
        let names = vec!["_smtp._tls.away.test fail".to_owned()];
        let resolver = TableResolver::new(Table::parse(&names).unwrap());
        assert!(matches!(tls_addresses(&resolver, "away.test").await, Err(NotSent::Later(_))));
    }
}
