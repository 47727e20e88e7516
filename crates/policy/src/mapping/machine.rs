//! One probe against a table, step by step: the machine runs until it is done or must know something, and is resumed with
//! the answer. It never waits.
//!
//! A look-up that says no, or fails, makes its whole entry not match: the next one is tried with the text as it was. What
//! stands to its right is never seen.

use crate::limits::{LOOKUPS_MAX, PASSES_MAX, STRING_OCTETS_MAX, TABLE_DEPTH_MAX, TRIED_MAX};
use crate::lookup::{Answer, Lookup, SequenceForm};
use crate::mapping::callout::{self, Callout, Case, Kind, Piece, Routine};
use crate::mapping::flags::Flags;
use crate::mapping::pattern::{Captures, Scratch};
use crate::mapping::table::{Candidates, Entry, Mappings, Place};
use crate::mapping::template::{Control, Part, Template};
use std::sync::Arc;

/// What the machine wants next.
#[derive(Debug)]
pub enum Step {
    /// An answer, with [`Machine::answer`].
    Lookup(Lookup),
    /// It is done.
    Done(Outcome),
}

/// What a probe came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The text that came out; the probe itself when nothing matched.
    pub output: String,
    /// The flags that were set.
    pub flags: Flags,
    /// Where the entries stand that matched, in their order.
    pub matched: Vec<Place>,
    /// What went wrong on the way and was passed over.
    pub troubles: Vec<String>,
}

impl Outcome {
    /// Whether any entry matched.
    pub fn is_match(&self) -> bool {
        !self.matched.is_empty()
    }
}

/// A probe under way.
#[derive(Debug)]
pub struct Machine {
    mappings: Arc<Mappings>,
    given: Flags,
    frames: Vec<Frame>,
    asked: Option<Lookup>,
    lookups: u32,
    tried: u64,
    troubles: Vec<String>,
    trace: Option<Vec<String>>,
    scratch: Scratch,
}

/// One table that is being gone through.
#[derive(Debug)]
struct Frame {
    table: usize,
    text: String,
    candidates: Option<Candidates>,
    next: usize,
    passes: u32,
    /// After the last entry, once more from the first.
    one_more: bool,
    /// This is that pass.
    is_extra: bool,
    flags: Flags,
    matched: Vec<Place>,
    running: Option<Running>,
}

/// An entry whose pattern matched and whose template is being filled.
#[derive(Debug)]
struct Running {
    entry: usize,
    captures: Captures,
    part: usize,
    out: String,
    flags: Flags,
    control: Option<Control>,
    case: Case,
    is_quoting: bool,
}

/// How a frame goes on.
enum Next {
    /// Straight on.
    On,
    /// Something must be known.
    Ask(Lookup),
    /// Another table must be asked.
    Into(usize, String),
    /// It is finished.
    Finished,
}

impl Machine {
    /// A probe of a table, by number; `given` are the flags that templates can test.
    pub fn new(mappings: Arc<Mappings>, table: usize, probe: &str, given: Flags) -> Machine {
        Machine {
            mappings,
            given,
            frames: vec![Frame::new(table, probe.to_owned())],
            asked: None,
            lookups: 0,
            tried: 0,
            troubles: Vec::new(),
            trace: None,
            scratch: Scratch::default(),
        }
    }

    /// The same, noting each step for a person.
    #[must_use]
    pub fn traced(mut self) -> Machine {
        self.trace = Some(Vec::new());
        self
    }

