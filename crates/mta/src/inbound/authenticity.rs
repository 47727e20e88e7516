//! Authentication as a stage of a message that comes in, and the last touches before it is filed or queued.
//!
//! What the name service does not tell in time never refuses a message: a temporary error is written down and the message
//! is taken. Mail of those who have logged in, over LMTP and from trusted relays is not checked.

use std::sync::Arc;
use std::time::Duration;

use message::header;
use message::limits::FIELD_OCTETS_MAX;
use model::TraceId;
use smtp::envelope::Envelope;
use smtp::server::Kind;

use crate::authentication::check::Inquiry;
use crate::authentication::forged;
use crate::authentication::received;
use crate::authentication::results::{Results, Verdict};
use crate::authentication::service::Authentication;
use crate::authentication::settings::Strictness;
use crate::authentication::sign;
use crate::authentication::trimmed;
use crate::inbound::arrival::{Arrival, Finding};
use crate::inbound::recipient::Accepted;
use crate::inbound::refusal;

/// How long a report waits for those before it, and how long reading it may take.
const REPORT_PATIENCE: Duration = Duration::from_secs(5);

impl Authentication {
    /// Checks a message, writes down what was found, and does what its owner asks for if that is enforced.
    pub async fn examine(&self, arrival: &mut Arrival) -> Finding {
        let origin = &arrival.origin;
        if origin.kind == Kind::Lmtp {
            return Finding::Pass;
        }
        let service = self.settings.service.clone();
        let is_ours = origin.account.is_some() || origin.kind == Kind::Submission;
        let address = origin.peer.ip();
        let is_trusted = address.is_some_and(|ip| self.settings.trusted.iter().any(|network| network.contains(ip)));
        let is_checked = self.settings.check && !is_ours && !is_trusted;
        let is_enforced = is_checked && self.settings.dmarc == Strictness::Enforce;
        if is_enforced && trimmed::has_too_many_fields(&arrival.body) {
            self.signals.unreadable(arrival.trace, "it has too many fields");
            return Finding::Refuse(refusal::too_many_fields());
        }
        if is_enforced && !has_one_author(&arrival.body) {
            self.signals.unreadable(arrival.trace, "nobody can say who its author is");
            return Finding::Refuse(refusal::several_authors());
        }
        if is_checked {
            let sender = arrival.envelope.mail_from.reverse_path.as_ref().map_or_else(String::new, ToString::to_string);
            let inquiry = Inquiry {
                address,
                hello: &origin.hello,
                sender: &sender,
                message: &arrival.body,
                receiver: &service,
                now_secs: self.now_secs(),
            };
            arrival.authentication = self.check(arrival.trace, inquiry).await;
            self.signals.checked(arrival.trace, &arrival.authentication);
            // Who keeps this server busy does not get forgeries past it.
            if arrival.authentication.is_late && self.settings.dmarc == Strictness::Enforce {
                return Finding::Refuse(refusal::filter_away());
            }
        }
        // What a host that we trust has written under our common name stays; a client that logs in is no such host.
        let is_believed = is_trusted && !is_ours;
        if !is_believed && let (std::borrow::Cow::Owned(kept), count) = forged::without(&arrival.body, &service) {
            self.signals.forged(arrival.trace, count);
            arrival.body = kept;
        }
        if !arrival.authentication.checked {
            return Finding::Pass;
        }
        arrival.fields.extend_from_slice(&arrival.authentication.field(&service));
        self.count_message(&arrival.authentication, self.disposition(&arrival.authentication));
        self.enforce(arrival)
    }

    /// A copy of a message to the address for reports of others, which is read when the message is taken.
    pub fn report_in(&self, arrival: &Arrival) -> Option<Vec<u8>> {
        if arrival.origin.kind == Kind::Lmtp || !self.is_for_reports(&arrival.envelope) {
            return None;
        }
        if arrival.body.len() > received::MESSAGE_OCTETS_MAX {
            self.signals.report_unread(arrival.trace, "it is larger than a report needs to be");
            return None;
        }
        Some(arrival.body.clone())
    }

    fn is_for_reports(&self, envelope: &Envelope) -> bool {
        let wanted = &self.settings.report_to;
        let is_wanted = |address: &model::Address| {
            let address = address.to_string();
            wanted.iter().any(|known| known.to_string().eq_ignore_ascii_case(&address))
        };
        envelope.recipients.iter().any(|recipient| is_wanted(&recipient.address))
    }

