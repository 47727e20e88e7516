//! The bytes of stored summaries, structures and envelopes.
//!
//! A record begins with one octet, its version. Numbers are LEB128 (seven bits an octet, the lowest first), texts are a
//! number and so many octets of UTF-8; an absent text is the number 0 and a present optional one begins with its length
//! plus 1. Lists are a number and so many elements. In version 2:
//!
//! | what | is written as |
//! |---|---|
//! | parameter | name, value |
//! | mailbox | optional name, optional route, local part, domain |
//! | entry | 0 and a mailbox, or 1, the group's name and a list of mailboxes |
//! | envelope | date, subject (optional), from, sender, reply-to, to, cc, bcc (lists of entries), in-reply-to, message-id (optional) |
//! | part | start of the header, its octets, octets of the body, lines, type, subtype, parameters, id, description (optional), encoding, md5 (optional), disposition, languages, location (optional), content |
//! | disposition | 0, or 1, kind and parameters |
//! | content | 0 for a leaf; 1 and a list of parts; 2, an envelope and a part |

use crate::address::{Entry, Mailbox};
use crate::envelope::Envelope;
use crate::limits::{DEPTH_MAX, PARTS_MAX};
use crate::parameter::Parameter;
use crate::span::Span;
use crate::structure::{Content, Disposition, Embedded, Part, Structure};

/// The version that this program writes, and the only one that it reads.
pub const VERSION: u8 = 2;

/// Why stored bytes cannot be read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The version is not known to this program.
    #[error("a message record has version {found}, which this program does not know")]
    UnknownVersion {
        /// The version that stands there.
        found: u8,
    },
    /// The bytes end too early.
    #[error("a message record ends at octet {at} although more must follow")]
    Truncated {
        /// The record's length.
        at: usize,
    },
    /// The bytes make no sense.
    #[error("a message record is damaged at octet {at}")]
    Damaged {
        /// Where reading stopped.
        at: usize,
    },
}

impl Structure {
    /// The bytes to store.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.part(&self.root);
        writer.finish()
    }

    /// Reads stored bytes.
    pub fn decode(record: &[u8]) -> Result<Structure, RecordError> {
        let mut reader = Reader::new(record)?;
        let root = reader.root()?;
        reader.finish()?;
        Ok(Structure { root })
    }
}

impl Envelope {
    /// The bytes to store.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.envelope(self);
        writer.finish()
    }

    /// Reads stored bytes.
    pub fn decode(record: &[u8]) -> Result<Envelope, RecordError> {
        let mut reader = Reader::new(record)?;
        let envelope = reader.envelope()?;
        reader.finish()?;
        Ok(envelope)
    }
}

/// Writes a record from its beginning to its end.
pub(crate) struct Writer {
    octets: Vec<u8>,
}

impl Writer {
    pub(crate) fn new() -> Writer {
        Writer { octets: vec![VERSION] }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.octets
    }

