//! The MIME tree of a message as plain data: what IMAP's BODYSTRUCTURE and BODY[…] need (RFC 9051 §6.4.5, §7.5.2).

use crate::envelope::Envelope;
use crate::parameter::{self, Parameter};
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
        let (mut rest, mut part) = match number.split_first() {
            None => return Some(&self.root),
            Some((first, rest)) => (rest, self.root.child_of_message(*first)?),
        };
        while let Some((next, after)) = rest.split_first() {
            part = match &part.content {
                Content::Leaf => return None,
                Content::Multipart(_) => part.child_of_message(*next)?,
                Content::Message(embedded) => embedded.root.child_of_message(*next)?,
            };
            rest = after;
        }
        Some(part)
    }

    /// The octets of a section; `None` if there is no such part, or if it has no such text.
    pub fn section(&self, number: &[u32], text: SectionText) -> Option<Span> {
        let part = self.part(number)?;
        if number.is_empty() {
            return match text {
                SectionText::Whole => Some(part.whole()),
                SectionText::Header => Some(part.header),
                SectionText::Text => Some(part.body),
                SectionText::Mime => None,
            };
        }
        match (text, &part.content) {
            (SectionText::Whole, _) => Some(part.body),
            (SectionText::Mime, _) => Some(part.header),
            (SectionText::Header, Content::Message(embedded)) => Some(embedded.root.header),
            (SectionText::Text, Content::Message(embedded)) => Some(embedded.root.body),
            (SectionText::Header | SectionText::Text, _) => None,
        }
    }

    /// Every part in the order of the octets, the root first, those of embedded messages included.
    pub fn parts(&self) -> Parts<'_> {
        self.root.parts()
    }

    /// Whether any part is to be shown as an attachment.
    pub fn has_attachment(&self) -> bool {
        self.parts().any(Part::is_attachment)
    }
}

/// Goes through all parts; made by [`Structure::parts`] and [`Part::parts`].
pub struct Parts<'a> {
    waiting: Vec<&'a Part>,
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a Part;

    fn next(&mut self) -> Option<&'a Part> {
        let part = self.waiting.pop()?;
        match &part.content {
            Content::Leaf => {}
            Content::Multipart(children) => self.waiting.extend(children.iter().rev()),
            Content::Message(embedded) => self.waiting.push(&embedded.root),
        }
        Some(part)
    }
}

impl Part {
    /// Whether the type is this one; both are compared without regard to case.
    pub fn is(&self, kind: &str, subtype: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind) && self.subtype.eq_ignore_ascii_case(subtype)
    }

    /// The value of a parameter of the content type.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        parameter::find(&self.parameters, name)
    }

    /// The file name that the disposition or the type gives, decoded.
    pub fn file_name(&self) -> Option<String> {
        let disposed = self.disposition.iter().flat_map(|disposition| &disposition.parameters);
        let named = disposed.clone().find(|parameter| parameter.name == "filename");
        named.or_else(|| self.parameters.iter().find(|parameter| parameter.name == "name")).map(Parameter::decoded)
    }

    /// Whether the part is to be shown as an attachment (RFC 2183 §2.2).
    pub fn is_attachment(&self) -> bool {
        self.disposition.as_ref().is_some_and(|disposition| disposition.kind == "attachment")
    }

    /// Header and body: the whole part, or the whole message.
    pub fn whole(&self) -> Span {
        Span { start: self.header.start, end: self.body.end }
    }

    /// This part and all in it, in the order of the octets.
    pub fn parts(&self) -> Parts<'_> {
        Parts { waiting: vec![self] }
    }

    /// Part `number` of a message or multipart: a child of a multipart, or part 1, which is the message's body itself.
    fn child_of_message(&self, number: u32) -> Option<&Part> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        match &self.content {
            Content::Multipart(children) => children.get(index),
            _ => (index == 0).then_some(self),
        }
    }
}
