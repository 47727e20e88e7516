//! Mailboxes, groups and lists of them as header fields hold them (RFC 5322 §3.4, §4.4; RFC 6532), read so that
//! something sensible comes out of whatever is there.

use crate::header;
use crate::lexeme;
use crate::limits::ADDRESSES_MAX;
use crate::word;
use std::iter::Peekable;
use std::str::Chars;

/// One entry of an address list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A single mailbox.
    Mailbox(Mailbox),
    /// A named group; it may be empty, as in `undisclosed-recipients:;`.
    Group {
        /// Its name, quoting removed, encoded words as they came.
        name: String,
        /// Who is in it.
        members: Vec<Mailbox>,
    },
}

/// A mailbox with its display name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mailbox {
    /// The display name, quoting removed, encoded words as they came.
    pub name: Option<String>,
    /// The obsolete source route without its colon (RFC 5322 §4.4 `obs-route`).
    pub route: Option<String>,
    /// What stands before the `@`, quoting removed.
    pub local: String,
    /// What stands after it; empty if there was no `@`.
    pub domain: String,
}

impl Mailbox {
    /// The display name with encoded words decoded, or the address where there is none (RFC 5957 §3).
    pub fn display(&self) -> String {
        match self.name.as_deref() {
            Some(name) if !name.is_empty() => word::decode(name).into_owned(),
            _ => self.address(),
        }
    }

    /// `local@domain`, unquoted.
    pub fn address(&self) -> String {
        if self.domain.is_empty() { self.local.clone() } else { format!("{}@{}", self.local, self.domain) }
    }
}

/// Reads an address list from the folded or unfolded value of a field.
pub fn parse(value: &[u8]) -> Vec<Entry> {
    let line = header::unfold(value);
    let mut reader = Reader::new(&line);
    reader.list();
    reader.entries
}

/// All mailboxes of a list, those in groups included, in order.
pub fn mailboxes(entries: &[Entry]) -> impl Iterator<Item = &Mailbox> {
    entries.iter().flat_map(|entry| match entry {
        Entry::Mailbox(mailbox) => std::slice::from_ref(mailbox),
        Entry::Group { members, .. } => members.as_slice(),
    })
}

/// What has been read since the last comma.
#[derive(Default)]
struct Draft {
    /// The words as a display name, single spaces between them.
    phrase: String,
    /// The words as an address.
    spec: Spec,
    comment: Option<String>,
    angle: Option<Mailbox>,
    after_space: bool,
}

/// An `addr-spec` in the making.
#[derive(Default)]
struct Spec {
    local: String,
    domain: Option<String>,
}

impl Spec {
    fn push(&mut self, text: &str) {
        self.domain.as_mut().unwrap_or(&mut self.local).push_str(text);
    }

    /// A further `@` belongs to the local part: the last one divides (`a@b@c` is found in routes without colon).
    fn at(&mut self) {
        if let Some(domain) = self.domain.replace(String::new()) {
            self.local.push('@');
            self.local.push_str(&domain);
        }
    }
}

impl Draft {
    fn word(&mut self, text: &str) {
        if self.after_space && !self.phrase.is_empty() {
            self.phrase.push(' ');
            // Two words side by side are no local part; the last one may be.
            let joins = self.spec.domain.is_some() || self.spec.local.ends_with('.') || text.starts_with('.');
            if !joins {
                self.spec.local.clear();
            }
        }
        self.after_space = false;
        self.phrase.push_str(text);
        self.spec.push(text);
    }

    fn finish(self) -> Option<Mailbox> {
        let named = |text: String| Some(text).filter(|text| !text.is_empty());
        if let Some(mailbox) = self.angle {
            return Some(Mailbox { name: named(self.phrase).or(self.comment), ..mailbox });
        }
        if self.phrase.is_empty() {
            return None;
        }
        // The old form: user@host (Full Name).
        let name = self.comment.and_then(named);
        Some(match self.spec.domain {
            Some(domain) => Mailbox { name, route: None, local: self.spec.local, domain },
            None => Mailbox { name, route: None, local: self.phrase, domain: String::new() },
        })
    }
}

