//! The field that goes with mail to a scanner and comes back with it: the envelope as it was, signed, and only good for a time.
//! `Heliograph-Detour: 1.PASSAGE.SIGNATURE`, both in base64 with the alphabet for URLs, folded anywhere.
//!
//! A scanner need know nothing of it, nor of delivery reports (RFC 3461): what it hands back is put right by the field. The
//! signature is checked before anything of the passage is looked at.

use crate::channels::brought::Brought;
use crate::channels::key::Key;
use crate::channels::limits::{DETOUR_RECIPIENTS_MAX, FIELD_OCTETS_MAX, PASSAGE_OCTETS_MAX};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{Address, Timestamp};
use queue::entry::Scores;
use serde::{Deserialize, Serialize};
use smtp::envelope::{DeliverBy, DeliverByMode, MailFrom, Notify, OriginalRecipient, RcptTo, Returned};

/// The field's name.
pub const FIELD: &str = "Heliograph-Detour";
/// Characters of a line of the folded field.
const LINE_CHARACTERS: usize = 72;
const VERSION: &str = "1";

/// What is known of a message when it goes to a scanner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// How it came; the last channel that it has passed is the one by which it goes now.
    pub brought: Brought,
    /// Until when it may come back.
    pub until: Timestamp,
    /// Who had logged in to send it.
    pub login: Option<String>,
    /// The sender's half of the envelope. The time for DELIVERBY counts from `deliver_from`.
    pub mail_from: MailFrom,
    /// From when the time for DELIVERBY counts.
    pub deliver_from: Timestamp,
    /// What filters thought of it.
    pub scores: Scores,
    /// The recipients of this transaction, each with the Sieve fragments that were written for it.
    pub recipients: Vec<(RcptTo, Vec<String>)>,
}

/// Why a field is no passage of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOurs {
    /// It does not have the form.
    #[error("it does not have the form of one")]
    Form,
    /// It is longer than any of ours.
    #[error("it is longer than any that we make")]
    Length,
    /// We did not sign it.
    #[error("we did not sign it")]
    Signature,
    /// It came too late.
    #[error("its time is over")]
    Expired,
}

/// The passage as it is signed.
#[derive(Serialize, Deserialize)]
struct Written {
    /// How it came.
    b: String,
    /// Until when, in milliseconds since 1970.
    u: u64,
    /// Who had logged in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    l: Option<String>,
    /// The reverse-path; empty for none.
    f: String,
    /// ENVID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    e: Option<String>,
    /// RET: whether the whole is returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    r: Option<bool>,
    /// REQUIRETLS, SMTPUTF8.
    q: (bool, bool),
    /// BY: seconds, whether the mode is notify, whether it is traced; and from when it counts, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    d: Option<(i64, bool, bool, u64)>,
    /// MT-PRIORITY.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    p: Option<i8>,
    /// What filters thought of it.
    s: (Option<u8>, Option<u8>),
    /// The recipients.
    t: Vec<WrittenRecipient>,
}

#[derive(Serialize, Deserialize)]
struct WrittenRecipient {
    /// The address.
    a: String,
    /// NOTIFY: success, failure, delay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    n: Option<(bool, bool, bool)>,
    /// ORCPT: type and address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    o: Option<(String, String)>,
    /// Sieve fragments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    i: Vec<String>,
}

impl Passage {
    /// How many of the recipients, from the first on, fit into one field; at least one, and always one alone.
    pub fn fitting(recipients: &[(&RcptTo, &[String])]) -> usize {
        // Base64 is made of JSON, which at worst writes an octet as six; what is not told of each is little.
        let octets = |(rcpt, instructions): &(&RcptTo, &[String])| {
            let original = rcpt.original.as_ref().map_or(0, |one| one.kind.len() + one.address.len());
            let text = rcpt.address.to_string().len() + original;
            64 + 2 * (text + instructions.iter().map(|one| one.len() + 4).sum::<usize>())
        };
        let mut room = PASSAGE_OCTETS_MAX / 2;
        let fits = recipients.iter().take(DETOUR_RECIPIENTS_MAX).take_while(|one| {
            let octets = octets(one);
            let fits = octets <= room;
            room = room.saturating_sub(octets);
            fits
        });
        fits.count().max(1)
    }

    /// The whole field with its line end; `None` when it would be larger than a field may be.
    pub fn field(&self, key: &Key) -> Option<Vec<u8>> {
        let passage = serde_json::to_vec(&self.written()).ok().filter(|octets| octets.len() <= PASSAGE_OCTETS_MAX)?;
        let text = format!("{VERSION}.{}", URL_SAFE_NO_PAD.encode(passage));
        let text = format!("{text}.{}", URL_SAFE_NO_PAD.encode(key.sign(text.as_bytes())));
        let (first, rest) = text.split_at_checked(LINE_CHARACTERS - FIELD.len()).unwrap_or((&text, ""));
        let mut field = format!("{FIELD}: {first}").into_bytes();
        for line in rest.as_bytes().chunks(LINE_CHARACTERS) {
            field.extend_from_slice(b"\r\n ");
            field.extend_from_slice(line);
        }
        field.extend_from_slice(b"\r\n");
        (field.len() <= FIELD_OCTETS_MAX).then_some(field)
    }

