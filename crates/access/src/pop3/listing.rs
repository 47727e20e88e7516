//! The maildrop as the client numbers it: messages from 1, none of which moves while the session lasts (RFC 1939 §5).

use model::{Uid, UidValidity};
use std::fmt::Write;

/// One message of a maildrop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its identifier in the mailbox.
    pub uid: Uid,
    /// Its length in octets.
    pub octets: u64,
}

/// The messages of a maildrop and which of them are marked as deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    validity: UidValidity,
    messages: Vec<(Entry, bool)>,
}

impl Listing {
    /// A maildrop with these messages, in order.
    pub fn new(validity: UidValidity, entries: Vec<Entry>) -> Listing {
        Listing { validity, messages: entries.into_iter().map(|entry| (entry, false)).collect() }
    }

    /// How many messages there are, and their octets; those marked as deleted do not count.
    pub fn total(&self) -> (usize, u64) {
        self.present().fold((0, 0), |(count, octets), (_, entry)| (count + 1, octets + entry.octets))
    }

    /// The message of that number, unless it is marked as deleted.
    pub fn message(&self, number: u32) -> Option<Entry> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        self.messages.get(index).filter(|(_, deleted)| !deleted).map(|(entry, _)| *entry)
    }

    /// Marks a message as deleted; tells whether it was there.
    pub fn delete(&mut self, number: u32) -> bool {
        let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        match index.and_then(|index| self.messages.get_mut(index)) {
            Some((_, deleted)) if !*deleted => {
                *deleted = true;
                true
            }
            _ => false,
        }
    }

    /// Takes all marks away.
    pub fn reset(&mut self) {
        self.messages.iter_mut().for_each(|(_, deleted)| *deleted = false);
    }

    /// What is marked as deleted.
    pub fn deleted(&self) -> Vec<Uid> {
        self.messages.iter().filter(|(_, deleted)| *deleted).map(|(entry, _)| entry.uid).collect()
    }

    /// The lines of `LIST` or `UIDL`.
    pub fn write(&self, kind: Kind, output: &mut Vec<u8>) {
        let mut line = String::new();
        for (number, entry) in self.present() {
            line.clear();
            let _ = write!(line, "{number} ");
            self.push_value(kind, entry, &mut line);
            line.push_str("\r\n");
            output.extend_from_slice(line.as_bytes());
        }
    }

    /// What `LIST` or `UIDL` says of one message.
    pub fn value(&self, kind: Kind, number: u32) -> Option<String> {
        let mut line = format!("{number} ");
        self.push_value(kind, self.message(number)?, &mut line);
        Some(line)
    }

    fn push_value(&self, kind: Kind, entry: Entry, line: &mut String) {
        // A unique-id is never given to another message: neither is a UID under one UIDVALIDITY, and no UIDVALIDITY
        // is used twice (RFC 1939 §7, RFC 9051 §2.3.1.1).
        let _ = match kind {
            Kind::Octets => write!(line, "{}", entry.octets),
            Kind::UniqueId => write!(line, "{}.{}", self.validity, entry.uid),
        };
    }

    fn present(&self) -> impl Iterator<Item = (usize, Entry)> {
        let numbered = self.messages.iter().enumerate();
        numbered.filter(|(_, (_, deleted))| !deleted).map(|(index, (entry, _))| (index + 1, *entry))
    }
}

/// What is listed of each message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `LIST`: its octets.
    Octets,
    /// `UIDL`: its unique-id.
    UniqueId,
}
