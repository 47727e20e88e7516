//! The datagrams in which Sun's Messaging Server asks a greylister, both sides: one question is one UDP datagram, one verdict
//! another. The client library of Gross, which that server loads, speaks it.
//!
//! A datagram of a client is a type and a length, each of two octets with the high one first, and as many octets of text. The
//! text of a question is lines `name=value` ended by LF. An answer is bare text: one letter, and after a space the result
//! that the mapping table shall go on with. `P` says that the verdict takes longer; it follows in a datagram of its own.

use crate::limits::GROSS_DATAGRAM_OCTETS_MAX;
use std::net::IpAddr;

/// The type of a question in octets; older clients' `0` is a layout of their own.
const KIND_QUESTION: u16 = 2;
/// The type of a line for the server's log.
const KIND_REMARK: u16 = 1;

/// What a client may not send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Offence {
    /// More octets than [`GROSS_DATAGRAM_OCTETS_MAX`].
    #[error("the datagram has more than {GROSS_DATAGRAM_OCTETS_MAX} octets")]
    TooLong,
    /// Fewer octets than its header says.
    #[error("the datagram is shorter than it says")]
    Cut,
    /// A type that no client in use sends.
    #[error("the datagram is of the unknown type {0}")]
    UnknownKind(u16),
    /// A question without one of `sender`, `recipient` and `client_address`.
    #[error("the question lacks {0}")]
    Missing(&'static str),
    /// A client address that is none.
    #[error("the question names no Internet address as the client")]
    NoAddress,
}

/// One delivery that a mail server asks about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Who delivers.
    pub client: IpAddr,
    /// The envelope sender as it came; `<>` or nothing is the null sender.
    pub sender: String,
    /// The envelope recipient as it came.
    pub recipient: String,
    /// How the client named itself, when it is told.
    pub hello: Option<String>,
}

/// What a client sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Datagram {
    /// A question, to be answered.
    Question(Question),
    /// Something to log, not to be answered.
    Remark(String),
}

impl Datagram {
    /// Reads a whole datagram. Octets that are not UTF-8 are replaced.
    ///
    /// # Errors
    /// An [`Offence`]; nothing is answered then, as nothing says that somebody waits.
    pub fn parse(octets: &[u8]) -> Result<Datagram, Offence> {
        if octets.len() > GROSS_DATAGRAM_OCTETS_MAX {
            return Err(Offence::TooLong);
        }
        let (kind, rest) = number(octets)?;
        let (length, rest) = number(rest)?;
        let text = rest.get(..usize::from(length)).ok_or(Offence::Cut)?;
        let text = String::from_utf8_lossy(text.split(|octet| *octet == 0).next().unwrap_or_default());
        match kind {
            KIND_QUESTION => Question::parse(&text).map(Datagram::Question),
            KIND_REMARK => Ok(Datagram::Remark(text.into_owned())),
            other => Err(Offence::UnknownKind(other)),
        }
    }
}

fn number(octets: &[u8]) -> Result<(u16, &[u8]), Offence> {
    let (number, rest) = octets.split_first_chunk().ok_or(Offence::Cut)?;
    Ok((u16::from_be_bytes(*number), rest))
}

impl Question {
    /// The lines up to the first empty one; the first value of a name counts, unknown names are passed over.
    fn parse(text: &str) -> Result<Question, Offence> {
        let lines = || text.split('\n').take_while(|line| !line.is_empty());
        let find = |name| {
            lines().filter_map(|line| line.split_once('=')).find(|(held, _)| *held == name).map(|(_, value)| value)
        };
        let must = |name| find(name).ok_or(Offence::Missing(name));
        let (sender, recipient) = (must("sender")?.to_owned(), must("recipient")?.to_owned());
        let client = must("client_address")?.parse().map_err(|_| Offence::NoAddress)?;
        let hello = find("helo_name").filter(|name| !name.is_empty()).map(str::to_owned);
        Ok(Question { client, sender, recipient, hello })
    }

    /// The datagram that asks this. What would end a line is left out, and what is too long for a datagram is cut.
    pub fn write(&self) -> Vec<u8> {
        let mut text = String::new();
        let mut line = |name: &str, value: &str| {
            text.push_str(name);
            text.push('=');
            text.extend(value.chars().filter(|character| !matches!(character, '\n' | '\0')));
            text.push('\n');
        };
        line("sender", &self.sender);
        line("recipient", &self.recipient);
        line("client_address", &self.client.to_string());
        if let Some(hello) = &self.hello {
            line("helo_name", hello);
        }
        text.push('\n');
        let length = text.len().min(GROSS_DATAGRAM_OCTETS_MAX - 4);
        let mut octets = Vec::with_capacity(length + 4);
        octets.extend_from_slice(&KIND_QUESTION.to_be_bytes());
        octets.extend_from_slice(&u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
        octets.extend_from_slice(text.as_bytes().get(..length).unwrap_or_default());
        octets
    }
}

/// What is answered. The text after the letter is a mapping result: flags such as `$Y`, and spaces written `$ `.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Not suspicious.
    Trust,
    /// Suspicious, but seen before.
    Match,
    /// Come again later, with this text.
    Grey(String),
    /// Refused, with this text.
    Block(String),
    /// The verdict takes longer.
    Pending,
    /// There is no verdict.
    Fail,
}

impl Answer {
    /// The answer as a datagram.
    pub fn write(&self) -> Vec<u8> {
        let letter = match self {
            Answer::Trust => 'T',
            Answer::Match => 'M',
            Answer::Grey(_) => 'G',
            Answer::Block(_) => 'B',
            Answer::Pending => 'P',
            Answer::Fail => 'F',
        };
        match self.mapping_result() {
            none if none.is_empty() => letter.to_string(),
            result => format!("{letter} {result}"),
        }
        .into_bytes()
    }

    /// What a mapping table goes on with; empty for what is no verdict.
    pub fn mapping_result(&self) -> String {
        match self {
            Answer::Trust | Answer::Match => "$Y".to_owned(),
            Answer::Grey(text) => format!("$X4.4.3|$N{}", quoted(text)),
            Answer::Block(text) => format!("$N{}", quoted(text)),
            Answer::Pending | Answer::Fail => String::new(),
        }
    }
}

/// A text as a mapping result has it. A dollar sign would be a flag, so it is doubled; what would end a line is a space.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            ' ' | '\n' | '\r' | '\0' => out.push_str("$ "),
            '$' => out.push_str("$$"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests;
