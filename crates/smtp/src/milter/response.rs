//! What the filter says: verdicts, changes to the message, and that it is still at work.

use crate::limits::{MILTER_ARGUMENTS_MAX, MILTER_REPLY_LINES_MAX};
use crate::milter::command::{Field, Offer, put};
use crate::milter::flags::{Actions, Stage};
use crate::milter::frame::{self, Fields, Frame, before_nul};
use crate::milter::offence::Offence;
use crate::reply::Reply;
use crate::status::EnhancedStatus;

/// One response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// The answer to an offer.
    Negotiate(Offer),
    /// The macros that it wants at a stage.
    ChooseMacros(Stage, Vec<String>),
    /// The answer to a command.
    Verdict(Verdict),
    /// A change to the message, before the answer to its end.
    Change(Change),
    /// It is still at work.
    Progress,
}

/// The answer to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Continue,
    /// The message is good; no more of it is wanted.
    Accept,
    /// Refuse it for good: the connection, the message or the recipient, as the command was.
    Reject,
    /// Refuse it for now.
    TryLater,
    /// Say that it was accepted, and forget it.
    Discard,
    /// No more of the body is wanted.
    Skip,
    /// Refuse it with this reply.
    Reply(Reply),
    /// The connection with the filter is to be given up; the mail server does as if the filter were away.
    ConnectionFailed,
    /// Close the client's connection with 421.
    Shutdown,
}

/// A change to the message or its envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Add a field at the end of the header.
    AddHeader(Field),
    /// Add a field in front of the field with this number, counted from 0; far numbers mean the end.
    InsertHeader {
        /// The place.
        index: u32,
        /// The field.
        field: Field,
    },
    /// Replace the field with this name and number, counted from 1 among those of the name; without a value delete it.
    ChangeHeader {
        /// Which one.
        index: u32,
        /// The field.
        field: Field,
    },
    /// The next piece of a body that replaces the old one.
    ReplaceBody(Vec<u8>),
    /// Add a recipient.
    AddRecipient {
        /// The address, with or without brackets.
        address: String,
        /// ESMTP parameters.
        arguments: Vec<String>,
    },
    /// Take a recipient away.
    DeleteRecipient(String),
    /// Replace the sender.
    ChangeFrom {
        /// The address, with or without brackets.
        address: String,
        /// ESMTP parameters.
        arguments: Vec<String>,
    },
    /// Put the message aside.
    Quarantine(String),
}

impl Change {
    /// What must have been agreed for it.
    pub fn needs(&self) -> Actions {
        match self {
            Change::AddHeader(_) | Change::InsertHeader { .. } => Actions::ADD_HEADERS,
            Change::ChangeHeader { .. } => Actions::CHANGE_HEADERS,
            Change::ReplaceBody(_) => Actions::REPLACE_BODY,
            Change::AddRecipient { arguments, .. } if arguments.is_empty() => Actions::ADD_RECIPIENTS,
            Change::AddRecipient { .. } => Actions::ADD_RECIPIENTS_WITH_ARGUMENTS,
            Change::DeleteRecipient(_) => Actions::DELETE_RECIPIENTS,
            Change::ChangeFrom { .. } => Actions::CHANGE_FROM,
            Change::Quarantine(_) => Actions::QUARANTINE,
        }
    }
}

impl Response {
    /// Reads a frame.
    ///
    /// # Errors
    /// It is no response, or broken.
    pub fn read(frame: Frame<'_>) -> Result<Response, Offence> {
        let mut fields = Fields::new(frame.data, name_of(frame.kind));
        let response = match frame.kind {
            b'O' => Response::Negotiate(Offer::read(&mut fields)?),
            b'l' => read_choice(&mut fields)?,
            b'p' => Response::Progress,
            b'y' => Response::Verdict(Verdict::Reply(read_reply(&mut fields)?)),
            b'c' => Response::Verdict(Verdict::Continue),
            b'a' => Response::Verdict(Verdict::Accept),
            b'r' => Response::Verdict(Verdict::Reject),
            b't' => Response::Verdict(Verdict::TryLater),
            b'd' => Response::Verdict(Verdict::Discard),
            b's' => Response::Verdict(Verdict::Skip),
            b'f' => Response::Verdict(Verdict::ConnectionFailed),
            b'4' => Response::Verdict(Verdict::Shutdown),
            b'b' => return Ok(Response::Change(Change::ReplaceBody(frame.data.to_vec()))),
            kind => Response::Change(read_change(kind, &mut fields)?),
        };
        fields.end()?;
        Ok(response)
    }

    /// Appends the frame.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Response::Negotiate(offer) => offer.write(out),
            Response::ChooseMacros(stage, names) => {
                let mut content = stage.number().to_be_bytes().to_vec();
                put(&mut content, names.join(" ").as_bytes());
                frame::write(b'l', &[&content], out);
            }
            Response::Progress => frame::write(b'p', &[], out),
            Response::Verdict(verdict) => verdict.write(out),
            Response::Change(change) => change.write(out),
        }
    }
}

/// A response's name in offences.
fn name_of(kind: u8) -> &'static str {
    match kind {
        b'O' => "negotiation",
        b'y' => "reply",
        b'h' | b'i' | b'm' => "header",
        b'+' | b'2' | b'-' => "recipient",
        b'e' => "sender",
        b'q' => "quarantine",
        b'l' => "macro",
        _ => "verdict",
    }
}

