//! Postfix's policy delegation, both sides: a mail server asks, for each command of a session, what to do; the answer is
//! one action of its access tables (`SMTPD_POLICY_README` and `access(5)` of Postfix).
//!
//! A request and a response are lines `name=value`, each ended by LF, and an empty line. Many of them follow one another on
//! one connection; after an [`Offence`] the connection must be closed, because nothing says where the next one begins.

use crate::limits::{POLICY_ATTRIBUTES_MAX, POLICY_BLOCK_OCTETS_MAX};
use std::fmt;

/// What a peer may not send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Offence {
    /// More octets than [`POLICY_BLOCK_OCTETS_MAX`] without the empty line.
    #[error("the peer sent more than {POLICY_BLOCK_OCTETS_MAX} octets without an empty line")]
    TooLong,
    /// More lines than [`POLICY_ATTRIBUTES_MAX`] without the empty line.
    #[error("the peer sent more than {POLICY_ATTRIBUTES_MAX} lines without an empty line")]
    TooManyAttributes,
    /// A line without `=`, or with nothing before it.
    #[error("the peer sent a line that is not name=value")]
    NotAnAttribute,
    /// A request without the attribute `request`, which is the one that must be there.
    #[error("the peer sent a request without the attribute \"request\"")]
    NoRequest,
    /// A response without the attribute `action`.
    #[error("the peer sent a response without the attribute \"action\"")]
    NoAction,
}

/// Puts the lines of one request or response together from pieces of any size.
#[derive(Debug, Default)]
struct BlockReader {
    held: Vec<u8>,
    /// Where the line begins that is not whole yet.
    line_start: usize,
    lines: usize,
}

impl BlockReader {
    /// The lines of the next block, each with its LF, or `None` when all of `input` is used and more is needed.
    fn read(&mut self, input: &mut &[u8]) -> Result<Option<Block>, Offence> {
        while let Some(end) = memchr::memchr(b'\n', input) {
            let (piece, rest) = input.split_at_checked(end + 1).unwrap_or((input, &[]));
            *input = rest;
            self.hold(piece)?;
            let line = self.held.get(self.line_start..).unwrap_or_default();
            if line == b"\n" {
                self.held.truncate(self.line_start);
                let whole = std::mem::take(self);
                return Ok(Some(Block(String::from_utf8_lossy(&whole.held).into_owned())));
            }
            if memchr::memchr(b'=', line).is_none_or(|at| at == 0) {
                return Err(Offence::NotAnAttribute);
            }
            self.line_start = self.held.len();
            self.lines += 1;
            if self.lines > POLICY_ATTRIBUTES_MAX {
                return Err(Offence::TooManyAttributes);
            }
        }
        self.hold(input)?;
        *input = &[];
        Ok(None)
    }

    fn hold(&mut self, piece: &[u8]) -> Result<(), Offence> {
        if self.held.len() + piece.len() > POLICY_BLOCK_OCTETS_MAX {
            return Err(Offence::TooLong);
        }
        self.held.extend_from_slice(piece);
        Ok(())
    }
}

/// Lines `name=value`, each with its LF: one allocation for all attributes, of which a server looks at a few.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Block(String);

impl Block {
    fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.split_terminator('\n').filter_map(|line| line.split_once('='))
    }

    /// The first value of that name: the protocol leaves the choice among several.
    fn find(&self, name: &str) -> Option<&str> {
        self.iter().find(|(held, _)| *held == name).map(|(_, value)| value)
    }

    fn push(&mut self, name: &str, value: &str) {
        self.0.extend(
            name.chars().map(|character| if is_break(character) || character == '=' { '_' } else { character }),
        );
        self.0.push('=');
        self.0.extend(value.chars().map(|character| if is_break(character) { ' ' } else { character }));
        self.0.push('\n');
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0.as_bytes());
        out.push(b'\n');
    }
}

/// What would end a line, there or in the SMTP reply that is made of it.
fn is_break(character: char) -> bool {
    matches!(character, '\n' | '\r' | '\0')
}

/// What a mail server asks: the attributes of one moment of an SMTP session. Octets that are not UTF-8 were replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request(Block);

impl Request {
    /// A request of that kind; mail servers ask `smtpd_access_policy`.
    pub fn new(kind: &str) -> Request {
        let mut block = Block::default();
        block.push("request", kind);
        Request(block)
    }

    /// The same request with one attribute more. What would end the line is replaced.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Request {
        self.0.push(name, value);
        self
    }

    /// The kind of request: the attribute `request`.
    pub fn kind(&self) -> &str {
        self.attribute("request").unwrap_or_default()
    }

    /// The first value of that name. An absent attribute and an empty value are the same: not available.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.0.find(name).filter(|value| !value.is_empty())
    }

    /// All attributes in their order, empty ones too.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter()
    }

    /// Appends the request in wire form.
    pub fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
    }
}

/// The server's side: takes requests out of what arrives.
#[derive(Debug, Default)]
pub struct RequestReader(BlockReader);

