//! The real name service, by hickory: an answer is kept as long as its TTL says, in a bounded cache.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError as HickoryDnsError, NetError};
use hickory_resolver::proto::dnssec::Proof;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};

use crate::error::Error;
use crate::limits;
use crate::metrics::Registry;
use crate::resolver::record::{Family, Kind, Srv, Tlsa};
use crate::resolver::{DnsAnswer, DnsError, HostAddress, Mx, Resolver};
use crate::signals::NameSignals;

/// How names are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemSettings {
    /// The servers; empty means those of `/etc/resolv.conf`.
    pub servers: Vec<SocketAddr>,
    /// How long one try with one server may take.
    pub timeout: Duration,
    /// How often a question is tried.
    pub attempts: usize,
    /// Whether signatures are checked (RFC 4035) where it matters who vouches for an answer: the hosts that take mail, and
    /// their TLSA records. The servers must pass on signatures.
    pub validate: bool,
}

impl Default for SystemSettings {
    fn default() -> SystemSettings {
        SystemSettings { servers: Vec::new(), timeout: Duration::from_secs(5), attempts: 2, validate: false }
    }
}

/// hickory as a [`Resolver`].
pub struct SystemResolver {
    inner: TokioResolver,
    /// The same servers, with every signature checked up to the root's key. It answers about hosts that take mail too: what
    /// [`Resolver::is_authentic`] vouches for must be what is used.
    validating: Option<TokioResolver>,
    signals: NameSignals,
}

impl SystemResolver {
    /// A resolver with these settings.
    ///
    /// # Errors
    /// [`Error::NameService`] when `/etc/resolv.conf` cannot be used.
    pub fn new(settings: &SystemSettings, registry: &Registry) -> Result<SystemResolver, Error> {
        let validating = settings.validate.then(|| build(settings, true)).transpose()?;
        let signals = NameSignals::new(registry, &settings.servers);
        Ok(SystemResolver { inner: build(settings, false)?, validating, signals })
    }

    async fn ask<'a>(
        &'a self,
        name: &'a str,
        kind: &'static str,
        question: impl Future<Output = Result<Lookup, NetError>>,
    ) -> Result<Vec<RData>, DnsError> {
        let records = self.ask_records(name, kind, question).await?;
        Ok(records.into_iter().map(|record| record.data).collect())
    }

    /// What the validating resolver says about a name: records with the proof of each.
    async fn ask_validating(&self, name: &str, kind: RecordType) -> Result<Vec<Record>, DnsError> {
        match &self.validating {
            None => Ok(Vec::new()),
            Some(resolver) => self.ask_records(name, kind.into(), resolver.lookup(complete(name)?, kind)).await,
        }
    }

    async fn ask_records(
        &self,
        name: &str,
        kind: &'static str,
        question: impl Future<Output = Result<Lookup, NetError>>,
    ) -> Result<Vec<Record>, DnsError> {
        let asked = tokio::time::timeout(limits::DNS_QUESTION, question).await;
        let (failure, is_silence) = match asked {
            Ok(Ok(lookup)) => {
                self.signals.answered();
                return Ok(lookup.answers().iter().take(limits::DNS_RECORDS).cloned().collect());
            }
            Ok(Err(error)) => (classify(name, kind, &error), !matches!(error, NetError::Dns(_))),
            Err(_) => {
                let why = "no server answered in time".to_owned();
                (DnsError::Temporary { name: name.to_owned(), why }, true)
            }
        };
        match &failure {
            DnsError::Temporary { why, .. } => self.signals.failed(name, kind, why, is_silence),
            _ => self.signals.absent(),
        }
        Err(failure)
    }

    /// Who says where mail goes: whoever can tell a forged answer from others.
    fn of_hosts(&self) -> &TokioResolver {
        self.validating.as_ref().unwrap_or(&self.inner)
    }

    /// An answer without a record of the kind (only aliases, say) is "no records".
    fn some<T>(found: Vec<T>, name: &str, kind: &'static str) -> Result<Vec<T>, DnsError> {
        if found.is_empty() { Err(DnsError::NoRecords { name: name.to_owned(), kind }) } else { Ok(found) }
    }
}

