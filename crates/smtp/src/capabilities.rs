//! What a server offers in its reply to EHLO and LHLO, and what it therefore takes.

use crate::envelope::{BodyKind, MailFrom};
use crate::offence::Offence;
use model::Timestamp;

/// The extensions of one listener. Each is offered only where it works to the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Largest message in octets (RFC 1870); 0 means no limit of its own.
    pub size_octets_max: u64,
    /// Whether STARTTLS can be used (RFC 3207); offered only in plain text.
    pub starttls: bool,
    /// SASL mechanisms in the order of preference (RFC 4954); empty means no AUTH.
    pub mechanisms: Vec<String>,
    /// Whether AUTH is offered in plain text: only for a demonstration on loopback.
    pub plaintext_auth: bool,
    /// RFC 6531.
    pub smtputf8: bool,
    /// RFC 3030: BDAT, and with it BINARYMIME.
    pub chunking: bool,
    /// RFC 3461.
    pub dsn: bool,
    /// RFC 8689; offered only under TLS.
    pub require_tls: bool,
    /// RFC 2852.
    pub deliver_by: bool,
    /// RFC 4865: the longest time in seconds that a message can be held; `None` offers nothing.
    pub hold_secs_max: Option<u64>,
    /// RFC 6710.
    pub priority: bool,
    /// RFC 9422: recipients in one transaction.
    pub recipients_max: usize,
    /// RFC 9422: transactions in one session; 0 means no limit.
    pub transactions_max: usize,
}

/// What of the session decides which extensions stand in the list.
#[derive(Clone, Copy, Debug)]
pub struct Offer {
    /// Whether TLS is on.
    pub tls: bool,
    /// Whether the client has logged in.
    pub authenticated: bool,
    /// Now, for the latest moment of FUTURERELEASE.
    pub now: Timestamp,
}

impl Capabilities {
    /// Whether AUTH may be used in this state.
    pub fn offers_auth(&self, tls: bool) -> bool {
        !self.mechanisms.is_empty() && (tls || self.plaintext_auth)
    }

    /// The mechanisms that can be used in this state: those with channel binding need TLS.
    pub fn mechanisms(&self, tls: bool) -> impl Iterator<Item = &String> {
        self.mechanisms.iter().filter(move |name| tls || !name.ends_with("-PLUS"))
    }

    /// The lines of the reply after the first, in the order in which they are printed.
    pub fn lines(&self, offer: Offer) -> Vec<String> {
        let mut lines = vec!["PIPELINING".to_owned(), "8BITMIME".to_owned(), "ENHANCEDSTATUSCODES".to_owned()];
        lines.push(if self.size_octets_max == 0 {
            "SIZE".to_owned()
        } else {
            format!("SIZE {}", self.size_octets_max)
        });
        if self.starttls && !offer.tls {
            lines.push("STARTTLS".to_owned());
        }
        if self.offers_auth(offer.tls) && !offer.authenticated {
            let names: Vec<&str> = self.mechanisms(offer.tls).map(String::as_str).collect();
            lines.push(format!("AUTH {}", names.join(" ")));
        }
        if self.smtputf8 {
            lines.push("SMTPUTF8".to_owned());
        }
        if self.chunking {
            lines.push("CHUNKING".to_owned());
            lines.push("BINARYMIME".to_owned());
        }
        if self.dsn {
            lines.push("DSN".to_owned());
        }
        if self.require_tls && offer.tls {
            lines.push("REQUIRETLS".to_owned());
        }
        if self.deliver_by {
            lines.push("DELIVERBY".to_owned());
        }
        if let Some(secs) = self.hold_secs_max {
            let latest = Timestamp::from_secs(offer.now.secs().saturating_add(secs)).to_string();
            let latest = latest.split('.').next().unwrap_or_default();
            lines.push(format!("FUTURERELEASE {secs} {latest}Z"));
        }
        if self.priority {
            lines.push("MT-PRIORITY".to_owned());
        }
        let mut limits = format!("LIMITS RCPTMAX={}", self.recipients_max);
        if self.transactions_max > 0 {
            limits.push_str(&format!(" MAILMAX={}", self.transactions_max));
        }
        lines.push(limits);
        lines
    }

    /// Refuses what `MAIL FROM` asks for and this listener does not offer (RFC 5321 §4.1.1.11).
    pub fn check_mail(&self, mail: &MailFrom, offer: Offer) -> Result<(), Offence> {
        let unknown = |name: &str| Err(Offence::UnknownParameter { name: name.to_owned() });
        if mail.smtputf8 && !self.smtputf8 {
            return unknown("SMTPUTF8");
        }
        if mail.body == BodyKind::BinaryMime && !self.chunking {
            return unknown("BODY=BINARYMIME");
        }
        if (mail.returned.is_some() || mail.envelope_id.is_some()) && !self.dsn {
            return unknown("RET and ENVID");
        }
        if mail.require_tls && !(self.require_tls && offer.tls) {
            return unknown("REQUIRETLS");
        }
        if mail.deliver_by.is_some() && !self.deliver_by {
            return unknown("BY");
        }
        if mail.priority.is_some() && !self.priority {
            return unknown("MT-PRIORITY");
        }
        if let Some(hold) = mail.hold {
            self.check_hold(hold, offer)?;
        }
        if mail.submitter.is_some() && self.mechanisms.is_empty() {
            return unknown("AUTH");
        }
        if self.size_octets_max > 0 && mail.size_octets.is_some_and(|size| size > self.size_octets_max) {
            return Err(Offence::MessageTooLarge { limit_octets: self.size_octets_max });
        }
        if !mail.smtputf8 && mail.reverse_path.as_ref().is_some_and(|address| !address.is_ascii()) {
            return Err(Offence::NeedsSmtpUtf8);
        }
        Ok(())
    }

    fn check_hold(&self, hold: crate::envelope::Hold, offer: Offer) -> Result<(), Offence> {
        let Some(most) = self.hold_secs_max else {
            return Err(Offence::UnknownParameter { name: "HOLDFOR and HOLDUNTIL".to_owned() });
        };
        let secs = match hold {
            crate::envelope::Hold::ForSecs(secs) => secs,
            crate::envelope::Hold::Until(until) => until.secs().saturating_sub(offer.now.secs()),
        };
        if secs > most {
            return Err(Offence::BadParameter { name: "HOLDFOR or HOLDUNTIL" });
        }
        Ok(())
    }
}
