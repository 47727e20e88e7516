//! The fields that are put on top of a message: Return-Path, Received, and on submission what is missing.

use message::edit::{self, Prefix};
use model::{Address, Timestamp, TraceId};
use net::Endpoint;
use smtp::server::Kind;

/// What is known of the way on which a message came.
pub struct Way<'a> {
    /// How the client named itself.
    pub hello: &'a str,
    /// Whether it said EHLO.
    pub is_extended: bool,
    /// From where it came.
    pub peer: Endpoint,
    /// This server.
    pub host: &'a str,
    /// The protocol.
    pub kind: Kind,
    /// Whether TLS is on.
    pub tls: bool,
    /// Whether it has logged in.
    pub authenticated: bool,
    /// Whether SMTPUTF8 was asked for.
    pub smtputf8: bool,
    /// The transaction's name.
    pub trace: TraceId,
    /// The envelope sender.
    pub reverse_path: Option<&'a Address>,
    /// The recipient if there is one alone; others must not learn of each other (RFC 5321 §7.2).
    pub only_recipient: Option<&'a Address>,
    /// Now.
    pub now: Timestamp,
    /// Whether this is the final delivery: only then the reverse-path is written down (RFC 5321 §4.4).
    pub is_final: bool,
}

/// The octets to put in front of `message`; `fields` are whole fields that go below Received.
pub fn make(way: &Way<'_>, fields: &[u8], message: &[u8]) -> Vec<u8> {
    let mut prefix = Prefix::new();
    if way.is_final {
        prefix.return_path(way.reverse_path);
    }
    prefix.field("Received", &received(way));
    if way.kind == Kind::Submission {
        let domain = way.reverse_path.map_or_else(|| way.host.to_owned(), |address| address.domain.to_string());
        edit::complete(message, way.now, &format!("{}.{}@{domain}", way.trace, way.now.0), &mut prefix);
    }
    // What does not begin with a field would otherwise swallow the first line of the body.
    if !edit::begins_with_field(message) {
        return [&prefix.into_octets(), fields, b"\r\n"].concat();
    }
    let mut octets = prefix.into_octets();
    octets.extend_from_slice(fields);
    octets
}

/// The field that final delivery puts on top (RFC 5321 §4.4).
pub fn return_path(reverse_path: Option<&Address>) -> Vec<u8> {
    let mut prefix = Prefix::new();
    prefix.return_path(reverse_path);
    prefix.into_octets()
}

/// The value of the Received field (RFC 5321 §4.4), with the protocol's name of RFC 3848 and RFC 6531 §4.3.
fn received(way: &Way<'_>) -> String {
    let from = match way.peer.ip() {
        Some(ip) => format!("{} ([{ip}])", way.hello),
        None => format!("{} (local socket)", way.hello),
    };
    let base = match (way.kind, way.smtputf8, way.is_extended) {
        (Kind::Lmtp, false, _) => "LMTP",
        (Kind::Lmtp, true, _) => "UTF8LMTP",
        (_, true, _) => "UTF8SMTP",
        (_, false, true) => "ESMTP",
        (_, false, false) => "SMTP",
    };
    let with = format!("{base}{}{}", if way.tls { "S" } else { "" }, if way.authenticated { "A" } else { "" });
    let to = way.only_recipient.map_or_else(String::new, |address| format!(" for <{address}>"));
    format!("from {from} by {} with {with} id {}{to}; {}", way.host, way.trace, way.now.rfc5322())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_say_how_it_came() {
        let (sender, recipient) = ("a@b.test".parse().unwrap(), "c@d.test".parse().unwrap());
        let way = Way {
            hello: "client.test",
            is_extended: true,
            peer: Endpoint::Ip("192.0.2.1:5000".parse().unwrap()),
            host: "mx.test",
            kind: Kind::Smtp,
            tls: true,
            authenticated: false,
            smtputf8: false,
            trace: TraceId(7),
            reverse_path: Some(&sender),
            only_recipient: Some(&recipient),
            now: Timestamp::from_secs(880_127_706),
            is_final: true,
        };
        let text = String::from_utf8(make(&way, b"", b"Subject: x\r\n\r\n")).unwrap();
        let unfolded = text.replace("\r\n ", " ").replace("\r\n\t", " ");
        assert!(unfolded.starts_with("Return-Path: <a@b.test>\r\nReceived: from client.test ([192.0.2.1])"), "{text}");
        assert!(
            unfolded.contains("by mx.test with ESMTPS id 0000000000000007 for <c@d.test>; Fri, 21 Nov 1997"),
            "{text}"
        );
        let submission = Way { kind: Kind::Submission, ..way };
        let text = String::from_utf8(make(&submission, b"", b"Subject: x\r\n\r\n")).unwrap();
        assert!(text.contains("Message-ID: <") && text.contains("Date: "), "{text}");
    }
}