    pub(crate) fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.octets.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.octets.push((value & 0x7f) as u8);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.octets.extend_from_slice(text.as_bytes());
    }

    pub(crate) fn optional(&mut self, text: Option<&str>) {
        match text {
            None => self.number(0),
            Some(text) => {
                self.number(text.len() as u64 + 1);
                self.octets.extend_from_slice(text.as_bytes());
            }
        }
    }

    pub(crate) fn texts(&mut self, texts: &[String]) {
        self.number(texts.len() as u64);
        texts.iter().for_each(|text| self.text(text));
    }

    pub(crate) fn envelope(&mut self, envelope: &Envelope) {
        self.optional(envelope.date.as_deref());
        self.optional(envelope.subject.as_deref());
        let Envelope { from, sender, reply_to, to, cc, bcc, .. } = envelope;
        for entries in [from, sender, reply_to, to, cc, bcc] {
            self.number(entries.len() as u64);
            entries.iter().for_each(|entry| self.entry(entry));
        }
        self.optional(envelope.in_reply_to.as_deref());
        self.optional(envelope.message_id.as_deref());
    }

    pub(crate) fn part(&mut self, part: &Part) {
        self.number(part.header.start);
        self.number(part.header.octets());
        self.number(part.body.octets());
        self.number(part.lines);
        self.text(&part.kind);
        self.text(&part.subtype);
        self.parameters(&part.parameters);
        self.optional(part.id.as_deref());
        self.optional(part.description.as_deref());
        self.text(&part.encoding);
        self.optional(part.md5.as_deref());
        match &part.disposition {
            None => self.number(0),
            Some(disposition) => {
                self.number(1);
                self.text(&disposition.kind);
                self.parameters(&disposition.parameters);
            }
        }
        self.texts(&part.languages);
        self.optional(part.location.as_deref());
        match &part.content {
            Content::Leaf => self.number(0),
            Content::Multipart(children) => {
                self.number(1);
                self.number(children.len() as u64);
                children.iter().for_each(|child| self.part(child));
            }
            Content::Message(embedded) => {
                self.number(2);
                self.envelope(&embedded.envelope);
                self.part(&embedded.root);
            }
        }
    }

    fn parameters(&mut self, parameters: &[Parameter]) {
        self.number(parameters.len() as u64);
        for parameter in parameters {
            self.text(&parameter.name);
            self.text(&parameter.value);
        }
    }

    fn entry(&mut self, entry: &Entry) {
        match entry {
            Entry::Mailbox(mailbox) => {
                self.number(0);
                self.mailbox(mailbox);
            }
            Entry::Group { name, members } => {
                self.number(1);
                self.text(name);
                self.number(members.len() as u64);
                members.iter().for_each(|mailbox| self.mailbox(mailbox));
            }
        }
    }

    fn mailbox(&mut self, mailbox: &Mailbox) {
        self.optional(mailbox.name.as_deref());
        self.optional(mailbox.route.as_deref());
        self.text(&mailbox.local);
        self.text(&mailbox.domain);
    }
}

/// Reads a record from its beginning to its end; whatever stands there, it answers and allocates no more than the
/// record can fill.
pub(crate) struct Reader<'a> {
    record: &'a [u8],
    at: usize,
    parts: usize,
}

type Read<T> = Result<T, RecordError>;

