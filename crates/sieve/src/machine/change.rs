//! Actions that change the message (RFC 5293, RFC 5703 §5 to §7).

use std::hash::{DefaultHasher, Hash, Hasher};

use message::content;

use super::bodies::Bodies;
use super::{Halt, Machine};
use crate::fields::{Fields, is_field_name};
use crate::limits::{ADDED_OCTETS_MAX, HEADER_EDITS_MAX, VARIABLE_OCTETS_MAX};
use crate::matching::{Keys, Match};
use crate::program::{Action, Index};
use crate::template::Template;
use crate::variables::modify;
use crate::version::{Version, field, place};

/// What no script takes away (RFC 5293 §6): the trace, and what tells machines not to answer.
const PROTECTED: &[&str] = &["received", "auto-submitted"];

/// Fields that belong to the content and go with it when it is replaced.
const CONTENT_FIELDS: &[&str] = &[
    "content-type",
    "content-transfer-encoding",
    "content-disposition",
    "content-id",
    "content-description",
    "content-language",
    "content-location",
    "content-md5",
];

/// Fields that a new message around another takes over from it.
const OUTER_FIELDS: &[&str] = &["date", "message-id", "to", "cc", "from", "subject", "received", "return-path"];

impl Machine<'_> {
    pub(super) fn change(&mut self, action: &Action) -> Result<(), Halt> {
        match action {
            Action::AddHeader { is_last, name, value } => self.add_header(*is_last, name, value),
            Action::DeleteHeader { name, index, how, keys } => self.delete_header(name, *index, *how, keys.as_ref()),
            Action::Replace { is_mime, subject, from, text } => {
                let fields = [("Subject", subject), ("From", from)];
                let set = fields.map(|(name, value)| (name, self.expand_some(value.as_ref())));
                let text = self.expand(text).into_owned();
                self.replace(*is_mime, set, &text)
            }
            Action::Enclose { subject, headers, text } => self.enclose(subject.as_ref(), headers, text),
            Action::ExtractText { name, modifiers, first } => {
                let part = self.part_numbered(self.part_number());
                let mut text = if part.kind == "text" {
                    content::text(self.message.base(), part, VARIABLE_OCTETS_MAX)
                } else {
                    String::new()
                };
                if let Some(first) = first {
                    let end = text.char_indices().nth(usize::try_from(*first).unwrap_or(usize::MAX));
                    text.truncate(end.map_or(text.len(), |(at, _)| at));
                }
                self.spend(text.len() as u64);
                self.set_variable(name, modify(text, modifiers))
            }
            _ => Ok(()),
        }
    }

    fn edit(&mut self, added: usize) -> Result<(), Halt> {
        self.edits += 1;
        self.added_octets += added;
        if self.edits > HEADER_EDITS_MAX || self.added_octets > ADDED_OCTETS_MAX {
            return Err(Halt::Fail("the script changes the message too much".to_owned()));
        }
        Ok(())
    }

    fn add_header(&mut self, is_last: bool, name: &Template, value: &Template) -> Result<(), Halt> {
        let (name, value) = (self.expand(name).into_owned(), self.expand(value).into_owned());
        if !is_field_name(&name) {
            return Err(Halt::Fail(format!("{name:?} is no name of a header field")));
        }
        self.edit(name.len() + value.len())?;
        let header = self.message.with_field(&name, &value, is_last);
        self.set_header(header);
        Ok(())
    }

    fn set_header(&mut self, header: Vec<u8>) {
        self.copied += header.len();
        self.fields = Some(Fields::of(&header));
        self.message.set_header(header);
    }

    fn delete_header(
        &mut self,
        name: &Template,
        index: Option<Index>,
        how: Match,
        keys: Option<&Keys>,
    ) -> Result<(), Halt> {
        let name = self.expand(name).into_owned();
        if !is_field_name(&name) {
            return Err(Halt::Fail(format!("{name:?} is no name of a header field")));
        }
        // RFC 5293 §6: an attempt to remove what is protected is passed over.
        if PROTECTED.iter().any(|protected| protected.eq_ignore_ascii_case(&name)) {
            return Ok(());
        }
        let header = self.message.header().to_vec();
        self.spend(header.len() as u64);
        let fields = Fields::of(&header);
        let mut candidates: Vec<_> = fields.named(&header, &name).collect();
        if let Some(Index { number, is_from_end }) = index {
            let at = usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1);
            let at = if is_from_end { candidates.len().checked_sub(at + 1) } else { Some(at) };
            candidates = at.and_then(|at| candidates.get(at).copied()).into_iter().collect();
        }
        let mut gone = Vec::new();
        for field in candidates {
            let is_wanted = match keys {
                None => true,
                Some(keys) => {
                    let value = field.decoded(&header);
                    self.judged(keys, how, |_, judge| judge.see(value))?
                }
            };
            if is_wanted {
                gone.push(field.place());
            }
        }
        if gone.is_empty() {
            return Ok(());
        }
        self.edit(0)?;
        let mut kept = Vec::with_capacity(header.len());
        let mut from = 0;
        for place in gone {
            kept.extend_from_slice(header.get(from..place.start).unwrap_or_default());
            from = place.end;
        }
        kept.extend_from_slice(header.get(from..).unwrap_or_default());
        self.set_header(kept);
        Ok(())
    }

    /// RFC 5703 §5: the part at hand, or the whole content.
    fn replace(&mut self, is_mime: bool, set: [(&str, Option<String>); 2], text: &str) -> Result<(), Halt> {
        let content = part_of(is_mime, text);
        self.edit(content.len())?;
        match self.part_number() {
            number if number > 0 => {
                let range = place(self.part_numbered(number));
                self.message.replace(range, content);
                Ok(())
            }
            _ => {
                let mut kept = message::header::except(self.message.header(), CONTENT_FIELDS);
                for (name, value) in set {
                    if let Some(value) = value {
                        kept = message::header::except(&kept, &[name]);
                        kept.splice(0..0, field(name, &value));
                    }
                }
                without_end(&mut kept);
                if message::header::find(&kept, "mime-version").is_none() {
                    kept.extend_from_slice(b"MIME-Version: 1.0\r\n");
                }
                kept.extend_from_slice(&content);
                self.start_over(kept);
                Ok(())
            }
        }
    }

    /// RFC 5703 §6: a new message that says `text` and has this one attached.
    fn enclose(&mut self, subject: Option<&Template>, headers: &[Template], text: &Template) -> Result<(), Halt> {
        let text = self.expand(text).into_owned();
        let subject = self.expand_some(subject);
        let given = self.expand_all(headers);
        let inner = self.message.octets().into_owned();
        self.edit(text.len())?;
        let boundary = boundary(&inner, &text);
        let mut outer = message::header::only(self.message.header(), OUTER_FIELDS);
        without_end(&mut outer);
        if let Some(subject) = subject {
            outer = message::header::except(&outer, &["subject"]);
            without_end(&mut outer);
            outer.extend_from_slice(&field("Subject", &subject));
        }
        for line in &given {
            let Some((name, value)) = line.split_once(':') else {
                return Err(Halt::Fail(format!("{line:?} is no header field")));
            };
            outer.extend_from_slice(&field(name.trim(), value.trim()));
        }
        outer.extend_from_slice(b"MIME-Version: 1.0\r\n");
        outer.extend_from_slice(format!("Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\r\n").as_bytes());
        outer.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
        outer.extend_from_slice(&part_of(false, &text));
        outer.extend_from_slice(format!("\r\n--{boundary}\r\nContent-Type: message/rfc822\r\n\r\n").as_bytes());
        outer.extend_from_slice(&inner);
        outer.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        let before = self.message.clone();
        self.unenclosed.get_or_insert(before);
        self.start_over(outer);
        Ok(())
    }

    /// Goes on with another message. Loops over the parts of the one before end with their current turn.
    fn start_over(&mut self, octets: Vec<u8>) {
        self.copied += octets.len();
        self.message = Version::of(octets);
        self.fields = None;
        self.bodies = Bodies::default();
        for parts in self.frames.iter_mut().flat_map(|frame| &mut frame.loops) {
            parts.rest = Vec::new().into_iter();
            parts.current = 0;
        }
    }
}

/// A part that holds the text, or that the text already is.
fn part_of(is_mime: bool, text: &str) -> Vec<u8> {
    if is_mime {
        return text.as_bytes().to_vec();
    }
    let encoding = if text.is_ascii() { "7bit" } else { "8bit" };
    let head = format!("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n");
    [head.as_bytes(), text.as_bytes()].concat()
}

/// Takes the empty line away that ends a header.
fn without_end(header: &mut Vec<u8>) {
    if header.ends_with(b"\r\n\r\n") || header == b"\r\n" {
        header.truncate(header.len() - 2);
    }
}

/// A line that is in neither of the parts. It is made of them, so that nobody can write a message that holds it.
fn boundary(inner: &[u8], text: &str) -> String {
    let is_free = |candidate: &String| {
        memchr::memmem::find(inner, candidate.as_bytes()).is_none() && !text.contains(candidate.as_str())
    };
    let mut hasher = DefaultHasher::new();
    (inner, text).hash(&mut hasher);
    let candidates = (0u32..).map(|number| {
        number.hash(&mut hasher);
        format!("=_enclosed_{:016x}", hasher.finish())
    });
    { candidates }.find(is_free).unwrap_or_default()
}