struct Reader<'a> {
    input: Peekable<Chars<'a>>,
    entries: Vec<Entry>,
    group: Option<(String, Vec<Mailbox>)>,
    draft: Draft,
    count: usize,
}

impl<'a> Reader<'a> {
    fn new(line: &'a str) -> Reader<'a> {
        Reader { input: line.chars().peekable(), entries: Vec::new(), group: None, draft: Draft::default(), count: 0 }
    }

    fn list(&mut self) {
        while self.count < ADDRESSES_MAX
            && let Some(character) = self.input.next()
        {
            match character {
                ' ' | '\t' => self.draft.after_space = true,
                '(' => {
                    let comment = lexeme::comment(&mut self.input).trim().to_owned();
                    self.draft.comment = Some(comment);
                    self.draft.after_space = true;
                }
                '"' => {
                    let text = lexeme::quoted(&mut self.input);
                    self.draft.word(&text);
                }
                '<' => self.angle(),
                ',' => self.end_mailbox(),
                ';' => self.end_group(),
                ':' if self.group.is_none() && self.draft.spec.domain.is_none() => self.begin_group(),
                '@' => {
                    self.draft.spec.at();
                    self.draft.phrase.push('@');
                    self.draft.after_space = false;
                }
                other => {
                    let text = self.atom(other);
                    self.draft.word(&text);
                }
            }
        }
        self.end_mailbox();
        self.end_group();
    }

    fn atom(&mut self, first: char) -> String {
        let mut text = String::from(first);
        if first == '[' {
            while let Some(character) = self.input.next_if(|c| !matches!(c, ',' | ';' | '<' | '>')) {
                text.push(character);
                if character == ']' {
                    return text;
                }
            }
            return text;
        }
        let is_atom = |c: &char| !matches!(c, ' ' | '\t' | '(' | '"' | '<' | ',' | ';' | ':' | '@');
        while let Some(character) = self.input.next_if(is_atom) {
            text.push(character);
        }
        text
    }

    /// `angle-addr = "<" [obs-route] addr-spec ">"`, read up to `>` or, if that is missing, the next comma.
    fn angle(&mut self) {
        let mut mailbox = Mailbox::default();
        let mut spec = Spec::default();
        let mut begins_with_at = false;
        while let Some(character) = self.input.next_if(|c| !matches!(c, ',' | ';') || begins_with_at) {
            match character {
                '>' => break,
                '(' => drop(lexeme::comment(&mut self.input)),
                '"' => spec.push(&lexeme::quoted(&mut self.input)),
                ' ' | '\t' => {}
                ':' if begins_with_at => {
                    let route = std::mem::take(&mut spec);
                    mailbox.route = Some(format!("{}@{}", route.local, route.domain.unwrap_or_default()));
                    begins_with_at = false;
                }
                '@' => {
                    begins_with_at |= spec.local.is_empty() && spec.domain.is_none();
                    spec.at();
                }
                other => spec.push(other.encode_utf8(&mut [0; 4])),
            }
        }
        mailbox.local = spec.local;
        mailbox.domain = spec.domain.unwrap_or_default();
        // The null address and what has several angles: the first that says something counts.
        if self.draft.angle.as_ref().is_none_or(|known| known.local.is_empty()) {
            self.draft.angle = Some(mailbox);
        }
        self.draft.after_space = true;
    }

    fn begin_group(&mut self) {
        let draft = std::mem::take(&mut self.draft);
        self.group = Some((draft.phrase, Vec::new()));
    }

    fn end_mailbox(&mut self) {
        let Some(mailbox) = std::mem::take(&mut self.draft).finish() else { return };
        self.count += 1;
        match &mut self.group {
            Some((_, members)) => members.push(mailbox),
            None => self.entries.push(Entry::Mailbox(mailbox)),
        }
    }

    fn end_group(&mut self) {
        self.end_mailbox();
        if let Some((name, members)) = self.group.take() {
            self.count += 1;
            self.entries.push(Entry::Group { name, members });
        }
    }
}

#[cfg(test)]
mod tests;
