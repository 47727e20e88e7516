//! One test at work: values are shown to it until one fits, or until looking at them has cost too much.

use std::borrow::Cow;
use std::ops::ControlFlow;

use super::{Halt, Machine};
use crate::comparator::Comparator;
use crate::limits::{LISTED_OCTETS_MAX, REGEXES_MADE_MAX};
use crate::matching::{Keys, Kind, Match, Needle};
use crate::question::Question;
use crate::template::Template;

pub(super) struct Judge<'k> {
    machine: &'k Machine<'k>,
    how: Match,
    prepared: &'k [Option<Needle>],
    /// All needles, in their order, where variables decided some of them.
    made: Option<Vec<Cow<'k, Needle>>>,
    wants_captures: bool,
    /// Steps for each octet of a value, all needles together.
    effort: u64,
    /// Steps for each value besides.
    effort_of_keys: u64,
    count: u64,
    captures: Vec<String>,
    halt: Option<Halt>,
}

impl<'k> Judge<'k> {
    /// Puts the keys together that variables decide.
    pub fn new(machine: &'k Machine<'k>, keys: &'k Keys, how: Match, wants_captures: bool) -> Result<Judge<'k>, Halt> {
        machine.pay(keys.prepared.len() as u64)?;
        let is_prepared = keys.prepared.iter().all(Option::is_some);
        let made = if is_prepared { None } else { Some(make(machine, keys, how)?) };
        let wants_captures = wants_captures && matches!(how.kind, Kind::Matches | Kind::Regex);
        let mut judge = Judge {
            machine,
            how,
            prepared: &keys.prepared,
            made,
            wants_captures,
            effort: 1,
            effort_of_keys: 0,
            count: 0,
            captures: Vec::new(),
            halt: None,
        };
        judge.effort = judge.needles().map(|needle| needle.effort(how)).fold(0, u64::saturating_add).max(1);
        judge.effort_of_keys = judge.needles().map(|needle| needle.effort_of_key(how)).fold(1, u64::saturating_add);
        Ok(judge)
    }

    fn needles(&self) -> impl Iterator<Item = &Needle> {
        let made = self.made.iter().flatten().map(Cow::as_ref);
        let prepared = if self.made.is_some() { &[] } else { self.prepared };
        made.chain(prepared.iter().flatten())
    }

    /// Counts steps that finding the values takes. Breaks when they are too many; then what was decided is void.
    pub fn charge(&self, steps: u64) -> ControlFlow<()> {
        self.machine.spend(steps);
        if self.machine.is_exhausted() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Breaks if the value decides the test.
    pub fn see(&mut self, value: &str) -> ControlFlow<()> {
        let comparator = self.how.comparator;
        self.see_folded(value, || comparator.fold(value))
    }

    /// The same for a value that is kept in lower case, too.
    pub fn see_with<'v>(&mut self, value: &'v str, lower: impl FnOnce() -> &'v str) -> ControlFlow<()> {
        let comparator = self.how.comparator;
        self.see_folded(value, || match comparator {
            Comparator::AsciiCasemap => Cow::Borrowed(lower()),
            _ => comparator.fold(value),
        })
    }

    fn see_folded<'v>(&mut self, value: &'v str, fold: impl FnOnce() -> Cow<'v, str>) -> ControlFlow<()> {
        self.count += 1;
        let octets = value.len() as u64;
        let effort = self.effort.saturating_add(self.how.effort_of_folding());
        self.charge(octets.saturating_mul(effort).saturating_add(self.effort_of_keys))?;
        match self.how.kind {
            Kind::Count(_) => return ControlFlow::Continue(()),
            Kind::List => return self.look_up(value),
            _ => {}
        }
        let folded = if self.how.needs_folded() { fold() } else { Cow::Borrowed(value) };
        let hit = self.needles().find(|needle| needle.is_match(value, &folded, self.how));
        let Some(hit) = hit else { return ControlFlow::Continue(()) };
        if self.wants_captures {
            self.machine.spend(octets.saturating_mul(hit.effort_of_captures(self.how)));
            self.captures = hit.captures(value, &folded);
        }
        ControlFlow::Break(())
    }

    /// Asks whether the value is in one of the lists (RFC 6134 §2.2).
    fn look_up(&mut self, value: &str) -> ControlFlow<()> {
        if value.len() > LISTED_OCTETS_MAX {
            return ControlFlow::Continue(());
        }
        let machine = self.machine;
        let answer = self.needles().find_map(|needle| {
            let Needle::Plain(list) = needle else { return None };
            let question = Question::InList { list: list.clone(), value: value.to_owned() };
            Some(machine.is(question)).filter(|answer| !matches!(answer, Ok(false)))
        });
        match answer {
            None | Some(Ok(false)) => ControlFlow::Continue(()),
            Some(Ok(true)) => ControlFlow::Break(()),
            Some(Err(halt)) => {
                self.halt = Some(halt);
                ControlFlow::Break(())
            }
        }
    }

    /// What was decided, and what the wildcards stood for. `is_hit`: a value has fitted.
    pub fn decide(self, is_hit: bool) -> Result<(bool, Vec<String>), Halt> {
        if let Some(halt) = self.halt {
            return Err(halt);
        }
        self.machine.pay(0)?;
        let Kind::Count(relation) = self.how.kind else { return Ok((is_hit, self.captures)) };
        let count = self.count.to_string();
        let holds = |needle: &Needle| match needle {
            Needle::Plain(key) => relation.holds(self.how.comparator.compare(&count, key)),
            _ => false,
        };
        let is_hit = self.needles().any(holds);
        Ok((is_hit, Vec::new()))
    }
}

fn make<'k>(machine: &'k Machine<'k>, keys: &'k Keys, how: Match) -> Result<Vec<Cow<'k, Needle>>, Halt> {
    let mut all = Vec::with_capacity(keys.prepared.len());
    for (template, prepared) in keys.templates.iter().zip(&keys.prepared) {
        match prepared {
            Some(needle) => all.push(Cow::Borrowed(needle)),
            None => make_from(machine, template, keys.are_words, how, &mut all)?,
        }
    }
    Ok(all)
}

fn make_from<'k>(
    machine: &Machine<'_>,
    template: &Template,
    are_words: bool,
    how: Match,
    all: &mut Vec<Cow<'k, Needle>>,
) -> Result<(), Halt> {
    let key = machine.expand(template);
    if are_words {
        for word in key.split_ascii_whitespace() {
            all.push(Cow::Owned(make_one(machine, word, how)?));
        }
    } else {
        all.push(Cow::Owned(make_one(machine, &key, how)?));
    }
    Ok(())
}

fn make_one(machine: &Machine<'_>, key: &str, how: Match) -> Result<Needle, Halt> {
    if how.kind == Kind::Regex {
        let made = machine.regexes_made.get() + 1;
        machine.regexes_made.set(made);
        if made > REGEXES_MADE_MAX {
            let reason = format!("the script puts together more than {REGEXES_MADE_MAX} regular expressions");
            return Err(Halt::Fail(reason));
        }
    }
    let needle = Needle::new(key, how).map_err(|bad| {
        let shown: String = key.chars().take(crate::limits::TRACE_CHARS_MAX).collect();
        Halt::Fail(format!("the regular expression {shown:?} {}", bad.reason()))
    })?;
    machine.pay(needle.effort_of_making())?;
    Ok(needle)
}
