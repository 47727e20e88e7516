//! The mail server's side of a milter connection: one whole message after the other is told to the filter step by step,
//! and what the filter says comes back as a [`Judgement`].

use crate::limits::{MILTER_CHANGES_MAX, MILTER_FRAME_OCTETS_MAX};
use crate::milter::command::{Command, Field, Offer, Path, Peer};
use crate::milter::flags::{Actions, Stage, Steps};
use crate::milter::frame;
use crate::milter::offence::Offence;
use crate::milter::response::{Change, Response, Verdict};

/// The oldest version of the protocol that an answer may name.
const OLDEST_VERSION: u32 = 2;

/// The first version that has a DATA stage.
const DATA_SINCE: u32 = 4;

/// The first version in which a connection can serve one client after the other.
const REUSED_SINCE: u32 = 6;

/// Octets of output after which the driver is asked to write them before more is made.
const FLUSH_OCTETS: usize = 256 << 10;

/// Values of macros, in the order in which they are sent: names longer than a letter have their braces.
pub type Macros = Vec<(String, String)>;

/// A whole message with all that a filter may want to know of it.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    /// The client's name, or its address in brackets.
    pub host: &'a str,
    /// From where it came.
    pub peer: Peer,
    /// How it named itself; empty when it did not.
    pub hello: &'a str,
    /// The sender.
    pub sender: Path,
    /// The recipients, each with the macros of its RCPT.
    pub recipients: Vec<(Path, Macros)>,
    /// The header from top to bottom; values keep the space after the colon.
    pub header: Vec<Field>,
    /// The body.
    pub body: &'a [u8],
    /// The macros of the stages, RCPT not among them.
    pub macros: Vec<(Stage, Macros)>,
}

/// What came of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// What the filter said of the message as a whole; nothing when it let it pass.
    pub refusal: Option<Verdict>,
    /// What it said of recipients, by their place, where it refused them.
    pub refused: Vec<(usize, Verdict)>,
    /// What it changes, in its order; pieces of a new body are not among them.
    pub changes: Vec<Change>,
    /// A body that replaces the old one.
    pub body: Option<Vec<u8>>,
    /// Fields whose value was too long for a frame and was cut for the filter.
    pub fields_cut: usize,
}

/// What [`Session::receive`] comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The filter must say more; write the output first.
    NeedMore,
    /// Write the output, then call again.
    Flush,
    /// The filter says that it is still at work; write nothing, wait on.
    Progress,
    /// The message is judged.
    Done(Judgement),
}

/// Where a message is: the next step to be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Negotiate,
    Connect,
    Helo,
    Mail,
    Rcpt(usize),
    Data,
    Header(usize),
    EndOfHeader,
    Body(usize),
    EndOfMessage,
    Done,
}

/// One connection.
#[derive(Debug)]
pub struct Session {
    next: Step,
    waiting: Option<Step>,
    offered: Offer,
    agreed: Offer,
    judgement: Judgement,
    body_octets_max: usize,
    ended_well: bool,
    out: Vec<u8>,
}

impl Session {
    /// A new connection; a filter's new body may have `body_octets_max` octets.
    pub fn new(body_octets_max: usize) -> Session {
        // Sizes of frames beyond the usual are not offered: the body goes in pieces, and fields are smaller.
        let steps = Steps(
            Steps::ALL.0 & !(Steps::REJECTED_RECIPIENTS.0 | Steps::FRAMES_OF_256_KIB.0 | Steps::FRAMES_OF_1_MIB.0),
        );
        let offered = Offer { steps, ..Offer::all() };
        let mut out = Vec::new();
        Command::Negotiate(offered.clone()).write(&mut out);
        Session {
            next: Step::Connect,
            waiting: Some(Step::Negotiate),
            agreed: Offer { actions: Actions::default(), steps: Steps::default(), ..offered.clone() },
            offered,
            judgement: Judgement::default(),
            body_octets_max,
            ended_well: false,
            out,
        }
    }

