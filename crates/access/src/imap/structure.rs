//! ENVELOPE and BODYSTRUCTURE (RFC 9051 §7.5.2).

use imap::write::{nstring, string};
use message::address::{Entry, Mailbox};
use message::envelope::Envelope;
use message::parameter::Parameter;
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

/// An address as its four parts.
type Address<'a> = [Option<&'a str>; 4];

fn addresses(out: &mut Vec<u8>, entries: &[Entry], utf8: bool) {
    if entries.is_empty() {
        return out.extend_from_slice(b"NIL");
    }
    out.push(b'(');
    for entry in entries {
        match entry {
            Entry::Mailbox(one) => address(out, mailbox(one), utf8),
            Entry::Group { name, members } => {
                // A group begins with its name alone and ends with nothing at all.
                address(out, [None, None, Some(name), None], utf8);
                members.iter().for_each(|member| address(out, mailbox(member), utf8));
                address(out, [None; 4], utf8);
            }
        }
    }
    out.push(b')');
}

fn mailbox(mailbox: &Mailbox) -> Address<'_> {
    [mailbox.name.as_deref(), mailbox.route.as_deref(), Some(&mailbox.local), Some(&mailbox.domain)]
}

fn address(out: &mut Vec<u8>, parts: Address<'_>, utf8: bool) {
    out.push(b'(');
    for (at, part) in parts.into_iter().enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        nstring(out, part.map(str::as_bytes), utf8);
    }
    out.push(b')');
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
    out.push(b'(');
    for (at, parameter) in list.iter().enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        // Clients that do not know UTF-8 get the encoding of RFC 2231, as they know it.
        let (name, value) = if utf8 { (parameter.name.clone(), parameter.value.clone()) } else { parameter.ascii() };
        upper(out, &name);
        out.push(b' ');
        string(out, value.as_bytes(), utf8);
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
