//! Everything that is found out about a message, in one call: the same for mail that comes in and for operators who ask.

use std::net::IpAddr;

use mail_auth::common::crypto::Algorithm;
use mail_auth::common::verify::VerifySignature;
use mail_auth::dkim::{DkimError, Signature};
use mail_auth::{AuthenticatedMessage, DkimOutput, DkimResult, Error, MessageAuthenticator, Parameters};
use net::Resolver;

use crate::authentication::closed::Closed;
use crate::authentication::dmarc;
use crate::authentication::results::{Arc, Dkim, Results, Spf, Verdict};
use crate::authentication::spf;

/// Signatures of one message that are checked; RFC 6376 §6.1 lets verifiers stop somewhere.
pub const SIGNATURES_MAX: usize = 10;
/// Sets of a chain that are checked (RFC 8617 §4.2.1 allows 50).
const SETS_MAX: usize = 50;
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

/// Finds everything out.
pub async fn check(resolver: &dyn Resolver, verifier: &MessageAuthenticator, inquiry: Inquiry<'_>) -> Results {
    let mut results = Results {
        checked: true,
        address: inquiry.address,
        sender: inquiry.sender.to_owned(),
        hello: inquiry.hello.to_owned(),
        ..Results::default()
    };
    if let Some(address) = inquiry.address {
        let question = |sender| spf::Question {
            address,
            hello: inquiry.hello,
            sender,
            receiver: inquiry.receiver,
            now_secs: inquiry.now_secs,
        };
        let found = |answer: spf::Answer| Spf {
            verdict: answer.verdict,
            domain: answer.domain,
            explanation: answer.explanation,
        };
        results.spf_helo = found(spf::check(resolver, question("")).await);
        results.spf = match inquiry.sender {
            "" => results.spf_helo.clone(),
            sender => found(spf::check(resolver, question(sender)).await),
        };
    }
    let Some(message) = AuthenticatedMessage::parse(inquiry.message) else { return results };
    let closed = Closed::fetch(resolver, key_names(&message), SIGNATURES_MAX + SETS_MAX + 1).await;
    let outputs = verifier.verify_dkim(Parameters::new(&message).with_txt_cache(&closed)).await;
    results.dkim = outputs.iter().enumerate().map(|(at, output)| dkim(at, output)).collect();
    results.dkim.truncate(SIGNATURES_MAX);
    let arc = verifier.verify_arc(Parameters::new(&message).with_txt_cache(&closed)).await;
    let (verdict, reason) = verdict_of(arc.result());
    results.arc = Arc {
        // A chain is good, bad or not there (RFC 8617 §5.2); only silence of the name service is something else.
        verdict: match verdict {
            Verdict::Pass | Verdict::None | Verdict::TempError => verdict,
            _ => Verdict::Fail,
        },
        sets: u32::try_from(message.as_headers.len()).unwrap_or(u32::MAX),
        domain: message.as_headers.last().map_or_else(String::new, |seal| seal.header.d.clone()),
        reason,
    };
    let has_stray_parts = !message.aar_headers.is_empty() || !message.as_headers.is_empty();
    if results.arc.verdict == Verdict::None && has_stray_parts {
        results.arc.verdict = Verdict::Fail;
        results.arc.reason = Some("the chain is not complete".to_owned());
    }
    let authors: Vec<String> =
        message.from.iter().filter_map(|from| from.rsplit_once('@').map(|(_, domain)| domain.to_owned())).collect();
    let question = dmarc::Question { authors: &authors, spf: &results.spf, dkim: &results.dkim };
    results.dmarc = dmarc::check(resolver, question).await;
    results
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

fn dkim(at: usize, output: &DkimOutput<'_>) -> Dkim {
    let (mut verdict, mut reason) = verdict_of(output.result());
    let signature = output.signature();
    if let Some(signature) = signature.filter(|_| verdict != Verdict::TempError || at < SIGNATURES_MAX)
        && let Some(why) = unacceptable(signature)
    {
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
