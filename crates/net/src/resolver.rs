//! The name service, as a port: mail exchangers, addresses, texts and names of addresses.

pub mod record;
pub mod system;
pub mod table;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::listener::BoxFuture;
use crate::resolver::record::{Family, Kind, Srv, Tlsa};

/// One mail exchanger (RFC 5321 §5.1). A null MX (RFC 7505) is one with preference 0 and the empty name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mx {
    /// Lower is tried first.
    pub preference: u16,
    /// The host, without a dot at the end.
    pub host: String,
}

impl Mx {
    /// Whether this says that the domain takes no mail (RFC 7505 §3).
    pub fn is_null(&self) -> bool {
        self.host.is_empty()
    }
}

/// An address of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostAddress {
    /// The address.
    pub ip: IpAddr,
    /// Another port than the protocol's. Only a table of fixed names gives one.
    pub port: Option<u16>,
}

impl HostAddress {
    /// Where to connect, with the protocol's own port where no other is given.
    pub fn socket(&self, default_port: u16) -> SocketAddr {
        SocketAddr::new(self.ip, self.port.unwrap_or(default_port))
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DnsError {
    /// The name does not exist (NXDOMAIN).
    #[error("{name} does not exist")]
    NoSuchName {
        /// The name asked for.
        name: String,
    },
    /// The name exists but has no such record.
    #[error("{name} has no {kind} record")]
    NoRecords {
        /// The name asked for.
        name: String,
        /// The kind of record: MX, A, TXT, PTR.
        kind: &'static str,
    },
    /// The name cannot be asked for at all: a label is too long, or has characters that no name has.
    #[error("`{name}` cannot be a name")]
    NotAName {
        /// The text.
        name: String,
    },
    /// The servers did not answer, or failed: ask again later.
    #[error("the name service gave no answer about {name}: {why}")]
    Temporary {
        /// The name asked for.
        name: String,
        /// What happened.
        why: String,
    },
}

impl DnsError {
    /// Whether asking again later may help.
    pub fn is_temporary(&self) -> bool {
        matches!(self, DnsError::Temporary { .. })
    }
}

/// An answer, now or later.
pub type DnsAnswer<'a, T> = BoxFuture<'a, Result<T, DnsError>>;

/// Who knows names. Names are ASCII (A-labels); a dot at the end changes nothing.
pub trait Resolver: Send + Sync {
    /// The mail exchangers of a domain, best first. Not the addresses used in their stead when there are none.
    fn mx<'a>(&'a self, domain: &'a str) -> DnsAnswer<'a, Vec<Mx>>;

    /// The addresses of a host, IPv6 and IPv4.
    fn addresses<'a>(&'a self, host: &'a str) -> DnsAnswer<'a, Vec<HostAddress>>;

    /// The IPv4 addresses of a name alone, as a list of addresses or domains answers (RFC 5782 §2.1).
    fn ipv4<'a>(&'a self, name: &'a str) -> DnsAnswer<'a, Vec<Ipv4Addr>> {
        Box::pin(async move { only_ipv4(name, &self.addresses(name).await?) })
    }

    /// The TXT records of a name, each with its strings put together.
    fn txt<'a>(&'a self, name: &'a str) -> DnsAnswer<'a, Vec<String>>;

    /// The addresses of a host of one family: a failure of the other does not matter.
    fn addresses_of<'a>(&'a self, host: &'a str, family: Family) -> DnsAnswer<'a, Vec<IpAddr>> {
        Box::pin(async move {
            let all = self.addresses(host).await?;
            let found: Vec<IpAddr> =
                all.iter().map(|address| address.ip).filter(|ip| Family::of(*ip) == family).collect();
            let none = || DnsError::NoRecords { name: host.to_owned(), kind: family.record() };
            if found.is_empty() { Err(none()) } else { Ok(found) }
        })
    }

    /// The TLSA records of a name (RFC 6698), only when they are authentic: others mean nothing (RFC 7672 §2.2). Where
    /// nobody vouches for the answer it is as if there were none.
    fn tlsa<'a>(&'a self, name: &'a str) -> DnsAnswer<'a, Vec<Tlsa>> {
        Box::pin(async move { Err(DnsError::NoRecords { name: name.to_owned(), kind: "TLSA" }) })
    }

    /// The servers of a service (RFC 2782), as they come.
    fn srv<'a>(&'a self, name: &'a str) -> DnsAnswer<'a, Vec<Srv>> {
        Box::pin(async move { Err(DnsError::NoRecords { name: name.to_owned(), kind: "SRV" }) })
    }

    /// Whether the answer about this name and kind is known to come from its owner, unaltered: by DNSSEC, or because the
    /// operator wrote it. Without it an attacker could name a host of their own (RFC 8689 §4.2.1).
    fn is_authentic<'a>(&'a self, _name: &'a str, _kind: Kind) -> DnsAnswer<'a, bool> {
        Box::pin(async { Ok(false) })
    }

    /// The names of an address.
    fn ptr(&self, address: IpAddr) -> DnsAnswer<'_, Vec<String>>;
}

/// The IPv4 addresses among some; none of them is "no records".
fn only_ipv4(name: &str, found: &[HostAddress]) -> Result<Vec<Ipv4Addr>, DnsError> {
    let v4 = found.iter().filter_map(|address| match address.ip {
        IpAddr::V4(ip) => Some(ip),
        IpAddr::V6(_) => None,
    });
    match v4.collect::<Vec<Ipv4Addr>>() {
        none if none.is_empty() => Err(DnsError::NoRecords { name: name.to_owned(), kind: "A" }),
        some => Ok(some),
    }
}

#[cfg(test)]
mod tests;