    /// Takes the steps noted so far.
    pub fn take_trace(&mut self) -> Vec<String> {
        self.trace.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Answers what [`Step::Lookup`] asked, and goes on.
    pub fn answer(&mut self, answer: Answer) -> Step {
        let Some(asked) = self.asked.take() else { return self.run() };
        self.note(|| format!("  asked {asked}: {answer}"));
        match answer {
            Answer::Found(text) => {
                let text = match &asked {
                    Lookup::Sequence { form, .. } => form.write(&text),
                    _ => bounded(text, STRING_OCTETS_MAX),
                };
                let is_template = asked.answers_in_templates();
                self.put_answer(&text, is_template);
            }
            Answer::NotFound => self.fail_entry(&format!("{asked} said no")),
            Answer::Failed(why) => {
                self.troubles.push(format!("{asked}: {why}"));
                self.fail_entry(&format!("{asked} failed: {why}"));
            }
        }
        self.run()
    }

    /// Runs until it is done or must know something. While a question stands unanswered it is asked again.
    pub fn run(&mut self) -> Step {
        if let Some(asked) = &self.asked {
            return Step::Lookup(asked.clone());
        }
        loop {
            let mappings = Arc::clone(&self.mappings);
            match self.advance(&mappings) {
                Next::On => {}
                Next::Ask(lookup) => {
                    self.lookups += 1;
                    if self.lookups > LOOKUPS_MAX {
                        self.fail_entry("too many look-ups");
                        continue;
                    }
                    self.asked = Some(lookup.clone());
                    return Step::Lookup(lookup);
                }
                Next::Into(table, text) => self.enter(&mappings, table, text),
                Next::Finished => {
                    if let Some(outcome) = self.leave() {
                        return Step::Done(outcome);
                    }
                }
            }
        }
    }

    fn note(&mut self, text: impl FnOnce() -> String) {
        let depth = self.frames.len().saturating_sub(1);
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:width$}{}", "", text(), width = depth * 4));
        }
    }

    fn enter(&mut self, mappings: &Mappings, table: usize, text: String) {
        if self.frames.len() >= TABLE_DEPTH_MAX {
            return self.fail_entry("tables ask each other too deeply");
        }
        let name = mappings.table(table).map_or("?", |table| table.name.as_str());
        self.note(|| format!("  asked table {name} about \"{text}\""));
        self.frames.push(Frame::new(table, text));
    }

    /// Ends the innermost table; the outcome when it was the last.
    fn leave(&mut self) -> Option<Outcome> {
        let frame = self.frames.pop()?;
        let is_match = !frame.matched.is_empty();
        if self.frames.is_empty() {
            return Some(Outcome {
                output: frame.text,
                flags: frame.flags,
                matched: frame.matched,
                troubles: std::mem::take(&mut self.troubles),
            });
        }
        if is_match && frame.flags.has('Y') {
            let text = frame.text;
            self.note(|| format!("  the table said yes: \"{text}\""));
            self.put_answer(&text, false);
        } else {
            self.fail_entry("the table did not set $Y");
        }
        None
    }

    fn put_answer(&mut self, text: &str, is_template: bool) {
        let Some(running) = self.frames.last_mut().and_then(|frame| frame.running.as_mut()) else { return };
        if is_template {
            for part in Template::of_answer(text).parts {
                match part {
                    Part::Text(text) => running.put(&text),
                    Part::Flag(flag) => running.flags.set(flag),
                    _ => {}
                }
            }
        } else {
            running.put(text);
        }
        running.part += 1;
    }

    fn fail_entry(&mut self, why: &str) {
        self.note(|| format!("  does not match: {why}"));
        if let Some(frame) = self.frames.last_mut() {
            frame.running = None;
        }
    }

    fn advance(&mut self, mappings: &Mappings) -> Next {
        let Some(frame) = self.frames.last_mut() else { return Next::Finished };
        let Some(table) = mappings.table(frame.table) else { return Next::Finished };
        if let Some(running) = &mut frame.running {
            let Some(entry) = table.entries.get(running.entry) else { return Next::Finished };
            return match fill(mappings, running, entry, &frame.text, self.given) {
                Filled::Whole => self.entry_done(entry),
                Filled::Ask(lookup) => Next::Ask(lookup),
                Filled::Into(table, text) => Next::Into(table, text),
                Filled::Fails(why) => {
                    self.fail_entry(&why);
                    Next::On
                }
            };
        }
        let text = &frame.text;
        let candidates = frame.candidates.get_or_insert_with(|| {
            self.scratch.reset();
            table.candidates(text)
        });
        while let Some(number) = candidates.next(frame.next, table.entries.len()) {
            frame.next = number + 1;
            self.tried += 1;
            if self.tried > TRIED_MAX {
                self.troubles.push("too many entries were tried; the mapping ended early".to_owned());
                return Next::Finished;
            }
            let Some(entry) = table.entries.get(number) else { break };
            if let Some(captures) = entry.pattern.matches(text, &mut self.scratch) {
                frame.running = Some(Running::new(number, captures));
                self.note(|| {
                    let place = mappings.told(entry.place);
                    format!("{place}: `{}` matches; `{}`", entry.pattern_text, entry.template_text)
                });
                return Next::On;
            }
        }
        if frame.one_more {
            frame.one_more = false;
            frame.is_extra = true;
            frame.next = 0;
            frame.candidates = None;
            self.note(|| "one more pass".to_owned());
            return Next::On;
        }
        Next::Finished
    }

    /// An entry's template is filled: its output becomes the text, and its control says how it goes on.
    fn entry_done(&mut self, entry: &Entry) -> Next {
        let Some(frame) = self.frames.last_mut() else { return Next::Finished };
        let Some(running) = frame.running.take() else { return Next::On };
        let is_shorter = running.out.len() < frame.text.len();
        frame.text = running.out;
        frame.flags.join(running.flags);
        if frame.matched.last() != Some(&entry.place) {
            frame.matched.push(entry.place);
        }
        frame.candidates = None;
        let (text, flags) = (frame.text.clone(), frame.flags);
        let next = match running.control.unwrap_or(Control::End) {
            Control::End => {
                frame.one_more = false;
                Next::Finished
            }
            Control::Continue => {
                frame.one_more = false;
                Next::On
            }
            Control::Loop => {
                frame.one_more = !frame.is_extra;
                Next::On
            }
            Control::Restart => {
                frame.one_more = false;
                frame.next = 0;
                frame.passes += u32::from(!is_shorter);
                Next::On
            }
        };
        let is_endless = frame.passes > PASSES_MAX;
        self.note(|| format!("  output \"{text}\" {flags}"));
        if is_endless {
            let why =
                format!("the table begins again more than {PASSES_MAX} times and the text does not become shorter");
            self.troubles.push(why);
            return Next::Finished;
        }
        next
    }
}

