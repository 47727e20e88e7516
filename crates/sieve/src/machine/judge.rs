//! One test at work: values are shown to it until one fits, or until looking at them has cost too much.

use std::borrow::Cow;

use super::Halt;
use crate::comparator::Comparator;
use crate::matching::{Keys, Kind, Match, Needle};

pub(super) struct Judge<'k> {
    how: Match,
    prepared: &'k [Option<Needle>],
    /// All needles, in their order, where variables decided some of them.
    made: Option<Vec<Cow<'k, Needle>>>,
    wants_captures: bool,
    /// Steps for each octet of a value, all needles together.
    effort: u64,
    budget: u64,
    spent: u64,
    count: u64,
    captures: Vec<String>,
    listed: Vec<String>,
}

impl<'k> Judge<'k> {
    /// `expand` puts the keys together that variables decide; `budget` is how many steps the test may take.
    pub fn new(
        keys: &'k Keys,
        how: Match,
        wants_captures: bool,
        budget: u64,
        expand: impl Fn(&'k crate::template::Template) -> Cow<'k, str>,
    ) -> Result<Judge<'k>, Halt> {
        let made = if keys.prepared.iter().all(Option::is_some) { None } else { Some(make(keys, how, expand)?) };
        let wants_captures = wants_captures && matches!(how.kind, Kind::Matches | Kind::Regex);
        let (captures, listed) = (Vec::new(), Vec::new());
        let prepared = &keys.prepared;
        let mut judge =
            Judge { how, prepared, made, wants_captures, effort: 1, budget, spent: 0, count: 0, captures, listed };
        judge.effort = judge.needles().map(Needle::effort).sum::<u64>().max(1);
        Ok(judge)
    }

    fn needles(&self) -> impl Iterator<Item = &Needle> {
        let made = self.made.iter().flatten().map(Cow::as_ref);
        let prepared = if self.made.is_some() { &[] } else { self.prepared };
        made.chain(prepared.iter().flatten())
    }

    /// How many needles had to be put together.
    pub fn made_count(&self) -> usize {
        self.made.as_ref().map_or(0, |made| made.iter().filter(|needle| matches!(needle, Cow::Owned(_))).count())
    }

    /// Counts steps that finding the values took.
    pub fn charge(&mut self, steps: u64) {
        self.spent = self.spent.saturating_add(steps);
    }

    /// Whether the value decides the test.
    pub fn see(&mut self, value: &str) -> bool {
        let comparator = self.how.comparator;
        self.see_folded(value, || comparator.fold(value))
    }

    /// The same for a value that is kept in lower case, too.
    pub fn see_with<'v>(&mut self, value: &'v str, lower: impl FnOnce() -> &'v str) -> bool {
        let comparator = self.how.comparator;
        self.see_folded(value, || match comparator {
            Comparator::AsciiCasemap => Cow::Borrowed(lower()),
            _ => comparator.fold(value),
        })
    }

    fn see_folded<'v>(&mut self, value: &'v str, fold: impl FnOnce() -> Cow<'v, str>) -> bool {
        self.count += 1;
        self.charge((value.len() as u64 + 1).saturating_mul(self.effort));
        if self.is_exhausted() {
            return true;
        }
        match self.how.kind {
            Kind::Count(_) => return false,
            Kind::List => {
                self.listed.push(value.to_owned());
                return false;
            }
            _ => {}
        }
        let folded = if self.how.needs_folded() { fold() } else { Cow::Borrowed(value) };
        let Some(hit) = self.needles().find(|needle| needle.is_match(value, &folded, self.how)) else { return false };
        if self.wants_captures {
            self.captures = hit.captures(value, &folded);
        }
        true
    }

    /// What `:count` says in the end; `None` for other match types.
    pub fn counted(&self) -> Option<bool> {
        let Kind::Count(relation) = self.how.kind else { return None };
        let count = self.count.to_string();
        let holds = |needle: &Needle| match needle {
            Needle::Plain(key) => relation.holds(self.how.comparator.compare(&count, key)),
            _ => false,
        };
        Some(self.needles().any(holds))
    }

    /// The values to look for in external lists, and the lists.
    pub fn listed(&self) -> (&[String], Vec<&str>) {
        let lists = self.needles().filter_map(|needle| match needle {
            Needle::Plain(list) => Some(list.as_str()),
            _ => None,
        });
        (&self.listed, lists.collect())
    }

    /// Whether more steps were taken than allowed; then what was decided is void.
    pub fn is_exhausted(&self) -> bool {
        self.spent > self.budget
    }

    /// What the wildcards stood for, if any did, and the steps that were taken.
    pub fn finish(self) -> (Vec<String>, u64) {
        (self.captures, self.spent)
    }
}

fn make<'k>(
    keys: &'k Keys,
    how: Match,
    expand: impl Fn(&'k crate::template::Template) -> Cow<'k, str>,
) -> Result<Vec<Cow<'k, Needle>>, Halt> {
    let mut all = Vec::with_capacity(keys.prepared.len());
    for (template, prepared) in keys.templates.iter().zip(&keys.prepared) {
        if let Some(needle) = prepared {
            all.push(Cow::Borrowed(needle));
            continue;
        }
        let key = expand(template);
        let needle = |key: &str| match Needle::new(key, how) {
            Ok(needle) => Ok(Cow::Owned(needle)),
            Err(_) => Err(Halt::Fail(format!("the regular expression {key:?} cannot be read"))),
        };
        if keys.are_words {
            for word in key.split_ascii_whitespace() {
                all.push(needle(word)?);
            }
        } else {
            all.push(needle(&key)?);
        }
    }
    Ok(all)
}
