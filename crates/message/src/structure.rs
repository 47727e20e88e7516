//! The MIME tree of a message as plain data: what IMAP's BODYSTRUCTURE and BODY[…] need (RFC 9051 §6.4.5, §7.5.2).

use crate::envelope::Envelope;
use crate::parameter::Parameter;
use crate::span::Span;

/// The MIME tree of a whole message. Made by [`crate::parse::structure`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Structure {
    /// The message itself, seen as a part.
    pub root: Part,
}

/// One part: its place in the octets and what its header says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// The part's header with the empty line that ends it: BODY[n.MIME], or BODY[HEADER] for the root.
    pub header: Span,
    /// The part's body exactly, without the line end that belongs to the next delimiter: BODY[n], or BODY[TEXT] for
    /// the root.
    pub body: Span,
    /// Line ends in the body.
    pub lines: u64,
    /// The media type in lower case, such as `text`.
    pub kind: String,
    /// The media subtype in lower case, such as `plain`.
    pub subtype: String,
    /// The parameters of `Content-Type:` (RFC 2045 §5.1, RFC 2231).
    pub parameters: Vec<Parameter>,
    /// `Content-ID:` with its angle brackets.
    pub id: Option<String>,
    /// `Content-Description:` unfolded, encoded words as they came.
    pub description: Option<String>,
    /// `Content-Transfer-Encoding:` in lower case; `7bit` when absent.
    pub encoding: String,
    /// `Content-MD5:` (RFC 1864).
    pub md5: Option<String>,
    /// `Content-Disposition:` (RFC 2183).
    pub disposition: Option<Disposition>,
    /// `Content-Language:` (RFC 3282).
    pub languages: Vec<String>,
    /// `Content-Location:` (RFC 2557).
    pub location: Option<String>,
    /// What is inside.
    pub content: Content,
}

/// What a part is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Content {
    /// Octets that are not taken apart.
    #[default]
    Leaf,
    /// The parts of a `multipart/*`; never empty.
    Multipart(Vec<Part>),
    /// The message in a `message/rfc822` or `message/global`.
    Message(Box<Embedded>),
}

/// A message inside a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Embedded {
    /// Its envelope.
    pub envelope: Envelope,
    /// The message itself, seen as a part.
    pub root: Part,
}

/// How a part wants to be shown (RFC 2183).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disposition {
    /// `inline`, `attachment` or another word, in lower case.
    pub kind: String,
    /// Its parameters, such as `filename`.
    pub parameters: Vec<Parameter>,
}

/// Which octets of a numbered part are wanted (RFC 9051 §6.4.5 `section-text`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SectionText {
    /// BODY[n]: the part's body; BODY[]: everything.
    Whole,
    /// BODY[n.MIME]: the part's own header.
    Mime,
    /// BODY[n.HEADER]: the header of the message in the part, or of the whole message.
    Header,
    /// BODY[n.TEXT]: the body of the message in the part, or of the whole message.
    Text,
}

impl Structure {
    /// The part with this number, such as `[2, 1]`; `[]` is the whole message. In a message that is no multipart,
    /// `[1]` is the message's only part (RFC 9051 §6.4.5).
    pub fn part(&self, number: &[u32]) -> Option<&Part> {
        todo!()
    }

    /// The octets of a section; `None` if there is no such part, or if it has no such text.
    pub fn section(&self, number: &[u32], text: SectionText) -> Option<Span> {
        todo!()
    }

    /// Every part in the order of the octets, the root first, those of embedded messages included.
    pub fn parts(&self) -> Parts<'_> {
        todo!()
    }

    /// Whether any part is to be shown as an attachment.
    pub fn has_attachment(&self) -> bool {
        todo!()
    }
}

/// Goes through all parts; made by [`Structure::parts`].
pub struct Parts<'a> {
    waiting: Vec<&'a Part>,
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a Part;

    fn next(&mut self) -> Option<&'a Part> {
        todo!()
    }
}

impl Part {
    /// Whether the type is this one; both are compared without regard to case.
    pub fn is(&self, kind: &str, subtype: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind) && self.subtype.eq_ignore_ascii_case(subtype)
    }

    /// The value of a parameter of the content type.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        todo!()
    }

    /// The file name that the disposition or the type gives, decoded.
    pub fn file_name(&self) -> Option<String> {
        todo!()
    }

    /// Header and body: the whole part, or the whole message.
    pub fn whole(&self) -> Span {
        Span { start: self.header.start, end: self.body.end }
    }
}
