//! SEARCH and its answers (RFC 9051 §6.4.4, RFC 4731, RFC 5182, RFC 9394).

use crate::imap::find;
use crate::imap::page::page;
use crate::imap::progress::Progress;
use crate::imap::session::{Done, Outcome, Session};
use imap::command::Numbers;
use imap::search::{Key, Return};
use imap::sequence;
use mail::view::View;

impl Session<'_> {
    pub async fn search(&mut self, numbers: Numbers, returns: Option<Return>, key: Key) -> Done {
        self.condstore |= mentions_modseq(&key);
        self.catch_up(numbers == Numbers::Uid)?;
        let Some(selected) = self.selected.as_ref() else { return Ok(Outcome::bad("select a mailbox first")) };
        let (place, view) = (selected.place.clone(), selected.view.clone());
        let (service, now, saved) = (self.service, self.service.clock.now(), self.saved.clone());
        let question = find::Question { key: &key, now, saved: &saved };
        let mut progress = Progress::of(self);
        // Searching bodies takes a while; others go on meanwhile.
        let searched = tokio::task::block_in_place(|| {
            find::search(&service.mail, &place, &view, question, &mut |done, total| {
                progress.step(self, done, total);
            })
        });
        let found = match searched {
            Ok(found) => found,
            Err(error) => {
                if returns.as_ref().is_some_and(|returns| returns.save) {
                    self.saved = Vec::new();
                }
                return Ok(self.failed(&error));
            }
        };
        if let Some(returns) = returns.as_ref().filter(|returns| returns.update) {
            // The result comes first, then what changes in it (RFC 5267 §4.3.2).
            let text = self.answer(&view, &found, numbers, returns, mentions_modseq(&key));
            self.keep(&view, &found, numbers, &key);
            self.catch_up(numbers == Numbers::Uid)?;
            return Ok(Outcome::Ok(text));
        }
        self.catch_up(numbers == Numbers::Uid)?;
        Ok(Outcome::Ok(match returns {
            None if !self.rev2 => {
                self.answer_old(&view, &found, numbers, mentions_modseq(&key));
                "done".to_owned()
            }
            returns => {
                let returns = returns.unwrap_or(Return { all: true, ..Return::default() });
                self.answer(&view, &found, numbers, &returns, mentions_modseq(&key))
            }
        }))
    }

    /// The SEARCH response of IMAP4rev1, with the greatest modseq when modseqs were asked for (RFC 7162 §3.1.5).
    fn answer_old(&mut self, view: &View, found: &[usize], numbers: Numbers, with_modseq: bool) {
        let mut line = String::from("* SEARCH");
        for index in found {
            line.push_str(&format!(" {}", number(view, *index, numbers)));
        }
        if with_modseq && !found.is_empty() {
            line.push_str(&format!(" (MODSEQ {})", greatest_modseq(view, found)));
        }
        self.say(&line);
        self.say("\r\n");
    }

    /// The ESEARCH response (RFC 4731 §3.1); the tag is that of the command, told by the caller's tagged line.
    pub fn answer(
        &mut self,
        view: &View,
        found: &[usize],
        numbers: Numbers,
        returns: &Return,
        with_modseq: bool,
    ) -> String {
        if returns.save {
            self.save(view, found, returns);
        }
        let told: Vec<u32> = found.iter().map(|index| number(view, *index, numbers)).collect();
        let mut line = format!("* ESEARCH (TAG {})", self.tag_string());
        if numbers == Numbers::Uid {
            line.push_str(" UID");
        }
        if returns.min
            && let Some(first) = told.first()
        {
            line.push_str(&format!(" MIN {first}"));
        }
        if returns.max
            && let Some(last) = told.last()
        {
            line.push_str(&format!(" MAX {last}"));
        }
        if returns.count {
            line.push_str(&format!(" COUNT {}", told.len()));
        }
        if returns.all && !told.is_empty() {
            line.push_str(&format!(" ALL {}", sequence::write(told.iter().copied())));
        }
        if let Some(range) = returns.partial {
            let part = page(&told, range);
            let set = if part.is_empty() { "NIL".to_owned() } else { sequence::write(part) };
            line.push_str(&format!(" PARTIAL ({}:{} {set})", range.0, range.1));
        }
        if with_modseq && !found.is_empty() {
            line.push_str(&format!(" MODSEQ {}", greatest_modseq(view, found)));
        }
        // With SAVE alone nothing is told (RFC 5182 §2.1).
        if returns.min || returns.max || returns.all || returns.count || returns.partial.is_some() {
            self.say(&line);
            self.say("\r\n");
        }
        "done".to_owned()
    }

    /// What `$` stands for from now on (RFC 5182 §2.1, §2.4).
    fn save(&mut self, view: &View, found: &[usize], returns: &Return) {
        let everything = returns.all || returns.count || !(returns.min || returns.max || returns.partial.is_some());
        let kept: Vec<usize> = if everything {
            found.to_vec()
        } else {
            let mut kept = Vec::new();
            if returns.min {
                kept.extend(found.first());
            }
            if returns.max {
                kept.extend(found.last());
            }
            if let Some(range) = returns.partial {
                kept.extend(page(found, range));
            }
            kept.sort_unstable();
            kept.dedup();
            kept
        };
        self.saved = kept.iter().filter_map(|index| view.get(*index)).map(|row| row.uid.0).collect();
        self.saved.sort_unstable();
    }
}

pub(crate) fn number(view: &View, index: usize, numbers: Numbers) -> u32 {
    match numbers {
        Numbers::Uid => view.get(index).map_or(0, |row| row.uid.0),
        Numbers::Sequence => u32::try_from(index + 1).unwrap_or(u32::MAX),
    }
}

fn greatest_modseq(view: &View, found: &[usize]) -> u64 {
    found.iter().filter_map(|index| view.get(*index)).map(|row| row.modseq.0).max().unwrap_or(0)
}

pub(crate) fn mentions_modseq(key: &Key) -> bool {
    match key {
        Key::Modseq(_) => true,
        Key::Not(key) => mentions_modseq(key),
        Key::Or(one, other) => mentions_modseq(one) || mentions_modseq(other),
        Key::And(keys) => keys.iter().any(mentions_modseq),
        _ => false,
    }
}
