//! FETCH (RFC 9051 §6.4.5 and the extensions).

use crate::imap::identity::{email_id, thread_id};
use crate::imap::memory::FREE_OCTETS;
use crate::imap::page::page;
use crate::imap::section;
use crate::imap::selected::write_flags;
use crate::imap::session::{Broken, Done, Outcome, Session};
use crate::imap::structure;
use account::rights::Rights;
use bytes::Bytes;
use imap::command::Numbers;
use imap::fetch::{Item, Modifiers, Section};
use imap::sequence::{self, SequenceSet};
use imap::write;
use mail::change::Place;
use mail::error::Error;
use mail::flags::{FlagMode, Flags, SystemFlags};
use mail::view::{Row, View};
use message::content;
use message::summary::Summary;
use model::{Modseq, Uid};
use std::collections::HashMap;
use std::ops::{ControlFlow, Range};

/// Messages whose summaries are read together.
const PAGE: usize = 128;

/// Octets of a large body that are read and sent at a time.
const PIECE_OCTETS: u64 = 256 * 1024;

/// The octets of a literal.
enum Octets {
    /// They are here.
    Read(Bytes),
    /// They are many, and read as they are sent: a client that reads slowly holds one piece, not a message.
    Stored(Range<u64>),
}

/// What a FETCH is about: the mailbox, what it holds now, what is wanted of its messages.
struct Asked<'a> {
    place: &'a Place,
    view: &'a View,
    items: &'a [Item],
}

/// What of a message was read, each once.
#[derive(Default)]
struct Read {
    summary: Option<Summary>,
    body: Option<Bytes>,
}