    /// What is to be written.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// Takes what the filter said and says what comes next of `message`, which must be the same until it is judged.
    ///
    /// # Errors
    /// What the filter did wrong; the connection must be closed.
    pub fn receive(&mut self, input: &mut &[u8], message: &Message<'_>) -> Result<Event, Offence> {
        loop {
            let Some(step) = self.waiting else {
                if self.next == Step::Done {
                    return Ok(Event::Done(std::mem::take(&mut self.judgement)));
                }
                if self.out.len() >= FLUSH_OCTETS {
                    return Ok(Event::Flush);
                }
                self.say(message);
                continue;
            };
            let Some(frame) = frame::take(input, MILTER_FRAME_OCTETS_MAX)? else { return Ok(Event::NeedMore) };
            match Response::read(frame)? {
                Response::Progress => return Ok(Event::Progress),
                Response::Negotiate(answer) if step == Step::Negotiate => {
                    self.agree(answer)?;
                    self.waiting = None;
                }
                Response::ChooseMacros(stage, names) if step == Step::Negotiate => {
                    self.agreed.macros.retain(|(known, _)| *known != stage);
                    self.agreed.macros.push((stage, names));
                }
                Response::Change(change) if step == Step::EndOfMessage => self.change(change)?,
                Response::Verdict(verdict) if step != Step::Negotiate => {
                    self.waiting = None;
                    self.judge(step, verdict, message)?;
                }
                Response::Negotiate(_) | Response::ChooseMacros(..) => {
                    return Err(Offence::OutOfOrder { what: "negotiation" });
                }
                Response::Change(_) => return Err(Offence::OutOfOrder { what: "change" }),
                Response::Verdict(_) => return Err(Offence::OutOfOrder { what: "verdict" }),
            }
        }
    }

    /// Whether the connection can take the next client's message: the last one was told to its end.
    pub fn is_reusable(&self) -> bool {
        self.ended_well && self.agreed.version >= REUSED_SINCE
    }

    /// Makes ready for the next message, of another client.
    pub fn next_message(&mut self) {
        Command::QuitForNext.write(&mut self.out);
        self.next = Step::Connect;
        self.ended_well = false;
        self.judgement = Judgement::default();
    }

    /// Says goodbye.
    pub fn quit(&mut self) {
        if !self.ended_well && self.waiting != Some(Step::Negotiate) {
            Command::Abort.write(&mut self.out);
        }
        Command::Quit.write(&mut self.out);
    }

    fn agree(&mut self, mut answer: Offer) -> Result<(), Offence> {
        if !(OLDEST_VERSION..=self.offered.version).contains(&answer.version) {
            return Err(Offence::Version { version: answer.version });
        }
        if !self.offered.actions.contains(answer.actions) || !self.offered.steps.contains(answer.steps) {
            return Err(Offence::NotOffered);
        }
        if answer.version < DATA_SINCE {
            answer.steps.0 |= Steps::NO_DATA.0;
        }
        let chosen = std::mem::take(&mut self.agreed.macros);
        answer.macros.extend(chosen);
        self.agreed = answer;
        Ok(())
    }

    fn change(&mut self, change: Change) -> Result<(), Offence> {
        // Filters that can add with parameters may add without them, too.
        let plain = self.agreed.actions.contains(Actions::ADD_RECIPIENTS_WITH_ARGUMENTS)
            && change.needs() == Actions::ADD_RECIPIENTS;
        if !self.agreed.actions.contains(change.needs()) && !plain {
            return Err(Offence::NotOffered);
        }
        if let Change::ReplaceBody(piece) = change {
            let body = self.judgement.body.get_or_insert_default();
            if body.len() + piece.len() > self.body_octets_max {
                return Err(Offence::TooMany { what: "octets of a new body", limit: self.body_octets_max });
            }
            body.extend_from_slice(&piece);
            return Ok(());
        }
        if self.judgement.changes.len() >= MILTER_CHANGES_MAX {
            return Err(Offence::TooMany { what: "changes", limit: MILTER_CHANGES_MAX });
        }
        self.judgement.changes.push(change);
        Ok(())
    }