fn build(settings: &SystemSettings, validate: bool) -> Result<TokioResolver, Error> {
    let failed = |error: NetError| Error::NameService { why: error.to_string() };
    let mut builder = if settings.servers.is_empty() {
        TokioResolver::builder_tokio().map_err(failed)?
    } else {
        let servers = settings.servers.iter().map(server).collect();
        let config = ResolverConfig::from_parts(None, Vec::new(), servers);
        TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
    };
    let options = builder.options_mut();
    tune(options, settings);
    options.validate = validate;
    builder.build().map_err(failed)
}

/// Whether there are records of the kind and every record of the answer, aliases included, is proven.
fn is_proven(records: &[Record]) -> bool {
    !records.is_empty() && records.iter().all(|record| record.proof == Proof::Secure)
}

fn server(address: &SocketAddr) -> NameServerConfig {
    let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
    connections.iter_mut().for_each(|connection| connection.port = address.port());
    NameServerConfig::new(address.ip(), true, connections)
}

fn tune(options: &mut ResolverOpts, settings: &SystemSettings) {
    options.timeout = settings.timeout;
    options.attempts = settings.attempts;
    options.cache_size = limits::DNS_CACHE_ANSWERS;
    options.edns0 = true;
    options.try_tcp_on_error = true;
    // Names in mail are complete; the hosts file is for people at this machine.
    options.ndots = 0;
}

/// A complete name, so that no search list is tried.
fn complete(name: &str) -> Result<Name, DnsError> {
    let mut parsed = Name::from_ascii(name).map_err(|_| DnsError::NotAName { name: name.to_owned() })?;
    parsed.set_fqdn(true);
    Ok(parsed)
}

fn classify(name: &str, kind: &'static str, error: &NetError) -> DnsError {
    let name = name.to_owned();
    match error {
        NetError::Dns(HickoryDnsError::NoRecordsFound(_)) if error.is_nx_domain() => DnsError::NoSuchName { name },
        NetError::Dns(HickoryDnsError::NoRecordsFound(none))
            if none.response_code == hickory_resolver::proto::op::ResponseCode::NoError =>
        {
            DnsError::NoRecords { name, kind }
        }
        other => DnsError::Temporary { name, why: other.to_string() },
    }
}

fn host(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_ascii_lowercase()
}

impl Resolver for SystemResolver {
    fn mx<'a>(&'a self, domain: &'a str) -> DnsAnswer<'a, Vec<Mx>> {
        Box::pin(async move {
            let records = self.ask(domain, "MX", self.of_hosts().mx_lookup(complete(domain)?)).await?;
            let mut found: Vec<Mx> = records
                .iter()
                .filter_map(|record| match record {
                    RData::MX(mx) => Some(Mx { preference: mx.preference, host: host(&mx.exchange) }),
                    _ => None,
                })
                .collect();
            found.sort();
            SystemResolver::some(found, domain, "MX")
        })
    }

    fn addresses<'a>(&'a self, name: &'a str) -> DnsAnswer<'a, Vec<HostAddress>> {
        Box::pin(async move {
            let complete = complete(name)?;
            let (v6, v4) = tokio::join!(
                self.ask(name, "AAAA", self.of_hosts().ipv6_lookup(complete.clone())),
                self.ask(name, "A", self.of_hosts().ipv4_lookup(complete.clone())),
            );
            let found: Vec<HostAddress> = [&v6, &v4]
                .into_iter()
                .flatten()
                .flatten()
                .filter_map(RData::ip_addr)
                .map(|ip| HostAddress { ip, port: None })
                .collect();
            match (v6, v4) {
                _ if !found.is_empty() => Ok(found),
                // Half an answer that says no is no answer while the other half is missing.
                (Err(error), _) | (_, Err(error)) if error.is_temporary() => Err(error),
                (_, Err(error)) => Err(error),
                _ => SystemResolver::some(found, name, "A"),
            }
        })
    }

