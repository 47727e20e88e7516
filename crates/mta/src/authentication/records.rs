//! What a domain publishes so that its mail is taken, believed and protected; and whether the name service knows it.

use std::net::IpAddr;

use net::resolver::record::Tlsa;
use net::{DnsError, Resolver};
use serde::{Deserialize, Serialize};

use crate::authentication::keys::{Kept, State};
use crate::authentication::results::Verdict;
use crate::authentication::spf::{self, Question};
use crate::authentication::sts::{self, Policy};
use mail_auth::common::parse::TxtRecordParser;
use mail_auth::dmarc::Dmarc;

/// Whether a record is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Found {
    /// Nobody asked.
    Unchecked,
    /// It is there and good.
    Good,
    /// It is not there.
    Missing,
    /// Something else is there.
    Other(String),
    /// The name service did not say.
    Unknown(String),
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What it is for.
    pub purpose: String,
    /// Its name.
    pub name: String,
    /// `MX`, `TXT`, `TLSA`, `CNAME` or `SRV`.
    pub kind: String,
    /// Its value as a zone file writes it, texts without quotes.
    pub value: String,
    /// Whether mail suffers without it; the others are good to have.
    pub needed: bool,
    /// Whether it is there.
    pub found: Found,
}

/// What is known of this server.
#[derive(Clone, Debug)]
pub struct Here<'a> {
    /// Its name.
    pub host: &'a str,
    /// What it serves, by the names of services (RFC 6186, RFC 8314), with ports.
    pub services: &'a [(&'static str, u16)],
    /// What its certificate's key is, if that is known.
    pub tlsa: Option<&'a Tlsa>,
    /// The MTA-STS policy that our domains publish, if they do.
    pub policy: Option<&'a Policy>,
    /// To which address reports may go.
    pub reports: Option<String>,
}

/// Every record that a domain wants.
pub fn wanted(domain: &str, here: &Here<'_>, keys: &[Kept]) -> Vec<Record> {
    let host = here.host;
    let mut records = Vec::new();
    let mut add = |purpose: &str, name: String, kind: &str, value: String, needed: bool| {
        let (purpose, kind) = (purpose.to_owned(), kind.to_owned());
        records.push(Record { purpose, name, kind, value, needed, found: Found::Unchecked });
    };
    add("mail comes here", domain.to_owned(), "MX", format!("10 {host}."), true);
    add("who sends for the domain (SPF)", domain.to_owned(), "TXT", "v=spf1 mx -all".to_owned(), true);
    for key in keys.iter().filter(|key| key.state != State::Retired) {
        add("keys that sign (DKIM)", key.record_name(), "TXT", key.record_text(), true);
    }
    let reports = here.reports.clone().unwrap_or_else(|| format!("postmaster@{domain}"));
    let policy = format!("v=DMARC1; p=quarantine; rua=mailto:{reports}");
    add("what others do with forgeries (DMARC)", format!("_dmarc.{domain}"), "TXT", policy, true);
    if let Some(policy) = here.policy {
        add("that TLS is a must (MTA-STS)", format!("_mta-sts.{domain}"), "TXT", policy.record(), false);
        add("who hands out the policy (MTA-STS)", sts::host_of(domain), "CNAME", format!("{host}."), false);
    }
    let tls = format!("v=TLSRPTv1; rua=mailto:{reports}");
    add("reports about TLS (TLS-RPT)", format!("_smtp._tls.{domain}"), "TXT", tls, false);
    if let Some(tlsa) = here.tlsa {
        add(
            "what our certificate is (DANE; with DNSSEC only)",
            format!("_25._tcp.{host}"),
            "TLSA",
            tlsa.to_string(),
            false,
        );
    }
    for (service, port) in here.services {
        let value = format!("0 1 {port} {host}.");
        add("clients find us", format!("_{service}._tcp.{domain}"), "SRV", value, false);
    }
    records
}

