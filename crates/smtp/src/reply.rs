//! A reply: code, enhanced status and one or more lines of text.

use crate::status::EnhancedStatus;

/// What a server answers (RFC 5321 §4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The three-digit code.
    pub code: u16,
    /// The enhanced status (RFC 2034 §3); absent in greetings, 3yz replies and the reply to EHLO.
    pub status: Option<EnhancedStatus>,
    /// The lines of text, at least one when written.
    pub lines: Vec<String>,
}

impl Reply {
    /// A reply of one line with an enhanced status.
    pub fn new(code: u16, status: EnhancedStatus, text: impl Into<String>) -> Reply {
        Reply { code, status: Some(status), lines: vec![text.into()] }
    }

    /// A reply of one line without an enhanced status.
    pub fn plain(code: u16, text: impl Into<String>) -> Reply {
        Reply { code, status: None, lines: vec![text.into()] }
    }

    /// The first digit of the code: 2 done, 3 go on, 4 try later, 5 never.
    pub fn class(&self) -> u16 {
        self.code / 100
    }

    /// Whether the command was done.
    pub fn is_positive(&self) -> bool {
        self.class() == 2
    }

    /// Whether trying again later may help.
    pub fn is_temporary(&self) -> bool {
        self.class() == 4
    }

    /// All text in one line, as it stands in a notice.
    pub fn text(&self) -> String {
        self.lines.join(" ")
    }

    /// Appends the reply in wire form. Text is cut at control characters, so that no reply can carry a line of its own.
    pub fn write(&self, out: &mut Vec<u8>) {
        let last = self.lines.len().saturating_sub(1);
        if self.lines.is_empty() {
            self.write_line("", ' ', out);
        }
        for (index, line) in self.lines.iter().enumerate() {
            self.write_line(line, if index == last { ' ' } else { '-' }, out);
        }
    }

    fn write_line(&self, text: &str, mark: char, out: &mut Vec<u8>) {
        let text = text.split(|character: char| character.is_control()).next().unwrap_or_default();
        let line = match self.status {
            Some(status) => format!("{}{mark}{status} {text}", self.code),
            None => format!("{}{mark}{text}", self.code),
        };
        out.extend_from_slice(line.trim_end().as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_carries_code_and_status() {
        let mut reply = Reply::new(550, EnhancedStatus::new(5, 7, 1), "first");
        reply.lines.push("second\r\n250 forged".to_owned());
        let mut out = Vec::new();
        reply.write(&mut out);
        assert_eq!(out, b"550-5.7.1 first\r\n550 5.7.1 second\r\n");
    }
}
