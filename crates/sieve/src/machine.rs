//! Runs a script step by step. It asks what it must know and says in the end what is to be done; it does nothing itself.

mod act;
mod bodies;
mod body;
mod change;
mod judge;
mod look;
mod parts;
mod store;
mod strings;
mod surroundings;

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use message::structure::Structure;
use model::Timestamp;

use crate::effect::{Effect, Failure, Outcome, Remember, TraceStep};
use crate::fault::Position;
use crate::fields::Fields;
use crate::limits::{
    ACTIONS_MAX, COPIED_OCTETS_MAX, EXPANSION_OCTETS_MAX, INCLUDE_DEPTH_MAX, INCLUDES_MAX, QUESTIONS_MAX,
    SAID_OCTETS_MAX, STEPS_MAX, TRACE_STEPS_MAX, WORK_OCTETS_MAX,
};
use crate::program::{Include, Operation, Script};
use crate::question::{Answer, Question};
use crate::variables::Variables;
use crate::version::Version;
use bodies::Bodies;

/// What `environment` tells of the IMAP command that runs a script (RFC 6785 §4).
const IMAP_ITEMS: [&str; 5] = ["imap.user", "imap.email", "imap.cause", "imap.mailbox", "imap.changedflags"];
/// Octets that could be looked at while an answer is looked up.
const QUESTION_EFFORT: u64 = 64;

/// What a script can see.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    /// The message.
    pub message: &'a [u8],
    /// Its parts.
    pub structure: &'a Structure,
    /// The envelope sender; empty for the null sender, `None` where there is no envelope.
    pub sender: Option<String>,
    /// The envelope recipient this is run for.
    pub recipient: Option<String>,
    /// Who authenticated to send it.
    pub authenticated: Option<String>,
    /// When.
    pub now: Timestamp,
    /// The server's zone in minutes east of UTC.
    pub offset_minutes: i16,
    /// Between user and detail of an address.
    pub separator: char,
    /// Items of `environment` by name: those of RFC 5183 §4.1 as far as they are known (`domain`, `host`, `location`,
    /// `name`, `phase`, `remote-host`, `remote-ip`, `version`) and those of RFC 6785 §4 (`imap.user`, `imap.email`,
    /// `imap.cause`, `imap.mailbox`, `imap.changedflags`), which are empty at delivery. Where `imap.cause` is not empty,
    /// `envelope` fails (RFC 6785 §4.6).
    pub environment: Vec<(String, String)>,
    /// How much it is like spam, 0 to 100, if that was tested.
    pub spam_percent: Option<u8>,
    /// 1 clean to 5 certainly infected, if that was tested (RFC 5235 §3.3).
    pub virus: Option<u8>,
    /// The flags that the message has already: none at delivery, and what `hasflag` sees where an IMAP command runs the
    /// script (RFC 6785 §2.2.3).
    pub flags: Vec<String>,
    /// Redirects that one run may ask for.
    pub redirects_max: usize,
    /// Whether to tell each step.
    pub traces: bool,
}

impl<'a> Context<'a> {
    /// A message that nothing more is known of: no envelope, the time at the beginning of 1970 in UTC, `+` before a
    /// detail, no scores, four redirects. What is known is then set.
    pub fn new(message: &'a [u8], structure: &'a Structure) -> Context<'a> {
        Context {
            message,
            structure,
            sender: None,
            recipient: None,
            authenticated: None,
            now: Timestamp::default(),
            offset_minutes: 0,
            separator: '+',
            environment: Vec::new(),
            spam_percent: None,
            virus: None,
            flags: Vec::new(),
            redirects_max: 4,
            traces: false,
        }
    }
}

/// What comes next.
#[derive(Debug)]
pub enum Step<'a> {
    /// Answer this, with [`Machine::answer`], and go on.
    Ask(Question),
    /// That was all.
    Done(Box<Outcome<'a>>),
}

