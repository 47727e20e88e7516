//! What a message needs of the host that takes it, and how it goes without where that is possible.

use bytes::Bytes;
use message::downgrade;
use message::header;
use message::parse;
use smtp::client::Offered;
use smtp::envelope::{BodyKind, DeliverByMode, Envelope};
use smtp::reply::Reply;
use smtp::status::EnhancedStatus;
use std::borrow::Cow;

/// Fits envelope and body to what a host offers, or says why they cannot be.
pub fn fit(envelope: &mut Envelope, body: &Bytes, offered: &Offered) -> Result<Bytes, Reply> {
    let mail = &mut envelope.mail_from;
    if mail.require_tls && !offered.has("REQUIRETLS") {
        return Err(refuse(5, 7, 30, "the next host does not know REQUIRETLS"));
    }
    let returns = mail.deliver_by.is_some_and(|by| by.mode == DeliverByMode::Return);
    if returns && !offered.has("DELIVERBY") {
        return Err(refuse(5, 3, 3, "the next host cannot promise a time of delivery"));
    }
    if !offered.has("SMTPUTF8") {
        let head = body.get(..header::octets(body)).unwrap_or(body);
        let paths = mail.reverse_path.iter().chain(envelope.recipients.iter().map(|recipient| &recipient.address));
        // A header beyond ASCII from a client that never spoke of SMTPUTF8 is no internationalised message, only a wrong
        // one: it is passed on as it came, as the octets of a body are.
        let is_international = mail.smtputf8 && !head.is_ascii();
        if is_international || paths.into_iter().any(|address| !address.is_ascii()) {
            return Err(refuse(5, 6, 7, "the next host takes no addresses or headers beyond ASCII"));
        }
        mail.smtputf8 = false;
    } else if !body.is_ascii() {
        let head = body.get(..header::octets(body)).unwrap_or(body);
        mail.smtputf8 |= !head.is_ascii();
    }
    let fitted = fit_body(mail.body, body, offered)?;
    mail.body = match mail.body {
        BodyKind::BinaryMime if offered.has("BINARYMIME") && offered.has("CHUNKING") => BodyKind::BinaryMime,
        _ if fitted.is_ascii() => BodyKind::SevenBit,
        _ => BodyKind::EightBitMime,
    };
    let octets = fitted.len() as u64;
    if let Some(most) = offered.size_octets_max().filter(|most| octets > *most) {
        return Err(refuse(5, 3, 4, &format!("the next host takes at most {most} octets")));
    }
    mail.size_octets = Some(octets);
    Ok(fitted)
}

/// Whether the sender values arrival over privacy: `TLS-Required: No` (RFC 8689 §3).
pub fn waives_tls(body: &[u8]) -> bool {
    header::find(body, "TLS-Required").is_some_and(|field| field.unfolded().trim().eq_ignore_ascii_case("no"))
}

fn fit_body(kind: BodyKind, body: &Bytes, offered: &Offered) -> Result<Bytes, Reply> {
    let goes = match kind {
        BodyKind::BinaryMime => offered.has("BINARYMIME") && offered.has("CHUNKING"),
        BodyKind::SevenBit | BodyKind::EightBitMime => body.is_ascii() || offered.has("8BITMIME"),
    };
    if goes {
        return Ok(body.clone());
    }
    match downgrade::downgrade(body, &parse::structure(body)) {
        Ok(Cow::Borrowed(_)) => Ok(body.clone()),
        Ok(Cow::Owned(octets)) => Ok(octets.into()),
        Err(why) => Err(refuse(5, 6, 3, &format!("the message cannot go to the next host: {why}"))),
    }
}

fn refuse(class: u8, subject: u16, detail: u16, text: &str) -> Reply {
    Reply::new(554, EnhancedStatus::new(class, subject, detail), text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use smtp::envelope::{MailFrom, RcptTo};

    fn fitted(smtputf8: bool, to: &str, body: &'static [u8], offers: &[&str]) -> Result<(Envelope, Bytes), Reply> {
        let lines = std::iter::once("mx.test").chain(offers.iter().copied()).map(str::to_owned).collect();
        let offered = Offered::read(&Reply { code: 250, status: None, lines });
        let address = to.parse().unwrap();
        let mail_from = MailFrom { smtputf8, body: BodyKind::EightBitMime, ..MailFrom::default() };
        let mut envelope = Envelope { mail_from, recipients: vec![RcptTo { address, notify: None, original: None }] };
        let body = fit(&mut envelope, &Bytes::from_static(body), &offered)?;
        Ok((envelope, body))
    }

    #[test]
    fn international_mail_goes_only_where_it_is_taken() {
        let message = "Subject: Grüße\r\n\r\nx\r\n".as_bytes();
        let status = |result: Result<(Envelope, Bytes), Reply>| result.err().and_then(|reply| reply.status);
        let refused = Some(EnhancedStatus::new(5, 6, 7));
        assert_eq!(status(fitted(true, "a@b.test", message, &["8BITMIME"])), refused);
        assert_eq!(status(fitted(false, "ä@b.test", b"Subject: x\r\n\r\n", &["8BITMIME"])), refused);
        let (envelope, _) = fitted(true, "ä@b.test", message, &["8BITMIME", "SMTPUTF8"]).unwrap();
        assert!(envelope.mail_from.smtputf8);
    }

    #[test]
    fn ascii_mail_sheds_the_wish_and_wrong_headers_are_passed_on() {
        let (envelope, _) = fitted(true, "a@b.test", b"Subject: x\r\n\r\n", &[]).unwrap();
        assert!(!envelope.mail_from.smtputf8 && envelope.mail_from.body == BodyKind::SevenBit);
        let wrong = b"Subject: Gr\xfc\xdfe\r\n\r\nx\r\n";
        let (envelope, body) = fitted(false, "a@b.test", wrong, &["8BITMIME"]).unwrap();
        assert_eq!((&body[..], envelope.mail_from.body), (&wrong[..], BodyKind::EightBitMime));
    }
}
