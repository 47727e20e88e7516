//! SORT: the order of found messages (RFC 5256 §3, RFC 5957).

use crate::imap::find;
use crate::imap::progress::Progress;
use crate::imap::search::{mentions_modseq, number};
use crate::imap::session::{Done, Outcome, Session};
use imap::command::Numbers;
use imap::search::{Key, Return, SortKey};
use mail::change::Place;
use mail::error::Error;
use mail::store::Mail;
use mail::view::{Row, View};
use message::sort::{address_key, display_key, subject_key};
use message::summary::Summary;
use model::CivilTime;
use std::cmp::Ordering;
use std::ops::ControlFlow;

impl Session<'_> {
    /// SORT; with RETURN answered as ESEARCH, in the order of the sort (RFC 5267 §3).
    pub fn sort(&mut self, numbers: Numbers, returns: Option<Return>, criteria: &[(SortKey, bool)], key: &Key) -> Done {
        self.condstore |= mentions_modseq(key);
        self.catch_up(numbers == Numbers::Uid)?;
        let Some(selected) = self.selected.as_ref() else { return Ok(Outcome::bad("select a mailbox first")) };
        let (place, view) = (selected.place.clone(), selected.view.clone());
        if returns.as_ref().is_some_and(|returns| returns.update) {
            let tag = self.tag_string();
            self.say(&format!("* NO [NOUPDATE {tag}] sorted results are not kept up to date\r\n"));
        }
        let (service, now, saved) = (self.service, self.service.clock.now(), self.saved.clone());
        let mail = &service.mail;
        let question = find::Question { key, now, saved: &saved };
        let mut progress = Progress::of(self);
        // Reading summaries takes a while; others go on meanwhile.
        let sorted = tokio::task::block_in_place(|| {
            let found = find::search(mail, &place, &view, question, &mut |done, total| {
                progress.step(self, done, total);
            })?;
            sort(mail, &place, &view, criteria, found)
        });
        let sorted = match sorted {
            Ok(sorted) => sorted,
            Err(error) => return Ok(self.failed(&error)),
        };
        Ok(match returns {
            Some(returns) => Outcome::Ok(self.answer(&view, &sorted, numbers, &returns, mentions_modseq(key))),
            None => {
                self.say("* SORT");
                for index in sorted {
                    self.say(&format!(" {}", number(&view, index, numbers)));
                }
                self.say("\r\n");
                Outcome::ok("done")
            }
        })
    }
}

/// What is compared.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    Number(u64),
    Text(String),
}

/// `found` in the order of `criteria`, each with whether it is reversed. Equal messages stay in the mailbox's order.
///
/// # Errors
/// That the store could not be read.
pub(crate) fn sort(
    mail: &Mail,
    place: &Place,
    view: &View,
    criteria: &[(SortKey, bool)],
    mut found: Vec<usize>,
) -> Result<Vec<usize>, Error> {
    found.sort_unstable();
    let mut sorted: Vec<(Vec<Value>, usize)> = Vec::with_capacity(found.len());
    if criteria.iter().all(|(key, _)| matches!(key, SortKey::Arrival | SortKey::Size)) {
        sorted.extend(found.iter().filter_map(|index| {
            let row = view.get(*index)?;
            Some((criteria.iter().map(|(key, _)| by_row(*key, row)).collect(), *index))
        }));
    } else {
        mail.summaries(place, view, &found, &mut |index, summary| {
            if let Some(row) = view.get(index) {
                sorted.push((criteria.iter().map(|(key, _)| value(*key, row, &summary)).collect(), index));
            }
            ControlFlow::Continue(())
        })?;
    }
    sorted.sort_by(|(left, left_index), (right, right_index)| {
        compare(criteria, left, right).then(left_index.cmp(right_index))
    });
    Ok(sorted.into_iter().map(|(_, index)| index).collect())
}

fn compare(criteria: &[(SortKey, bool)], left: &[Value], right: &[Value]) -> Ordering {
    let pairs = left.iter().zip(right).zip(criteria);
    pairs.fold(Ordering::Equal, |before, ((left, right), (_, is_reversed))| {
        before.then_with(|| if *is_reversed { right.cmp(left) } else { left.cmp(right) })
    })
}

fn by_row(key: SortKey, row: &Row) -> Value {
    Value::Number(if key == SortKey::Size { u64::from(row.octets) } else { row.internal_date.0 })
}

fn value(key: SortKey, row: &Row, summary: &Summary) -> Value {
    let envelope = &summary.envelope;
    match key {
        SortKey::Arrival | SortKey::Size => by_row(key, row),
        SortKey::Date => Value::Number(sent(row, summary)),
        SortKey::Cc => Value::Text(address_key(&envelope.cc)),
        SortKey::From => Value::Text(address_key(&envelope.from)),
        SortKey::To => Value::Text(address_key(&envelope.to)),
        SortKey::DisplayFrom => Value::Text(display_key(&envelope.from)),
        SortKey::DisplayTo => Value::Text(display_key(&envelope.to)),
        SortKey::Subject => Value::Text(subject_key(envelope)),
    }
}

/// The sent date: of the Date field, or when the message arrived if that cannot be read (RFC 5256 §2.2).
pub(crate) fn sent(row: &Row, summary: &Summary) -> u64 {
    summary.sent.and_then(CivilTime::timestamp).unwrap_or(row.internal_date).0
}

#[cfg(test)]
mod tests;