    /// Reads a report that others send to the address for it, once the message is taken. It is filed like any mail, whether
    /// or not it can be read.
    pub async fn read_report(&self, trace: TraceId, body: Vec<u8>) {
        let unread = |why: &str| self.signals.report_unread(trace, why);
        let now_secs = self.now_secs();
        // One at a time, so that what unpacks to much is there once. The turn goes with the work, which nobody can stop.
        let turn = tokio::time::timeout(REPORT_PATIENCE, Arc::clone(&self.report_turn).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return unread("too many reports come at once") };
        let reading = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            received::read(&body, now_secs)
        });
        let report = match tokio::time::timeout(REPORT_PATIENCE, reading).await {
            Ok(Ok(Ok(report))) => report,
            Ok(Ok(Err(why))) => return unread(&why),
            Ok(Err(_)) | Err(_) => return unread("reading it was given up"),
        };
        let Ok(text) = serde_json::to_vec(&report) else { return };
        let name = [&report.kind, &report.organisation, &report.report_id, &report.domain];
        match self.store.keep_report(now_secs, &name.map(String::as_str), text).await {
            Ok(true) => {
                let kind = if report.kind == "tls" { "tls" } else { "dmarc" };
                self.signals.report_received(trace, kind, &report.domain, &report.organisation);
            }
            Ok(false) => self.signals.report_known(trace, &report.domain, &report.organisation),
            Err(error) => unread(&error.to_string()),
        }
    }

    fn enforce(&self, arrival: &mut Arrival) -> Finding {
        let results = &arrival.authentication;
        if self.settings.spf == Strictness::Enforce && results.spf.verdict == Verdict::Fail && !self.is_vouched(results)
        {
            self.signals.refused(arrival.trace, "SPF", results.spf.verdict);
            return Finding::Refuse(refusal::spf_failed(&results.spf.domain, results.spf.explanation.as_deref()));
        }
        if self.settings.dmarc != Strictness::Enforce
            || results.dmarc.verdict != Verdict::Fail
            || self.is_vouched(results)
        {
            return Finding::Pass;
        }
        match results.dmarc.policy.as_str() {
            "reject" => {
                self.signals.refused(arrival.trace, "DMARC", results.dmarc.verdict);
                Finding::Refuse(refusal::dmarc_failed(&results.dmarc.domain))
            }
            "quarantine" => {
                self.signals.quarantined(arrival.trace);
                arrival.recipients.iter_mut().for_each(Accepted::put_into_junk);
                Finding::Pass
            }
            _ => Finding::Pass,
        }
    }

    /// Whether somebody whom we believe has sealed the message (RFC 8617 §7.2.1).
    fn is_vouched(&self, results: &Results) -> bool {
        let is_known = |known: &String| known.eq_ignore_ascii_case(&results.arc.domain);
        results.arc.verdict == Verdict::Pass && self.settings.sealers.iter().any(is_known)
    }

    /// What was done about a message for DMARC, as reports name it (RFC 7489 Appendix C).
    pub fn disposition(&self, results: &Results) -> &'static str {
        let is_done = self.settings.dmarc == Strictness::Enforce && !self.is_vouched(results);
        match (is_done && results.dmarc.verdict == Verdict::Fail, results.dmarc.policy.as_str()) {
            (true, "reject") => "reject",
            (true, "quarantine") => "quarantine",
            _ => "none",
        }
    }

    /// The message with everything on top, signed if it is ours, sealed if we pass it on. Called when nothing of it
    /// changes any more.
    pub fn finish(&self, arrival: &Arrival, whole: Vec<u8>) -> Vec<u8> {
        let fields = if arrival.origin.account.is_some() {
            self.signatures(arrival, &whole)
        } else if arrival.authentication.checked && arrival.recipients.iter().any(|one| one.route.is_some()) {
            self.seals(arrival, &whole)
        } else {
            None
        };
        match fields {
            Some(fields) if !fields.is_empty() => {
                // Return-Path stays the first (RFC 5321 §4.4); no signature covers it.
                let first = message::header::fields(&whole).next().filter(|field| field.is("Return-Path"));
                let at = first.map_or(0, |field| field.span.of(&whole).len());
                let (path, rest) = whole.split_at_checked(at).unwrap_or((&[], &whole));
                [path, &fields, rest].concat()
            }
            _ => whole,
        }
    }

    fn signatures(&self, arrival: &Arrival, whole: &[u8]) -> Option<Vec<u8>> {
        if !self.settings.sign {
            return None;
        }
        let domain = sign::author_domain(whole)?;
        let keys = self.keys.active(&domain);
        if keys.is_empty() {
            return None;
        }
        if !arrival.is_author {
            self.signals.not_the_author(arrival.trace, &domain);
            return None;
        }
        let signed = tokio::task::block_in_place(|| sign::sign(keys.iter().map(|key| &**key), whole));
        match signed {
            Ok(fields) => {
                self.signals.signed(arrival.trace, &domain, keys.len());
                Some(fields)
            }
            Err(why) => {
                self.signals.sign_failed(arrival.trace, &domain, &why);
                None
            }
        }
    }

    fn seals(&self, arrival: &Arrival, whole: &[u8]) -> Option<Vec<u8>> {
        let domain = self.settings.seal.as_ref()?.as_str().to_owned();
        let keys = self.keys.active(&domain);
        // One seal a hop: by the algorithm that everybody can check, where there is such a key (RFC 8617 §4.1).
        let key = keys.iter().min_by_key(|key| key.kept.algorithm)?;
        let (service, results) = (&self.settings.service, &arrival.authentication);
        let now_secs = self.now_secs();
        let sealed = tokio::task::block_in_place(|| sign::seal(key, service, results, whole, now_secs));
        match sealed {
            Ok(fields) => {
                if fields.is_some() {
                    self.signals.sealed(arrival.trace, &domain);
                }
                fields
            }
            Err(why) => {
                self.signals.sign_failed(arrival.trace, &domain, &why);
                None
            }
        }
    }
}

/// Whether there is not more than one From field (RFC 5322 §3.6), short enough to be read: DMARC has no say in others, and
/// programs that show them pick one (RFC 7489 §6.6.1).
fn has_one_author(message: &[u8]) -> bool {
    let mut fields = header::fields(message).filter(|field| field.is("From"));
    fields.next().is_none_or(|first| first.value.len() <= FIELD_OCTETS_MAX) && fields.next().is_none()
}
