//! Header fields and their places (RFC 5322 §2.2, §3.6.8, §4.5; RFC 6532). Bare LF ends a line as CRLF does; a line
//! that is neither a field nor a continuation is a field without a name.

use crate::span::Span;
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
        todo!()
    }

    /// The unfolded value with encoded words decoded (RFC 2047).
    pub fn decoded(&self) -> String {
        todo!()
    }
}

/// The length of the header of `message` with the empty line that ends it; all of it if there is none.
pub fn octets(message: &[u8]) -> usize {
    todo!()
}

/// The fields of a header, or of a message: stops at the first empty line.
pub fn fields(message: &[u8]) -> Fields<'_> {
    todo!()
}

/// The first field of that name.
pub fn find<'a>(message: &'a [u8], name: &str) -> Option<Field<'a>> {
    fields(message).find(|field| field.is(name))
}

/// The octets of HEADER.FIELDS: the fields of these names, in order, and the empty line (RFC 9051 §6.4.5).
pub fn only(message: &[u8], names: &[&str]) -> Vec<u8> {
    todo!()
}

/// The octets of HEADER.FIELDS.NOT: all other fields, and the empty line (RFC 9051 §6.4.5).
pub fn except(message: &[u8], names: &[&str]) -> Vec<u8> {
    todo!()
}

/// Goes through the fields of a header; made by [`fields`].
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    message: &'a [u8],
    at: usize,
    seen: usize,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        todo!()
    }
}
