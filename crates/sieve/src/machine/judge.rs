//! One test at work: values are shown to it until one fits.

use std::borrow::Cow;

use super::Halt;
use crate::matching::{Keys, Kind, Match, Needle};

pub(super) struct Judge<'k> {
    keys: &'k Keys,
    how: Match,
    /// Needles that variables decided, in the order of the gaps in `keys`.
    made: Vec<Needle>,
    wants_captures: bool,
    count: u64,
    captures: Vec<String>,
    listed: Vec<String>,
    octets: u64,
}

impl<'k> Judge<'k> {
    /// `expand` puts the keys together that variables decide.
    pub fn new(
        keys: &'k Keys,
        how: Match,
        wants_captures: bool,
        expand: impl Fn(&'k crate::template::Template) -> Cow<'k, str>,
    ) -> Result<Judge<'k>, Halt> {
        let mut made = Vec::new();
        for (template, _) in keys.templates.iter().zip(&keys.prepared).filter(|(_, prepared)| prepared.is_none()) {
            let key = expand(template);
            let needle = Needle::new(&key, how);
            made.push(needle.map_err(|_| Halt::Fail(format!("the regular expression {key:?} cannot be read")))?);
        }
        let wants_captures = wants_captures && matches!(how.kind, Kind::Matches | Kind::Regex);
        let (captures, listed) = (Vec::new(), Vec::new());
        Ok(Judge { keys, how, made, wants_captures, count: 0, captures, listed, octets: 0 })
    }

    fn needles(&self) -> impl Iterator<Item = &Needle> {
        let mut made = self.made.iter();
        self.keys.prepared.iter().filter_map(move |prepared| prepared.as_ref().or_else(|| made.next()))
    }

    /// Whether the value decides the test.
    pub fn see(&mut self, value: &str) -> bool {
        self.see_folded(value, None)
    }

    /// The same for a value whose ASCII letters were folded before.
    pub fn see_folded(&mut self, value: &str, lower: Option<&str>) -> bool {
        self.count += 1;
        self.octets += value.len() as u64 * self.keys.prepared.len() as u64;
        match self.how.kind {
            Kind::Count(_) => return false,
            Kind::List => {
                self.listed.push(value.to_owned());
                return false;
            }
            _ => {}
        }
        let folded = match (self.how.comparator, lower) {
            (crate::comparator::Comparator::AsciiCasemap, Some(lower)) => Cow::Borrowed(lower),
            (comparator, _) => comparator.fold(value),
        };
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

    /// What the wildcards stood for, if any did, and the octets that were compared.
    pub fn finish(self) -> (Vec<String>, u64) {
        (self.captures, self.octets)
    }
}
