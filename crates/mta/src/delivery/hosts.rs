//! Which hosts take mail for a domain, and in which order (RFC 5321 §5.1, RFC 7505).

use model::Domain;
use net::{DnsError, Mx, Random, Resolver};
use smtp::reply::Reply;
use smtp::status::EnhancedStatus;
use std::net::{IpAddr, SocketAddr};

/// Addresses tried for one message.
const CANDIDATES_MAX: usize = 10;

/// A host to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its name, as a certificate must show it.
    pub name: String,
    /// Where it is.
    pub address: SocketAddr,
}

/// Who we are, so that mail does not come back to us.
#[derive(Clone, Copy, Debug)]
pub struct Own<'a> {
    /// Our name.
    pub host: &'a str,
    /// Our addresses.
    pub addresses: &'a [IpAddr],
    /// The port on which that matters.
    pub port: u16,
}

/// The hosts of a domain by its MX records, best first, equals in random order; or the reply that stands for their
/// absence.
pub async fn of_domain(
    resolver: &dyn Resolver,
    random: &dyn Random,
    domain: &Domain,
    own: Own<'_>,
) -> Result<Vec<Candidate>, Reply> {
    if let Some(ip) = domain.literal_address() {
        return reachable(vec![Candidate { name: domain.to_string(), address: SocketAddr::new(ip, own.port) }], own);
    }
    let name = idna::domain_to_ascii(domain.as_str()).map_err(|_| no_domain(domain.as_str()))?;
    let mut exchangers = match resolver.mx(&name).await {
        Ok(exchangers) => exchangers,
        Err(DnsError::NoRecords { .. }) => Vec::new(),
        Err(error) => return Err(refusal(&error)),
    };
    let implicit = exchangers.is_empty();
    if implicit {
        exchangers.push(Mx { preference: 0, host: name.clone() });
    }
    if exchangers.iter().all(Mx::is_null) {
        return Err(Reply::new(556, EnhancedStatus::new(5, 1, 10), format!("{domain} takes no mail")));
    }
    exchangers.retain(|exchanger| !exchanger.is_null());
    let mut ranked: Vec<(u16, u64, Mx)> =
        exchangers.into_iter().map(|exchanger| (exchanger.preference, random.u64(), exchanger)).collect();
    ranked.sort_by_key(|(preference, shuffle, _)| (*preference, *shuffle));
    // We are one of them: only better ones than us may be tried.
    let ours = ranked.iter().find(|(_, _, exchanger)| exchanger.host.eq_ignore_ascii_case(own.host));
    if let Some(ours) = ours.map(|(preference, _, _)| *preference) {
        ranked.retain(|(preference, _, _)| *preference < ours);
        if ranked.is_empty() {
            return Err(loops());
        }
    }
    let hosts = ranked.into_iter().map(|(_, _, exchanger)| exchanger.host).collect::<Vec<_>>();
    let found = addresses(resolver, &hosts, own.port).await.map_err(|error| match error {
        Some(error) if implicit || error.is_temporary() => refusal(&error),
        _ => Reply::new(550, EnhancedStatus::new(5, 4, 4), format!("no host of {domain} has an address")),
    })?;
    reachable(found, own)
}

/// The addresses of one host.
pub async fn of_host(resolver: &dyn Resolver, host: &str, port: u16) -> Result<Vec<Candidate>, Reply> {
    if let Ok(ip) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Ok(vec![Candidate { name: host.to_owned(), address: SocketAddr::new(ip, port) }]);
    }
    // The operator named this host: a name that is missing now is the operator's fault, not the sender's.
    addresses(resolver, &[host.to_owned()], port).await.map_err(|error| {
        let why = error.map_or_else(|| "it has no address".to_owned(), |error| error.to_string());
        Reply::new(451, EnhancedStatus::new(4, 4, 3), format!("cannot find {host}: {why}"))
    })
}

/// The addresses of several hosts, in their order; those that cannot be found are passed over while others are.
pub async fn of_hosts(resolver: &dyn Resolver, hosts: &[(String, u16)]) -> Result<Vec<Candidate>, Reply> {
    let (mut found, mut last) = (Vec::new(), None);
    for (host, port) in hosts {
        match of_host(resolver, host, *port).await {
            Ok(candidates) => found.extend(candidates),
            Err(reply) => last = Some(reply),
        }
    }
    found.truncate(CANDIDATES_MAX);
    match last {
        Some(reply) if found.is_empty() => Err(reply),
        _ => Ok(found),
    }
}

/// The addresses of hosts in their order. When there is none: a temporary failure if there was any, else some failure.
async fn addresses(resolver: &dyn Resolver, hosts: &[String], port: u16) -> Result<Vec<Candidate>, Option<DnsError>> {
    let mut found = Vec::new();
    let mut failure: Option<DnsError> = None;
    for host in hosts {
        match resolver.addresses(host).await {
            Ok(addresses) => found.extend(
                addresses.iter().map(|address| Candidate { name: host.clone(), address: address.socket(port) }),
            ),
            Err(error) if failure.as_ref().is_none_or(|known| !known.is_temporary()) => failure = Some(error),
            Err(_) => {}
        }
        if found.len() >= CANDIDATES_MAX {
            break;
        }
    }
    found.truncate(CANDIDATES_MAX);
    if found.is_empty() { Err(failure) } else { Ok(found) }
}

fn reachable(mut found: Vec<Candidate>, own: Own<'_>) -> Result<Vec<Candidate>, Reply> {
    let is_own = |address: &SocketAddr| address.port() == own.port && own.addresses.contains(&address.ip());
    found.retain(|candidate| !is_own(&candidate.address));
    if found.is_empty() { Err(loops()) } else { Ok(found) }
}

fn refusal(error: &DnsError) -> Reply {
    match error {
        DnsError::Temporary { .. } => Reply::new(451, EnhancedStatus::new(4, 4, 3), error.to_string()),
        DnsError::NoSuchName { name } | DnsError::NoRecords { name, .. } | DnsError::NotAName { name } => {
            no_domain(name)
        }
    }
}

fn no_domain(name: &str) -> Reply {
    Reply::new(550, EnhancedStatus::new(5, 1, 2), format!("there is no mail for the domain {name}"))
}

fn loops() -> Reply {
    Reply::new(554, EnhancedStatus::new(5, 4, 6), "the mail would come back to this host")
}

#[cfg(test)]
mod tests;