/// Asks the name service about each.
pub async fn check(resolver: &dyn Resolver, domain: &str, here: &Here<'_>, records: &mut [Record], now_secs: u64) {
    for record in records {
        record.found = match record.kind.as_str() {
            "MX" => check_mx(resolver, domain, here.host).await,
            "CNAME" => check_alias(resolver, &record.name, here.host).await,
            "TLSA" => match resolver.tlsa(&record.name).await {
                Ok(found) => same(found.iter().map(Tlsa::to_string), &record.value),
                Err(error) => absent(&error),
            },
            "SRV" => match resolver.srv(&record.name).await {
                Ok(found) => {
                    let texts =
                        found.iter().map(|srv| format!("{} {} {} {}.", srv.priority, srv.weight, srv.port, srv.target));
                    same(texts, &record.value)
                }
                Err(error) => absent(&error),
            },
            _ if record.name == domain => check_spf(resolver, domain, here.host, now_secs).await,
            _ => check_text(resolver, record).await,
        };
    }
}

fn absent(error: &DnsError) -> Found {
    if error.is_temporary() { Found::Unknown(error.to_string()) } else { Found::Missing }
}

fn same(texts: impl Iterator<Item = String>, wanted: &str) -> Found {
    let texts: Vec<String> = texts.collect();
    if texts.iter().any(|text| text.eq_ignore_ascii_case(wanted)) {
        Found::Good
    } else {
        Found::Other(texts.join(", "))
    }
}

async fn check_mx(resolver: &dyn Resolver, domain: &str, host: &str) -> Found {
    match resolver.mx(domain).await {
        Ok(found) if found.iter().any(|mx| mx.host.eq_ignore_ascii_case(host)) => {
            match resolver.addresses(host).await {
                Ok(_) => Found::Good,
                Err(error) => Found::Other(format!("the host has no address: {error}")),
            }
        }
        Ok(found) => Found::Other(found.iter().map(|mx| mx.host.as_str()).collect::<Vec<_>>().join(", ")),
        Err(error) => absent(&error),
    }
}

/// Whether a name leads to this host, be it by CNAME or by addresses of its own.
async fn check_alias(resolver: &dyn Resolver, name: &str, host: &str) -> Found {
    let (there, here) = match (resolver.addresses(name).await, resolver.addresses(host).await) {
        (Ok(there), Ok(here)) => (there, here),
        (Err(error), _) => return absent(&error),
        (_, Err(error)) => return Found::Unknown(format!("our own addresses are not known: {error}")),
    };
    let others: Vec<String> =
        there.iter().filter(|one| !here.iter().any(|own| own.ip == one.ip)).map(|one| one.ip.to_string()).collect();
    if others.is_empty() { Found::Good } else { Found::Other(others.join(", ")) }
}

/// Whether SPF lets every address of ours send, whatever the record's words.
async fn check_spf(resolver: &dyn Resolver, domain: &str, host: &str, now_secs: u64) -> Found {
    let addresses: Vec<IpAddr> = match resolver.addresses(host).await {
        Ok(addresses) => addresses.into_iter().map(|address| address.ip).collect(),
        Err(error) => return Found::Unknown(format!("our own addresses are not known: {error}")),
    };
    let sender = format!("postmaster@{domain}");
    for address in addresses {
        let question = Question { address, hello: host, sender: &sender, receiver: host, now_secs };
        match spf::check(resolver, question).await.verdict {
            Verdict::Pass => {}
            Verdict::None => return Found::Missing,
            Verdict::TempError => return Found::Unknown("the name service does not answer".to_owned()),
            other => return Found::Other(format!("{address} of {host} gets {other}")),
        }
    }
    Found::Good
}

/// Texts are good when they mean what is needed; a policy of the owner's own words is as good as ours.
async fn check_text(resolver: &dyn Resolver, record: &Record) -> Found {
    let texts = match resolver.txt(&record.name).await {
        Ok(texts) => texts,
        Err(error) => return absent(&error),
    };
    let plain = |text: &str| text.split_ascii_whitespace().collect::<String>();
    let is_good = if record.name.starts_with("_dmarc.") {
        texts.iter().filter(|text| Dmarc::parse(text.as_bytes()).is_ok()).count() == 1
    } else if record.name.starts_with("_mta-sts.") {
        // Others fetch the policy anew only when the identifier changes (RFC 8461 §3.1).
        sts::identifier(&texts) == sts::identifier(std::slice::from_ref(&record.value))
    } else if record.name.starts_with("_smtp._tls.") {
        texts.iter().any(|text| plain(text).starts_with("v=TLSRPTv1;rua="))
    } else {
        let key = plain(&record.value);
        let key = key.rsplit("p=").next().unwrap_or_default();
        texts.iter().any(|text| plain(text).contains(key))
    };
    if is_good { Found::Good } else { Found::Other(texts.join(", ")) }
}
