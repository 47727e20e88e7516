//! The filter's side of a milter connection: what the mail server says comes out as events, and each that wants an answer is
//! answered with [`Session::answer`]. What is not answered before the next [`Session::receive`] is answered with
//! "continue": a filter without an opinion lets mail pass.

use crate::limits::MILTER_FRAME_OCTETS_MAX;
use crate::milter::VERSION;
use crate::milter::command::{Command, Field, Offer, Path, Peer};
use crate::milter::flags::{Actions, Stage, Steps};
use crate::milter::frame;
use crate::milter::offence::Offence;
use crate::milter::response::{Change, Response, Verdict};
use std::collections::BTreeMap;

/// What the mail server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It must say more; write the output first.
    NeedMore,
    /// Somebody connected to it.
    Connect {
        /// The client's name, or its address in brackets.
        host: String,
        /// From where.
        peer: Peer,
    },
    /// The client named itself.
    Helo(String),
    /// A new message and its sender.
    Mail(Path),
    /// A recipient.
    Rcpt(Path),
    /// DATA.
    Data,
    /// One field of the header.
    Header(Field),
    /// The header is whole.
    EndOfHeader,
    /// A piece of the body.
    Body(Vec<u8>),
    /// The message is whole; a last piece of the body may come with it. Changes go before the answer.
    EndOfMessage(Vec<u8>),
    /// A command that the mail server does not know.
    Unknown(String),
    /// The message is given up; no answer.
    Abort,
    /// The client is gone, another will follow; no answer.
    ClientGone,
    /// The mail server says goodbye; no answer.
    Closed,
}

/// One connection.
#[derive(Debug)]
pub struct Session {
    wanted: Offer,
    agreed: Option<Offer>,
    in_message: bool,
    question: Option<Option<Steps>>,
    at_end: bool,
    macros: BTreeMap<u8, Vec<(String, String)>>,
    out: Vec<u8>,
}

impl Session {
    /// A new connection of a filter that may make these changes and wants these steps left out.
    pub fn new(actions: Actions, steps: Steps) -> Session {
        Session {
            wanted: Offer { version: VERSION, actions, steps, macros: Vec::new() },
            agreed: None,
            in_message: false,
            question: None,
            at_end: false,
            macros: BTreeMap::new(),
            out: Vec::new(),
        }
    }

    /// The same, asking for these macros at a stage and no others.
    #[must_use]
    pub fn wanting_macros(mut self, stage: Stage, names: &[&str]) -> Session {
        self.wanted.macros.push((stage, names.iter().map(|name| (*name).to_owned()).collect()));
        self
    }

    /// What is to be written.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// Takes what the mail server says until it is an event for the filter.
    ///
    /// # Errors
    /// What the mail server did wrong; the connection must be closed.
    pub fn receive(&mut self, input: &mut &[u8]) -> Result<Event, Offence> {
        if self.question.is_some() {
            self.answer(Verdict::Continue);
        }
        loop {
            let Some(frame) = frame::take(input, MILTER_FRAME_OCTETS_MAX)? else { return Ok(Event::NeedMore) };
            let command = Command::read(frame)?;
            if let Some(event) = self.take(command)? {
                return Ok(event);
            }
        }
    }

    fn take(&mut self, command: Command) -> Result<Option<Event>, Offence> {
        if self.agreed.is_none() && !matches!(command, Command::Negotiate(_) | Command::Quit) {
            return Err(Offence::OutOfOrder { what: "command before the negotiation" });
        }
        let event = match command {
            Command::Negotiate(offer) => {
                self.agree(&offer)?;
                return Ok(None);
            }
            Command::Macros { before, values } => {
                if Stage::ALL.iter().any(|stage| stage.letter() == before) {
                    self.macros.insert(before, values);
                }
                return Ok(None);
            }
            Command::Connect { host, peer } => {
                self.ask(Some(Steps::NO_REPLY_CONNECT));
                Event::Connect { host, peer }
            }
            Command::Helo(name) => {
                self.ask(Some(Steps::NO_REPLY_HELO));
                Event::Helo(name)
            }
            Command::Mail(path) => {
                self.in_message = true;
                self.forget_message([b'R', b'T', b'N', b'E']);
                self.ask(Some(Steps::NO_REPLY_MAIL));
                Event::Mail(path)
            }
            Command::Unknown(line) => {
                self.ask(Some(Steps::NO_REPLY_UNKNOWN));
                Event::Unknown(line)
            }
            Command::Abort => {
                self.in_message = false;
                self.forget_message([b'M', b'R', b'T', b'N', b'E']);
                Event::Abort
            }
            Command::QuitForNext => {
                self.in_message = false;
                self.macros.clear();
                Event::ClientGone
            }
            Command::Quit => Event::Closed,
            inside => self.inside(inside)?,
        };
        Ok(Some(event))
    }