impl<'a> Reader<'a> {
    pub(crate) fn new(record: &'a [u8]) -> Read<Reader<'a>> {
        match record.first() {
            Some(&VERSION) => Ok(Reader { record, at: 1, parts: 0 }),
            Some(&found) => Err(RecordError::UnknownVersion { found }),
            None => Err(RecordError::Truncated { at: 0 }),
        }
    }

    pub(crate) fn finish(self) -> Read<()> {
        if self.at == self.record.len() { Ok(()) } else { Err(self.damaged()) }
    }

    pub(crate) fn damaged(&self) -> RecordError {
        RecordError::Damaged { at: self.at }
    }

    pub(crate) fn number(&mut self) -> Read<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let octet = *self.record.get(self.at).ok_or(RecordError::Truncated { at: self.record.len() })?;
            self.at += 1;
            let bits = u64::from(octet & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(self.damaged());
            }
            value |= bits << shift;
            if octet < 0x80 {
                return Ok(value);
            }
        }
        Err(self.damaged())
    }

    pub(crate) fn text(&mut self) -> Read<String> {
        let octets = self.number()?;
        self.text_of(octets)
    }

    pub(crate) fn optional(&mut self) -> Read<Option<String>> {
        match self.number()? {
            0 => Ok(None),
            more => self.text_of(more - 1).map(Some),
        }
    }

    pub(crate) fn texts(&mut self) -> Read<Vec<String>> {
        self.list(Reader::text)
    }

    pub(crate) fn envelope(&mut self) -> Read<Envelope> {
        Ok(Envelope {
            date: self.optional()?,
            subject: self.optional()?,
            from: self.list(Reader::entry)?,
            sender: self.list(Reader::entry)?,
            reply_to: self.list(Reader::entry)?,
            to: self.list(Reader::entry)?,
            cc: self.list(Reader::entry)?,
            bcc: self.list(Reader::entry)?,
            in_reply_to: self.optional()?,
            message_id: self.optional()?,
        })
    }

    pub(crate) fn root(&mut self) -> Read<Part> {
        self.part(0)
    }

    fn part(&mut self, depth: usize) -> Read<Part> {
        self.parts += 1;
        // The reader of messages makes one child more than its bounds where something must stand.
        if depth > DEPTH_MAX + 1 || self.parts > PARTS_MAX * 2 {
            return Err(self.damaged());
        }
        let start = self.number()?;
        let header = self.span(start)?;
        let body = self.span(header.end)?;
        Ok(Part {
            header,
            body,
            lines: self.number()?,
            kind: self.text()?,
            subtype: self.text()?,
            parameters: self.list(Reader::parameter)?,
            id: self.optional()?,
            description: self.optional()?,
            encoding: self.text()?,
            md5: self.optional()?,
            disposition: self.disposition()?,
            languages: self.texts()?,
            location: self.optional()?,
            content: self.content(depth)?,
        })
    }

    fn content(&mut self, depth: usize) -> Read<Content> {
        match self.number()? {
            0 => Ok(Content::Leaf),
            1 => {
                let children = self.list(|reader| reader.part(depth + 1))?;
                if children.is_empty() { Err(self.damaged()) } else { Ok(Content::Multipart(children)) }
            }
            2 => Ok(Content::Message(Box::new(Embedded { envelope: self.envelope()?, root: self.part(depth + 1)? }))),
            _ => Err(self.damaged()),
        }
    }

    fn disposition(&mut self) -> Read<Option<Disposition>> {
        match self.number()? {
            0 => Ok(None),
            1 => Ok(Some(Disposition { kind: self.text()?, parameters: self.list(Reader::parameter)? })),
            _ => Err(self.damaged()),
        }
    }

    fn parameter(&mut self) -> Read<Parameter> {
        Ok(Parameter { name: self.text()?, value: self.text()? })
    }

    fn entry(&mut self) -> Read<Entry> {
        match self.number()? {
            0 => self.mailbox().map(Entry::Mailbox),
            1 => Ok(Entry::Group { name: self.text()?, members: self.list(Reader::mailbox)? }),
            _ => Err(self.damaged()),
        }
    }

    fn mailbox(&mut self) -> Read<Mailbox> {
        Ok(Mailbox { name: self.optional()?, route: self.optional()?, local: self.text()?, domain: self.text()? })
    }

    fn span(&mut self, start: u64) -> Read<Span> {
        let octets = self.number()?;
        let end = start.checked_add(octets).ok_or_else(|| self.damaged())?;
        Ok(Span { start, end })
    }

    fn text_of(&mut self, octets: u64) -> Read<String> {
        let truncated = RecordError::Truncated { at: self.record.len() };
        let end = usize::try_from(octets).ok().and_then(|octets| self.at.checked_add(octets)).ok_or(truncated)?;
        let octets = self.record.get(self.at..end).ok_or(truncated)?;
        let text = std::str::from_utf8(octets).map_err(|_| self.damaged())?;
        self.at = end;
        Ok(text.to_owned())
    }

    /// A list whose length is believed only as far as the record goes: every element has at least one octet.
    fn list<T>(&mut self, mut element: impl FnMut(&mut Reader<'a>) -> Read<T>) -> Read<Vec<T>> {
        let count = usize::try_from(self.number()?).map_err(|_| self.damaged())?;
        if count > self.record.len() - self.at {
            return Err(RecordError::Truncated { at: self.record.len() });
        }
        let mut elements = Vec::with_capacity(count.min(64));
        for _ in 0..count {
            elements.push(element(self)?);
        }
        Ok(elements)
    }
}

#[cfg(test)]
mod tests;
