//! Reads the MIME tree of a message (RFC 2045, RFC 2046). Never fails: whatever cannot be understood is text.

use crate::envelope::Envelope;
use crate::header::{self, Field};
use crate::limits::{DEPTH_MAX, LANGUAGES_MAX, PART_TEXT_OCTETS_MAX, PARTS_MAX};
use crate::parameter;
use crate::span::Span;
use crate::structure::{Content, Disposition, Embedded, Part, Structure};
use memchr::{memchr, memchr_iter, memmem};

/// Takes a message apart.
pub fn structure(message: &[u8]) -> Structure {
    let mut reader = Reader { message, parts: 0 };
    Structure { root: reader.part(0..message.len(), 0, ("text", "plain")) }
}

type Range = std::ops::Range<usize>;

struct Reader<'a> {
    message: &'a [u8],
    parts: usize,
}

impl<'a> Reader<'a> {
    fn octets(&self, range: Range) -> &'a [u8] {
        self.message.get(range).unwrap_or_default()
    }

    /// Reads the part that fills `range`; `default` is its type if it names none.
    fn part(&mut self, range: Range, depth: usize, default: (&str, &str)) -> Part {
        self.parts += 1;
        let octets = self.octets(range.clone());
        let body_start = range.start + header::octets(octets);
        let body = body_start..range.end;
        let mut part = Part {
            header: Span::new(range.start, body_start),
            body: Span::new(body_start, range.end),
            encoding: "7bit".to_owned(),
            ..Part::default()
        };
        let mut seen = Seen::default();
        for field in header::fields(octets) {
            seen.take(&field, &mut part);
        }
        if part.kind.is_empty() {
            (part.kind, part.subtype) = (default.0.to_owned(), default.1.to_owned());
        }
        part.content = self.content(&part, body.clone(), depth);
        if !matches!(part.content, Content::Multipart(_)) {
            part.lines = memchr_iter(b'\n', self.octets(body)).count() as u64;
        }
        part
    }

    fn content(&mut self, part: &Part, body: Range, depth: usize) -> Content {
        if part.kind == "multipart" {
            return Content::Multipart(self.children(part, body, depth));
        }
        if part.kind != "message" || !matches!(part.subtype.as_str(), "rfc822" | "global") {
            return Content::Leaf;
        }
        let may_descend = depth < DEPTH_MAX && self.parts < PARTS_MAX;
        let root =
            if may_descend { self.part(body.clone(), depth + 1, ("text", "plain")) } else { plain(body.clone()) };
        let envelope = if may_descend { Envelope::of(self.octets(body)) } else { Envelope::default() };
        Content::Message(Box::new(Embedded { envelope, root }))
    }

    /// The parts between the delimiters. A multipart in which none is found has its whole body as one text, so that
    /// people can still read it.
    fn children(&mut self, part: &Part, body: Range, depth: usize) -> Vec<Part> {
        let mut children = Vec::new();
        let boundary = part.parameter("boundary").map(str::trim_end).unwrap_or_default();
        if !boundary.is_empty() && depth < DEPTH_MAX {
            let default = if part.subtype == "digest" { ("message", "rfc822") } else { ("text", "plain") };
            let mut delimiters = Delimiters::new(self.message, body.clone(), boundary);
            let mut open = delimiters.next();
            while let Some(Delimiter { after, is_last: false, .. }) = open {
                // With the last part that may be told apart, the rest belongs to it.
                open = if self.parts + 1 < PARTS_MAX { delimiters.next() } else { None };
                let end = open.as_ref().map_or(body.end, |next| next.before.max(after));
                children.push(self.part(after..end, depth + 1, default));
            }
        }
        if children.is_empty() {
            children.push(plain(body));
        }
        children
    }
}

/// Octets that are taken for text without looking.
fn plain(body: Range) -> Part {
    Part {
        header: Span::new(body.start, body.start),
        body: Span::new(body.start, body.end),
        kind: "text".to_owned(),
        subtype: "plain".to_owned(),
        encoding: "7bit".to_owned(),
        ..Part::default()
    }
}

/// Finds the delimiter lines of one multipart (RFC 2046 §5.1.1).
struct Delimiters<'a> {
    message: &'a [u8],
    body: Range,
    at: usize,
    line: memmem::Finder<'static>,
}

struct Delimiter {
    /// Where the content before it ends: the line end before the delimiter belongs to the delimiter.
    before: usize,
    /// Where the line after it begins.
    after: usize,
    /// Whether it is the close-delimiter.
    is_last: bool,
}