    fn judge(&mut self, step: Step, verdict: Verdict, message: &Message<'_>) -> Result<(), Offence> {
        match (step, verdict) {
            (Step::Body(_), Verdict::Skip) if self.agreed.steps.contains(Steps::SKIP) => self.next = Step::EndOfMessage,
            (_, Verdict::Skip) => return Err(Offence::OutOfOrder { what: "skip" }),
            (Step::EndOfMessage, Verdict::Continue | Verdict::Accept) => self.ended_well = true,
            (_, Verdict::Continue) => {}
            (Step::Rcpt(place), verdict @ (Verdict::Reject | Verdict::TryLater | Verdict::Reply(_))) => {
                self.judgement.refused.push((place, verdict));
            }
            // At whatever step, a filter that accepts wants to hear no more of this message.
            (_, Verdict::Accept) => self.next = Step::Done,
            (step, verdict) => {
                self.ended_well =
                    step == Step::EndOfMessage && !matches!(verdict, Verdict::ConnectionFailed | Verdict::Shutdown);
                self.judgement.refusal = Some(verdict);
                self.next = Step::Done;
            }
        }
        // A message for nobody is not told any further.
        let is_last = matches!(step, Step::Rcpt(place) if place + 1 >= message.recipients.len());
        if is_last && self.judgement.refused.len() >= message.recipients.len() {
            self.next = Step::Done;
        }
        Ok(())
    }

    /// Says the next step, if the filter wants it, and chooses the one after it.
    fn say(&mut self, message: &Message<'_>) {
        let step = self.next;
        self.next = after(step, message, self.agreed.steps.frame_octets());
        let (unwanted, silent) = manners(step);
        if unwanted.is_some_and(|flag| self.agreed.steps.contains(flag)) {
            self.next = past(step, self.next);
            return;
        }
        self.say_macros(step, message);
        let Some(command) = self.command(step, message) else { return };
        command.write(&mut self.out);
        if !silent.is_some_and(|flag| self.agreed.steps.contains(flag)) {
            self.waiting = Some(step);
        }
    }

    fn say_macros(&mut self, step: Step, message: &Message<'_>) {
        let Some(stage) = stage_of(step) else { return };
        let values = match step {
            Step::Rcpt(place) => message.recipients.get(place).map(|(_, macros)| macros),
            _ => message.macros.iter().find(|(known, _)| *known == stage).map(|(_, macros)| macros),
        };
        let wanted = self.agreed.macros.iter().find(|(known, _)| *known == stage).map(|(_, names)| names);
        let is_wanted = |name: &String| wanted.is_none_or(|names| names.contains(name));
        let values = values.into_iter().flatten().filter(|(name, _)| is_wanted(name)).cloned();
        Command::Macros { before: stage.letter(), values: values.collect() }.write(&mut self.out);
    }

    fn command(&mut self, step: Step, message: &Message<'_>) -> Option<Command> {
        Some(match step {
            Step::Connect => Command::Connect { host: message.host.to_owned(), peer: message.peer.clone() },
            Step::Helo => Command::Helo(message.hello.to_owned()),
            Step::Mail => Command::Mail(message.sender.clone()),
            Step::Rcpt(place) => Command::Rcpt(message.recipients.get(place)?.0.clone()),
            Step::Data => Command::Data,
            Step::Header(place) => Command::Header(self.field(message.header.get(place)?)),
            Step::EndOfHeader => Command::EndOfHeader,
            Step::Body(from) => {
                let rest = message.body.get(from..)?;
                let octets = rest.len().min(self.agreed.steps.frame_octets());
                Command::Body(rest.get(..octets)?.to_vec())
            }
            Step::EndOfMessage => Command::EndOfMessage(Vec::new()),
            Step::Negotiate | Step::Done => return None,
        })
    }