/// A run of a script.
#[derive(Debug)]
pub struct Machine<'a> {
    context: Context<'a>,
    frames: Vec<Frame>,
    globals: Variables,
    flags: Vec<String>,
    /// What the last test said.
    truth: bool,
    message: Version<'a>,
    /// The message before it was enclosed: that is what is sent on.
    unenclosed: Option<Version<'a>>,
    /// The fields of the message's header as it is now; found when first wanted.
    fields: Option<Fields>,
    bodies: Bodies,
    effects: Vec<Effect<'a>>,
    keeps: bool,
    remember: Vec<Remember>,
    answers: HashMap<Question, Answer>,
    asked: Option<Question>,
    included: Vec<(String, bool)>,
    steps: u32,
    /// Octets that were looked at and copied.
    work: Cell<u64>,
    /// Octets of strings that were put together for the operation at hand, and of all that were handed out.
    expanded: Cell<u64>,
    said: u64,
    /// Octets that variables gave to the operation at hand.
    filled: Cell<usize>,
    regexes_made: Cell<u32>,
    edits: usize,
    added_octets: usize,
    /// Octets of the message that were copied to change it.
    copied: usize,
    trace: Vec<TraceStep>,
}

/// A script that is being run.
#[derive(Debug)]
struct Frame {
    script: Arc<Script>,
    name: String,
    /// Whether it is the server's rather than the user's.
    is_global: bool,
    next: usize,
    variables: Variables,
    /// Names that mean variables of all scripts here.
    globals: Vec<String>,
    captures: Vec<String>,
    /// The number of the part that is the whole message here: a script that is included in a loop sees the part at
    /// hand as if it were the message (RFC 6609 §3.5). 0 is the message.
    root: usize,
    loops: Vec<Parts>,
}

/// A loop over parts: their numbers in [`Structure::parts`].
#[derive(Debug)]
struct Parts {
    rest: std::vec::IntoIter<usize>,
    current: usize,
}

/// Why a run cannot go on now.
#[derive(Debug)]
enum Halt {
    Ask(Box<Question>),
    Fail(String),
    Stop,
}

impl<'a> Machine<'a> {
    /// Begins.
    pub fn new(script: Arc<Script>, context: Context<'a>) -> Machine<'a> {
        let message = Version::original(context.message, context.structure);
        Machine {
            flags: context.flags.clone(),
            context,
            frames: vec![Frame::new(script, String::new(), false, 0)],
            globals: Variables::default(),
            truth: false,
            message,
            unenclosed: None,
            fields: None,
            bodies: Bodies::default(),
            effects: Vec::new(),
            keeps: true,
            remember: Vec::new(),
            answers: HashMap::new(),
            asked: None,
            included: Vec::new(),
            steps: 0,
            work: Cell::new(0),
            expanded: Cell::new(0),
            said: 0,
            filled: Cell::new(0),
            regexes_made: Cell::new(0),
            edits: 0,
            added_octets: 0,
            copied: 0,
            trace: Vec::new(),
        }
    }

    /// Answers the last question.
    pub fn answer(&mut self, answer: Answer) {
        if let Some(question) = self.asked.take() {
            let fits = question.takes(&answer);
            let answer = if fits { answer } else { Answer::Unknown("the answer does not fit the question".to_owned()) };
            self.answers.insert(question, answer);
        }
    }

    /// Goes on until something must be asked, or to the end.
    pub fn resume(&mut self) -> Step<'a> {
        loop {
            match self.step() {
                Ok(()) => {}
                Err(Halt::Ask(question)) => {
                    self.said += question.octets() as u64;
                    match self.check_bounds() {
                        Ok(()) => {
                            self.asked = Some((*question).clone());
                            return Step::Ask(*question);
                        }
                        Err(halt) => return Step::Done(Box::new(self.halted(halt))),
                    }
                }
                Err(halt) => return Step::Done(Box::new(self.halted(halt))),
            }
        }
    }

