//! How private the way to each host must be, by what its domain publishes: TLSA records (RFC 7672), else an MTA-STS policy
//! (RFC 8461). Both hold only where the name service names the hosts; an operator's own routes have their own setting.

use crate::authentication::facts::{Failure, PolicyKind, TlsFact};
use crate::authentication::sts::{Mode, Policy};
use crate::delivery::peer::Place;
use crate::delivery::routing::{Rule, TlsPolicy, Way};
use crate::delivery::service::Service;
use model::Domain;
use net::resolver::record::{Kind, Tlsa};
use net::{DnsError, ShutdownToken};
use smtp::reply::Reply;
use smtp::status::EnhancedStatus;
use std::net::IpAddr;

/// The port in the names of TLSA records: that of SMTP, whatever a table says where the host is.
const PORT: u16 = 25;

/// What holds for one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protection {
    /// Nothing is published.
    Unpublished,
    /// TLSA records; those that cannot be used still ask for TLS (RFC 7672 §2.2).
    Dane(Vec<Tlsa>),
    /// A policy in force that names the host.
    Sts,
    /// A policy that is tried out; whether it names the host.
    StsTesting(bool),
    /// The host may not be used: what a report tells of it, and the reason.
    Barred(Failure, Reply),
}

/// What is published for a destination.
#[derive(Clone, Debug, Default)]
pub struct Protections {
    /// Whether DNSSEC, or the operator, vouches for the list of hosts.
    pub is_authentic: bool,
    /// The policy of the domain.
    pub policy: Option<Policy>,
    by_name: Vec<(String, Protection)>,
}

impl Protections {
    /// Asks for everything. `places` are the hosts in question.
    ///
    /// # Errors
    /// The reply that stands for a name service that does not answer as it should: nothing may be sent then.
    pub async fn ask(
        service: &Service,
        rule: &Rule,
        domain: &Domain,
        places: &[Place],
        shutdown: &ShutdownToken,
    ) -> Result<Protections, Reply> {
        if rule.way != Way::Mx || domain.is_literal() {
            return Ok(Protections::default());
        }
        let authentication = &service.parts.authentication;
        let name = idna::domain_to_ascii(domain.as_str()).unwrap_or_default();
        let is_authentic =
            service.parts.resolver.is_authentic(&name, Kind::Mx).await.map_err(|error| unsure(&error))?;
        let is_authentic = is_authentic || is_its_own_host(service, &name, places).await?;
        let policy = authentication.policy_of(&name, shutdown).await;
        let mut by_name: Vec<(String, Protection)> = Vec::new();
        for place in places {
            let Place::Host { name: host, .. } = place else { continue };
            if by_name.iter().any(|(known, _)| known == host) {
                continue;
            }
            let dane = if is_authentic && authentication.settings().dane { dane(service, host).await } else { None };
            let protection = dane.unwrap_or_else(|| by_policy(policy.as_ref(), host));
            by_name.push((host.clone(), protection));
        }
        Ok(Protections { is_authentic, policy, by_name })
    }

    /// What holds for a place.
    pub fn of(&self, place: &Place) -> &Protection {
        let Place::Host { name, .. } = place else { return &Protection::Unpublished };
        let found = self.by_name.iter().find(|(known, _)| known == name);
        found.map_or(&Protection::Unpublished, |(_, protection)| protection)
    }

    /// What a report tells of a session with a host, before anything went wrong.
    pub fn fact(&self, place: &Place, host: &str, address: IpAddr) -> TlsFact {
        let (kind, policy, hosts) = match (self.of(place), &self.policy) {
            (Protection::Dane(records), _) => {
                (PolicyKind::Tlsa, records.iter().map(Tlsa::to_string).collect(), vec![host.to_owned()])
            }
            (Protection::Barred(Failure::DnssecInvalid, _), _) => (PolicyKind::Tlsa, Vec::new(), vec![host.to_owned()]),
            (_, Some(policy)) => {
                let lines = policy.document().lines().map(str::to_owned).collect();
                (PolicyKind::Sts, lines, policy.hosts.clone())
            }
            _ => (PolicyKind::None, Vec::new(), Vec::new()),
        };
        let (host, address, reason) = (host.to_owned(), Some(address), String::new());
        TlsFact { kind, policy, hosts, host, address, failure: None, reason }
    }

    /// Whether somebody vouches for the hosts, as REQUIRETLS wants (RFC 8689 §4.2.1).
    pub fn vouch(&self) -> bool {
        self.is_authentic || self.policy.as_ref().is_some_and(|policy| policy.mode == Mode::Enforce)
    }
}

/// Whether the domain itself takes its mail, since it has no MX records, at an address that is authentic: then its name
/// stands for the list of hosts (RFC 7672 §2.2.2).
async fn is_its_own_host(service: &Service, domain: &str, places: &[Place]) -> Result<bool, Reply> {
    let is_it = |place: &Place| matches!(place, Place::Host { name, .. } if name.eq_ignore_ascii_case(domain));
    let resolver = &service.parts.resolver;
    if places.is_empty()
        || !places.iter().all(is_it)
        || !matches!(resolver.mx(domain).await, Err(DnsError::NoRecords { .. }))
    {
        return Ok(false);
    }
    resolver.is_authentic(domain, Kind::Address).await.map_err(|error| unsure(&error))
}

fn unsure(error: &DnsError) -> Reply {
    Reply::new(451, EnhancedStatus::new(4, 4, 3), format!("nobody can say whether the hosts are authentic: {error}"))
}

/// The TLSA records of a host whose address is authentic (RFC 7672 §2.2.2).
async fn dane(service: &Service, host: &str) -> Option<Protection> {
    let resolver = &service.parts.resolver;
    match resolver.is_authentic(host, Kind::Address).await {
        Ok(true) => {}
        Ok(false) => return None,
        Err(error) => return Some(Protection::Barred(Failure::DnssecInvalid, unsure(&error))),
    }
    match resolver.tlsa(&format!("_{PORT}._tcp.{host}")).await {
        Ok(records) => Some(Protection::Dane(records)),
        Err(error) if error.is_temporary() => Some(Protection::Barred(Failure::DnssecInvalid, unsure(&error))),
        Err(_) => None,
    }
}

fn by_policy(policy: Option<&Policy>, host: &str) -> Protection {
    match policy {
        None => Protection::Unpublished,
        Some(policy) => match (policy.mode, policy.names(host)) {
            (Mode::Enforce, true) => Protection::Sts,
            (Mode::Enforce, false) => {
                let text = format!("the domain's MTA-STS policy does not name {host}");
                let reply = Reply::new(451, EnhancedStatus::new(4, 7, 5), text);
                Protection::Barred(Failure::CertificateHostMismatch, reply)
            }
            (Mode::Testing, is_named) => Protection::StsTesting(is_named),
            (Mode::None, _) => Protection::Unpublished,
        },
    }
}

impl Protection {
    /// How private the connection must be at least, where the operator asks for `usual`.
    pub fn raise(&self, usual: TlsPolicy) -> TlsPolicy {
        match self {
            Protection::Dane(_) => usual.max(TlsPolicy::Encrypted),
            Protection::Sts => usual.max(TlsPolicy::Verified),
            Protection::Unpublished | Protection::StsTesting(_) | Protection::Barred(..) => usual,
        }
    }

    /// The records that stand in for authorities: those that can be used.
    pub fn pins(&self) -> Vec<Tlsa> {
        match self {
            Protection::Dane(records) => records.iter().filter(|record| record.is_usable()).cloned().collect(),
            _ => Vec::new(),
        }
    }
}