    fn field(&mut self, field: &Field) -> Field {
        let mut value = field.value.as_slice();
        if !self.agreed.steps.contains(Steps::LEADING_SPACE) {
            value = value.strip_prefix(b" ").unwrap_or(value);
        }
        let room = self.agreed.steps.frame_octets().saturating_sub(field.name.len() + 2);
        if value.len() > room {
            self.judgement.fields_cut += 1;
            value = value.get(..room).unwrap_or_default();
        }
        Field { name: field.name.clone(), value: value.to_vec() }
    }
}

/// The step after a step that was said.
fn after(step: Step, message: &Message<'_>, piece_octets: usize) -> Step {
    match step {
        Step::Negotiate => Step::Connect,
        Step::Connect if message.hello.is_empty() => Step::Mail,
        Step::Connect => Step::Helo,
        Step::Helo => Step::Mail,
        Step::Mail if message.recipients.is_empty() => Step::Data,
        Step::Mail => Step::Rcpt(0),
        Step::Rcpt(place) if place + 1 < message.recipients.len() => Step::Rcpt(place + 1),
        Step::Rcpt(_) => Step::Data,
        Step::Data if message.header.is_empty() => Step::EndOfHeader,
        Step::Data => Step::Header(0),
        Step::Header(place) if place + 1 < message.header.len() => Step::Header(place + 1),
        Step::Header(_) => Step::EndOfHeader,
        Step::EndOfHeader if message.body.is_empty() => Step::EndOfMessage,
        Step::EndOfHeader => Step::Body(0),
        Step::Body(from) if message.body.len() - from > piece_octets => Step::Body(from + piece_octets),
        Step::Body(_) => Step::EndOfMessage,
        Step::EndOfMessage | Step::Done => Step::Done,
    }
}

/// The step after all steps of a kind that the filter does not want.
fn past(step: Step, next: Step) -> Step {
    match step {
        Step::Rcpt(_) => Step::Data,
        Step::Header(_) => Step::EndOfHeader,
        Step::Body(_) => Step::EndOfMessage,
        _ => next,
    }
}

/// What a filter says when it does not want a step, and when it does not answer to it.
fn manners(step: Step) -> (Option<Steps>, Option<Steps>) {
    match step {
        Step::Connect => (Some(Steps::NO_CONNECT), Some(Steps::NO_REPLY_CONNECT)),
        Step::Helo => (Some(Steps::NO_HELO), Some(Steps::NO_REPLY_HELO)),
        Step::Mail => (Some(Steps::NO_MAIL), Some(Steps::NO_REPLY_MAIL)),
        Step::Rcpt(_) => (Some(Steps::NO_RCPT), Some(Steps::NO_REPLY_RCPT)),
        Step::Data => (Some(Steps::NO_DATA), Some(Steps::NO_REPLY_DATA)),
        Step::Header(_) => (Some(Steps::NO_HEADERS), Some(Steps::NO_REPLY_HEADER)),
        Step::EndOfHeader => (Some(Steps::NO_END_OF_HEADER), Some(Steps::NO_REPLY_END_OF_HEADER)),
        Step::Body(_) => (Some(Steps::NO_BODY), Some(Steps::NO_REPLY_BODY)),
        Step::Negotiate | Step::EndOfMessage | Step::Done => (None, None),
    }
}

fn stage_of(step: Step) -> Option<Stage> {
    match step {
        Step::Connect => Some(Stage::Connect),
        Step::Helo => Some(Stage::Helo),
        Step::Mail => Some(Stage::Mail),
        Step::Rcpt(_) => Some(Stage::Rcpt),
        Step::Data => Some(Stage::Data),
        Step::EndOfHeader => Some(Stage::EndOfHeader),
        Step::EndOfMessage => Some(Stage::EndOfMessage),
        Step::Negotiate | Step::Header(_) | Step::Body(_) | Step::Done => None,
    }
}

#[cfg(test)]
mod tests;