impl Session<'_> {
    pub async fn fetch(
        &mut self,
        set: SequenceSet,
        numbers: Numbers,
        mut items: Vec<Item>,
        modifiers: Modifiers,
    ) -> Done {
        // A client that asks for modseqs wants to hear of them from now on (RFC 7162 §3.1).
        self.condstore |= modifiers.changed_since.is_some() || items.contains(&Item::Modseq);
        if modifiers.vanished && !self.qresync {
            return Ok(Outcome::bad("VANISHED needs QRESYNC"));
        }
        self.catch_up(numbers == Numbers::Uid)?;
        if numbers == Numbers::Uid && !items.contains(&Item::Uid) {
            items.insert(0, Item::Uid);
        }
        if modifiers.changed_since.is_some() && !items.contains(&Item::Modseq) {
            items.push(Item::Modseq);
        }
        let Some((place, view, rights, read_only)) =
            self.selected.as_ref().map(|held| (held.place.clone(), held.view.clone(), held.rights, held.read_only))
        else {
            return Ok(Outcome::bad("select a mailbox first"));
        };
        let mut indices = match self.indices(&set, numbers) {
            Ok(indices) => indices,
            Err(outcome) => return Ok(outcome),
        };
        if let Some(since) = modifiers.changed_since {
            if modifiers.vanished
                && let Err(error) = self.tell_vanished(&place, &view, &set, Modseq(since))
            {
                return Ok(self.failed(&error));
            }
            indices.retain(|index| view.get(*index).is_some_and(|row| row.modseq.0 > since));
        }
        if let Some(range) = modifiers.partial {
            indices = page(&indices, range);
        }
        if !read_only && rights.has(Rights::SEEN) && items.iter().any(sets_seen) {
            if let Some(outcome) = self.mark_seen(&place, &view, &indices).await {
                return Ok(outcome);
            }
            if !items.contains(&Item::Flags) {
                items.push(Item::Flags);
            }
        }
        let now = self.service.mail.view(&place).unwrap_or_else(|_| view.clone());
        let mut failures = 0;
        // Parts are decoded whole; other octets pass through piece by piece.
        let decodes = items.iter().any(|item| matches!(item, Item::Binary { .. } | Item::BinarySize { .. }));
        let asked = Asked { place: &place, view: &now, items: &items };
        for page in indices.chunks(PAGE) {
            let mut summaries = self.summaries(&place, &view, page, &items);
            for index in page {
                let Some(row) = view.get(*index) else { continue };
                let row = now.index_of(row.uid).and_then(|at| now.get(at)).unwrap_or(row).clone();
                let read = Read { summary: summaries.remove(index), body: None };
                let needed = if decodes { u64::from(row.octets) * 2 } else { 0 };
                let _memory = match needed {
                    0..=FREE_OCTETS => None,
                    _ => match self.memory_for(needed).await {
                        Ok(memory) => Some(memory),
                        Err(outcome) => return Ok(outcome),
                    },
                };
                if let Err(error) = self.fetch_one(&asked, *index, &row, read).await? {
                    failures += 1;
                    self.failed(&error);
                }
                self.flush_some().await?;
            }
        }
        self.catch_up(numbers == Numbers::Uid)?;
        Ok(match failures {
            0 => Outcome::ok("done"),
            _ => Outcome::Ok("[EXPUNGEISSUED] some messages are gone".to_owned()),
        })
    }

    /// The summaries of a page of messages, read together, if what is fetched needs them. Those that could not be read
    /// are read one by one later, and what is wrong is told then.
    fn summaries(&self, place: &Place, view: &View, page: &[usize], items: &[Item]) -> HashMap<usize, Summary> {
        let mut found = HashMap::new();
        if page.len() > 1 && items.iter().any(needs_summary) {
            let mut page = page.to_vec();
            page.sort_unstable();
            let _told_later = self.service.mail.summaries(place, view, &page, &mut |index, summary| {
                found.insert(index, summary);
                ControlFlow::Continue(())
            });
        }
        found
    }

    fn tell_vanished(&mut self, place: &Place, view: &View, set: &SequenceSet, since: Modseq) -> Result<(), Error> {
        let ranges = set.resolve(view.uid_next.0.saturating_sub(1));
        let is_asked = |uid: &u32| ranges.iter().any(|(first, last)| (*first..=*last).contains(uid));
        let gone: Vec<u32> = match self.service.mail.vanished_since(place, since)? {
            Some(uids) => uids.into_iter().map(|uid| uid.0).filter(is_asked).collect(),
            None => (1..view.uid_next.0).filter(|uid| is_asked(uid) && view.index_of(Uid(*uid)).is_none()).collect(),
        };
        if !gone.is_empty() {
            let line = format!("* VANISHED (EARLIER) {}\r\n", sequence::write(gone));
            self.say(&line);
        }
        Ok(())
    }

    async fn mark_seen(&mut self, place: &Place, view: &View, indices: &[usize]) -> Option<Outcome> {
        let unseen: Vec<Uid> = indices
            .iter()
            .filter_map(|index| view.get(*index))
            .filter(|row| !row.flags.has(SystemFlags::SEEN))
            .map(|row| row.uid)
            .collect();
        if unseen.is_empty() {
            return None;
        }
        let seen = Flags::system(SystemFlags::SEEN);
        match self.service.mail.store_flags(place, unseen, FlagMode::Add, seen, None).await {
            Ok(stored) => {
                Box::pin(self.flagged(place, view, &stored.value.done)).await;
                None
            }
            Err(error) => Some(self.failed(&error)),
        }
    }

    async fn fetch_one(
        &mut self,
        asked: &Asked<'_>,
        index: usize,
        row: &Row,
        mut read: Read,
    ) -> Result<Result<(), Error>, Broken> {
        let start = self.line.output.len();
        let mut has_left = false;
        self.write_fetch_head(index, row);
        for (at, item) in asked.items.iter().enumerate() {
            if at > 0 {
                self.line.output.push(b' ');
            }
            match self.write_item(asked.place, asked.view, row, item, &mut read) {
                Ok(None) => {}
                Ok(Some(Octets::Read(octets))) => {
                    let held = self.line.output.len() + octets.len();
                    self.send_octets(octets).await?;
                    has_left |= self.line.output.len() != held;
                }
                Ok(Some(Octets::Stored(range))) => {
                    has_left = true;
                    self.send_stored(asked.place, row, range).await?;
                }
                Err(error) => {
                    // What has left cannot be taken back.
                    if has_left {
                        return Err(Broken::Session("a message could not be read to its end"));
                    }
                    self.line.output.truncate(start);
                    return Ok(Err(error));
                }
            }
        }
        self.say(")\r\n");
        Ok(Ok(()))
    }

    async fn send_stored(&mut self, place: &Place, row: &Row, range: Range<u64>) -> Result<(), Broken> {
        let mut at = range.start;
        while at < range.end {
            let piece = at..range.end.min(at + PIECE_OCTETS);
            at = piece.end;
            let wanted = piece.end - piece.start;
            match self.service.mail.body_range(&place.owner, &row.blob, piece) {
                Ok(octets) if octets.len() as u64 == wanted => self.send_octets(octets).await?,
                Ok(_) => return Err(Broken::Session("a message is shorter than its row says")),
                Err(error) => {
                    self.failed(&error);
                    return Err(Broken::Session("a message could not be read to its end"));
                }
            }
        }
        Ok(())
    }

    /// Writes one item; a body that follows its literal's head is handed back.
    fn write_item(
        &mut self,
        place: &Place,
        view: &View,
        row: &Row,
        item: &Item,
        read: &mut Read,
    ) -> Result<Option<Octets>, Error> {
        let utf8 = self.utf8;
        match item {
            Item::Flags => {
                self.say("FLAGS ");
                write_flags(&mut self.line.output, view, row);
            }
            Item::Uid => {
                self.say("UID ");
                write::number(&mut self.line.output, u64::from(row.uid.0));
            }
            Item::InternalDate => self.say(&format!("INTERNALDATE {}", write::date_time(row.internal_date))),
            Item::SaveDate => self.say(&format!("SAVEDATE {}", write::date_time(row.save_date))),
            Item::Size => self.say(&format!("RFC822.SIZE {}", row.octets)),
            Item::Modseq => self.say(&format!("MODSEQ ({})", row.modseq)),
            Item::EmailId => self.say(&format!("EMAILID ({})", email_id(row))),
            Item::ThreadId => self.say(&format!("THREADID ({})", thread_id(row))),
            Item::Envelope => {
                let summary = self.summary(place, row, read)?;
                self.line.output.extend_from_slice(b"ENVELOPE ");
                structure::envelope(&mut self.line.output, &summary.envelope, utf8);
            }
            Item::Body | Item::BodyStructure => {
                let summary = self.summary(place, row, read)?;
                let extended = *item == Item::BodyStructure;
                self.line.output.extend_from_slice(if extended { b"BODYSTRUCTURE " } else { b"BODY " });
                structure::body(&mut self.line.output, &summary.structure.root, extended, utf8);
            }
            Item::Preview => {
                let summary = self.summary(place, row, read)?;
                self.line.output.extend_from_slice(b"PREVIEW ");
                write::string(&mut self.line.output, summary.preview.as_bytes(), utf8);
            }
            Item::Section { section, partial, name, .. } => {
                let octets = self.section(place, row, section, read)?;
                self.say(&section::name(section, *name, *partial));
                return Ok(self.write_section(octets, *partial));
            }
            Item::Binary { part, partial, .. } => {
                let body = self.body(place, row, read)?;
                let summary = self.summary(place, row, read)?;
                self.say(&format!("BINARY[{}]{}", section::part(part), section::origin(*partial)));
                let found = summary.structure.part(part);
                let decoded = found.and_then(|found| {
                    content::octets(&body, found).ok().map(|octets| Bytes::from(octets.into_owned()))
                });
                let decoded = if part.is_empty() { Some(body) } else { decoded };
                return Ok(self.write_binary(decoded, *partial));
            }
            Item::BinarySize { part } => {
                let body = self.body(place, row, read)?;
                let summary = self.summary(place, row, read)?;
                let found = summary.structure.part(part);
                let size = match found {
                    _ if part.is_empty() => body.len() as u64,
                    Some(found) => content::size_octets(&body, found).unwrap_or(0),
                    None => 0,
                };
                self.say(&format!("BINARY.SIZE[{}] {size}", section::part(part)));
            }
        }
        Ok(None)
    }

    fn write_section(&mut self, octets: Option<Octets>, partial: Option<(u32, u32)>) -> Option<Octets> {
        match octets {
            None => self.write_octets(None, partial),
            Some(Octets::Read(octets)) => self.write_octets(Some(octets), partial),
            Some(Octets::Stored(range)) => {
                let range = section::partial_range(range, partial);
                self.line.output.push(b' ');
                write::literal_head(
                    &mut self.line.output,
                    usize::try_from(range.end - range.start).unwrap_or(usize::MAX),
                );
                Some(Octets::Stored(range))
            }
        }
    }

    fn write_octets(&mut self, octets: Option<Bytes>, partial: Option<(u32, u32)>) -> Option<Octets> {
        self.line.output.push(b' ');
        let Some(octets) = octets else {
            self.say("NIL");
            return None;
        };
        let octets = section::partial(octets, partial);
        write::literal_head(&mut self.line.output, octets.len());
        Some(Octets::Read(octets))
    }

    /// Decoded octets may hold NUL, and then need a literal8 (RFC 3516 §4.2).
    fn write_binary(&mut self, octets: Option<Bytes>, partial: Option<(u32, u32)>) -> Option<Octets> {
        if let Some(octets) = &octets
            && octets.contains(&0)
        {
            self.line.output.push(b' ');
            let octets = section::partial(octets.clone(), partial);
            self.line.output.push(b'~');
            write::literal_head(&mut self.line.output, octets.len());
            return Some(Octets::Read(octets));
        }
        self.write_octets(octets, partial)
    }

    /// The octets of a section; only they are read, and the many of a large one not yet.
    fn section(&self, place: &Place, row: &Row, section: &Section, read: &mut Read) -> Result<Option<Octets>, Error> {
        let range = if *section == Section::default() {
            0..u64::from(row.octets)
        } else {
            match section::span(&self.summary(place, row, read)?.structure, section) {
                Some(range) => range,
                None => return Ok(None),
            }
        };
        if read.body.is_none() && range.end - range.start > PIECE_OCTETS && !section::is_chosen(section) {
            return Ok(Some(Octets::Stored(range)));
        }
        if *section == Section::default() {
            return self.body(place, row, read).map(|body| Some(Octets::Read(body)));
        }
        let octets = match &read.body {
            Some(body) => {
                let within = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(body.len());
                body.slice(within(range.start)..within(range.end))
            }
            None => self.service.mail.body_range(&place.owner, &row.blob, range)?,
        };
        Ok(Some(Octets::Read(section::fields(octets, section))))
    }

    fn summary<'r>(&self, place: &Place, row: &Row, read: &'r mut Read) -> Result<&'r Summary, Error> {
        if read.summary.is_none() {
            read.summary = Some(self.service.mail.summary(place, row.uid, &row.blob)?);
        }
        read.summary.as_ref().ok_or(Error::NoMessage)
    }

    fn body(&self, place: &Place, row: &Row, read: &mut Read) -> Result<Bytes, Error> {
        if read.body.is_none() {
            read.body = Some(self.service.mail.body(&place.owner, &row.blob)?);
        }
        read.body.clone().ok_or(Error::NoMessage)
    }
}

fn needs_summary(item: &Item) -> bool {
    match item {
        Item::Envelope | Item::Body | Item::BodyStructure | Item::Preview => true,
        Item::Section { section, .. } => *section != Section::default(),
        Item::Binary { .. } | Item::BinarySize { .. } => true,
        _ => false,
    }
}

fn sets_seen(item: &Item) -> bool {
    matches!(item, Item::Section { peek: false, .. } | Item::Binary { peek: false, .. })
}
