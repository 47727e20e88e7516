//! Everything that is found out about a message, in one call: the same for mail that comes in and for operators who ask.

use std::net::IpAddr;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use mail_auth::common::crypto::Algorithm;
use mail_auth::common::verify::VerifySignature;
use mail_auth::dkim::{DkimError, Signature};
use mail_auth::{ArcOutput, AuthenticatedMessage, DkimOutput, DkimResult, Error, MessageAuthenticator, Parameters};
use net::Resolver;
use tokio::sync::Semaphore;

use crate::aside::{aside, is_large};
use crate::authentication::closed::Closed;
use crate::authentication::dmarc;
use crate::authentication::results::{Arc, Dkim, Dmarc, Results, Spf, Verdict};
use crate::authentication::spf;
use crate::authentication::trimmed::{Parsed, SETS_MAX, SIGNATURES_MAX, Trimmed};

/// How long all keys of one message may take; a key that is late is a temporary error of its signature alone.
const KEYS_PATIENCE: Duration = Duration::from_secs(10);
/// How long the records of DMARC may take, after all else is known: whoever forges a domain owns none of these names.
const DMARC_PATIENCE: Duration = Duration::from_secs(15);
/// How long a message waits for its turn to be verified.
const TURN_PATIENCE: Duration = Duration::from_secs(15);
/// Octets of a signature that tell it from others.
const SIGNATURE_SHOWN: usize = 8;

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Inquiry<'a> {
    /// From where the message came; without it SPF is not checked.
    pub address: Option<IpAddr>,
    /// How the client named itself.
    pub hello: &'a str,
    /// The envelope sender; empty for none.
    pub sender: &'a str,
    /// The whole message.
    pub message: &'a [u8],
    /// This server.
    pub receiver: &'a str,
    /// Seconds of now.
    pub now_secs: u64,
}

/// Who verifies: as many at once as there are processors. What waits does not hold up sessions that only talk.
pub struct Workers(Semaphore);

impl Default for Workers {
    fn default() -> Workers {
        Workers(Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from)))
    }
}

impl Workers {
    /// Nobody, as when all are busy.
    #[cfg(test)]
    pub(crate) fn none() -> Workers {
        Workers(Semaphore::new(0))
    }

    /// Does what keeps a processor busy for a while, when a message has so many octets; `None` when it did not get its turn.
    pub async fn run<T>(&self, octets: usize, work: impl FnOnce() -> T) -> Option<T> {
        let turn = match is_large(octets) {
            true => Some(tokio::time::timeout(TURN_PATIENCE, self.0.acquire()).await.ok()?.ok()?),
            false => None,
        };
        let done = aside(octets, work);
        drop(turn);
        Some(done)
    }
}

/// Finds everything out. Senders and signatures are looked up at once, each with its own time, and DMARC after them with a
/// time of its own: who lets us wait for names of his own does not keep us from the records of those whom he forges.
pub async fn check(
    resolver: &dyn Resolver,
    verifier: &MessageAuthenticator,
    workers: &Workers,
    inquiry: Inquiry<'_>,
) -> Results {
    let ((spf_helo, spf), signed) =
        tokio::join!(senders(resolver, inquiry), signatures(resolver, verifier, workers, inquiry.message));
    let Signed { dkim, arc, authors, unlooked, is_late } = signed;
    let question = dmarc::Question { authors: &authors, spf: &spf, dkim: &dkim };
    let judged = tokio::time::timeout(DMARC_PATIENCE, dmarc::check(resolver, question)).await;
    let unknown = || Dmarc { verdict: Verdict::TempError, ..Dmarc::default() };
    let is_slow = is_late || judged.is_err();
    let dmarc = match judged {
        // Without its turn nobody knows what would have been good.
        Ok(_) if is_late => unknown(),
        Ok(judged) => judged,
        Err(_) => unknown(),
    };
    Results {
        checked: true,
        address: inquiry.address,
        sender: inquiry.sender.to_owned(),
        hello: inquiry.hello.to_owned(),
        spf_helo,
        spf,
        dkim,
        dmarc,
        arc,
        unlooked,
        is_slow,
        is_late,
    }
}

