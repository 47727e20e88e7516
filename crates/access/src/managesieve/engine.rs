//! The states of a ManageSieve session (RFC 5804 §1.2, §2). Pure: input and output are lent, what needs the world is
//! asked for.
//!
//! [`Engine::receive`] takes commands until it must ask something; the question is answered by the method it names, and
//! nothing is taken until then, so pipelined commands wait.

use crate::managesieve::capability::{self, Offer};
use crate::managesieve::command::Command;
use crate::managesieve::frame::{self, Scan};
use crate::managesieve::limits::{LINE_OCTETS_MAX, OUTPUT_OCTETS, SASL_OCTETS_MAX};
use crate::managesieve::offence::Offence;
use crate::managesieve::refusal;
use crate::sasl;
use bytes::{Buf, BytesMut};
use message::transfer;

/// What the engine wants after it took what it could.
#[derive(Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing but more input; what is in the output should be sent.
    NeedMore,
    /// The output should be sent before more is taken.
    Flush,
    /// Send the output, drop the rest of the input, start TLS, then [`Engine::restart`].
    StartTls,
    /// Begin a SASL exchange; then [`Engine::challenge`], [`Engine::logged_in`] or [`Engine::login_refused`].
    BeginExchange {
        /// One of those offered.
        mechanism: String,
        /// The initial response, if the client sent one.
        initial: Option<Vec<u8>>,
    },
    /// The client's next response; answered as [`Step::BeginExchange`].
    Respond(Vec<u8>),
    /// Do this with the scripts of who has logged in; then [`Engine::answered`].
    Do(Request),
    /// Nobody is logged in any more.
    Forget,
    /// Send the output and close.
    End(Ending),
}

/// What is to be done with scripts.
#[derive(Clone, PartialEq, Eq)]
pub enum Request {
    /// Would it fit?
    HaveSpace {
        /// The script.
        name: String,
        /// Its size.
        octets: u64,
    },
    /// Check and store it.
    Put {
        /// The script.
        name: String,
        /// What it says.
        text: Vec<u8>,
    },
    /// Check it.
    Check(Vec<u8>),
    /// List all.
    List,
    /// Make one active, or none.
    SetActive(Option<String>),
    /// What does it say?
    Get(String),
    /// Delete it.
    Delete(String),
    /// Rename it.
    Rename {
        /// Its name.
        from: String,
        /// Its new name.
        to: String,
    },
}

/// Why a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The client said LOGOUT.
    Logout,
    /// Too many wrong commands, or one without end.
    Offences,
    /// Too many failed logins.
    FailedLogins,
}

/// How many mistakes a client may make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Failed logins.
    pub failed_logins_max: u32,
    /// Wrong commands.
    pub offences_max: u32,
    /// Octets of a script.
    pub script_octets_max: u64,
}

/// One session.
#[derive(Debug)]
pub struct Engine {
    state: State,
    offer: Offer,
    host: String,
    patience: Patience,
    failed_logins: u32,
    offences: u32,
    /// Octets of a literal that are still to be passed over.
    passing_over: usize,
    /// Whether the command under way had such a literal.
    is_too_large: bool,
    ended: Option<Ending>,
}

#[derive(Debug)]
enum State {
    Stranger,
    /// A question about a login is open.
    LoggingIn,
    /// The client must answer a challenge.
    Exchanging,
    /// Who has logged in.
    Known(String),
    /// A question about scripts is open.
    Waiting(String),
    Over,
}

const LOG_IN_FIRST: Offence = Offence::WrongState { needs: "log in first" };
const LOGGED_IN: Offence = Offence::WrongState { needs: "you are logged in" };

impl Engine {
    /// A session at its beginning; appends the greeting.
    pub fn new(host: &str, offer: Offer, patience: Patience, output: &mut Vec<u8>) -> Engine {
        let mut engine = Engine {
            state: State::Stranger,
            offer,
            host: host.to_owned(),
            patience,
            failed_logins: 0,
            offences: 0,
            passing_over: 0,
            is_too_large: false,
            ended: None,
        };
        engine.greet(output);
        engine
    }

    /// TLS has started: nothing that came before counts, and the capabilities are told again (RFC 5804 §2.2).
    pub fn restart(&mut self, offer: Offer, output: &mut Vec<u8>) {
        self.state = State::Stranger;
        self.offer = offer;
        self.offences = 0;
        self.greet(output);
    }

    fn greet(&mut self, output: &mut Vec<u8>) {
        capability::write(&self.offer, None, output);
        ok(None, &format!("{} Heliograph ManageSieve ready", self.host), output);
    }

