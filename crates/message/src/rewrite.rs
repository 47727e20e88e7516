//! Chosen parts and header fields of a message are replaced, removed or added; every octet that nobody asked to change is
//! copied as it is.
//!
//! A change is a span of the old message with the octets that take its place. Nothing is built anew around it, so that
//! delimiters, preambles, odd line ends and the fields of other parts cannot change.

use crate::edit::Prefix;
use crate::header;
use crate::limits::LINE_OCTETS_MAX;
use crate::parameter::{self, Parameter};
use crate::span::Span;
use crate::structure::{Content, Part, Structure};
use crate::transfer::{self, Encoding};
use memchr::memmem;
use std::collections::{BTreeMap, BTreeSet};

/// A message with the changes that it is to get.
#[derive(Clone, Debug)]
pub struct Rewriter<'a> {
    message: &'a [u8],
    structure: &'a Structure,
    /// By place: what stands there instead.
    replaced: BTreeMap<(u64, u64), Vec<u8>>,
    /// By place: whole fields that stand before it.
    inserted: BTreeMap<u64, Vec<u8>>,
    /// Which of the replaced places are bodies behind a header that no empty line ends.
    opened: BTreeSet<(u64, u64)>,
    removed: Vec<&'a Part>,
}

/// How content is written into a message (RFC 2045 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transfer {
    /// As it is, if it is ASCII in short lines.
    SevenBit,
    /// As it is, if its lines are short.
    EightBit,
    /// As it is.
    Binary,
    /// Quoted-printable.
    QuotedPrintable,
    /// Base64.
    Base64,
}

impl Transfer {
    /// The encoding of that name.
    pub fn named(name: &str) -> Option<Transfer> {
        match name.trim().to_ascii_lowercase().as_str() {
            "" | "7bit" => Some(Transfer::SevenBit),
            "8bit" => Some(Transfer::EightBit),
            "binary" => Some(Transfer::Binary),
            "quoted-printable" => Some(Transfer::QuotedPrintable),
            "base64" => Some(Transfer::Base64),
            _ => None,
        }
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Transfer::SevenBit => "7bit",
            Transfer::EightBit => "8bit",
            Transfer::Binary => "binary",
            Transfer::QuotedPrintable => "quoted-printable",
            Transfer::Base64 => "base64",
        }
    }

    fn encoding(self) -> Encoding {
        match self {
            Transfer::SevenBit | Transfer::EightBit | Transfer::Binary => Encoding::Identity,
            Transfer::QuotedPrintable => Encoding::QuotedPrintable,
            Transfer::Base64 => Encoding::Base64,
        }
    }
}

