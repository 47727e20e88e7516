//! Header fields and their places (RFC 5322 §2.2, §3.6.8, §4.5; RFC 6532). Bare LF ends a line as CRLF does; a line
//! that is neither a field nor a continuation is a field without a name.

use crate::charset;
use crate::limits::{FIELD_OCTETS_MAX, FIELDS_MAX};
use crate::span::Span;
use crate::word;
use memchr::memchr;
use std::borrow::Cow;

/// One field of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// The name as it came, without white space before the colon; empty for a line that is no field.
    pub name: &'a [u8],
    /// What follows the colon, folded as it came, without the last line end.
    pub value: &'a [u8],
    /// The place of the whole field with its last line end, counted from the start of the header.
    pub span: Span,
}

impl<'a> Field<'a> {
    /// Whether this is the field of that name.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// The value on one line, white space around it removed. Octets that are not UTF-8 are read as windows-1252.
    pub fn unfolded(&self) -> Cow<'a, str> {
        unfold(self.value)
    }

    /// The unfolded value with encoded words decoded (RFC 2047).
    pub fn decoded(&self) -> String {
        word::decode(&self.unfolded()).into_owned()
    }
}

/// The length of the header of `message` with the empty line that ends it; all of it if there is none.
pub fn octets(message: &[u8]) -> usize {
    let mut at = 0;
    loop {
        let rest = message.get(at..).unwrap_or_default();
        if let Some(length) = empty_line(rest) {
            return at + length;
        }
        match memchr(b'\n', rest) {
            Some(end) => at += end + 1,
            None => return message.len(),
        }
    }
}

/// The fields of a header, or of a message: stops at the first empty line, and after [`FIELDS_MAX`].
pub fn fields(message: &[u8]) -> Fields<'_> {
    Fields { message, at: 0, left: FIELDS_MAX }
}

/// All fields, however many: for those who take some out, and overlook none.
pub fn all_fields(message: &[u8]) -> Fields<'_> {
    Fields { message, at: 0, left: usize::MAX }
}

/// The first field of that name.
pub fn find<'a>(message: &'a [u8], name: &str) -> Option<Field<'a>> {
    fields(message).find(|field| field.is(name))
}

/// The octets of HEADER.FIELDS: the fields of these names, in order, and the empty line (RFC 9051 §6.4.5).
pub fn only(message: &[u8], names: &[&str]) -> Vec<u8> {
    select(message, |field| names.iter().any(|name| field.is(name)))
}

/// The octets of HEADER.FIELDS.NOT: all other fields, and the empty line (RFC 9051 §6.4.5).
pub fn except(message: &[u8], names: &[&str]) -> Vec<u8> {
    select(message, |field| !names.iter().any(|name| field.is(name)))
}

fn select(message: &[u8], wanted: impl Fn(&Field<'_>) -> bool) -> Vec<u8> {
    let mut output = Vec::new();
    for field in fields(message).filter(wanted) {
        output.extend_from_slice(field.span.of(message));
        if !output.ends_with(b"\n") {
            output.extend_from_slice(b"\r\n");
        }
    }
    output.extend_from_slice(b"\r\n");
    output
}

/// A value on one line: line ends are dropped, white space around it is removed, NUL disappears, a lone CR becomes a
/// space. At most [`FIELD_OCTETS_MAX`] octets are looked at.
pub(crate) fn unfold(value: &[u8]) -> Cow<'_, str> {
    let value = value.get(..FIELD_OCTETS_MAX).unwrap_or(value).trim_ascii();
    if !value.iter().any(|octet| matches!(octet, b'\r' | b'\n' | 0)) {
        return charset::guess(value);
    }
    let mut line = Vec::with_capacity(value.len());
    let mut octets = value.iter().copied().peekable();
    while let Some(octet) = octets.next() {
        match octet {
            b'\r' if octets.peek() != Some(&b'\n') => line.push(b' '),
            b'\r' | b'\n' | 0 => {}
            other => line.push(other),
        }
    }
    Cow::Owned(charset::guess(line.trim_ascii()).into_owned())
}

/// Goes through the fields of a header; made by [`fields`].
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    message: &'a [u8],
    at: usize,
    left: usize,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        let rest = self.message.get(self.at..)?;
        if rest.is_empty() || self.left == 0 || empty_line(rest).is_some() {
            return None;
        }
        let length = field_octets(rest);
        let raw = rest.get(..length)?;
        let span = Span::new(self.at, self.at + length);
        self.at += length;
        self.left -= 1;
        let content = without_line_end(raw);
        let (name, value) = split_name(content).unwrap_or((&[], content));
        Some(Field { name, value, span })
    }
}

/// The length of an empty line at the start, if there is one.
fn empty_line(rest: &[u8]) -> Option<usize> {
    match rest {
        [b'\n', ..] => Some(1),
        [b'\r', b'\n', ..] => Some(2),
        _ => None,
    }
}

/// The length of the field at the start: its line and all that are folded into it.
fn field_octets(rest: &[u8]) -> usize {
    let mut at = 0;
    while let Some(end) = memchr(b'\n', rest.get(at..).unwrap_or_default()) {
        at += end + 1;
        if !matches!(rest.get(at), Some(b' ' | b'\t')) {
            return at;
        }
    }
    rest.len()
}

fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Name and value; `None` if what stands before the colon cannot be a name (RFC 5322 §3.6.8 `ftext`, §4.5 for white
/// space before the colon).
fn split_name(content: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr(b':', content)?;
    let name = content.get(..colon)?;
    if name.first().is_some_and(u8::is_ascii_whitespace) {
        return None;
    }
    let name = name.trim_ascii_end();
    let is_name = !name.is_empty() && name.iter().all(|octet| *octet > b' ' && *octet != 0x7f);
    is_name.then_some((name, content.get(colon + 1..)?))
}

#[cfg(test)]
mod tests;
