//! ENVELOPE and BODYSTRUCTURE (RFC 9051 §7.5.2).

use imap::write::{nstring, string};
use message::address::Entry;
use message::envelope::Envelope;
use message::parameter::{self, Parameter};
use message::structure::{Content, Disposition, Part};
use std::io::Write as _;

/// Appends an envelope.
pub fn envelope(out: &mut Vec<u8>, envelope: &Envelope, utf8: bool) {
    let text = |text: &Option<String>, out: &mut Vec<u8>| nstring(out, text.as_ref().map(String::as_bytes), utf8);
    out.push(b'(');
    text(&envelope.date, out);
    out.push(b' ');
    text(&envelope.subject, out);
    for list in [
        envelope.from.as_slice(),
        envelope.sender_or_from(),
        envelope.reply_to_or_from(),
        &envelope.to,
        &envelope.cc,
        &envelope.bcc,
    ] {
        out.push(b' ');
        addresses(out, list, utf8);
    }
    out.push(b' ');
    text(&envelope.in_reply_to, out);
    out.push(b' ');
    text(&envelope.message_id, out);
    out.push(b')');
}

fn addresses(out: &mut Vec<u8>, entries: &[Entry], utf8: bool) {
    if entries.is_empty() {
        return out.extend_from_slice(b"NIL");
    }
    let mut address = |name: Option<&str>, route: Option<&str>, local: Option<&str>, domain: Option<&str>| {
        out.push(b'(');
        for (at, part) in [name, route, local, domain].into_iter().enumerate() {
            if at > 0 {
                out.push(b' ');
            }
            nstring(out, part.map(str::as_bytes), utf8);
        }
        out.push(b')');
    };
    let mut written: Vec<(Option<&str>, Option<&str>, Option<&str>, Option<&str>)> = Vec::new();
    for entry in entries {
        match entry {
            Entry::Mailbox(mailbox) => written.push((
                mailbox.name.as_deref(),
                mailbox.route.as_deref(),
                Some(&mailbox.local),
                Some(&mailbox.domain),
            )),
            Entry::Group { name, members } => {
                // A group begins with its name alone and ends with nothing at all.
                written.push((None, None, Some(name), None));
                for mailbox in members {
                    written.push((
                        mailbox.name.as_deref(),
                        mailbox.route.as_deref(),
                        Some(&mailbox.local),
                        Some(&mailbox.domain),
                    ));
                }
                written.push((None, None, None, None));
            }
        }
    }
    address_list(&written, &mut address);
}

type Written<'a> = (Option<&'a str>, Option<&'a str>, Option<&'a str>, Option<&'a str>);

fn address_list<'a>(
    written: &[Written<'a>],
    address: &mut impl FnMut(Option<&'a str>, Option<&'a str>, Option<&'a str>, Option<&'a str>),
) {
    for (name, route, local, domain) in written {
        address(*name, *route, *local, *domain);
    }
}

/// Appends the structure of a part; `extended` adds what BODYSTRUCTURE has and BODY has not.
pub fn body(out: &mut Vec<u8>, part: &Part, extended: bool, utf8: bool) {
    out.push(b'(');
    match &part.content {
        Content::Multipart(parts) => {
            parts.iter().for_each(|inner| body(out, inner, extended, utf8));
            out.push(b' ');
            upper(out, &part.subtype);
            if extended {
                out.push(b' ');
                parameters(out, &part.parameters, utf8);
                extension(out, part, utf8);
            }
        }
        content => {
            single(out, part, utf8);
            if let Content::Message(embedded) = content {
                out.push(b' ');
                envelope(out, &embedded.envelope, utf8);
                out.push(b' ');
                body(out, &embedded.root, extended, utf8);
                let _infallible = write!(out, " {}", part.lines);
            } else if part.kind == "text" {
                let _infallible = write!(out, " {}", part.lines);
            }
            if extended {
                out.push(b' ');
                nstring(out, part.md5.as_ref().map(String::as_bytes), utf8);
                extension(out, part, utf8);
            }
        }
    }
    out.push(b')');
}

fn single(out: &mut Vec<u8>, part: &Part, utf8: bool) {
    upper(out, &part.kind);
    out.push(b' ');
    upper(out, &part.subtype);
    out.push(b' ');
    parameters(out, &part.parameters, utf8);
    out.push(b' ');
    nstring(out, part.id.as_ref().map(String::as_bytes), utf8);
    out.push(b' ');
    nstring(out, part.description.as_ref().map(String::as_bytes), utf8);
    out.push(b' ');
    upper(out, &part.encoding);
    let _infallible = write!(out, " {}", part.body.octets());
}

/// Types are shown in capitals, as the standard's examples have them.
fn upper(out: &mut Vec<u8>, text: &str) {
    string(out, text.to_ascii_uppercase().as_bytes(), true);
}

fn parameters(out: &mut Vec<u8>, list: &[Parameter], utf8: bool) {
    if list.is_empty() {
        return out.extend_from_slice(b"NIL");
    }
    // Clients that do not know UTF-8 get RFC 2231 or encoded words, as they know them.
    let ascii;
    let list = if utf8 {
        list
    } else {
        ascii = parameter::ascii(list);
        &ascii
    };
    out.push(b'(');
    for (at, parameter) in list.iter().enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        upper(out, &parameter.name);
        out.push(b' ');
        string(out, parameter.value.as_bytes(), utf8);
    }
    out.push(b')');
}

/// Disposition, language, location.
fn extension(out: &mut Vec<u8>, part: &Part, utf8: bool) {
    out.push(b' ');
    match &part.disposition {
        None => out.extend_from_slice(b"NIL"),
        Some(Disposition { kind, parameters: list }) => {
            out.push(b'(');
            upper(out, kind);
            out.push(b' ');
            parameters(out, list, utf8);
            out.push(b')');
        }
    }
    out.push(b' ');
    match part.languages.as_slice() {
        [] => out.extend_from_slice(b"NIL"),
        languages => {
            out.push(b'(');
            for (at, language) in languages.iter().enumerate() {
                if at > 0 {
                    out.push(b' ');
                }
                string(out, language.as_bytes(), utf8);
            }
            out.push(b')');
        }
    }
    out.push(b' ');
    nstring(out, part.location.as_ref().map(String::as_bytes), utf8);
}
