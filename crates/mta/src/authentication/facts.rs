//! Facts for reports to others: what their domains' mail came to, and how private the way to their hosts was. Counted in
//! memory, written down every few seconds: a crash loses what was counted since, and no more.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use net::tls::distrust::Distrust;
use serde::{Deserialize, Serialize};

use crate::authentication::results::{Published, Results, Verdict};
use crate::authentication::store::{Fact, Kind};

/// Different facts that are held between two writings; more are dropped, counted.
const PENDING_MAX: usize = 20_000;
/// Octets of one fact.
const FACT_OCTETS_MAX: usize = 4096;
/// Octets of all facts between two writings.
const PENDING_OCTETS_MAX: usize = 16 << 20;
/// Signatures of one message that a report tells.
const SIGNATURES_MAX: usize = 10;
/// Characters of a reason.
const REASON_MAX: usize = 200;

/// What a message's DMARC came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DmarcFact {
    /// From where it came.
    pub address: IpAddr,
    /// What was done: `none`, `quarantine` or `reject`.
    pub disposition: String,
    /// Whether an aligned signature passed.
    pub dkim_aligned: bool,
    /// Whether aligned SPF passed.
    pub spf_aligned: bool,
    /// The author's domain.
    pub author: String,
    /// The domain of the envelope sender; empty for none.
    pub sender: String,
    /// The signatures: domain, selector, result.
    pub dkim: Vec<(String, String, Verdict)>,
    /// The domain that SPF was checked for.
    pub spf_domain: String,
    /// Its result.
    pub spf: Verdict,
    /// What the owner published.
    pub published: Published,
}

impl DmarcFact {
    /// The fact about a message, if somebody wants to hear of it.
    pub fn of(results: &Results, disposition: &str) -> Option<DmarcFact> {
        let published = results.dmarc.published.clone()?;
        if published.rua.is_empty() {
            return None;
        }
        let signatures = results.dkim.iter().take(SIGNATURES_MAX).filter(|one| !one.domain.is_empty());
        Some(DmarcFact {
            address: results.address?,
            disposition: disposition.to_owned(),
            dkim_aligned: results.dmarc.dkim_aligned,
            spf_aligned: results.dmarc.spf_aligned,
            author: results.dmarc.domain.clone(),
            sender: results.sender.rsplit_once('@').map_or_else(String::new, |(_, domain)| domain.to_lowercase()),
            dkim: signatures.map(|one| (one.domain.clone(), one.selector.clone(), one.verdict)).collect(),
            spf_domain: results.spf.domain.clone(),
            spf: results.spf.verdict,
            published,
        })
    }
}

/// Which kind of policy a session was under (RFC 8460 §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PolicyKind {
    /// TLSA records.
    Tlsa,
    /// MTA-STS.
    Sts,
    /// None.
    None,
}

/// What went wrong (RFC 8460 §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// TLS is not offered.
    StartTlsNotSupported,
    /// The certificate is for another name.
    CertificateHostMismatch,
    /// It is too old.
    CertificateExpired,
    /// Nobody whom we trust vouches for it.
    CertificateNotTrusted,
    /// Nobody can say whether the records are authentic.
    DnssecInvalid,
    /// It is not what the records describe, or something else.
    ValidationFailure,
}

impl Failure {
    /// Of a host that was not believed for this; without it the handshake failed for something else.
    pub fn of(distrust: Option<Distrust>) -> Failure {
        match distrust {
            Some(Distrust::WrongName) => Failure::CertificateHostMismatch,
            Some(Distrust::Expired) => Failure::CertificateExpired,
            Some(Distrust::NotTrusted) => Failure::CertificateNotTrusted,
            Some(Distrust::NotDescribed) | None => Failure::ValidationFailure,
        }
    }
}

/// What a session with a host came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsFact {
    /// The policy it was under.
    pub kind: PolicyKind,
    /// The policy as it stands.
    pub policy: Vec<String>,
    /// The hosts that the policy names.
    pub hosts: Vec<String>,
    /// The host.
    pub host: String,
    /// Where it is.
    pub address: Option<IpAddr>,
    /// What went wrong; nothing when all was well.
    pub failure: Option<Failure>,
    /// The reason in words.
    pub reason: String,
}

impl TlsFact {
    /// With what went wrong, and the reason cut to what reports hold.
    pub fn with_failure(mut self, failure: Failure, reason: &str) -> TlsFact {
        self.failure = Some(failure);
        self.reason = reason.chars().filter(|c| !c.is_control()).take(REASON_MAX).collect();
        self
    }
}

/// What was counted since the last writing.
#[derive(Debug, Default)]
pub struct Collector {
    pending: Mutex<Pending>,
}

#[derive(Debug, Default)]
struct Pending {
    facts: HashMap<Fact, u64>,
    octets: usize,
}

impl Collector {
    /// Counts a fact; `false` when it is too large, or there are too many different ones.
    pub fn count(&self, kind: Kind, day: u32, domain: &str, fact: &impl Serialize) -> bool {
        let Ok(text) = serde_json::to_string(fact) else { return false };
        let octets = text.len() + domain.len();
        if octets > FACT_OCTETS_MAX {
            return false;
        }
        let fact = Fact { kind, day, domain: domain.to_owned(), text };
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = pending.facts.get_mut(&fact) {
            *count += 1;
            return true;
        }
        if pending.facts.len() >= PENDING_MAX || pending.octets + octets > PENDING_OCTETS_MAX {
            return false;
        }
        pending.octets += octets;
        pending.facts.insert(fact, 1);
        true
    }

    /// Takes what was counted.
    pub fn take(&self) -> Vec<(Fact, u64)> {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *pending).facts.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_bounded_one_by_one_and_together() {
        let collector = Collector::default();
        assert!(!collector.count(Kind::Dmarc, 1, "a.test", &"x".repeat(5000)));
        let counted = (0..PENDING_MAX)
            .filter(|at| collector.count(Kind::Dmarc, 1, "a.test", &format!("{at}{}", "x".repeat(3000))));
        let counted = counted.count();
        assert!((5000..6000).contains(&counted), "{counted} by octets");
        assert_eq!(collector.take().len(), counted);
        assert!(collector.count(Kind::Dmarc, 1, "a.test", &"again"));
    }
}
