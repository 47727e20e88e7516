//! The states of a POP3 session (RFC 1939 §3). Pure: input and output are lent, what needs the world is asked for.
//!
//! [`Engine::receive`] takes lines until it must ask something; the question is answered by the method it names, and
//! nothing is taken until then, so pipelined commands wait (RFC 2449 §6.6).

use crate::pop3::capability::{self, Offer};
use crate::pop3::command::Command;
use crate::pop3::limits::{COMMAND_OCTETS_MAX, OUTPUT_OCTETS, SASL_OCTETS_MAX};
use crate::pop3::listing::{Kind, Listing};
use crate::pop3::offence::Offence;
use crate::pop3::refusal;
use crate::sasl;
use bytes::BytesMut;
use memchr::memchr;
use message::transfer;
use model::Uid;

/// What the engine wants after it took what it could.
#[derive(Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing but more input; what is in the output should be sent.
    NeedMore,
    /// The output should be sent before more is taken.
    Flush,
    /// Send the output, drop the rest of the input, start TLS, then [`Engine::restart`].
    StartTls,
    /// Is this who may log in? Then [`Engine::opened`], else [`Engine::login_refused`].
    CheckPassword {
        /// Who it claims to be.
        name: String,
        /// The proof.
        password: String,
    },
    /// Begin a SASL exchange; then [`Engine::challenge`], [`Engine::opened`] or [`Engine::login_refused`].
    BeginExchange {
        /// One of those offered.
        mechanism: String,
        /// The initial response, if the client sent one.
        initial: Option<Vec<u8>>,
    },
    /// The client's next response; answered as [`Step::BeginExchange`].
    Respond(Vec<u8>),
    /// Send this message, stuffed, after the output; then [`Engine::sent`] or [`Engine::not_sent`].
    Send {
        /// Which.
        uid: Uid,
        /// For TOP, how many lines of its body.
        lines: Option<u64>,
    },
    /// Delete these for good; then [`Engine::deleted`] or [`Engine::not_deleted`].
    Delete(Vec<Uid>),
    /// Send the output and close.
    End(Ending),
}

/// Why a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The client said QUIT.
    Quit,
    /// Too many wrong commands, or a line without end.
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
}

/// One session.
#[derive(Debug)]
pub struct Engine {
    state: State,
    offer: Offer,
    patience: Patience,
    failed_logins: u32,
    offences: u32,
    ended: Option<Ending>,
}

#[derive(Debug)]
enum State {
    Authorization {
        /// From `USER`.
        name: Option<String>,
    },
    /// A question about a login is open.
    LoggingIn,
    /// The client must answer a challenge.
    Exchanging,
    Transaction(Listing),
    /// A question about the maildrop is open.
    Waiting(Listing),
    /// QUIT deletes what is marked.
    Update(Listing),
    Over,
}

const LOG_IN_FIRST: Offence = Offence::WrongState { needs: "log in first" };
const LOGGED_IN: Offence = Offence::WrongState { needs: "you are logged in" };

impl Engine {
    /// A session at its beginning; appends the greeting.
    pub fn new(host: &str, offer: Offer, patience: Patience, output: &mut Vec<u8>) -> Engine {
        say(output, &format!("+OK {host} Heliograph POP3 ready\r\n"));
        let state = State::Authorization { name: None };
        Engine { state, offer, patience, failed_logins: 0, offences: 0, ended: None }
    }

    /// TLS has started: nothing that came before counts (RFC 2595 §4).
    pub fn restart(&mut self, offer: Offer) {
        self.state = State::Authorization { name: None };
        self.offer = offer;
        self.offences = 0;
    }

    /// Whether the client has logged in.
    pub fn is_logged_in(&self) -> bool {
        matches!(self.state, State::Transaction(_) | State::Waiting(_) | State::Update(_))
    }

    /// Whether messages are marked as deleted, so that something is lost if the session is cut off.
    pub fn has_marks(&self) -> bool {
        match &self.state {
            State::Transaction(listing) | State::Waiting(listing) | State::Update(listing) => {
                !listing.deleted().is_empty()
            }
            _ => false,
        }
    }

    /// Takes as many lines as it can.
    pub fn receive(&mut self, input: &mut BytesMut, output: &mut Vec<u8>) -> Step {
        loop {
            if let Some(ending) = self.ended {
                return Step::End(ending);
            }
            if self.is_waiting() {
                return Step::NeedMore;
            }
            if output.len() >= OUTPUT_OCTETS {
                return Step::Flush;
            }
            let limit_octets = if self.is_exchanging() { SASL_OCTETS_MAX } else { COMMAND_OCTETS_MAX };
            let line = match memchr(b'\n', input) {
                Some(end) if end < limit_octets => input.split_to(end + 1),
                None if input.len() < limit_octets => return Step::NeedMore,
                _ => {
                    say(output, &refusal::offence(Offence::LineTooLong { limit_octets }));
                    input.clear();
                    self.end(Ending::Offences);
                    continue;
                }
            };
            let line = line.strip_suffix(b"\n").unwrap_or(&line);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let taken = if self.is_exchanging() { self.response(line, output) } else { self.command(line, output) };
            match taken {
                Ok(Some(step)) => return step,
                Ok(None) => {}
                Err(offence) => self.offend(offence, output),
            }
        }
    }