    fn ipv4<'a>(&'a self, name: &'a str) -> DnsAnswer<'a, Vec<Ipv4Addr>> {
        Box::pin(async move {
            let records = self.ask(name, "A", self.inner.ipv4_lookup(complete(name)?)).await?;
            let found = records
                .iter()
                .filter_map(|record| match record {
                    RData::A(address) => Some(address.0),
                    _ => None,
                })
                .collect();
            SystemResolver::some(found, name, "A")
        })
    }

    fn txt<'a>(&'a self, name: &'a str) -> DnsAnswer<'a, Vec<String>> {
        Box::pin(async move {
            let records = self.ask(name, "TXT", self.inner.txt_lookup(complete(name)?)).await?;
            let found = records
                .iter()
                .filter_map(|record| match record {
                    RData::TXT(txt) => Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
                    _ => None,
                })
                .collect();
            SystemResolver::some(found, name, "TXT")
        })
    }

    fn addresses_of<'a>(&'a self, name: &'a str, family: Family) -> DnsAnswer<'a, Vec<IpAddr>> {
        Box::pin(async move {
            let complete = complete(name)?;
            let kind = family.record();
            let records = match family {
                Family::V4 => self.ask(name, kind, self.inner.ipv4_lookup(complete)).await?,
                Family::V6 => self.ask(name, kind, self.inner.ipv6_lookup(complete)).await?,
            };
            SystemResolver::some(records.iter().filter_map(RData::ip_addr).collect(), name, kind)
        })
    }

    fn tlsa<'a>(&'a self, name: &'a str) -> DnsAnswer<'a, Vec<Tlsa>> {
        Box::pin(async move {
            let records = self.ask_validating(name, RecordType::TLSA).await?;
            let found = if is_proven(&records) { records.iter().filter_map(tlsa).collect() } else { Vec::new() };
            SystemResolver::some(found, name, "TLSA")
        })
    }

    fn srv<'a>(&'a self, name: &'a str) -> DnsAnswer<'a, Vec<Srv>> {
        Box::pin(async move {
            let records = self.ask(name, "SRV", self.inner.srv_lookup(complete(name)?)).await?;
            let found = records
                .iter()
                .filter_map(|record| match record {
                    RData::SRV(srv) => Some(Srv {
                        priority: srv.priority,
                        weight: srv.weight,
                        port: srv.port,
                        target: host(&srv.target),
                    }),
                    _ => None,
                })
                .collect();
            SystemResolver::some(found, name, "SRV")
        })
    }

    fn is_authentic<'a>(&'a self, name: &'a str, kind: Kind) -> DnsAnswer<'a, bool> {
        Box::pin(async move {
            if self.validating.is_none() {
                return Ok(false);
            }
            let kinds: &[RecordType] = match kind {
                Kind::Mx => &[RecordType::MX],
                Kind::Address => &[RecordType::A, RecordType::AAAA],
                Kind::Txt => &[RecordType::TXT],
                Kind::Tlsa => &[RecordType::TLSA],
            };
            for kind in kinds {
                match self.ask_validating(name, *kind).await {
                    Ok(records) if is_proven(&records) => return Ok(true),
                    Err(error) if error.is_temporary() => return Err(error),
                    Ok(_) | Err(_) => {}
                }
            }
            Ok(false)
        })
    }

    fn ptr(&self, address: IpAddr) -> DnsAnswer<'_, Vec<String>> {
        Box::pin(async move {
            let text = address.to_canonical().to_string();
            let name = Name::from(address.to_canonical());
            let records = self.ask(&text, "PTR", self.inner.reverse_lookup(name)).await?;
            let found = records
                .iter()
                .filter_map(|record| match record {
                    RData::PTR(ptr) => Some(host(&ptr.0)),
                    _ => None,
                })
                .collect();
            SystemResolver::some(found, &text, "PTR")
        })
    }
}

fn tlsa(record: &Record) -> Option<Tlsa> {
    match &record.data {
        RData::TLSA(tlsa) => Some(Tlsa {
            usage: tlsa.cert_usage.into(),
            selector: tlsa.selector.into(),
            matching: tlsa.matching.into(),
            data: tlsa.cert_data.clone(),
        }),
        _ => None,
    }
}