    /// Whether the client has logged in.
    pub fn is_logged_in(&self) -> bool {
        matches!(self.state, State::Known(_) | State::Waiting(_))
    }

    /// Takes as many commands as it can.
    pub fn receive(&mut self, input: &mut BytesMut, output: &mut Vec<u8>) -> Step {
        loop {
            if let Some(ending) = self.ended {
                return Step::End(ending);
            }
            if matches!(self.state, State::LoggingIn | State::Waiting(_)) {
                return Step::NeedMore;
            }
            if output.len() >= OUTPUT_OCTETS {
                return Step::Flush;
            }
            let passed = self.passing_over.min(input.len());
            input.advance(passed);
            self.passing_over -= passed;
            if self.passing_over > 0 {
                return Step::NeedMore;
            }
            let octets = match frame::scan(input, self.literal_octets_max()) {
                Ok(Scan::NeedMore) => return Step::NeedMore,
                Ok(Scan::Whole { octets }) => octets,
                Ok(Scan::TooLarge { before, octets }) => {
                    input.advance(before);
                    (self.passing_over, self.is_too_large) = (octets, true);
                    continue;
                }
                Err(offence) => {
                    output.extend(refusal::bye(None, &offence.to_string()));
                    input.clear();
                    self.end(Ending::Offences);
                    continue;
                }
            };
            let command = input.split_to(octets);
            match self.take(&command, output) {
                Ok(Some(step)) => return step,
                Ok(None) => {}
                Err(offence) => self.offend(offence, output),
            }
        }
    }

    fn literal_octets_max(&self) -> usize {
        match self.state {
            State::Known(_) => {
                usize::try_from(self.patience.script_octets_max).unwrap_or(usize::MAX).max(LINE_OCTETS_MAX)
            }
            _ => SASL_OCTETS_MAX,
        }
    }

    fn take(&mut self, command: &[u8], output: &mut Vec<u8>) -> Result<Option<Step>, Offence> {
        if std::mem::take(&mut self.is_too_large) {
            if matches!(self.state, State::Exchanging) {
                self.state = State::Stranger;
            }
            return Err(match self.state {
                State::Known(_) => Offence::ScriptTooLarge { limit_octets: self.patience.script_octets_max },
                _ => Offence::LiteralTooLarge { limit_octets: SASL_OCTETS_MAX },
            });
        }
        if matches!(self.state, State::Exchanging) {
            return self.response(command, output);
        }
        let command = Command::parse(command)?;
        match (&self.state, command) {
            (_, Command::Logout) => {
                ok(None, "goodbye", output);
                self.end(Ending::Logout);
                Ok(None)
            }
            (state, Command::Capability) => {
                let owner = if let State::Known(owner) = state { Some(owner.as_str()) } else { None };
                capability::write(&self.offer, owner, output);
                ok(None, "that is all", output);
                Ok(None)
            }
            (_, Command::Noop(tag)) => {
                let code = tag.map(|tag| {
                    let mut code = b"TAG ".to_vec();
                    frame::write(&tag, &mut code);
                    code
                });
                ok(code.as_deref(), "done", output);
                Ok(None)
            }
            (State::Stranger, command) => self.of_stranger(command, output),
            (State::Known(_), command) => self.of_known(command, output),
            // Not reached: nothing is taken in any other state.
            _ => Ok(Some(Step::NeedMore)),
        }
    }

    fn of_stranger(&mut self, command: Command, output: &mut Vec<u8>) -> Result<Option<Step>, Offence> {
        match command {
            Command::StartTls if self.offer.can_start_tls => {
                ok(None, "begin TLS", output);
                Ok(Some(Step::StartTls))
            }
            Command::StartTls => Err(Offence::TlsNotPossible),
            Command::Authenticate { .. } if !self.offer.can_log_in => Err(Offence::NotPrivate),
            Command::Authenticate { mechanism, initial } => {
                if !self.offer.mechanisms.contains(&mechanism) {
                    return Err(Offence::UnknownMechanism);
                }
                let read = |text: String| sasl::response(text.as_bytes()).ok_or(Offence::BadBase64);
                let initial = initial.map(read).transpose()?;
                self.state = State::LoggingIn;
                Ok(Some(Step::BeginExchange { mechanism, initial }))
            }
            _ => Err(LOG_IN_FIRST),
        }
    }

