//! Replies as they come from the wire.

use crate::limits::{REPLY_LINE_OCTETS_MAX, REPLY_LINES_MAX};
use crate::reply::Reply;
use crate::status::EnhancedStatus;

/// What a server may not send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadReply {
    /// A line that does not begin with a three-digit code.
    #[error("the server sent a line that is no reply")]
    NoCode,
    /// The lines of one reply have different codes.
    #[error("the server sent one reply with two codes")]
    CodeChanged,
    /// A line longer than [`REPLY_LINE_OCTETS_MAX`].
    #[error("the server sent a line longer than {REPLY_LINE_OCTETS_MAX} octets")]
    LineTooLong,
    /// More lines than [`REPLY_LINES_MAX`].
    #[error("the server sent a reply of more than {REPLY_LINES_MAX} lines")]
    TooManyLines,
    /// A challenge that is not base64.
    #[error("the server sent a challenge that is not base64")]
    Challenge,
}

/// Puts replies together from pieces.
#[derive(Debug, Default)]
pub struct ReplyReader {
    line: Vec<u8>,
    reply: Option<Reply>,
}

impl ReplyReader {
    /// The next whole reply, or `None` when all of `input` is used and more is needed.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<Reply>, BadReply> {
        while let Some(end) = memchr::memchr(b'\n', input) {
            let (piece, rest) = input.split_at_checked(end + 1).unwrap_or((input, &[]));
            *input = rest;
            self.hold(piece)?;
            let line = std::mem::take(&mut self.line);
            if let Some(reply) = self.take_line(line.trim_ascii_end())? {
                return Ok(Some(reply));
            }
        }
        self.hold(input)?;
        *input = &[];
        Ok(None)
    }

    fn hold(&mut self, piece: &[u8]) -> Result<(), BadReply> {
        if self.line.len() + piece.len() > REPLY_LINE_OCTETS_MAX {
            return Err(BadReply::LineTooLong);
        }
        self.line.extend_from_slice(piece);
        Ok(())
    }

    fn take_line(&mut self, line: &[u8]) -> Result<Option<Reply>, BadReply> {
        let digits = line.get(..3).filter(|digits| digits.iter().all(u8::is_ascii_digit)).ok_or(BadReply::NoCode)?;
        let code = digits.iter().fold(0u16, |code, digit| code * 10 + u16::from(digit - b'0'));
        let is_last = match line.get(3) {
            None | Some(b' ') => true,
            Some(b'-') => false,
            Some(_) => return Err(BadReply::NoCode),
        };
        let text = String::from_utf8_lossy(line.get(4..).unwrap_or_default()).into_owned();
        let (status, text) = split_status(code, text);
        let reply = self.reply.get_or_insert_with(|| Reply { code, status, lines: Vec::new() });
        if reply.code != code {
            return Err(BadReply::CodeChanged);
        }
        if reply.lines.len() >= REPLY_LINES_MAX {
            return Err(BadReply::TooManyLines);
        }
        reply.lines.push(text);
        Ok(if is_last { self.reply.take() } else { None })
    }
}

/// Takes the enhanced status off a line if its class fits the code (RFC 2034 §4).
fn split_status(code: u16, text: String) -> (Option<EnhancedStatus>, String) {
    let (first, rest) = text.split_once(' ').unwrap_or((&text, ""));
    match first.parse::<EnhancedStatus>() {
        Ok(status) if u16::from(status.class) == code / 100 => (Some(status), rest.to_owned()),
        _ => (None, text),
    }
}
