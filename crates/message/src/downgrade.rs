//! Eight-bit messages for seven-bit ways (RFC 6152 §3): the leaf parts that need it are encoded anew, everything else
//! stays octet by octet.

use crate::header;
use crate::limits::LINE_OCTETS_MAX;
use crate::span::Span;
use crate::structure::{Content, Part, Structure};
use crate::transfer::{self, Encoding};
use std::borrow::Cow;

/// Why a message cannot go a seven-bit way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotDowngrade {
    /// A header has octets beyond ASCII; that needs SMTPUTF8 (RFC 6532).
    #[error("the header at octet {at} is not ASCII")]
    Header {
        /// Where the header begins.
        at: u64,
    },
    /// A signed or encrypted part would be broken (RFC 1847 §2.1).
    #[error("the signed or encrypted part at octet {at} must not be changed")]
    Protected {
        /// Where the part begins.
        at: u64,
    },
    /// A part has an encoding that cannot be undone, or is of a kind that may not be encoded (RFC 2046 §5.2).
    #[error("the part at octet {at} cannot be encoded anew")]
    Part {
        /// Where the part begins.
        at: u64,
    },
}

/// Whether a message is seven-bit as it stands: no octet beyond ASCII, no NUL, no long line, no bare CR or LF
/// (RFC 2045 §2.7).
pub fn is_seven_bit(message: &[u8]) -> bool {
    let mut rest = message;
    while !rest.is_empty() {
        let end = memchr::memchr(b'\n', rest);
        let (line, after) = match end {
            Some(end) => (rest.get(..end).unwrap_or_default(), rest.get(end + 1..).unwrap_or_default()),
            None => (rest, &[][..]),
        };
        let content = match (end, line.strip_suffix(b"\r")) {
            (Some(_), Some(content)) => content,
            (Some(_), None) => return false,
            (None, _) => line,
        };
        let is_plain = content.is_ascii() && memchr::memchr2(0, b'\r', content).is_none();
        if !is_plain || content.len() > LINE_OCTETS_MAX {
            return false;
        }
        rest = after;
    }
    true
}

/// The message for a seven-bit way; borrowed if nothing had to change.
pub fn downgrade<'a>(message: &'a [u8], structure: &Structure) -> Result<Cow<'a, [u8]>, CannotDowngrade> {
    if is_seven_bit(message) {
        return Ok(Cow::Borrowed(message));
    }
    let mut writer = Writer { message, output: Vec::with_capacity(message.len() + message.len() / 3) };
    writer.part(&structure.root, Place::Root)?;
    Ok(Cow::Owned(writer.output))
}

/// Where a part stands: only a message has a `MIME-Version:`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    Inside,
}

struct Writer<'a> {
    message: &'a [u8],
    output: Vec<u8>,
}

impl Writer<'_> {
    fn copy(&mut self, span: Span) {
        self.output.extend_from_slice(span.of(self.message));
    }

    fn part(&mut self, part: &Part, place: Place) -> Result<(), CannotDowngrade> {
        let header = part.header.of(self.message);
        if !header.is_ascii() || header.contains(&0) {
            return Err(CannotDowngrade::Header { at: part.header.start });
        }
        if is_seven_bit(part.body.of(self.message)) {
            self.copy(part.whole());
            return Ok(());
        }
        match &part.content {
            Content::Leaf => self.leaf(part, place),
            Content::Message(embedded) => {
                self.header(part, "7bit", place);
                self.part(&embedded.root, Place::Root)
            }
            Content::Multipart(_) if part.subtype == "signed" || part.subtype == "encrypted" => {
                Err(CannotDowngrade::Protected { at: part.header.start })
            }
            Content::Multipart(children) => {
                self.header(part, "7bit", place);
                let mut at = part.body.start;
                for child in children {
                    self.between(Span { start: at, end: child.header.start });
                    self.part(child, Place::Inside)?;
                    at = child.body.end;
                }
                self.between(Span { start: at, end: part.body.end });
                Ok(())
            }
        }
    }

    /// Delimiters, preamble and epilogue. What is beyond ASCII there is for nobody, so it is replaced.
    fn between(&mut self, span: Span) {
        let octets = span.of(self.message).iter();
        self.output.extend(octets.map(|octet| if octet.is_ascii() && *octet != 0 { *octet } else { b'?' }));
    }

    fn leaf(&mut self, part: &Part, place: Place) -> Result<(), CannotDowngrade> {
        let cannot = CannotDowngrade::Part { at: part.header.start };
        // RFC 2046 §5.2: parts of other message types must be seven-bit.
        let encoding = Encoding::named(&part.encoding).filter(|_| part.kind != "message").ok_or(cannot)?;
        let content = transfer::decode(encoding, part.body.of(self.message));
        let name = match encoding {
            Encoding::Base64 => "base64",
            Encoding::QuotedPrintable => "quoted-printable",
            Encoding::Identity if part.kind == "text" && is_mostly_ascii(&content) => "quoted-printable",
            Encoding::Identity => "base64",
        };
        self.header(part, name, place);
        if name == "base64" {
            let lines = transfer::base64_lines(&content);
            // Inside a multipart the line end belongs to the next delimiter.
            let is_ended = part.body.of(self.message).ends_with(b"\n") || place == Place::Root;
            self.output.extend_from_slice(if is_ended { &lines } else { lines.trim_ascii_end() });
        } else {
            self.output.extend_from_slice(&transfer::quoted_printable(&content));
        }
        Ok(())
    }

    /// The header with another encoding; a message that says nothing about its content gets the fields that it needs.
    fn header(&mut self, part: &Part, encoding: &str, place: Place) {
        let header = part.header.of(self.message);
        let has = |name: &str| header::find(header, name).is_some();
        let mut at = 0;
        for field in header::fields(header) {
            if !field.is("content-transfer-encoding") {
                self.output.extend_from_slice(field.span.of(header));
            }
            at = usize::try_from(field.span.end).unwrap_or(usize::MAX);
        }
        if place == Place::Root && !has("mime-version") {
            self.output.extend_from_slice(b"MIME-Version: 1.0\r\n");
        }
        if place == Place::Root && !has("content-type") {
            let is_utf8 = std::str::from_utf8(part.body.of(self.message)).is_ok();
            let charset = if is_utf8 { "utf-8" } else { "unknown-8bit" };
            self.output.extend_from_slice(format!("Content-Type: text/plain; charset={charset}\r\n").as_bytes());
        }
        self.output.extend_from_slice(format!("Content-Transfer-Encoding: {encoding}\r\n").as_bytes());
        self.output.extend_from_slice(header.get(at..).unwrap_or_default());
    }
}

fn is_mostly_ascii(content: &[u8]) -> bool {
    let beyond = content.iter().filter(|octet| !octet.is_ascii() || **octet == 0).count();
    beyond * 4 <= content.len()
}

#[cfg(test)]
mod tests;