    fn halted(&mut self, halt: Halt) -> Outcome<'a> {
        let failure = match halt {
            Halt::Fail(reason) => Some(self.failure(reason)),
            Halt::Ask(_) | Halt::Stop => None,
        };
        self.end(failure)
    }

    fn failure(&self, reason: String) -> Failure {
        let Some(frame) = self.frames.last() else { return Failure { script: String::new(), line: 0, reason } };
        let line = frame.script.operations.get(frame.next).map_or(0, |(at, _)| at.line);
        Failure { script: frame.name.clone(), line, reason }
    }

    fn end(&mut self, failure: Option<Failure>) -> Outcome<'a> {
        let is_implicit_keep = match &failure {
            Some(_) => {
                self.message = Version::original(self.context.message, self.context.structure);
                self.effects = vec![Effect::Keep { flags: Vec::new(), message: self.message.clone() }];
                self.remember.clear();
                true
            }
            None => self.keeps && self.keep_implicitly(),
        };
        let effects = std::mem::take(&mut self.effects);
        // Whoever goes on all the same gets nothing twice.
        self.frames.clear();
        self.keeps = false;
        Outcome {
            effects,
            message: self.message.clone(),
            is_implicit_keep,
            failure,
            remember: std::mem::take(&mut self.remember),
            steps: self.steps,
            trace: std::mem::take(&mut self.trace),
        }
    }

    fn step(&mut self) -> Result<(), Halt> {
        let Some(frame) = self.frames.last() else { return Err(Halt::Stop) };
        let script = Arc::clone(&frame.script);
        let Some((at, operation)) = script.operations.get(frame.next) else {
            return self.leave();
        };
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return Err(Halt::Fail(format!("the script takes more than {STEPS_MAX} steps")));
        }
        let mut next = frame.next + 1;
        self.expanded.set(0);
        self.filled.set(0);
        match operation {
            Operation::Jump(to) => next = *to,
            Operation::JumpIf(to) if self.truth => next = *to,
            Operation::JumpUnless(to) if !self.truth => next = *to,
            Operation::JumpIf(_) | Operation::JumpUnless(_) => {}
            Operation::Not => self.truth = !self.truth,
            Operation::Test(test) => {
                self.truth = self.test(test)?;
                let truth = self.truth;
                self.note(*at, || format!("{} is {truth}", test.name()));
            }
            Operation::Action(action) => {
                self.act(action)?;
                self.said += self.expanded.get();
                self.note(*at, || action.describe());
            }
            Operation::EachPart { end } => {
                if !self.begin_loop() {
                    next = *end;
                }
            }
            Operation::NextPart { start } => {
                if self.next_part() {
                    next = *start;
                }
            }
            Operation::Break { loops, to } => {
                self.end_loops(*loops);
                next = *to;
            }
            Operation::Include(include) => return self.include(include, *at, next),
            Operation::Return => return self.leave(),
            Operation::Stop => return Err(Halt::Stop),
            Operation::Error(reason) => return Err(Halt::Fail(self.expand(reason).into_owned())),
        }
        self.check_bounds()?;
        if let Some(frame) = self.frames.last_mut() {
            frame.next = next;
        }
        Ok(())
    }

    /// What one operation may do is bounded by what it looks at; what all of them do, here.
    fn check_bounds(&self) -> Result<(), Halt> {
        self.pay(0)?;
        if self.filled.get() > EXPANSION_OCTETS_MAX {
            let reason = format!("variables in one command come to more than {EXPANSION_OCTETS_MAX} octets");
            return Err(Halt::Fail(reason));
        }
        if self.said > SAID_OCTETS_MAX {
            return Err(Halt::Fail(format!("what the script says comes to more than {SAID_OCTETS_MAX} octets")));
        }
        if self.copied > COPIED_OCTETS_MAX {
            return Err(Halt::Fail(format!("changes of the message copy more than {COPIED_OCTETS_MAX} octets")));
        }
        Ok(())
    }

    /// Ends the innermost script.
    fn leave(&mut self) -> Result<(), Halt> {
        if let Some(frame) = self.frames.last_mut() {
            frame.loops.clear();
        }
        if self.frames.len() <= 1 {
            self.settle();
            return Err(Halt::Stop);
        }
        self.frames.pop();
        Ok(())
    }

    fn include(&mut self, include: &Include, at: Position, next: usize) -> Result<(), Halt> {
        let name = self.expand(&include.name).into_owned();
        let identity = (name.clone(), include.is_global);
        let is_repeated = include.is_once && self.included.contains(&identity);
        let found = if is_repeated {
            None
        } else {
            match self.ask(Question::Script { name: name.clone(), is_global: include.is_global })? {
                Answer::Script(Some(script)) => Some(Arc::clone(script)),
                _ if include.is_optional => None,
                _ => return Err(Halt::Fail(format!("there is no script {name:?} to include"))),
            }
        };
        if found.is_some() && self.frames.len() > INCLUDE_DEPTH_MAX {
            return Err(Halt::Fail(format!("scripts include each other more than {INCLUDE_DEPTH_MAX} deep")));
        }
        // RFC 6609 §3.1: including itself is an error.
        let is_running = |frame: &Frame| frame.name == name && frame.is_global == include.is_global;
        if self.frames.iter().any(is_running) && found.is_some() {
            return Err(Halt::Fail(format!("the script {name:?} includes itself")));
        }
        if self.included.len() >= INCLUDES_MAX {
            return Err(Halt::Fail(format!("more than {INCLUDES_MAX} scripts are included")));
        }
        let is_found = found.is_some();
        self.note(at, || format!("include {name:?}{}", if is_found { "" } else { ": nothing to do" }));
        if let Some(frame) = self.frames.last_mut() {
            frame.next = next;
        }
        if let Some(script) = found {
            self.included.push(identity.clone());
            let root = self.part_number();
            self.frames.push(Frame::new(script, identity.0, include.is_global, root));
        }
        Ok(())
    }

    /// An item of the environment.
    fn environment(&self, name: &str) -> Option<&str> {
        let mut items = self.context.environment.iter();
        let found = items.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str());
        // RFC 6785 §4.2: where no IMAP command runs the script they are empty rather than unknown.
        found.or_else(|| IMAP_ITEMS.iter().any(|known| known.eq_ignore_ascii_case(name)).then_some(""))
    }

    fn ask(&self, question: Question) -> Result<&Answer, Halt> {
        self.pay(QUESTION_EFFORT + question.octets() as u64)?;
        match self.answers.get(&question) {
            Some(Answer::Unknown(reason)) => Err(Halt::Fail(reason.clone())),
            Some(answer) => Ok(answer),
            None if self.answers.len() >= QUESTIONS_MAX => {
                Err(Halt::Fail(format!("the script asks more than {QUESTIONS_MAX} questions")))
            }
            // What is cut is not asked.
            None if self.filled.get() > EXPANSION_OCTETS_MAX => {
                self.check_bounds()?;
                Err(Halt::Stop)
            }
            None => Err(Halt::Ask(Box::new(question))),
        }
    }

    fn is(&self, question: Question) -> Result<bool, Halt> {
        Ok(matches!(self.ask(question)?, Answer::Is(true)))
    }

    /// Counts octets that were looked at or copied; [`Machine::check_bounds`] says when they are too many.
    fn spend(&self, octets: u64) {
        self.work.set(self.work.get().saturating_add(octets));
    }

    /// Whether more was looked at than a run may look at.
    fn is_exhausted(&self) -> bool {
        self.work.get() > WORK_OCTETS_MAX
    }

    /// Counts octets that are going to be looked at or copied, and fails if they are too many.
    fn pay(&self, octets: u64) -> Result<(), Halt> {
        self.spend(octets);
        match self.is_exhausted() {
            true => Err(Halt::Fail(format!("the script looks at more than {WORK_OCTETS_MAX} octets"))),
            false => Ok(()),
        }
    }

    fn emit(&mut self, effect: Effect<'a>) -> Result<(), Halt> {
        if self.effects.len() >= ACTIONS_MAX {
            return Err(Halt::Fail(format!("the script takes more than {ACTIONS_MAX} actions")));
        }
        self.effects.push(effect);
        Ok(())
    }

    fn note(&mut self, at: Position, what: impl FnOnce() -> String) {
        if self.context.traces && self.trace.len() < TRACE_STEPS_MAX {
            let script = self.frames.last().map_or_else(String::new, |frame| frame.name.clone());
            self.trace.push(TraceStep { script, line: at.line, what: what() });
        }
    }
}

impl Frame {
    fn new(script: Arc<Script>, name: String, is_global: bool, root: usize) -> Frame {
        let (variables, globals) = (Variables::default(), Vec::new());
        let (captures, loops) = (Vec::new(), Vec::new());
        Frame { script, name, is_global, next: 0, variables, globals, captures, root, loops }
    }
}

#[cfg(test)]
mod tests;
