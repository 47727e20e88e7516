//! DMARC: does anything that was proven belong to the author's domain, and what does its owner ask for if not? By the
//! tree walk of RFC 9989 §4.10, which needs no list of public suffixes; records of RFC 7489 are read the same way.

use mail_auth::DnsError as LibraryDnsError;
use mail_auth::Error as LibraryError;
use mail_auth::common::parse::TxtRecordParser;
use mail_auth::dmarc::{Alignment, Dmarc as Record, Policy, Psd};
use net::resolver::record::Family;
use net::{DnsError, Resolver};

use crate::authentication::results::{Dkim, Dmarc, Published, Spf, Verdict};

/// Labels from which the walk starts to skip (RFC 9989 §4.10).
const WALK_LABELS: usize = 8;
/// Addresses for reports that are kept of a record.
const REPORT_ADDRESSES_MAX: usize = 4;

/// Tags of a record that are read one by one; the standards know eleven.
const TAGS_MAX: usize = 32;
/// Octets of such an address; a mail address has 254 at most (RFC 5321 §4.5.3.1.3).
const REPORT_OCTETS_MAX: usize = 320;

/// What is judged: the domains of the message's authors, and what was proven.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The domains of all addresses in From.
    pub authors: &'a [String],
    /// SPF of the envelope sender.
    pub spf: &'a Spf,
    /// The signatures.
    pub dkim: &'a [Dkim],
}

/// A name with its record, from the long name to the short.
type Walk = Vec<(String, Record)>;

/// Judges.
pub async fn check(resolver: &dyn Resolver, question: Question<'_>) -> Dmarc {
    let mut authors: Vec<String> = question.authors.iter().filter_map(|domain| ascii(domain)).collect();
    authors.sort();
    authors.dedup();
    // Several authors of several domains are none that could be judged (RFC 9989 §4.4).
    let [author] = authors.as_slice() else { return Dmarc::default() };
    let mut judged = Dmarc { domain: author.clone(), ..Dmarc::default() };
    let walk = match walk(resolver, author).await {
        Ok(walk) => walk,
        Err(()) => return Dmarc { verdict: Verdict::TempError, ..judged },
    };
    let organisation = organisation_of(&walk, author);
    let own = walk.iter().find(|(name, _)| name == author);
    let Some((at, record)) =
        own.or_else(|| walk.iter().find(|(name, _)| *name == organisation)).or_else(|| walk.last())
    else {
        return judged;
    };
    if record.p == Policy::Unspecified && record.rua.is_empty() {
        return judged;
    }
    let policy = if own.is_some() {
        record.p
    } else if record.np != record.sp && is_nowhere(resolver, author).await {
        record.np
    } else {
        record.sp
    };
    judged.policy = policy_in_force(policy, record.t).to_owned();
    judged.published = Some(published(at, record));

    let mut aligner = Aligner { resolver, author, organisation: &organisation, known: Vec::new(), is_unsure: false };
    let spf_domain = ascii(&question.spf.domain).unwrap_or_default();
    match question.spf.verdict {
        Verdict::Pass => judged.spf_aligned = aligner.is_aligned(&spf_domain, record.aspf).await,
        Verdict::TempError if aligner.is_aligned(&spf_domain, record.aspf).await => aligner.is_unsure = true,
        _ => {}
    }
    for one in question.dkim {
        let domain = ascii(&one.domain).unwrap_or_default();
        match one.verdict {
            Verdict::Pass if !judged.dkim_aligned => {
                judged.dkim_aligned = aligner.is_aligned(&domain, record.adkim).await;
            }
            Verdict::TempError if aligner.is_aligned(&domain, record.adkim).await => aligner.is_unsure = true,
            _ => {}
        }
    }
    judged.verdict = if judged.spf_aligned || judged.dkim_aligned {
        Verdict::Pass
    } else if aligner.is_unsure {
        Verdict::TempError
    } else {
        Verdict::Fail
    };
    judged
}

fn ascii(domain: &str) -> Option<String> {
    let name = idna::domain_to_ascii(domain.trim_end_matches('.')).ok()?;
    (!name.is_empty()).then_some(name)
}

/// While it is tried out a policy is one step milder (RFC 9989 §4.7).
fn policy_in_force(policy: Policy, testing: bool) -> &'static str {
    match (policy, testing) {
        (Policy::Reject, false) => "reject",
        (Policy::Reject, true) | (Policy::Quarantine, false) => "quarantine",
        _ => "none",
    }
}

fn published(at: &str, record: &Record) -> Published {
    let letter = |alignment: Alignment| if alignment == Alignment::Strict { "s" } else { "r" }.to_owned();
    let word = |policy: Policy| policy_in_force(policy, false).to_owned();
    let reports = record.rua.iter().filter(|uri| uri.uri().len() <= REPORT_OCTETS_MAX).take(REPORT_ADDRESSES_MAX);
    Published {
        domain: at.to_owned(),
        adkim: letter(record.adkim),
        aspf: letter(record.aspf),
        p: word(record.p),
        sp: word(record.sp),
        testing: record.t,
        rua: reports.map(|uri| (uri.uri().to_owned(), uri.max_size() as u64)).collect(),
    }
}