    /// The login succeeded and the maildrop is locked and open.
    pub fn opened(&mut self, listing: Listing, output: &mut Vec<u8>) {
        if matches!(self.state, State::LoggingIn) {
            let (count, octets) = listing.total();
            say(output, &format!("+OK {count} messages, {octets} octets\r\n"));
            self.state = State::Transaction(listing);
        }
    }

    /// The exchange goes on.
    pub fn challenge(&mut self, challenge: &[u8], output: &mut Vec<u8>) {
        if matches!(self.state, State::LoggingIn) {
            say(output, &format!("+ {}\r\n", transfer::base64(challenge)));
            self.state = State::Exchanging;
        }
    }

    /// The login failed, or the maildrop cannot be had. `counts` tells whether it was the client's fault.
    pub fn login_refused(&mut self, refusal: &str, counts: bool, output: &mut Vec<u8>) {
        if matches!(self.state, State::LoggingIn) {
            say(output, refusal);
            self.state = State::Authorization { name: None };
            self.failed_logins += u32::from(counts);
            if self.failed_logins >= self.patience.failed_logins_max {
                self.end(Ending::FailedLogins);
            }
        }
    }

    /// The message was sent, its `+OK` and end included.
    pub fn sent(&mut self) {
        self.go_on();
    }

    /// The message cannot be read.
    pub fn not_sent(&mut self, refusal: &str, output: &mut Vec<u8>) {
        say(output, refusal);
        self.go_on();
    }

    /// What was marked is gone for good.
    pub fn deleted(&mut self, output: &mut Vec<u8>) {
        if let State::Update(listing) = &self.state {
            say(output, &format!("+OK {} messages deleted\r\n", listing.deleted().len()));
            self.end(Ending::Quit);
        }
    }

    /// What was marked is still there.
    pub fn not_deleted(&mut self, refusal: &str, output: &mut Vec<u8>) {
        if matches!(self.state, State::Update(_)) {
            say(output, refusal);
            self.end(Ending::Quit);
        }
    }

    fn go_on(&mut self) {
        self.state = match std::mem::replace(&mut self.state, State::Over) {
            State::Waiting(listing) => State::Transaction(listing),
            other => other,
        };
    }

    fn is_waiting(&self) -> bool {
        matches!(self.state, State::LoggingIn | State::Waiting(_) | State::Update(_))
    }

    fn is_exchanging(&self) -> bool {
        matches!(self.state, State::Exchanging)
    }

    fn end(&mut self, ending: Ending) {
        self.ended = Some(ending);
        self.state = State::Over;
    }

    fn offend(&mut self, offence: Offence, output: &mut Vec<u8>) {
        say(output, &refusal::offence(offence));
        self.offences += 1;
        if self.offences >= self.patience.offences_max {
            self.end(Ending::Offences);
        }
    }

    /// A line of a SASL exchange (RFC 5034 §4).
    fn response(&mut self, line: &[u8], output: &mut Vec<u8>) -> Result<Option<Step>, Offence> {
        self.state = State::Authorization { name: None };
        if line == b"*" {
            say(output, &refusal::cancelled());
            return Ok(None);
        }
        let response = sasl::response(line).ok_or(Offence::BadBase64)?;
        self.state = State::LoggingIn;
        Ok(Some(Step::Respond(response)))
    }

    fn command(&mut self, line: &[u8], output: &mut Vec<u8>) -> Result<Option<Step>, Offence> {
        let command = Command::parse(line)?;
        match (&mut self.state, command) {
            (_, Command::Capa) => {
                let is_logged_in = self.is_logged_in();
                say(output, "+OK\r\n");
                capability::write(&self.offer, is_logged_in, output);
                say(output, ".\r\n");
                Ok(None)
            }
            (State::Transaction(_), command) => self.in_transaction(command, output),
            (State::Authorization { .. }, command) => self.in_authorization(command, output),
            // Not reached: no line is taken in any other state.
            (_, _) => Ok(Some(Step::NeedMore)),
        }
    }

