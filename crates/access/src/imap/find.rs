//! Which messages of a view fit a search key: exactly, decoded and case folded (RFC 9051 §6.4.4).
//!
//! What the view knows is asked first, for all messages; only those about which it cannot tell have their records read,
//! in pages; and only where a text is looked for are octets read, the header before the body.

use crate::imap::identity::{email_id, thread_id};
use imap::search::{Day, Key, Which};
use imap::sequence::SequenceSet;
use mail::change::Place;
use mail::error::Error;
use mail::flags::SystemFlags;
use mail::store::Mail;
use mail::view::{Row, View};
use message::search::Needle;
use message::summary::Summary;
use message::terms::Terms;
use model::{CivilTime, Modseq, Timestamp};
use std::cell::OnceCell;
use std::ops::ControlFlow;
use std::time::Duration;

/// What is searched for.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    pub key: &'a Key,
    /// The time, for keys that count from it.
    pub now: Timestamp,
    /// The UIDs of `$`.
    pub saved: &'a [u32],
}

/// The indices in `view`, ascending, of the messages that fit. `progress` hears how many of how many messages have been
/// read.
///
/// # Errors
/// That the store could not be read.
pub(crate) fn search(
    mail: &Mail,
    place: &Place,
    view: &View,
    question: Question<'_>,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<usize>, Error> {
    let Question { key, now, saved } = question;
    let test = Compiler::new(view, now, saved).compile(key);
    let mut found = Vec::new();
    let mut doubtful = Vec::new();
    for (index, row) in view.rows().enumerate() {
        match test.by_row(index, row) {
            Some(true) => found.push(index),
            Some(false) => {}
            None => doubtful.push(index),
        }
    }
    let (mut done, total) = (0, doubtful.len());
    mail.records(place, view, &doubtful, &mut |index, record| {
        progress(done, total);
        done += 1;
        let Some(row) = view.get(index) else { return Ok(ControlFlow::Continue(())) };
        let terms = record.and_then(|record| Terms::of_record(record).ok()).unwrap_or_default();
        let (summary, header, octets) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        let message = Message { mail, place, index, row, terms, record, summary, header, octets };
        if test.fits(&message)? {
            found.push(index);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    found.sort_unstable();
    Ok(found)
}

/// A key made ready: names looked up, texts folded, sets resolved, the cheapest first.
enum Test {
    Constant(bool),
    /// Ranges of indices plus one, or of UIDs.
    Numbers(Vec<(u32, u32)>),
    Uids(Vec<(u32, u32)>),
    System(SystemFlags),
    Keyword(u128),
    Larger(u64),
    Smaller(u64),
    Days {
        which: Which,
        from: i64,
        to: i64,
    },
    ArrivedAfter(Timestamp),
    ArrivedBefore(Timestamp),
    Modseq(Modseq),
    EmailId(String),
    ThreadId(String),
    Header(String, Needle),
    Body(Needle),
    Text(Needle),
    Not(Box<Test>),
    Any(Vec<Test>),
    Every(Vec<Test>),
}

struct Compiler<'a> {
    view: &'a View,
    now: Timestamp,
    saved: &'a [u32],
}

impl<'a> Compiler<'a> {
    fn new(view: &'a View, now: Timestamp, saved: &'a [u32]) -> Compiler<'a> {
        Compiler { view, now, saved }
    }

    fn compile(&self, key: &Key) -> Test {
        let ago = |seconds: u64| self.now.minus(Duration::from_secs(seconds));
        match key {
            Key::All | Key::SaveDateSupported => Test::Constant(true),
            Key::Numbers(SequenceSet::Saved) | Key::Uids(SequenceSet::Saved) => Test::Uids(self.saved()),
            Key::Numbers(set) => Test::Numbers(set.resolve(u32::try_from(self.view.len()).unwrap_or(u32::MAX))),
            Key::Uids(set) => Test::Uids(set.resolve(self.largest_uid())),
            Key::Flag(name) => self.flag(name),
            Key::NotFlag(name) => Test::Not(Box::new(self.flag(name))),
            Key::Larger(octets) => Test::Larger(*octets),
            Key::Smaller(octets) => Test::Smaller(*octets),
            Key::Header(name, text) => Test::Header(name.clone(), Needle::new(text)),
            Key::Body(text) => Test::Body(Needle::new(text)),
            Key::Text(text) => Test::Text(Needle::new(text)),
            Key::Before(which, Day(day)) => Test::Days { which: *which, from: i64::MIN, to: *day },
            Key::On(which, Day(day)) => Test::Days { which: *which, from: *day, to: day.saturating_add(1) },
            Key::Since(which, Day(day)) => Test::Days { which: *which, from: *day, to: i64::MAX },
            Key::Older(seconds) => Test::ArrivedBefore(ago(*seconds)),
            Key::Younger(seconds) => Test::ArrivedAfter(ago(*seconds)),
            Key::Modseq(modseq) => Test::Modseq(Modseq(*modseq)),
            Key::EmailId(id) => Test::EmailId(id.clone()),
            Key::ThreadId(id) => Test::ThreadId(id.clone()),
            Key::Not(key) => Test::Not(Box::new(self.compile(key))),
            Key::Or(left, right) => Test::Any(self.all(&[left.as_ref(), right.as_ref()])),
            Key::And(keys) => Test::Every(self.all(&keys.iter().collect::<Vec<_>>())),
        }
    }

    fn all(&self, keys: &[&Key]) -> Vec<Test> {
        let mut tests: Vec<Test> = keys.iter().map(|key| self.compile(key)).collect();
        tests.sort_by_key(Test::cost);
        tests
    }

    fn flag(&self, name: &str) -> Test {
        match system_flag(name) {
            Some(flag) => Test::System(flag),
            // Nobody has a flag that the mailbox does not know.
            None => self.view.keywords.bit(name).map_or(Test::Constant(false), Test::Keyword),
        }
    }

    fn largest_uid(&self) -> u32 {
        let last = self.view.len().checked_sub(1).and_then(|index| self.view.get(index));
        last.map_or(0, |row| row.uid.0)
    }

    fn saved(&self) -> Vec<(u32, u32)> {
        let mut saved: Vec<(u32, u32)> = self.saved.iter().map(|uid| (*uid, *uid)).collect();
        saved.sort_unstable();
        saved
    }
}

fn system_flag(name: &str) -> Option<SystemFlags> {
    const NAMES: [(&str, SystemFlags); 5] = [
        ("\\Seen", SystemFlags::SEEN),
        ("\\Answered", SystemFlags::ANSWERED),
        ("\\Flagged", SystemFlags::FLAGGED),
        ("\\Deleted", SystemFlags::DELETED),
        ("\\Draft", SystemFlags::DRAFT),
    ];
    NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, flag)| *flag)
}

