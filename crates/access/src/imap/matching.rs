//! Whether a message fits a search key (RFC 9051 §6.4.4). Cheap questions come first; a body is read only when nothing
//! else has decided.

use crate::imap::identity::{email_id, thread_id};
use crate::imap::selected::SYSTEM_FLAGS;
use bytes::Bytes;
use imap::search::{Day, Key, Which};
use mail::change::Place;
use mail::error::Error;
use mail::store::Mail;
use mail::view::{Row, View};
use message::search::Needle;
use message::summary::Summary;
use model::{Timestamp, Uid};
use std::cell::OnceCell;

/// What is searched.
pub(crate) struct Search<'a> {
    pub mail: &'a Mail,
    pub place: &'a Place,
    pub view: &'a View,
    pub now: Timestamp,
    /// What `$` stands for.
    pub saved: &'a [u32],
}

/// A message, read as far as a key needs it.
struct Candidate<'a> {
    index: usize,
    row: &'a Row,
    summary: OnceCell<Summary>,
    body: OnceCell<Bytes>,
}

impl Search<'_> {
    /// The indices of the messages that fit, ascending.
    pub fn run(&self, key: &Key) -> Result<Vec<usize>, Error> {
        let mut key = key.clone();
        order(&mut key);
        let mut found = Vec::new();
        for (index, row) in self.view.rows().enumerate() {
            let candidate = Candidate { index, row, summary: OnceCell::new(), body: OnceCell::new() };
            match self.fits(&key, &candidate) {
                Ok(true) => found.push(index),
                Ok(false) => {}
                // A message that was expunged meanwhile fits nothing.
                Err(Error::NoMessage) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    fn fits(&self, key: &Key, candidate: &Candidate<'_>) -> Result<bool, Error> {
        let row = candidate.row;
        Ok(match key {
            Key::All => true,
            Key::Numbers(set) if *set == imap::sequence::SequenceSet::Saved => self.saved.contains(&row.uid.0),
            Key::Numbers(set) => {
                let count = u32::try_from(self.view.len()).unwrap_or(u32::MAX);
                within(&set.resolve(count), u32::try_from(candidate.index + 1).unwrap_or(u32::MAX))
            }
            Key::Uids(set) if *set == imap::sequence::SequenceSet::Saved => self.saved.contains(&row.uid.0),
            Key::Uids(set) => {
                let last = self.view.len().checked_sub(1).and_then(|last| self.view.get(last));
                within(&set.resolve(last.map_or(0, |row| row.uid.0)), row.uid.0)
            }
            Key::Flag(name) => self.has_flag(row, name),
            Key::NotFlag(name) => !self.has_flag(row, name),
            Key::Larger(octets) => u64::from(row.octets) > *octets,
            Key::Smaller(octets) => u64::from(row.octets) < *octets,
            Key::Before(which, day) => {
                self.day(*which, candidate)? < Some(*day) && self.day(*which, candidate)?.is_some()
            }
            Key::On(which, day) => self.day(*which, candidate)? == Some(*day),
            Key::Since(which, day) => self.day(*which, candidate)? >= Some(*day),
            Key::Older(secs) => self.now.secs().saturating_sub(row.internal_date.secs()) >= *secs,
            Key::Younger(secs) => self.now.secs().saturating_sub(row.internal_date.secs()) < *secs,
            Key::Modseq(modseq) => row.modseq.0 >= *modseq,
            Key::EmailId(id) => email_id(row) == *id,
            Key::ThreadId(id) => thread_id(row) == *id,
            Key::SaveDateSupported => true,
            Key::Header(name, text) => {
                let summary = self.summary(candidate)?;
                let body = self.body(candidate)?;
                let header = summary.structure.root.header.of(&body);
                if text.is_empty() {
                    message::header::find(header, name).is_some()
                } else {
                    Needle::new(text).is_in_field(header, name)
                }
            }
            Key::Body(text) => {
                let (summary, body) = (self.summary(candidate)?, self.body(candidate)?);
                Needle::new(text).is_in_body(&body, &summary.structure)
            }
            Key::Text(text) => {
                let (summary, body) = (self.summary(candidate)?, self.body(candidate)?);
                Needle::new(text).is_in_message(&body, &summary.structure)
            }
            Key::Not(key) => !self.fits(key, candidate)?,
            Key::Or(one, other) => self.fits(one, candidate)? || self.fits(other, candidate)?,
            Key::And(keys) => {
                for key in keys {
                    if !self.fits(key, candidate)? {
                        return Ok(false);
                    }
                }
                true
            }
        })
    }

    fn has_flag(&self, row: &Row, name: &str) -> bool {
        match SYSTEM_FLAGS.iter().find(|(_, known)| known.eq_ignore_ascii_case(name)) {
            Some((flag, _)) => row.flags.has(*flag),
            None => self.view.keywords.bit(name).is_some_and(|bit| row.keywords & bit != 0),
        }
    }

    fn day(&self, which: Which, candidate: &Candidate<'_>) -> Result<Option<Day>, Error> {
        Ok(match which {
            Which::Internal => Some(Day::of(candidate.row.internal_date.civil(0))),
            Which::Saved => Some(Day::of(candidate.row.save_date.civil(0))),
            // The day that the sender's calendar showed, without regard to its zone (RFC 9051 §6.4.4).
            Which::Sent => self.summary(candidate)?.sent.map(Day::of),
        })
    }

    fn summary(&self, candidate: &Candidate<'_>) -> Result<Summary, Error> {
        if let Some(summary) = candidate.summary.get() {
            return Ok(summary.clone());
        }
        let uid: Uid = candidate.row.uid;
        let summary = self.mail.summary(self.place, uid, &candidate.row.blob)?;
        Ok(candidate.summary.get_or_init(|| summary).clone())
    }

    fn body(&self, candidate: &Candidate<'_>) -> Result<Bytes, Error> {
        if let Some(body) = candidate.body.get() {
            return Ok(body.clone());
        }
        let body = self.mail.body(&self.place.owner, &candidate.row.blob)?;
        Ok(candidate.body.get_or_init(|| body).clone())
    }
}

fn within(ranges: &[(u32, u32)], number: u32) -> bool {
    let at = ranges.partition_point(|(_, last)| *last < number);
    ranges.get(at).is_some_and(|(first, _)| *first <= number)
}

/// Puts cheap keys in front wherever all must fit.
fn order(key: &mut Key) {
    match key {
        Key::And(keys) => {
            keys.iter_mut().for_each(order);
            keys.sort_by_key(cost);
        }
        Key::Or(one, other) => {
            order(one);
            order(other);
            if cost(one) > cost(other) {
                std::mem::swap(one, other);
            }
        }
        Key::Not(key) => order(key),
        _ => {}
    }
}

fn cost(key: &Key) -> u32 {
    match key {
        Key::Before(Which::Sent, _) | Key::On(Which::Sent, _) | Key::Since(Which::Sent, _) => 10,
        Key::Header(..) => 100,
        Key::Body(_) | Key::Text(_) => 1_000,
        Key::Not(key) => cost(key),
        Key::Or(one, other) => cost(one).saturating_add(cost(other)),
        Key::And(keys) => keys.iter().map(cost).fold(0, u32::saturating_add),
        _ => 1,
    }
}