/// SPF of the client's name and of the envelope sender.
async fn senders(resolver: &dyn Resolver, inquiry: Inquiry<'_>) -> (Spf, Spf) {
    let Some(address) = inquiry.address else { return <(Spf, Spf)>::default() };
    let (hello, receiver, now_secs) = (inquiry.hello, inquiry.receiver, inquiry.now_secs);
    let ask = async |sender| {
        let answer = spf::check(resolver, spf::Question { address, hello, sender, receiver, now_secs }).await;
        Spf { verdict: answer.verdict, domain: answer.domain, explanation: answer.explanation }
    };
    match inquiry.sender {
        "" => {
            let found = ask("").await;
            (found.clone(), found)
        }
        sender => tokio::join!(ask(""), ask(sender)),
    }
}

/// What the message itself tells.
#[derive(Default)]
struct Signed {
    dkim: Vec<Dkim>,
    arc: Arc,
    /// The domains of all addresses in From.
    authors: Vec<String>,
    unlooked: usize,
    /// Whether there was no time to verify anything.
    is_late: bool,
}

impl Signed {
    /// Nothing could be verified in time; no chain may be added to.
    fn late(self) -> Signed {
        let reason = Some("there was no time to verify it".to_owned());
        let arc = Arc { verdict: Verdict::TempError, reason, ..Arc::default() };
        Signed { arc, is_late: true, ..self }
    }
}

async fn signatures(
    resolver: &dyn Resolver,
    verifier: &MessageAuthenticator,
    workers: &Workers,
    message: &[u8],
) -> Signed {
    let Some(trimmed) = workers.run(message.len(), || Trimmed::new(message)).await else {
        return Signed::default().late();
    };
    let Some(trimmed) = trimmed else {
        let reason = Some("the message has too many fields".to_owned());
        return Signed { arc: Arc { verdict: Verdict::Fail, reason, ..Arc::default() }, ..Signed::default() };
    };
    let Some(parsed) = workers.run(message.len(), || trimmed.parse()).await else { return Signed::default().late() };
    let Some(parsed) = parsed else { return Signed::default() };
    let (authors, unlooked) = (authors(&parsed.message), parsed.signatures);
    let closed = Closed::fetch(resolver, key_names(&parsed.message), KEYS_PATIENCE).await;
    let verified = workers
        .run(message.len(), || (verify(verifier, &parsed.message, &closed), chain(verifier, &parsed, &closed)))
        .await;
    match verified {
        Some((dkim, arc)) => Signed { dkim, arc, authors, unlooked, is_late: false },
        None => Signed { authors, unlooked, ..Signed::default() }.late(),
    }
}

/// The domains of the authors, each once.
fn authors(message: &AuthenticatedMessage<'_>) -> Vec<String> {
    let named = message.from.iter().filter_map(|from| from.rsplit_once('@').map(|(_, domain)| domain.to_owned()));
    let mut domains: Vec<String> = named.collect();
    domains.sort();
    domains.dedup();
    domains
}

/// What the library says about the signatures that are left; those that are none at all come last.
pub fn verify(verifier: &MessageAuthenticator, message: &AuthenticatedMessage<'_>, closed: &Closed) -> Vec<Dkim> {
    let mut outputs =
        at_once(verifier.verify_dkim(Parameters::new(message).with_txt_cache(closed))).unwrap_or_default();
    outputs.sort_by_key(|output| output.signature().is_none());
    outputs.iter().take(SIGNATURES_MAX).map(dkim).collect()
}

/// The library waits for names alone, and all names are in the cache: so it never waits.
fn at_once<T>(work: impl Future<Output = T>) -> Option<T> {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => Some(done),
        Poll::Pending => None,
    }
}