impl<'a> Rewriter<'a> {
    /// No change yet. `structure` must be that of `message`.
    pub fn new(message: &'a [u8], structure: &'a Structure) -> Rewriter<'a> {
        let (replaced, inserted, opened) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        Rewriter { message, structure, replaced, inserted, opened, removed: Vec::new() }
    }

    /// Whether nothing was asked for.
    pub fn is_empty(&self) -> bool {
        self.replaced.is_empty() && self.inserted.is_empty() && self.removed.is_empty()
    }

    /// Whether the part has a header in which fields can stand: what is left of a multipart without delimiters has none.
    pub fn has_header(&self, part: &Part) -> bool {
        !part.header.is_empty()
    }

    /// Gives the part's header this field: in the place of the first of its name, the others go, those too that were added
    /// before; behind all fields if there is none.
    pub fn set_field(&mut self, part: &Part, name: &str, value: &str) {
        let mut prefix = Prefix::new();
        prefix.field(name, value);
        let mut octets = Some(prefix.into_octets());
        self.drop_added(part, name);
        for span in self.places_of(part, name) {
            self.replaced.insert((span.start, span.end), octets.take().unwrap_or_default());
        }
        if let Some(octets) = octets {
            self.add_field(part, &octets);
        }
    }

    /// Takes every field of that name out of the part's header.
    pub fn remove_field(&mut self, part: &Part, name: &str) {
        self.drop_added(part, name);
        for span in self.places_of(part, name) {
            self.replaced.insert((span.start, span.end), Vec::new());
        }
    }

    /// Whole fields, each with its line end, behind those that the part's header has.
    pub fn add_field(&mut self, part: &Part, fields: &[u8]) {
        let at = self.end_of_fields(part);
        self.inserted.entry(at).or_default().extend_from_slice(fields);
    }

    /// Gives the part this body, octet by octet as it will stand in the message.
    pub fn set_body(&mut self, part: &Part, octets: Vec<u8>) {
        let place = (part.body.start, part.body.end);
        if is_open(part.header.of(self.message)) && !octets.is_empty() {
            self.opened.insert(place);
        } else {
            self.opened.remove(&place);
        }
        self.replaced.insert(place, octets);
    }

    /// Gives the part this content, whose transfer encoding is undone: it is written in the encoding that is wished for, if
    /// that can hold it, and the part's header says which it is. A part without a header gets the octets as they are.
    pub fn set_content(&mut self, part: &Part, content: &[u8], wished: Option<Transfer>) {
        let old = Transfer::named(&part.encoding);
        if !self.has_header(part) {
            return self.set_body(part, content.to_vec());
        }
        let transfer = self.fitting(part, content, wished.or(old).unwrap_or(Transfer::Base64));
        let is_root = self.is_message(part);
        let octets = match transfer.encoding() {
            Encoding::Identity => content.to_vec(),
            Encoding::QuotedPrintable => transfer::quoted_printable(content),
            Encoding::Base64 => {
                let mut lines = transfer::base64_lines(content);
                // Inside a multipart the last line end belongs to the delimiter that follows.
                if !is_root && lines.ends_with(b"\r\n") {
                    lines.truncate(lines.len() - 2);
                }
                lines
            }
        };
        self.set_body(part, octets);
        if old != Some(transfer) {
            self.set_field(part, "Content-Transfer-Encoding", transfer.as_str());
            self.declare_mime(part);
        }
    }

    /// Gives the part this content type.
    pub fn set_type(&mut self, part: &Part, kind: &str, subtype: &str, parameters: &[Parameter]) {
        self.set_field(part, "Content-Type", &parameter::write(&format!("{kind}/{subtype}"), parameters));
        self.declare_mime(part);
    }

    /// Takes the part out of its multipart with one delimiter. A message that would have no part left keeps one empty text.
    pub fn remove(&mut self, part: &'a Part) {
        if !self.removed.iter().any(|known| std::ptr::eq(*known, part)) {
            self.removed.push(part);
        }
    }

    /// The message with all changes. Of changes that lie inside each other the outer one counts.
    pub fn finish(mut self) -> Vec<u8> {
        self.settle_removals();
        let mut output = Vec::with_capacity(self.message.len() + 1024);
        let mut at = 0;
        let copy = |output: &mut Vec<u8>, from: u64, to: u64| {
            output.extend_from_slice(Span { start: from, end: to }.of(self.message));
        };
        let mut edits: Vec<(u64, u64, Edit<'_>)> = self
            .inserted
            .iter()
            .map(|(at, octets)| (*at, *at, Edit { octets, starts_line: true, ends_header: false }))
            .collect();
        edits.extend(self.replaced.iter().map(|(place, octets)| {
            let is_opened = self.opened.contains(place);
            (place.0, place.1, Edit { octets, starts_line: is_opened, ends_header: is_opened })
        }));
        // What is inserted comes before what is replaced at the same place, a longer replacement before those inside it.
        edits.sort_by_key(|(start, end, _)| (*start, *end != *start, std::cmp::Reverse(*end)));
        for (start, end, edit) in edits {
            if start < at {
                continue;
            }
            copy(&mut output, at, start);
            // The last field of a header may be without its line end: in a multipart that belongs to the delimiter.
            if edit.starts_line && !output.is_empty() && !output.ends_with(b"\n") {
                output.extend_from_slice(b"\r\n");
            }
            if edit.ends_header {
                output.extend_from_slice(b"\r\n");
            }
            output.extend_from_slice(edit.octets);
            at = end;
        }
        copy(&mut output, at, self.message.len() as u64);
        output
    }

    /// Where the fields of the part's header end.
    fn end_of_fields(&self, part: &Part) -> u64 {
        part.header.start + end_of_fields(part.header.of(self.message))
    }

    /// Takes back what was added to the part's header under that name.
    fn drop_added(&mut self, part: &Part, name: &str) {
        let at = self.end_of_fields(part);
        if let Some(octets) = self.inserted.get_mut(&at) {
            let kept = header::fields(octets).filter(|field| !field.is(name));
            *octets = kept.flat_map(|field| field.span.of(octets)).copied().collect();
        }
        self.inserted.retain(|_, octets| !octets.is_empty());
    }

    fn places_of(&self, part: &Part, name: &str) -> Vec<Span> {
        let start = part.header.start;
        let fields = header::fields(part.header.of(self.message)).filter(|field| field.is(name));
        fields.map(|field| Span { start: start + field.span.start, end: start + field.span.end }).collect()
    }

    /// A message needs `MIME-Version:` where its parts have none (RFC 2045 §4).
    fn declare_mime(&mut self, part: &Part) {
        if self.is_message(part) && self.places_of(part, "MIME-Version").is_empty() {
            let at = self.end_of_fields(part);
            let known = self.inserted.get(&at).is_some_and(|octets| memmem::find(octets, b"MIME-Version:").is_some());
            if !known {
                self.add_field(part, b"MIME-Version: 1.0\r\n");
            }
        }
    }

    /// Whether the part is the message itself or one that is embedded.
    fn is_message(&self, part: &Part) -> bool {
        let embedded = |one: &'a Part| match &one.content {
            Content::Message(embedded) => Some(&embedded.root),
            _ => None,
        };
        std::ptr::eq(part, &self.structure.root)
            || self.structure.parts().filter_map(embedded).any(|root| std::ptr::eq(root, part))
    }

    /// The encoding that is wished for, or the next one that can hold the content.
    fn fitting(&self, part: &Part, content: &[u8], wished: Transfer) -> Transfer {
        let longest = content.split(|octet| *octet == b'\n').map(<[u8]>::len).max().unwrap_or(0);
        let is_lines = longest <= LINE_OCTETS_MAX && !content.contains(&0);
        let beyond = content.iter().filter(|octet| !octet.is_ascii() || **octet == 0).count();
        let fits = match wished {
            Transfer::Base64 => true,
            Transfer::QuotedPrintable => !self.holds_delimiter(part, content),
            Transfer::SevenBit => is_lines && beyond == 0 && !self.holds_delimiter(part, content),
            Transfer::EightBit => is_lines && !self.holds_delimiter(part, content),
            Transfer::Binary => !self.holds_delimiter(part, content),
        };
        if fits {
            return wished;
        }
        let is_readable = part.kind == "text" && beyond * 4 <= content.len() && !self.holds_delimiter(part, content);
        if is_readable { Transfer::QuotedPrintable } else { Transfer::Base64 }
    }

    /// Whether a line of the content would be taken for a delimiter of a multipart around the part.
    fn holds_delimiter(&self, part: &Part, content: &[u8]) -> bool {
        let around = self.structure.parts().filter(|one| {
            matches!(one.content, Content::Multipart(_))
                && one.body.start <= part.header.start
                && part.body.end <= one.body.end
        });
        around.filter_map(|one| one.parameter("boundary")).any(|boundary| {
            let line = format!("--{}", boundary.trim_end());
            let starts = content.starts_with(line.as_bytes());
            starts || memmem::find(content, format!("\n{line}").as_bytes()).is_some()
        })
    }

    /// Turns the parts that go into spans.
    fn settle_removals(&mut self) {
        let removed = std::mem::take(&mut self.removed);
        let goes = |part: &Part| removed.iter().any(|one| std::ptr::eq(*one, part));
        for part in &removed {
            let (from, to) = (part.header.start, part.body.end);
            self.inserted.retain(|at, _| *at < from || *at > to);
            self.replaced.retain(|(start, end), _| *start < from || *end > to);
        }
        let structure = self.structure;
        for parent in structure.parts() {
            match &parent.content {
                Content::Multipart(children) => self.settle_children(children, &goes),
                Content::Message(embedded) if goes(&embedded.root) => self.empty(&embedded.root),
                _ => {}
            }
        }
        if goes(&structure.root) {
            self.empty(&structure.root);
        }
    }

    fn settle_children(&mut self, children: &[Part], goes: &dyn Fn(&Part) -> bool) {
        let Some(last_kept) = children.iter().rposition(|child| !goes(child)) else {
            if let (Some(first), Some(last)) = (children.first(), children.last()) {
                let text: &[u8] = if self.has_header(first) { b"Content-Type: text/plain\r\n\r\n" } else { b"" };
                self.replaced.insert((first.header.start, last.body.end), text.to_vec());
            }
            return;
        };
        for pair in children.windows(2).take(last_kept) {
            if let [child, next] = pair
                && goes(child)
            {
                self.replaced.insert((child.header.start, next.header.start), Vec::new());
            }
        }
        if let (Some(kept), Some(last)) = (children.get(last_kept), children.last())
            && last_kept + 1 < children.len()
        {
            self.replaced.insert((kept.body.end, last.body.end), Vec::new());
        }
    }

    /// A message whose only part goes: what describes the part goes with it.
    fn empty(&mut self, root: &Part) {
        let header = root.header.of(self.message);
        let described: Vec<Span> = header::fields(header)
            .filter(|field| field.name.get(..8).is_some_and(|prefix| prefix.eq_ignore_ascii_case(b"content-")))
            .map(|field| field.span)
            .collect();
        for span in described {
            self.replaced.insert((root.header.start + span.start, root.header.start + span.end), Vec::new());
        }
        self.replaced.insert((root.body.start, root.body.end), Vec::new());
    }
}

/// What stands in a place instead.
struct Edit<'e> {
    octets: &'e [u8],
    /// Whether it begins a line.
    starts_line: bool,
    /// Whether an empty line comes before it.
    ends_header: bool,
}

/// Whether no empty line ends the header. What has no header is not open.
fn is_open(header: &[u8]) -> bool {
    let is_ended = [&b"\n\r\n"[..], b"\n\n"].iter().any(|end| header.ends_with(end));
    !header.is_empty() && !is_ended && !matches!(header, b"\r\n" | b"\n")
}

/// Where the fields of a header end and its empty line begins.
fn end_of_fields(header: &[u8]) -> u64 {
    header::fields(header).last().map_or(0, |field| field.span.end)
}

#[cfg(test)]
mod tests;
