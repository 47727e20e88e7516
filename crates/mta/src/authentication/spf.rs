//! Sender Policy Framework (RFC 7208): may this address send for this domain?
//!
//! Our own, over our own name service: the library that does the rest insists on asking for names itself, and reads
//! records more leniently than §4.6 allows.

pub mod macros;
pub mod record;

use std::net::IpAddr;
use std::time::Duration;

use model::Network;
use net::resolver::record::Family;
use net::{BoxFuture, DnsError, Resolver};

use crate::authentication::results::Verdict;
use crate::authentication::spf::macros::{Text, Values};
use crate::authentication::spf::record::{Mechanism, Prefixes, Qualifier, Record};

/// Terms that cost questions (RFC 7208 §4.6.4).
const LOOKUPS_MAX: usize = 10;
/// Questions without an answer (RFC 7208 §4.6.4).
const VOIDS_MAX: usize = 2;
/// Hosts of one `mx`, and names of an address (RFC 7208 §4.6.4).
const NAMES_MAX: usize = 10;
/// How long one evaluation may take (RFC 7208 §4.6.4 asks for at least 20 seconds).
const PATIENCE: Duration = Duration::from_secs(20);
/// How long the names of the client's address may take: who owns them does not keep us from what others publish.
const NAMES_PATIENCE: Duration = Duration::from_secs(5);
/// Octets of a name, without the dot at its end.
const NAME_OCTETS_MAX: usize = 253;
/// Octets of an explanation that are kept.
const EXPLANATION_OCTETS_MAX: usize = 500;

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Who sends.
    pub address: IpAddr,
    /// How the client named itself.
    pub hello: &'a str,
    /// The envelope sender; empty checks the name of the client instead (§2.4).
    pub sender: &'a str,
    /// This server.
    pub receiver: &'a str,
    /// Seconds of now.
    pub now_secs: u64,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The result (§2.6).
    pub verdict: Verdict,
    /// The domain that was checked.
    pub domain: String,
    /// What its owner says to those who fail.
    pub explanation: Option<String>,
}

/// The `check_host` function (RFC 7208 §4) for the envelope sender, or for the client's name where there is none.
pub async fn check(resolver: &dyn Resolver, question: Question<'_>) -> Answer {
    let (local, domain) = match question.sender.rsplit_once('@') {
        Some((local, domain)) => (local, domain),
        None if question.sender.is_empty() => ("", question.hello),
        None => ("", question.sender),
    };
    let local = if local.is_empty() { "postmaster" } else { local };
    let domain = ascii(domain);
    let answer = |verdict| Answer { verdict, domain: domain.clone(), explanation: None };
    if !is_name(&domain) || !domain.trim_end_matches('.').contains('.') {
        return answer(Verdict::None);
    }
    let sender = format!("{local}@{domain}");
    let address = question.address.to_canonical();
    let mut run = Run { resolver, question, address, sender, lookups: 0, voids: 0, names: None };
    let finished = tokio::time::timeout(PATIENCE, run.host(domain.clone(), true)).await;
    match finished {
        Ok(Ok((verdict, explanation))) => Answer { explanation, ..answer(verdict) },
        Ok(Err(End(verdict))) => answer(verdict),
        Err(_) => answer(Verdict::TempError),
    }
}

fn ascii(domain: &str) -> String {
    idna::domain_to_ascii(domain).ok().filter(|_| !domain.is_ascii()).unwrap_or_else(|| domain.to_owned())
}

/// Whether a name can be asked for: no empty or overlong label (§4.3).
fn is_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_label = |label: &str| !label.is_empty() && label.len() <= 63;
    !name.is_empty() && name.len() <= NAME_OCTETS_MAX && name.split('.').all(is_label) && !name.starts_with('[')
}

/// An evaluation that cannot go on, with its result.
#[derive(Debug)]
struct End(Verdict);

const TEMPORARY: End = End(Verdict::TempError);
const PERMANENT: End = End(Verdict::PermError);

/// One evaluation with what it has used up.
struct Run<'a> {
    resolver: &'a dyn Resolver,
    question: Question<'a>,
    address: IpAddr,
    sender: String,
    lookups: usize,
    voids: usize,
    /// The validated names of the address, once they were asked for.
    names: Option<Vec<String>>,
}