/// Whether the name does not exist at all, so that the policy for such names holds.
async fn is_nowhere(resolver: &dyn Resolver, domain: &str) -> bool {
    matches!(resolver.addresses_of(domain, Family::V4).await, Err(DnsError::NoSuchName { .. }))
}

/// The records from a name up. `Err` when the name service does not answer.
async fn walk(resolver: &dyn Resolver, start: &str) -> Result<Walk, ()> {
    let labels: Vec<&str> = start.split('.').collect();
    let mut found = Walk::new();
    if labels.len() < 2 {
        return Ok(found);
    }
    let mut count = labels.len();
    loop {
        let name = labels.iter().skip(labels.len() - count).copied().collect::<Vec<_>>().join(".");
        if let Some(record) = record_at(resolver, &name).await? {
            let is_end = matches!(record.psd, Psd::Yes | Psd::No);
            found.push((name, record));
            if is_end {
                return Ok(found);
            }
        }
        if count <= 1 {
            return Ok(found);
        }
        count = if count >= WALK_LABELS { WALK_LABELS - 1 } else { count - 1 };
    }
}

async fn record_at(resolver: &dyn Resolver, name: &str) -> Result<Option<Record>, ()> {
    let texts = match resolver.txt(&format!("_dmarc.{name}")).await {
        Ok(texts) => texts,
        Err(error) if error.is_temporary() => return Err(()),
        Err(_) => return Ok(None),
    };
    let mut records = texts.iter().filter_map(|text| match Record::parse(text.as_bytes()) {
        Ok(record) => Some(Some(record)),
        Err(LibraryError::Dns(LibraryDnsError::InvalidRecordType)) => None,
        Err(_) => Some(readable(text)),
    });
    // Several records are as none (RFC 9989 §4.10).
    match (records.next(), records.next()) {
        (Some(record), None) => Ok(record),
        _ => Ok(None),
    }
}

/// A record without the tags that cannot be read: these count as not there (RFC 7489 §6.3).
fn readable(text: &str) -> Option<Record> {
    const VERSION: &str = "v=DMARC1;";
    let tags = text.split(';').skip(1).take(TAGS_MAX);
    let good = tags.filter(|tag| Record::parse(format!("{VERSION}{tag}").as_bytes()).is_ok());
    Record::parse(format!("{VERSION}{}", good.collect::<Vec<_>>().join(";")).as_bytes()).ok()
}

/// The domain of the organisation that a name belongs to (RFC 9989 §4.10.2).
///
/// # Errors
/// Nothing but that the name service does not answer.
pub async fn organisation(resolver: &dyn Resolver, domain: &str) -> Result<String, ()> {
    Ok(organisation_of(&walk(resolver, domain).await?, domain))
}

/// The organisation's domain (RFC 9989 §4.10.2).
fn organisation_of(walk: &Walk, start: &str) -> String {
    for (name, record) in walk {
        match record.psd {
            Psd::No => return name.clone(),
            Psd::Yes if name != start => {
                let depth = name.split('.').count() + 1;
                let labels: Vec<&str> = start.split('.').collect();
                return labels.iter().skip(labels.len().saturating_sub(depth)).copied().collect::<Vec<_>>().join(".");
            }
            _ => {}
        }
    }
    walk.last().map_or_else(|| start.to_owned(), |(name, _)| name.clone())
}

/// Compares domains with the author's, and remembers what it asked for.
struct Aligner<'a> {
    resolver: &'a dyn Resolver,
    author: &'a str,
    organisation: &'a str,
    known: Vec<(String, String)>,
    /// Something could not be found out that might have been good.
    is_unsure: bool,
}

impl Aligner<'_> {
    async fn is_aligned(&mut self, domain: &str, alignment: Alignment) -> bool {
        if domain == self.author {
            return true;
        }
        let below = domain.strip_suffix(self.organisation);
        if alignment == Alignment::Strict || !below.is_some_and(|rest| rest.is_empty() || rest.ends_with('.')) {
            return false;
        }
        if let Some((_, organisation)) = self.known.iter().find(|(known, _)| known == domain) {
            return organisation == self.organisation;
        }
        let Ok(walk) = walk(self.resolver, domain).await else {
            self.is_unsure = true;
            return false;
        };
        let organisation = organisation_of(&walk, domain);
        let is_same = organisation == self.organisation;
        self.known.push((domain.to_owned(), organisation));
        is_same
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_that_cannot_be_read_is_ignored() {
        let record = readable("v=DMARC1; p=reject; adkim=strange; fo=q; rua=mailto:a@b.test").unwrap();
        assert_eq!((record.p, record.adkim, record.rua.len()), (Policy::Reject, Alignment::Relaxed, 1));
        assert_eq!(readable("v=DMARC1; p=rejekt; rua=mailto:a@b.test").unwrap().p, Policy::Unspecified);
    }
}