impl RequestReader {
    /// The next whole request, or `None` when all of `input` is used and more is needed.
    ///
    /// # Errors
    /// An [`Offence`]: the connection must be closed.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<Request>, Offence> {
        match self.0.read(input)?.map(Request) {
            Some(request) if request.kind().is_empty() => Err(Offence::NoRequest),
            request => Ok(request),
        }
    }

    /// Octets of a request that is not whole yet; 0 between requests, where a peer may stay silent.
    pub fn held_octets(&self) -> usize {
        self.0.held.len()
    }
}

/// The client's side: takes the actions out of what a policy server answers.
#[derive(Debug, Default)]
pub struct ResponseReader(BlockReader);

impl ResponseReader {
    /// The next whole answer, or `None` when all of `input` is used and more is needed.
    ///
    /// # Errors
    /// An [`Offence`]: the connection must be closed.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<Action>, Offence> {
        let Some(block) = self.0.read(input)? else { return Ok(None) };
        block.find("action").and_then(Action::parse).map(Some).ok_or(Offence::NoAction)
    }
}

/// What the mail server shall do (`access(5)` of Postfix). Texts may begin with an enhanced status code, and may be empty
/// where it says so: the mail server then has a text of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// No opinion: the next restriction decides.
    Dunno,
    /// Accept, and ask no further restriction of this list.
    Ok,
    /// Refuse for ever; the text may be empty.
    Reject(String),
    /// Refuse for now; the text may be empty.
    Defer(String),
    /// Refuse for now if a later restriction would accept; the text may be empty.
    DeferIfPermit(String),
    /// Refuse for now if a later restriction would refuse; the text may be empty.
    DeferIfReject(String),
    /// Reply with a code of 400 to 599 and the text; 421 and 521 also close the connection.
    Code(u16, String),
    /// Take the message and throw it away; the text goes to the log.
    Discard(String),
    /// Put the message on hold; the text goes to the log.
    Hold(String),
    /// Add this header line in front.
    Prepend(String),
    /// Send the message to this address instead.
    Redirect(String),
    /// Log the text and have no opinion.
    Warn(String),
    /// Any other action or name of a restriction, as it came.
    Other(String),
}

impl Action {
    /// Reads an action as it stands after `action=`; `None` when nothing stands there. Names are in any case.
    pub fn parse(text: &str) -> Option<Action> {
        let text = text.trim_matches(|character| character == ' ' || is_break(character));
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        let rest = rest.trim_start_matches(' ').to_owned();
        if word.is_empty() {
            return None;
        }
        if word.len() == 3
            && let Some(code @ 400..=599) =
                word.parse::<u16>().ok().filter(|_| word.bytes().all(|o| o.is_ascii_digit()))
        {
            return Some(Action::Code(code, rest));
        }
        // An entry that is all digits, as databases of addresses have it, accepts.
        if word.bytes().all(|octet| octet.is_ascii_digit()) && rest.is_empty() {
            return Some(Action::Ok);
        }
        Some(match word.to_ascii_uppercase().as_str() {
            "DUNNO" if rest.is_empty() => Action::Dunno,
            "OK" if rest.is_empty() => Action::Ok,
            "REJECT" => Action::Reject(rest),
            "DEFER" => Action::Defer(rest),
            "DEFER_IF_PERMIT" => Action::DeferIfPermit(rest),
            "DEFER_IF_REJECT" => Action::DeferIfReject(rest),
            "DISCARD" => Action::Discard(rest),
            "HOLD" => Action::Hold(rest),
            "PREPEND" => Action::Prepend(rest),
            "REDIRECT" => Action::Redirect(rest),
            "WARN" => Action::Warn(rest),
            _ => Action::Other(text.to_owned()),
        })
    }

    /// Whether the mail server would refuse the command, now or for ever.
    pub fn refuses(&self) -> bool {
        matches!(
            self,
            Action::Reject(_)
                | Action::Defer(_)
                | Action::DeferIfPermit(_)
                | Action::DeferIfReject(_)
                | Action::Code(..)
        )
    }

    /// Appends the response that asks for this action. What would end the line is replaced.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut block = Block::default();
        block.push("action", &self.to_string());
        block.write(out);
    }
}

impl fmt::Display for Action {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, text) = match self {
            Action::Dunno => ("DUNNO", ""),
            Action::Ok => ("OK", ""),
            Action::Reject(text) => ("REJECT", text.as_str()),
            Action::Defer(text) => ("DEFER", text.as_str()),
            Action::DeferIfPermit(text) => ("DEFER_IF_PERMIT", text.as_str()),
            Action::DeferIfReject(text) => ("DEFER_IF_REJECT", text.as_str()),
            Action::Discard(text) => ("DISCARD", text.as_str()),
            Action::Hold(text) => ("HOLD", text.as_str()),
            Action::Prepend(text) => ("PREPEND", text.as_str()),
            Action::Redirect(text) => ("REDIRECT", text.as_str()),
            Action::Warn(text) => ("WARN", text.as_str()),
            Action::Code(code, text) if text.is_empty() => return write!(out, "{code}"),
            Action::Code(code, text) => return write!(out, "{code} {text}"),
            Action::Other(text) => return out.write_str(text),
        };
        match text {
            "" => out.write_str(word),
            text => write!(out, "{word} {text}"),
        }
    }
}

#[cfg(test)]
mod tests;