    /// What may come only between MAIL and the end of the message.
    fn inside(&mut self, command: Command) -> Result<Event, Offence> {
        let wants_mail = self.agreed.as_ref().is_none_or(|agreed| !agreed.steps.contains(Steps::NO_MAIL));
        if !self.in_message && wants_mail {
            return Err(Offence::OutOfOrder { what: "part of a message" });
        }
        let (silent, event) = match command {
            Command::Rcpt(path) => (Some(Steps::NO_REPLY_RCPT), Event::Rcpt(path)),
            Command::Data => (Some(Steps::NO_REPLY_DATA), Event::Data),
            Command::Header(field) => (Some(Steps::NO_REPLY_HEADER), Event::Header(field)),
            Command::EndOfHeader => (Some(Steps::NO_REPLY_END_OF_HEADER), Event::EndOfHeader),
            Command::Body(octets) => (Some(Steps::NO_REPLY_BODY), Event::Body(octets)),
            Command::EndOfMessage(octets) => {
                self.in_message = false;
                self.at_end = true;
                (None, Event::EndOfMessage(octets))
            }
            _ => return Err(Offence::OutOfOrder { what: "command" }),
        };
        self.ask(silent);
        Ok(event)
    }

    fn ask(&mut self, silent: Option<Steps>) {
        self.question = Some(silent);
    }

    fn forget_message<const N: usize>(&mut self, letters: [u8; N]) {
        // The macros of the command itself have come just before it and stay.
        self.macros.retain(|letter, _| !letters.contains(letter));
        self.at_end = false;
    }

    fn agree(&mut self, offer: &Offer) -> Result<(), Offence> {
        if self.agreed.is_some() {
            return Err(Offence::OutOfOrder { what: "negotiation" });
        }
        if offer.version < 2 {
            return Err(Offence::Version { version: offer.version });
        }
        // What the mail server does not offer is done without: unwanted steps are then heard and answered all the same.
        let can_choose = offer.actions.contains(Actions::CHOOSE_MACROS) && !self.wanted.macros.is_empty();
        let mut actions = self.wanted.actions & offer.actions;
        if can_choose {
            actions = actions | Actions::CHOOSE_MACROS;
        }
        let agreed = Offer {
            version: offer.version.min(VERSION),
            actions,
            steps: self.wanted.steps & offer.steps,
            macros: if can_choose { self.wanted.macros.clone() } else { Vec::new() },
        };
        Response::Negotiate(agreed.clone()).write(&mut self.out);
        self.agreed = Some(agreed);
        Ok(())
    }

    /// The value of a macro, as it was sent last; names longer than a letter have their braces.
    pub fn macro_value(&self, name: &str) -> Option<&str> {
        let latest = b"ENTRMHC".iter().filter_map(|letter| self.macros.get(letter)).flatten();
        latest.clone().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether a change can be made: it was agreed, and the message is whole and not answered yet.
    pub fn can_change(&self, change: &Change) -> bool {
        let agreed = self.agreed.as_ref().is_some_and(|agreed| agreed.actions.contains(change.needs()));
        agreed && self.at_end && self.question.is_some()
    }

    /// Makes a change; says whether it could be made.
    #[must_use]
    pub fn change(&mut self, change: Change) -> bool {
        let can = self.can_change(&change);
        if can {
            Response::Change(change).write(&mut self.out);
        }
        can
    }

    /// Says that the filter is still at work, so that the mail server waits on.
    pub fn progress(&mut self) {
        if self.question.is_some() {
            Response::Progress.write(&mut self.out);
        }
    }

    /// Answers the last event. Does nothing when it wants no answer or has one.
    pub fn answer(&mut self, verdict: Verdict) {
        let Some(silent) = self.question.take() else { return };
        self.at_end = false;
        let steps = self.agreed.as_ref().map_or(Steps::default(), |agreed| agreed.steps);
        if !silent.is_some_and(|flag| steps.contains(flag)) {
            Response::Verdict(verdict).write(&mut self.out);
        }
    }
}
