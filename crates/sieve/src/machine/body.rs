//! The `body` test (RFC 5173 §5): which texts of a message it looks at.

use std::ops::ControlFlow;

use message::content;
use message::html;
use message::structure::{Content, Part};

use super::Machine;
use super::bodies::Form;
use super::judge::Judge;
use crate::limits::WORK_OCTETS_MAX;
use crate::program::Transform;
use crate::version::length;

/// Text of a part that is looked at, at most. What lies behind counts as not there.
const PART_OCTETS_MAX: usize = 64 << 20;

impl Machine<'_> {
    pub(super) fn show_body(&self, transform: &Transform, judge: &mut Judge<'_>) -> ControlFlow<()> {
        let root = self.part_numbered(self.root());
        if !self.has_body(root) {
            return ControlFlow::Continue(());
        }
        match transform {
            // RFC 5173 §5.1: the body as it came, nothing decoded.
            Transform::Raw => self.show_text(root, Form::Raw, judge),
            Transform::Text => {
                let mut texts = root.parts().filter(|part| part.kind == "text" && is_leaf(part));
                texts.try_for_each(|part| {
                    let form = if part.subtype == "html" { Form::Read } else { Form::Decoded };
                    self.show_text(part, form, judge)
                })
            }
            Transform::Content(types) => {
                let types: Vec<String> = self.expand_all(types).iter().map(|kind| kind.to_ascii_lowercase()).collect();
                judge.charge((types.len() * self.message.structure().parts().count()) as u64)?;
                let is_wanted = |part: &&Part| types.iter().any(|wanted| is_of_type(part, wanted));
                root.parts().filter(is_wanted).try_for_each(|part| self.show_part(part, judge))
            }
        }
    }

    /// RFC 5173 §5.2: the text of a part, or what a container has besides its parts.
    fn show_part(&self, part: &Part, judge: &mut Judge<'_>) -> ControlFlow<()> {
        let message = self.message.base();
        match &part.content {
            Content::Leaf => self.show_text(part, Form::Decoded, judge),
            Content::Multipart(children) => {
                let (before, after) = around(message, part, children);
                judge.charge((before.len() + after.len()) as u64)?;
                judge.see(&String::from_utf8_lossy(before))?;
                judge.see(&String::from_utf8_lossy(after))
            }
            Content::Message(embedded) => {
                let header = embedded.root.header.of(message);
                judge.charge(header.len() as u64)?;
                judge.see(&String::from_utf8_lossy(header))
            }
        }
    }

    fn show_text(&self, part: &Part, form: Form, judge: &mut Judge<'_>) -> ControlFlow<()> {
        let message = self.message.base();
        let (text, was_made) = self.bodies.text(part, form, || match form {
            Form::Raw => String::from_utf8_lossy(part.body.of(message)).into_owned(),
            Form::Decoded => content::text(message, part, PART_OCTETS_MAX),
            Form::Read => html::text(&content::text(message, part, PART_OCTETS_MAX), PART_OCTETS_MAX),
        });
        if was_made {
            judge.charge(length(part.body).saturating_mul(2))?;
        }
        judge.see_with(&text.plain, || text.lower())
    }

    /// RFC 5173 §4: a header that no empty line ends has no body, not even an empty one.
    fn has_body(&self, root: &Part) -> bool {
        let header = root.header.of(self.message.base());
        length(root.body) > 0
            || [b"\n\r\n".as_slice(), b"\n\n"].iter().any(|end| header.ends_with(end))
            || [b"\r\n".as_slice(), b"\n"].contains(&header)
    }
}

fn is_leaf(part: &Part) -> bool {
    matches!(part.content, Content::Leaf)
}

/// RFC 5173 §5.2: `` is everything, `text` all subtypes, `text/plain` one.
fn is_of_type(part: &Part, wanted: &str) -> bool {
    match wanted.split_once('/') {
        None => wanted.is_empty() || part.kind == wanted,
        Some((kind, subtype)) => {
            !kind.is_empty() && !subtype.is_empty() && part.kind == kind && part.subtype == subtype
        }
    }
}

/// Prologue and epilogue of a multipart (RFC 5173 §5.2).
fn around<'m>(message: &'m [u8], part: &Part, children: &[Part]) -> (&'m [u8], &'m [u8]) {
    let body = crate::version::range(part.body);
    let first = children.first().map_or(body.start, |child| crate::version::place(child).start);
    let last = children.last().map_or(body.end, |child| crate::version::place(child).end);
    let before = message.get(body.start..first).unwrap_or_default();
    let after = message.get(last..body.end).unwrap_or_default();
    (without_last_line(before), without_delimiter(after))
}

/// The delimiter is the last line before the first part.
fn without_last_line(octets: &[u8]) -> &[u8] {
    let line = octets.strip_suffix(b"\n").unwrap_or(octets);
    let end = line.iter().rposition(|octet| *octet == b'\n').map_or(0, |at| at + 1);
    octets.get(..end).unwrap_or_default()
}

/// The closing delimiter is the first line behind the last part.
fn without_delimiter(octets: &[u8]) -> &[u8] {
    let octets = octets.strip_prefix(b"\r").unwrap_or(octets);
    let octets = octets.strip_prefix(b"\n").unwrap_or(octets);
    let end = octets.iter().position(|octet| *octet == b'\n').map_or(octets.len(), |at| at + 1);
    octets.get(end..).unwrap_or_default()
}

const _: () = assert!((PART_OCTETS_MAX as u64) < WORK_OCTETS_MAX);