/// The result of one record, with the text for a failure.
type Outcome = Result<(Verdict, Option<String>), End>;

impl<'a> Run<'a> {
    fn host<'b>(&'b mut self, domain: String, explains: bool) -> BoxFuture<'b, Outcome>
    where
        'a: 'b,
    {
        Box::pin(async move {
            let record = match self.record(&domain).await? {
                Some(record) => record,
                None => return Ok((Verdict::None, None)),
            };
            for (qualifier, mechanism) in &record.directives {
                if !self.matches(mechanism, &domain).await? {
                    continue;
                }
                let verdict = match qualifier {
                    Qualifier::Pass => Verdict::Pass,
                    Qualifier::Fail => Verdict::Fail,
                    Qualifier::SoftFail => Verdict::SoftFail,
                    Qualifier::Neutral => Verdict::Neutral,
                };
                let explanation = match &record.explanation {
                    Some(text) if explains && verdict == Verdict::Fail => self.explain(text, &domain).await,
                    _ => None,
                };
                return Ok((verdict, explanation));
            }
            let Some(redirect) = &record.redirect else { return Ok((Verdict::Neutral, None)) };
            self.count_lookup()?;
            let target = self.expand(redirect, &domain).await;
            if !is_name(&target) {
                return Err(PERMANENT);
            }
            match self.host(target, explains).await? {
                (Verdict::None, _) => Err(PERMANENT),
                outcome => Ok(outcome),
            }
        })
    }

    /// The record of a domain; `None` when it has none.
    async fn record(&self, domain: &str) -> Result<Option<Record>, End> {
        let texts = match self.resolver.txt(domain).await {
            Ok(texts) => texts,
            Err(error) if error.is_temporary() => return Err(TEMPORARY),
            Err(_) => return Ok(None),
        };
        let mut records = texts.iter().filter(|text| record::is_record(text));
        match (records.next(), records.next()) {
            (None, _) => Ok(None),
            (Some(text), None) => record::parse(text).map(Some).map_err(|_| PERMANENT),
            (Some(_), Some(_)) => Err(PERMANENT),
        }
    }

    fn count_lookup(&mut self) -> Result<(), End> {
        self.lookups += 1;
        if self.lookups > LOOKUPS_MAX { Err(PERMANENT) } else { Ok(()) }
    }

    /// What was found; nothing is counted, and too often nothing is an error (§4.6.4).
    fn found<T>(&mut self, answer: Result<Vec<T>, DnsError>) -> Result<Vec<T>, End> {
        match answer {
            Ok(found) if !found.is_empty() => Ok(found),
            Err(error) if error.is_temporary() => Err(TEMPORARY),
            Ok(_) | Err(_) => {
                self.voids += 1;
                if self.voids > VOIDS_MAX { Err(PERMANENT) } else { Ok(Vec::new()) }
            }
        }
    }

    async fn matches(&mut self, mechanism: &Mechanism, domain: &str) -> Result<bool, End> {
        match mechanism {
            Mechanism::All => Ok(true),
            Mechanism::Ip4(network, bits) => Ok(is_within(self.address, IpAddr::V4(*network), *bits)),
            Mechanism::Ip6(network, bits) => Ok(is_within(self.address, IpAddr::V6(*network), *bits)),
            Mechanism::Include(text) => {
                self.count_lookup()?;
                let target = self.expand(text, domain).await;
                if !is_name(&target) {
                    return Err(PERMANENT);
                }
                match self.host(target, false).await?.0 {
                    Verdict::Pass => Ok(true),
                    Verdict::None => Err(PERMANENT),
                    _ => Ok(false),
                }
            }
            Mechanism::A(text, prefixes) => {
                self.count_lookup()?;
                let target = self.target(text.as_ref(), domain).await;
                self.has_address(&target, *prefixes).await
            }
            Mechanism::Mx(text, prefixes) => {
                self.count_lookup()?;
                let target = self.target(text.as_ref(), domain).await;
                let answer = self.resolver.mx(&target).await;
                let mut hosts = self.found(answer)?;
                hosts.retain(|mx| !mx.is_null());
                if hosts.len() > NAMES_MAX {
                    return Err(PERMANENT);
                }
                for mx in hosts {
                    if self.has_address(&mx.host, *prefixes).await? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Mechanism::Ptr(text) => {
                self.count_lookup()?;
                let target = self.target(text.as_ref(), domain).await.to_ascii_lowercase();
                let names = self.validated_names().await;
                Ok(names.iter().any(|name| is_at_or_below(name, &target)))
            }
            Mechanism::Exists(text) => {
                self.count_lookup()?;
                let target = self.expand(text, domain).await;
                if !is_name(&target) {
                    return Ok(false);
                }
                let answer = self.resolver.addresses_of(&target, Family::V4).await;
                Ok(!self.found(answer)?.is_empty())
            }
        }
    }

    async fn has_address(&mut self, host: &str, prefixes: Prefixes) -> Result<bool, End> {
        if !is_name(host) {
            return Ok(false);
        }
        let family = Family::of(self.address);
        let answer = self.resolver.addresses_of(host, family).await;
        let bits = if family == Family::V4 { prefixes.v4 } else { prefixes.v6 };
        Ok(self.found(answer)?.into_iter().any(|address| is_within(self.address, address, bits)))
    }

    /// The domain that a mechanism means.
    async fn target(&mut self, text: Option<&Text>, domain: &str) -> String {
        match text {
            Some(text) => self.expand(text, domain).await,
            None => domain.to_owned(),
        }
    }

    /// A macro string as a name: too long ones lose labels on the left (§7.3).
    async fn expand(&mut self, text: &Text, domain: &str) -> String {
        let expanded = self.expand_text(text, domain).await;
        let mut name = expanded.strip_suffix('.').unwrap_or(&expanded);
        while name.len() > NAME_OCTETS_MAX {
            match name.split_once('.') {
                Some((_, rest)) => name = rest,
                None => break,
            }
        }
        name.to_owned()
    }

    async fn expand_text(&mut self, text: &Text, domain: &str) -> String {
        let mut validated = "unknown".to_owned();
        if text.wants_validated_name() {
            let names = self.validated_names().await;
            let own = domain.to_ascii_lowercase();
            let best = names
                .iter()
                .find(|name| **name == own)
                .or_else(|| names.iter().find(|name| is_at_or_below(name, &own)))
                .or_else(|| names.first());
            validated = best.cloned().unwrap_or(validated);
        }
        text.expand(&Values {
            sender: &self.sender,
            domain,
            address: self.address,
            validated: &validated,
            hello: self.question.hello,
            receiver: self.question.receiver,
            now_secs: self.question.now_secs,
        })
    }

    /// The names of the address that lead back to it (§5.5). Whatever fails is passed over.
    async fn validated_names(&mut self) -> Vec<String> {
        if let Some(names) = &self.names {
            return names.clone();
        }
        let mut valid = Vec::new();
        let asked = async {
            for name in self.resolver.ptr(self.address).await.unwrap_or_default().into_iter().take(NAMES_MAX) {
                let addresses = self.resolver.addresses_of(&name, Family::of(self.address)).await;
                if addresses.is_ok_and(|addresses| addresses.contains(&self.address)) {
                    valid.push(name.trim_end_matches('.').to_ascii_lowercase());
                }
            }
        };
        // What has not come by then is passed over as well.
        let _late = tokio::time::timeout(NAMES_PATIENCE, asked).await;
        self.names = Some(valid.clone());
        valid
    }

    /// What the owner of the domain says to those who fail (§6.2); whatever is wrong with it, there is none.
    async fn explain(&mut self, text: &Text, domain: &str) -> Option<String> {
        let target = self.expand(text, domain).await;
        if !is_name(&target) {
            return None;
        }
        let texts = self.resolver.txt(&target).await.ok()?;
        let [only] = texts.as_slice() else { return None };
        let parsed = macros::parse_explanation(only).ok()?;
        let mut explanation = self.expand_text(&parsed, domain).await;
        explanation.retain(|c| c == ' ' || c.is_ascii_graphic());
        explanation.truncate(EXPLANATION_OCTETS_MAX);
        Some(explanation)
    }
}

fn is_within(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    Network::new(network, bits).is_some_and(|network| network.contains(address))
}

fn is_at_or_below(name: &str, domain: &str) -> bool {
    let domain = domain.trim_end_matches('.');
    name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}