/// How filling a template ended.
enum Filled {
    Whole,
    Ask(Lookup),
    Into(usize, String),
    Fails(String),
}

fn fill(mappings: &Mappings, running: &mut Running, entry: &Entry, text: &str, given: Flags) -> Filled {
    while let Some(part) = entry.template.parts.get(running.part) {
        match part {
            Part::Text(piece) => running.put(piece),
            Part::Wildcard(number) => running.put(running.captures.text(text, *number).unwrap_or_default()),
            Part::Control(control) => running.control = Some(*control),
            Part::Flag(flag) => running.flags.set(*flag),
            Part::Test { flag, is_set } => {
                if given.has(*flag) != *is_set {
                    return Filled::Fails(format!("${flag} is {}", if *is_set { "not set" } else { "set" }));
                }
            }
            Part::Chance(millionths) => return Filled::Ask(Lookup::Chance { millionths: *millionths }),
            Part::Case(case) => running.set_case(*case),
            Part::QuoteFilter => running.is_quoting = true,
            Part::Callout(callout) => match call(mappings, running, callout, text) {
                Filled::Whole => {}
                other => return other,
            },
        }
        running.part += 1;
        if running.out.len() > STRING_OCTETS_MAX {
            return Filled::Fails(format!("the output is over {STRING_OCTETS_MAX} octets"));
        }
    }
    Filled::Whole
}