fn chain(verifier: &MessageAuthenticator, parsed: &Parsed<'_>, closed: &Closed) -> Arc {
    let message = &parsed.message;
    let sets = u32::try_from(message.as_headers.len()).unwrap_or(u32::MAX);
    if parsed.is_chain_cut {
        let reason = Some("the chain is too large to be verified".to_owned());
        return Arc { verdict: Verdict::Fail, sets, reason, ..Arc::default() };
    }
    let output: Option<ArcOutput<'_>> = at_once(verifier.verify_arc(Parameters::new(message).with_txt_cache(closed)));
    let (verdict, reason) = verdict_of(output.unwrap_or_default().result());
    let mut arc = Arc {
        // A chain is good, bad or not there (RFC 8617 §5.2); only silence of the name service is something else.
        verdict: match verdict {
            Verdict::Pass | Verdict::None | Verdict::TempError => verdict,
            _ => Verdict::Fail,
        },
        sets,
        domain: message.as_headers.last().map_or_else(String::new, |seal| seal.header.d.clone()),
        reason,
    };
    let has_stray_parts = !message.aar_headers.is_empty() || !message.as_headers.is_empty();
    if arc.verdict == Verdict::None && has_stray_parts {
        arc.verdict = Verdict::Fail;
        arc.reason = Some("the chain is not complete".to_owned());
    }
    arc
}

/// The names of the public keys that the message's signatures and seals want.
fn key_names(message: &AuthenticatedMessage<'_>) -> Vec<String> {
    let mut names = Vec::new();
    for one in message.dkim_headers.iter().take(SIGNATURES_MAX) {
        names.push(one.header.domain_key());
    }
    if let Some(last) = message.ams_headers.last() {
        names.push(last.header.domain_key());
    }
    for one in message.as_headers.iter().take(SETS_MAX) {
        names.push(one.header.domain_key());
    }
    names
}

fn dkim(output: &DkimOutput<'_>) -> Dkim {
    let (mut verdict, mut reason) = verdict_of(output.result());
    let signature = output.signature();
    if let Some(why) = signature.and_then(unacceptable) {
        (verdict, reason) = (Verdict::PermError, Some(why.to_owned()));
    }
    let base64 = |octets: &[u8]| {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.encode(octets)
    };
    let named = |pick: fn(&Signature) -> String| signature.map_or_else(String::new, pick);
    Dkim {
        verdict,
        domain: named(|signature| signature.d.to_lowercase()),
        selector: named(|signature| signature.s.clone()),
        algorithm: named(|signature| algorithm_name(signature.a).to_owned()),
        signature: signature
            .map_or_else(String::new, |signature| base64(&signature.b).chars().take(SIGNATURE_SHOWN).collect()),
        reason,
    }
}

/// Why a signature proves nothing, however good it is.
fn unacceptable(signature: &Signature) -> Option<&'static str> {
    if signature.a == Algorithm::RsaSha1 {
        return Some("rsa-sha1 proves nothing");
    }
    // Others take a name such as `a.test(.b.test` apart in their own way, and believe another domain (RFC 6376 §3.5).
    let is_name = |text: &str| !text.starts_with('[') && text.parse::<model::Domain>().is_ok();
    if !is_name(&signature.d) || !is_name(&signature.s) {
        return Some("the domain or the selector is no name");
    }
    let covers_from = signature.h.iter().any(|name| name.trim().eq_ignore_ascii_case("from"));
    (!covers_from).then_some("From is not signed")
}

fn algorithm_name(algorithm: Algorithm) -> &'static str {
    algorithm.name()
}

fn verdict_of(result: &DkimResult) -> (Verdict, Option<String>) {
    match result {
        DkimResult::Pass => (Verdict::Pass, None),
        DkimResult::None => (Verdict::None, None),
        // A body that was changed is a failure by RFC 8601 §2.7.1, which the library calls neutral.
        DkimResult::Neutral(error @ Error::Dkim(DkimError::FailedBodyHashMatch)) => {
            (Verdict::Fail, Some(error.to_string()))
        }
        DkimResult::Neutral(error) => (Verdict::Neutral, Some(error.to_string())),
        DkimResult::Fail(error) => (Verdict::Fail, Some(error.to_string())),
        DkimResult::PermError(error) => (Verdict::PermError, Some(error.to_string())),
        DkimResult::TempError(error) => (Verdict::TempError, Some(error.to_string())),
    }
}