    fn of_known(&mut self, command: Command, output: &mut Vec<u8>) -> Result<Option<Step>, Offence> {
        let request = match command {
            Command::StartTls | Command::Authenticate { .. } => return Err(LOGGED_IN),
            Command::Unauthenticate => {
                self.state = State::Stranger;
                ok(None, "nobody is logged in", output);
                return Ok(Some(Step::Forget));
            }
            Command::HaveSpace { name, octets } => Request::HaveSpace { name, octets },
            Command::PutScript { name, text } => Request::Put { name, text: self.fitting(text)? },
            Command::CheckScript(text) => Request::Check(self.fitting(text)?),
            Command::ListScripts => Request::List,
            Command::SetActive(name) => Request::SetActive(name),
            Command::GetScript(name) => Request::Get(name),
            Command::DeleteScript(name) => Request::Delete(name),
            Command::RenameScript { from, to } => Request::Rename { from, to },
            Command::Logout | Command::Capability | Command::Noop(_) => return Ok(None),
        };
        self.state = match std::mem::replace(&mut self.state, State::Over) {
            State::Known(owner) => State::Waiting(owner),
            other => other,
        };
        Ok(Some(Step::Do(request)))
    }

    fn fitting(&self, text: Vec<u8>) -> Result<Vec<u8>, Offence> {
        let limit_octets = self.patience.script_octets_max;
        if text.len() as u64 > limit_octets { Err(Offence::ScriptTooLarge { limit_octets }) } else { Ok(text) }
    }

    /// A line of a SASL exchange (RFC 5804 §2.1).
    fn response(&mut self, line: &[u8], output: &mut Vec<u8>) -> Result<Option<Step>, Offence> {
        self.state = State::Stranger;
        let Some(text) = Command::response(line)? else {
            output.extend(refusal::cancelled());
            return Ok(None);
        };
        let response = sasl::response(text.as_bytes()).ok_or(Offence::BadBase64)?;
        self.state = State::LoggingIn;
        Ok(Some(Step::Respond(response)))
    }

    /// The exchange goes on.
    pub fn challenge(&mut self, challenge: &[u8], output: &mut Vec<u8>) {
        if matches!(self.state, State::LoggingIn) {
            frame::write(transfer::base64(challenge).as_bytes(), output);
            output.extend_from_slice(b"\r\n");
            self.state = State::Exchanging;
        }
    }

    /// The login succeeded. `last` are the server's last words, which the client must see (RFC 5804 §2.1).
    pub fn logged_in(&mut self, owner: &str, last: Option<&[u8]>, output: &mut Vec<u8>) {
        if matches!(self.state, State::LoggingIn) {
            let code = last.map(|words| format!("SASL \"{}\"", transfer::base64(words)).into_bytes());
            ok(code.as_deref(), "logged in", output);
            self.state = State::Known(owner.to_owned());
        }
    }

    /// The login failed. `counts` tells whether it was the client's fault.
    pub fn login_refused(&mut self, refusal: &[u8], counts: bool, output: &mut Vec<u8>) {
        if matches!(self.state, State::LoggingIn) {
            output.extend_from_slice(refusal);
            self.state = State::Stranger;
            self.failed_logins += u32::from(counts);
            if self.failed_logins >= self.patience.failed_logins_max {
                output.extend(refusal::bye(None, "too many failed logins"));
                self.end(Ending::FailedLogins);
            }
        }
    }

    /// What was asked for is done, or not: `response` are whole lines.
    pub fn answered(&mut self, response: &[u8], output: &mut Vec<u8>) {
        self.state = match std::mem::replace(&mut self.state, State::Over) {
            State::Waiting(owner) => {
                output.extend_from_slice(response);
                State::Known(owner)
            }
            other => other,
        };
    }

    fn end(&mut self, ending: Ending) {
        self.ended = Some(ending);
        self.state = State::Over;
    }

    fn offend(&mut self, offence: Offence, output: &mut Vec<u8>) {
        output.extend(refusal::offence(offence));
        self.offences += 1;
        if self.offences >= self.patience.offences_max {
            output.extend(refusal::bye(None, "too many mistakes"));
            self.end(Ending::Offences);
        }
    }
}

/// `OK` with a code, if there is one, and a text.
pub fn ok(code: Option<&[u8]>, text: &str, output: &mut Vec<u8>) {
    output.extend_from_slice(b"OK");
    if let Some(code) = code {
        output.extend_from_slice(b" (");
        output.extend_from_slice(code);
        output.push(b')');
    }
    output.push(b' ');
    frame::write(text.as_bytes(), output);
    output.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests;