impl<'a> Delimiters<'a> {
    fn new(message: &'a [u8], body: Range, boundary: &str) -> Delimiters<'a> {
        let line = format!("--{boundary}");
        Delimiters { message, at: body.start, body, line: memmem::Finder::new(line.as_bytes()).into_owned() }
    }

    fn next(&mut self) -> Option<Delimiter> {
        loop {
            let rest = self.message.get(self.at..self.body.end)?;
            let start = self.at + self.line.find(rest)?;
            let tail = self.message.get(start + self.line.needle().len()..self.body.end)?;
            self.at = start + self.line.needle().len();
            if start > self.body.start && self.message.get(start - 1) != Some(&b'\n') {
                continue;
            }
            let (is_last, padding) = match tail.strip_prefix(b"--") {
                Some(padding) if is_blank_line(padding) => (true, padding),
                _ => (false, tail),
            };
            if !is_blank_line(padding) {
                continue;
            }
            self.at = memchr(b'\n', tail).map_or(self.body.end, |end| self.at + end + 1);
            return Some(Delimiter { before: self.content_end(start), after: self.at, is_last });
        }
    }

    fn content_end(&self, line_start: usize) -> usize {
        let before = self.message.get(self.body.start..line_start).unwrap_or_default();
        let content = before.strip_suffix(b"\n").unwrap_or(before);
        let content =
            if content.len() < before.len() { content.strip_suffix(b"\r").unwrap_or(content) } else { content };
        self.body.start + content.len()
    }
}

/// Whether only white space stands before the line end.
fn is_blank_line(tail: &[u8]) -> bool {
    let line = memchr(b'\n', tail).and_then(|end| tail.get(..end)).unwrap_or(tail);
    line.iter().all(|octet| matches!(octet, b' ' | b'\t' | b'\r'))
}

/// Of several fields of one name the first counts; this remembers the two that have no empty state in [`Part`].
#[derive(Default)]
struct Seen {
    kind: bool,
    encoding: bool,
}

impl Seen {
    fn take(&mut self, field: &Field<'_>, part: &mut Part) {
        let Some((prefix, name)) = field.name.split_at_checked(8) else { return };
        if !prefix.eq_ignore_ascii_case(b"content-") {
            return;
        }
        match name.to_ascii_lowercase().as_slice() {
            b"type" if !self.kind => {
                self.kind = true;
                take_kind(field, part);
            }
            b"transfer-encoding" if !self.encoding => {
                self.encoding = true;
                let word = parameter::parse(field.value).0;
                if !word.is_empty() {
                    part.encoding = bounded(word.to_ascii_lowercase());
                }
            }
            b"id" => take_text(&mut part.id, field),
            b"description" => take_text(&mut part.description, field),
            b"md5" => take_text(&mut part.md5, field),
            b"location" => take_text(&mut part.location, field),
            b"disposition" if part.disposition.is_none() => {
                let (kind, parameters) = parameter::parse(field.value);
                part.disposition = Some(Disposition { kind: bounded(kind.to_ascii_lowercase()), parameters });
            }
            b"language" if part.languages.is_empty() => {
                let line = field.unfolded();
                let tags = line.split(',').map(str::trim).filter(|tag| !tag.is_empty());
                part.languages = tags.take(LANGUAGES_MAX).map(|tag| bounded(tag.to_owned())).collect();
            }
            _ => {}
        }
    }
}

/// A type that is none is plain text, whatever its parameters say (RFC 2045 §5.2).
fn take_kind(field: &Field<'_>, part: &mut Part) {
    let (word, parameters) = parameter::parse(field.value);
    let is_token = |text: &str| {
        !text.is_empty()
            && text.len() <= 127
            && text.bytes().all(|octet| octet.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&octet))
    };
    // A bare "text", as some old programs wrote, is plain text with its parameters.
    let (kind, subtype) = match word.split_once('/') {
        Some((kind, subtype)) => (kind.trim(), subtype.trim()),
        None if word.eq_ignore_ascii_case("text") => ("text", "plain"),
        None => return,
    };
    if is_token(kind) && is_token(subtype) {
        part.kind = kind.to_ascii_lowercase();
        part.subtype = subtype.to_ascii_lowercase();
        part.parameters = parameters;
    }
}

fn take_text(slot: &mut Option<String>, field: &Field<'_>) {
    if slot.is_none() {
        *slot = Some(bounded(field.unfolded().into_owned())).filter(|text| !text.is_empty());
    }
}

fn bounded(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(PART_TEXT_OCTETS_MAX));
    text
}

#[cfg(test)]
mod tests;