fn read_choice(fields: &mut Fields<'_>) -> Result<Response, Offence> {
    let stage = Stage::from_number(fields.number()?).ok_or(Offence::BrokenFrame { what: "macro" })?;
    let names = fields.text()?;
    let names = names.split([' ', ',']).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    Ok(Response::ChooseMacros(stage, names))
}

fn read_change(kind: u8, fields: &mut Fields<'_>) -> Result<Change, Offence> {
    Ok(match kind {
        b'h' => Change::AddHeader(Field::read(fields)?),
        b'i' => Change::InsertHeader { index: fields.number()?, field: Field::read(fields)? },
        b'm' => Change::ChangeHeader { index: fields.number()?, field: Field::read(fields)? },
        b'+' => Change::AddRecipient { address: fields.text()?, arguments: Vec::new() },
        b'2' => Change::AddRecipient { address: fields.text()?, arguments: read_arguments(fields)? },
        b'-' => Change::DeleteRecipient(fields.text()?),
        b'e' => Change::ChangeFrom { address: fields.text()?, arguments: read_arguments(fields)? },
        b'q' => Change::Quarantine(fields.text()?),
        kind => return Err(Offence::UnknownFrame { kind }),
    })
}

/// ESMTP parameters come as one text with spaces between them, or are left out.
fn read_arguments(fields: &mut Fields<'_>) -> Result<Vec<String>, Offence> {
    let texts = fields.texts(MILTER_ARGUMENTS_MAX)?;
    let words = texts.iter().flat_map(|text| text.split_ascii_whitespace());
    Ok(words.take(MILTER_ARGUMENTS_MAX).map(str::to_owned).collect())
}

/// A reply as text of SMTP, in lines parted by CR LF when there are several. sendmail takes it for a format, so its library
/// doubles each percent sign.
fn read_reply(fields: &mut Fields<'_>) -> Result<Reply, Offence> {
    let text = fields.text()?;
    let mut reply: Option<Reply> = None;
    for line in text.lines().take(MILTER_REPLY_LINES_MAX) {
        let digits = line.get(..3).filter(|digits| digits.bytes().all(|octet| octet.is_ascii_digit()));
        let code: u16 = digits.and_then(|digits| digits.parse().ok()).ok_or(Offence::BadReply)?;
        if !(400..600).contains(&code) || reply.as_ref().is_some_and(|reply| reply.code != code) {
            return Err(Offence::BadReply);
        }
        let rest = match line.as_bytes().get(3) {
            None => "",
            Some(b' ' | b'-') => line.get(4..).unwrap_or_default(),
            Some(_) => return Err(Offence::BadReply),
        };
        let (first, after) = rest.split_once(' ').unwrap_or((rest, ""));
        let status = first.parse::<EnhancedStatus>().ok().filter(|status| u16::from(status.class) == code / 100);
        let words = if status.is_some() { after } else { rest };
        let reply = reply.get_or_insert(Reply { code, status, lines: Vec::new() });
        reply.lines.push(without_doubled_percents(words));
    }
    reply.ok_or(Offence::BadReply)
}

fn without_doubled_percents(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(next) = rest.next() {
        match next {
            // What stands alone was meant for a format; no text is lost but the sign.
            '%' => plain.extend(rest.next()),
            other => plain.push(other),
        }
    }
    plain
}

impl Verdict {
    fn write(&self, out: &mut Vec<u8>) {
        let kind = match self {
            Verdict::Continue => b'c',
            Verdict::Accept => b'a',
            Verdict::Reject => b'r',
            Verdict::TryLater => b't',
            Verdict::Discard => b'd',
            Verdict::Skip => b's',
            Verdict::ConnectionFailed => b'f',
            Verdict::Shutdown => b'4',
            Verdict::Reply(reply) => {
                let mut text = Vec::new();
                reply.write(&mut text);
                let text = String::from_utf8_lossy(text.trim_ascii_end()).replace('%', "%%");
                return frame::write(b'y', &[before_nul(text.as_bytes()), b"\0"], out);
            }
        };
        frame::write(kind, &[], out);
    }
}

impl Change {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Change::AddHeader(field) => write_field(b'h', None, field, out),
            Change::InsertHeader { index, field } => write_field(b'i', Some(*index), field, out),
            Change::ChangeHeader { index, field } => write_field(b'm', Some(*index), field, out),
            Change::ReplaceBody(octets) => frame::write(b'b', &[octets], out),
            Change::AddRecipient { address, arguments } if arguments.is_empty() => write_texts(b'+', &[address], out),
            Change::AddRecipient { address, arguments } => write_texts(b'2', &[address, &arguments.join(" ")], out),
            Change::DeleteRecipient(address) => write_texts(b'-', &[address], out),
            Change::ChangeFrom { address, arguments } if arguments.is_empty() => write_texts(b'e', &[address], out),
            Change::ChangeFrom { address, arguments } => write_texts(b'e', &[address, &arguments.join(" ")], out),
            Change::Quarantine(reason) => write_texts(b'q', &[reason], out),
        }
    }
}

fn write_field(kind: u8, index: Option<u32>, field: &Field, out: &mut Vec<u8>) {
    let mut content = index.map_or_else(Vec::new, |index| index.to_be_bytes().to_vec());
    put(&mut content, field.name.as_bytes());
    put(&mut content, &field.value);
    frame::write(kind, &[&content], out);
}

fn write_texts(kind: u8, texts: &[&str], out: &mut Vec<u8>) {
    let mut content = Vec::new();
    for text in texts {
        put(&mut content, text.as_bytes());
    }
    frame::write(kind, &[&content], out);
}