/// Whether `number` lies in one of the ascending ranges.
fn holds(ranges: &[(u32, u32)], number: u32) -> bool {
    let at = ranges.partition_point(|(_, last)| *last < number);
    ranges.get(at).is_some_and(|(first, _)| *first <= number)
}

fn utc_day(moment: Timestamp) -> i64 {
    moment.civil(0).days()
}

impl Test {
    /// What must be read to answer: nothing, a summary, a header, a body.
    fn cost(&self) -> u8 {
        match self {
            Test::Days { which: Which::Sent, .. } => 1,
            Test::Header(..) => 2,
            Test::Body(_) | Test::Text(_) => 3,
            Test::Not(test) => test.cost(),
            Test::Any(tests) | Test::Every(tests) => tests.iter().map(Test::cost).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// The answer, as far as the view knows it.
    fn by_row(&self, index: usize, row: &Row) -> Option<bool> {
        Some(match self {
            Test::Constant(answer) => *answer,
            Test::Numbers(ranges) => u32::try_from(index + 1).is_ok_and(|number| holds(ranges, number)),
            Test::Uids(ranges) => holds(ranges, row.uid.0),
            Test::System(flag) => row.flags.has(*flag),
            Test::Keyword(bit) => row.keywords & bit != 0,
            Test::Larger(octets) => u64::from(row.octets) > *octets,
            Test::Smaller(octets) => u64::from(row.octets) < *octets,
            Test::Days { which: Which::Internal, from, to } => (*from..*to).contains(&utc_day(row.internal_date)),
            Test::Days { which: Which::Saved, from, to } => (*from..*to).contains(&utc_day(row.save_date)),
            Test::ArrivedAfter(moment) => row.internal_date >= *moment,
            Test::ArrivedBefore(moment) => row.internal_date <= *moment,
            Test::Modseq(modseq) => row.modseq >= *modseq,
            Test::EmailId(id) => email_id(row) == *id,
            Test::ThreadId(id) => thread_id(row) == *id,
            Test::Days { which: Which::Sent, .. } | Test::Header(..) | Test::Body(_) | Test::Text(_) => return None,
            Test::Not(test) => return test.by_row(index, row).map(|answer| !answer),
            Test::Any(tests) => return decided(tests, true, |test| test.by_row(index, row)),
            Test::Every(tests) => return decided(tests, false, |test| test.by_row(index, row)),
        })
    }

    /// The answer, reading what must be read.
    fn fits(&self, message: &Message<'_>) -> Result<bool, Error> {
        Ok(match self {
            Test::Days { which: Which::Sent, from, to } => {
                message.summary()?.sent.is_some_and(|sent: CivilTime| (*from..*to).contains(&sent.days()))
            }
            Test::Header(name, needle) => match message.terms.has(name, needle) {
                Some(answer) => answer,
                None => needle.is_in_field(message.header()?, name),
            },
            Test::Body(needle) => needle.is_in_body(message.octets()?, &message.summary()?.structure),
            Test::Text(needle) => {
                needle.is_in_header(message.header()?)
                    || needle.is_in_message(message.octets()?, &message.summary()?.structure)
            }
            Test::Not(test) => !test.fits(message)?,
            Test::Any(tests) => return decide(tests, true, message),
            Test::Every(tests) => return decide(tests, false, message),
            by_row => by_row.by_row(message.index, message.row).unwrap_or(false),
        })
    }
}

/// `early` as soon as one test says so; the opposite when all say that; `None` when it is open.
fn decided(tests: &[Test], early: bool, ask: impl Fn(&Test) -> Option<bool>) -> Option<bool> {
    let mut is_open = false;
    for test in tests {
        match ask(test) {
            Some(answer) if answer == early => return Some(early),
            Some(_) => {}
            None => is_open = true,
        }
    }
    if is_open { None } else { Some(!early) }
}

fn decide(tests: &[Test], early: bool, message: &Message<'_>) -> Result<bool, Error> {
    for test in tests {
        if test.fits(message)? == early {
            return Ok(early);
        }
    }
    Ok(!early)
}

/// A message whose octets are read when they are needed, once.
struct Message<'a> {
    mail: &'a Mail,
    place: &'a Place,
    index: usize,
    row: &'a Row,
    terms: Terms,
    record: Option<&'a [u8]>,
    summary: OnceCell<Summary>,
    header: OnceCell<bytes::Bytes>,
    octets: OnceCell<bytes::Bytes>,
}

impl Message<'_> {
    fn summary(&self) -> Result<&Summary, Error> {
        once(&self.summary, || self.mail.read_back(self.place, &self.row.blob, self.record))
    }

    fn header(&self) -> Result<&[u8], Error> {
        if let Some(octets) = self.octets.get() {
            return Ok(octets);
        }
        let range = self.summary()?.structure.root.header.range();
        let read = || self.mail.body_range(&self.place.owner, &self.row.blob, range);
        Ok(once(&self.header, read)?)
    }

    fn octets(&self) -> Result<&[u8], Error> {
        Ok(once(&self.octets, || self.mail.body(&self.place.owner, &self.row.blob))?)
    }
}

fn once<T>(cell: &OnceCell<T>, read: impl FnOnce() -> Result<T, Error>) -> Result<&T, Error> {
    if let Some(held) = cell.get() {
        return Ok(held);
    }
    let value = read()?;
    Ok(cell.get_or_init(|| value))
}

#[cfg(test)]
pub(crate) mod tests;