    fn in_authorization(&mut self, command: Command, output: &mut Vec<u8>) -> Result<Option<Step>, Offence> {
        match command {
            Command::Quit => {
                say(output, "+OK\r\n");
                self.end(Ending::Quit);
                Ok(None)
            }
            Command::Utf8 => {
                say(output, "+OK UTF-8 is spoken here\r\n");
                Ok(None)
            }
            Command::Stls if self.offer.can_start_tls => {
                say(output, "+OK begin TLS\r\n");
                Ok(Some(Step::StartTls))
            }
            Command::Stls => Err(Offence::TlsNotPossible),
            Command::User(_) | Command::Pass(_) | Command::Auth { .. } if !self.offer.can_log_in => {
                Err(Offence::NotPrivate)
            }
            Command::User(name) => {
                // Whether there is such a maildrop is nobody's business before the password.
                say(output, "+OK\r\n");
                self.state = State::Authorization { name: Some(name) };
                Ok(None)
            }
            Command::Pass(password) => {
                let State::Authorization { name: Some(name) } = std::mem::replace(&mut self.state, State::LoggingIn)
                else {
                    self.state = State::Authorization { name: None };
                    return Err(Offence::WrongState { needs: "USER first" });
                };
                Ok(Some(Step::CheckPassword { name, password }))
            }
            Command::Auth { mechanism: None, .. } => {
                say(output, "+OK\r\n");
                self.offer.mechanisms.iter().for_each(|mechanism| say(output, &format!("{mechanism}\r\n")));
                say(output, ".\r\n");
                Ok(None)
            }
            Command::Auth { mechanism: Some(mechanism), initial } => {
                if !self.offer.mechanisms.contains(&mechanism) {
                    return Err(Offence::UnknownMechanism);
                }
                let read = |text: String| sasl::initial_response(text.as_bytes()).ok_or(Offence::BadBase64);
                let initial = initial.map(read).transpose()?;
                self.state = State::LoggingIn;
                Ok(Some(Step::BeginExchange { mechanism, initial }))
            }
            _ => Err(LOG_IN_FIRST),
        }
    }

    fn in_transaction(&mut self, command: Command, output: &mut Vec<u8>) -> Result<Option<Step>, Offence> {
        let State::Transaction(listing) = &mut self.state else { return Err(LOG_IN_FIRST) };
        match command {
            Command::Stat => {
                let (count, octets) = listing.total();
                say(output, &format!("+OK {count} {octets}\r\n"));
            }
            Command::List(number) => list(listing, Kind::Octets, number, output)?,
            Command::Uidl(number) => list(listing, Kind::UniqueId, number, output)?,
            Command::Dele(number) if listing.delete(number) => say(output, "+OK marked as deleted\r\n"),
            Command::Dele(_) => return Err(Offence::NoSuchMessage),
            Command::Rset => {
                listing.reset();
                let (count, octets) = listing.total();
                say(output, &format!("+OK {count} messages, {octets} octets\r\n"));
            }
            Command::Noop => say(output, "+OK\r\n"),
            Command::Retr(number) => return self.send(number, None).map(Some),
            Command::Top { message, lines } => return self.send(message, Some(lines)).map(Some),
            Command::Quit => return Ok(self.quit(output)),
            _ => return Err(LOGGED_IN),
        }
        Ok(None)
    }

    fn send(&mut self, number: u32, lines: Option<u64>) -> Result<Step, Offence> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Transaction(listing) => {
                let entry = listing.message(number);
                let Some(entry) = entry else {
                    self.state = State::Transaction(listing);
                    return Err(Offence::NoSuchMessage);
                };
                self.state = State::Waiting(listing);
                Ok(Step::Send { uid: entry.uid, lines })
            }
            other => {
                self.state = other;
                Err(LOG_IN_FIRST)
            }
        }
    }

    fn quit(&mut self, output: &mut Vec<u8>) -> Option<Step> {
        let State::Transaction(listing) = std::mem::replace(&mut self.state, State::Over) else { return None };
        let marked = listing.deleted();
        if marked.is_empty() {
            say(output, "+OK\r\n");
            self.end(Ending::Quit);
            return None;
        }
        self.state = State::Update(listing);
        Some(Step::Delete(marked))
    }
}

fn list(listing: &Listing, kind: Kind, number: Option<u32>, output: &mut Vec<u8>) -> Result<(), Offence> {
    match number {
        Some(number) => {
            let value = listing.value(kind, number).ok_or(Offence::NoSuchMessage)?;
            say(output, &format!("+OK {value}\r\n"));
        }
        None => {
            say(output, "+OK\r\n");
            listing.write(kind, output);
            say(output, ".\r\n");
        }
    }
    Ok(())
}

fn say(output: &mut Vec<u8>, text: &str) {
    output.extend_from_slice(text.as_bytes());
}

impl std::fmt::Debug for Step {
    /// Without credentials.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Step::NeedMore => f.write_str("NeedMore"),
            Step::Flush => f.write_str("Flush"),
            Step::StartTls => f.write_str("StartTls"),
            Step::CheckPassword { name, .. } => write!(f, "CheckPassword({name:?})"),
            Step::BeginExchange { mechanism, .. } => write!(f, "BeginExchange({mechanism})"),
            Step::Respond(_) => f.write_str("Respond"),
            Step::Send { uid, lines } => write!(f, "Send({uid}, {lines:?})"),
            Step::Delete(uids) => write!(f, "Delete({uids:?})"),
            Step::End(ending) => write!(f, "End({ending:?})"),
        }
    }
}

#[cfg(test)]
mod tests;