    /// Reads the value of a field.
    ///
    /// # Errors
    /// [`NotOurs`].
    pub fn read(value: &[u8], key: &Key, now: Timestamp) -> Result<Passage, NotOurs> {
        if value.len() > FIELD_OCTETS_MAX {
            return Err(NotOurs::Length);
        }
        let text: Vec<u8> = value.iter().copied().filter(|octet| !octet.is_ascii_whitespace()).collect();
        let text = std::str::from_utf8(&text).map_err(|_| NotOurs::Form)?;
        let (signed, signature) = text.rsplit_once('.').ok_or(NotOurs::Form)?;
        let (version, passage) = signed.split_once('.').ok_or(NotOurs::Form)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| NotOurs::Form)?;
        if version != VERSION {
            return Err(NotOurs::Form);
        }
        if !key.verifies(signed.as_bytes(), &signature) {
            return Err(NotOurs::Signature);
        }
        let passage = URL_SAFE_NO_PAD.decode(passage).map_err(|_| NotOurs::Form)?;
        let passage = Passage::of_octets(&passage).ok_or(NotOurs::Form)?;
        if passage.until < now { Err(NotOurs::Expired) } else { Ok(passage) }
    }

    /// What was signed.
    pub(crate) fn of_octets(octets: &[u8]) -> Option<Passage> {
        let written: Written = serde_json::from_slice(octets).ok()?;
        if written.t.len() > DETOUR_RECIPIENTS_MAX {
            return None;
        }
        let recipients: Option<Vec<(RcptTo, Vec<String>)>> =
            written.t.into_iter().map(WrittenRecipient::recipient).collect();
        let reverse_path = match written.f.as_str() {
            "" => None,
            text => Some(text.parse::<Address>().ok()?),
        };
        let mode = |notifies| if notifies { DeliverByMode::Notify } else { DeliverByMode::Return };
        let mail_from = MailFrom {
            reverse_path,
            envelope_id: written.e,
            returned: written.r.map(|full| if full { Returned::Full } else { Returned::Headers }),
            require_tls: written.q.0,
            smtputf8: written.q.1,
            deliver_by: written.d.map(|(secs, notifies, trace, _)| DeliverBy { secs, mode: mode(notifies), trace }),
            priority: written.p,
            ..MailFrom::default()
        };
        Some(Passage {
            brought: Brought::read(&written.b),
            until: Timestamp(written.u),
            login: written.l,
            mail_from,
            deliver_from: Timestamp(written.d.map_or(0, |(.., from)| from)),
            scores: Scores { spam_percent: written.s.0, virus: written.s.1 },
            recipients: recipients?,
        })
    }

    fn written(&self) -> Written {
        let mail = &self.mail_from;
        let by = |by: DeliverBy| (by.secs, by.mode == DeliverByMode::Notify, by.trace, self.deliver_from.0);
        Written {
            b: self.brought.to_string(),
            u: self.until.0,
            l: self.login.clone(),
            f: mail.reverse_path.as_ref().map(ToString::to_string).unwrap_or_default(),
            e: mail.envelope_id.clone(),
            r: mail.returned.map(|returned| returned == Returned::Full),
            q: (mail.require_tls, mail.smtputf8),
            d: mail.deliver_by.map(by),
            p: mail.priority,
            s: (self.scores.spam_percent, self.scores.virus),
            t: self.recipients.iter().map(WrittenRecipient::of).collect(),
        }
    }

    /// The sender's half of the envelope at a later moment: of the time for DELIVERBY what is left.
    pub fn mail_from_at(&self, now: Timestamp) -> MailFrom {
        let mut mail = self.mail_from.clone();
        if let Some(by) = &mut mail.deliver_by {
            let used = i64::try_from(now.since(self.deliver_from).as_secs()).unwrap_or(i64::MAX);
            by.secs = by.secs.saturating_sub(used);
        }
        mail
    }

    /// What was said of a recipient that came back.
    pub fn recipient(&self, address: &Address) -> Option<&(RcptTo, Vec<String>)> {
        let same = |text: &str| text.eq_ignore_ascii_case(&address.to_string());
        self.recipients.iter().find(|(rcpt, _)| same(&rcpt.address.to_string()))
    }
}

impl WrittenRecipient {
    fn of((rcpt, instructions): &(RcptTo, Vec<String>)) -> WrittenRecipient {
        WrittenRecipient {
            a: rcpt.address.to_string(),
            n: rcpt.notify.map(|notify| (notify.success, notify.failure, notify.delay)),
            o: rcpt.original.as_ref().map(|original| (original.kind.clone(), original.address.clone())),
            i: instructions.clone(),
        }
    }

    fn recipient(self) -> Option<(RcptTo, Vec<String>)> {
        let notify = self.n.map(|(success, failure, delay)| Notify { success, failure, delay });
        let original = self.o.map(|(kind, address)| OriginalRecipient { kind, address });
        Some((RcptTo { address: self.a.parse().ok()?, notify, original }, self.i))
    }
}

#[cfg(test)]
mod tests;