fn call(mappings: &Mappings, running: &mut Running, callout: &Callout, text: &str) -> Filled {
    let is_url = matches!(callout.kind, Kind::Routine(Routine::HttpGet | Routine::HttpPost));
    let fill = |(index, pieces): (usize, &Vec<Piece>)| filled_in(pieces, running, text, is_url && index == 0);
    let arguments: Vec<String> = callout.arguments.iter().enumerate().map(fill).collect();
    let first = arguments.first().map(String::as_str).unwrap_or_default();
    match &callout.kind {
        Kind::Table(name) => match mappings.find(name) {
            Some(table) => Filled::Into(table, first.to_owned()),
            None => Filled::Fails(format!("there is no table {name}")),
        },
        Kind::General => match mappings.general(first) {
            Some(template) => {
                for part in &template.parts {
                    match part {
                        Part::Text(text) => running.put(text),
                        Part::Flag(flag) => running.flags.set(*flag),
                        _ => {}
                    }
                }
                Filled::Whole
            }
            None => Filled::Fails(format!("the general table has no `{first}`")),
        },
        Kind::Ldap => callout::of_ldap(first).map_or_else(Filled::Fails, Filled::Ask),
        Kind::Sequence => {
            let number = |index: usize| arguments.get(index).and_then(|text| text.trim().parse().ok()).unwrap_or(0);
            let form = SequenceForm { radix: number(1), width: number(2), modulus: u64::from(number(3)) };
            Filled::Ask(Lookup::Sequence { name: first.to_owned(), form })
        }
        Kind::Routine(routine) => callout::lookup(*routine, &arguments).map_or_else(Filled::Fails, Filled::Ask),
    }
}

fn filled_in(pieces: &[Piece], running: &Running, text: &str, is_url: bool) -> String {
    let (mut made, mut case, mut is_quoting) = (String::new(), running.case, running.is_quoting);
    for piece in pieces {
        match piece {
            Piece::Text(piece) => made.push_str(&cased(piece, case)),
            Piece::Wildcard(number) => {
                let taken = running.captures.text(text, *number).unwrap_or_default();
                let taken = cased(taken, case);
                let taken = if is_url { callout::quote_url(&taken) } else { taken };
                made.push_str(&if is_quoting { callout::quote_filter(&taken) } else { taken });
            }
            Piece::Case(wanted) => {
                case = *wanted;
                is_quoting &= *wanted != Case::Kept;
            }
            Piece::QuoteFilter => is_quoting = true,
        }
    }
    made
}

fn cased(text: &str, case: Case) -> String {
    match case {
        Case::Kept => text.to_owned(),
        Case::Lower => text.to_lowercase(),
        Case::Upper => text.to_uppercase(),
    }
}

/// Cuts an answer from outside: it is no mapping text of the operator's.
fn bounded(mut text: String, octets_max: usize) -> String {
    if text.len() > octets_max {
        let end = (0..=octets_max).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
    }
    text
}

impl Frame {
    fn new(table: usize, text: String) -> Frame {
        Frame {
            table,
            text,
            candidates: None,
            next: 0,
            passes: 0,
            one_more: false,
            is_extra: false,
            flags: Flags::default(),
            matched: Vec::new(),
            running: None,
        }
    }
}

impl Running {
    fn new(entry: usize, captures: Captures) -> Running {
        Running {
            entry,
            captures,
            part: 0,
            out: String::new(),
            flags: Flags::default(),
            control: None,
            case: Case::Kept,
            is_quoting: false,
        }
    }

    fn put(&mut self, text: &str) {
        match (self.case, self.is_quoting) {
            (Case::Kept, false) => self.out.push_str(text),
            (case, false) => self.out.push_str(&cased(text, case)),
            (case, true) => self.out.push_str(&callout::quote_filter(&cased(text, case))),
        }
    }

    fn set_case(&mut self, case: Case) {
        self.case = case;
        self.is_quoting &= case != Case::Kept;
    }
}
