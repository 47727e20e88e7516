//! Characters to tokens (RFC 5228 §2.3, §2.4, §8.1).

use crate::fault::{Fault, Position, Problem};
use crate::limits::SCRIPT_OCTETS_MAX;

/// A word of the language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// The name of a command or test, in lower case.
    Identifier(String),
    /// `:name`, without the colon, in lower case.
    Tag(String),
    /// With its multiplier applied.
    Number(u64),
    /// Quoted or multi-line, escapes undone.
    Text(String),
    /// `( ) [ ] { } , ;`
    Mark(char),
}

impl Token {
    /// How an error names it.
    pub fn describe(&self) -> String {
        match self {
            Token::Identifier(name) => format!("the word {name:?}"),
            Token::Tag(name) => format!("the tag :{name}"),
            Token::Number(number) => format!("the number {number}"),
            Token::Text(_) => "a string".to_owned(),
            Token::Mark(mark) => format!("{mark:?}"),
        }
    }
}

/// Reads all tokens of a script.
pub fn tokens(script: &[u8]) -> Result<Vec<(Position, Token)>, Fault> {
    let start = Position { line: 1, column: 1 };
    if script.len() > SCRIPT_OCTETS_MAX {
        return Err(Fault { at: start, problem: Problem::ScriptTooLarge { max: SCRIPT_OCTETS_MAX } });
    }
    let text = match std::str::from_utf8(script) {
        Ok(text) => text,
        Err(error) => {
            let good = script.get(..error.valid_up_to()).unwrap_or_default();
            let mut reader = Reader::new(std::str::from_utf8(good).unwrap_or_default());
            while reader.next().is_some() {}
            return Err(Fault { at: reader.at, problem: Problem::NotUtf8 });
        }
    };
    let mut reader = Reader::new(text.strip_prefix('\u{feff}').unwrap_or(text));
    let mut tokens = Vec::new();
    while let Some(token) = reader.token()? {
        tokens.push(token);
    }
    Ok(tokens)
}

struct Reader<'a> {
    rest: &'a str,
    at: Position,
}

impl<'a> Reader<'a> {
    fn new(rest: &'a str) -> Reader<'a> {
        Reader { rest, at: Position { line: 1, column: 1 } }
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.rest = self.rest.get(character.len_utf8()..).unwrap_or_default();
        match character {
            '\n' => self.at = Position { line: self.at.line.saturating_add(1), column: 1 },
            _ => self.at.column = self.at.column.saturating_add(1),
        }
        Some(character)
    }

    fn skip(&mut self, octets: usize) {
        let end = self.rest.len().saturating_sub(octets);
        while self.rest.len() > end {
            self.next();
        }
    }

    fn white(&mut self) -> Result<(), Fault> {
        loop {
            if self.rest.starts_with("/*") {
                let at = self.at;
                let Some(end) = self.rest.get(2..).and_then(|rest| rest.find("*/")) else {
                    return Err(Fault { at, problem: Problem::CommentWithoutEnd });
                };
                self.skip(end + 4);
            } else if self.rest.starts_with('#') {
                self.skip(self.rest.find('\n').unwrap_or(self.rest.len()));
            } else if self.rest.starts_with([' ', '\t', '\r', '\n']) {
                self.next();
            } else {
                return Ok(());
            }
        }
    }

    fn token(&mut self) -> Result<Option<(Position, Token)>, Fault> {
        self.white()?;
        let at = self.at;
        let Some(first) = self.peek() else { return Ok(None) };
        let token = match first {
            '(' | ')' | '[' | ']' | '{' | '}' | ',' | ';' => {
                self.next();
                Token::Mark(first)
            }
            '"' => self.quoted(at)?,
            ':' => {
                self.next();
                match self.word() {
                    word if word.is_empty() => return Err(Fault { at, problem: Problem::StrayCharacter(':') }),
                    word => Token::Tag(word),
                }
            }
            '0'..='9' => self.number(at)?,
            'a'..='z' | 'A'..='Z' | '_' => {
                let word = self.word();
                if word == "text" && self.rest.starts_with(':') {
                    self.next();
                    self.multi_line(at)?
                } else {
                    Token::Identifier(word)
                }
            }
            other => return Err(Fault { at, problem: Problem::StrayCharacter(other) }),
        };
        Ok(Some((at, token)))
    }

    fn word(&mut self) -> String {
        let is_end = |character: char| !(character.is_ascii_alphanumeric() || character == '_');
        let end = self.rest.find(is_end).unwrap_or(self.rest.len());
        let word = self.rest.get(..end).unwrap_or_default().to_ascii_lowercase();
        self.skip(end);
        word
    }

    fn number(&mut self, at: Position) -> Result<Token, Fault> {
        let end = self.rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(self.rest.len());
        let digits = self.rest.get(..end).unwrap_or_default();
        let number = digits.parse::<u64>().ok();
        self.skip(end);
        let shift = match self.peek() {
            Some('k' | 'K') => 10,
            Some('m' | 'M') => 20,
            Some('g' | 'G') => 30,
            _ => 0,
        };
        if shift > 0 {
            self.next();
        }
        if let Some(stray) = self.peek().filter(|character| character.is_ascii_alphanumeric() || *character == '_') {
            return Err(Fault { at: self.at, problem: Problem::StrayCharacter(stray) });
        }
        let number = number.and_then(|number| number.checked_mul(1 << shift));
        number.map(Token::Number).ok_or(Fault { at, problem: Problem::NumberTooLarge })
    }

    fn quoted(&mut self, at: Position) -> Result<Token, Fault> {
        self.next();
        let mut text = String::new();
        loop {
            match self.next() {
                Some('"') => return Ok(Token::Text(text)),
                Some('\\') => match self.next() {
                    Some(escaped) => text.push(escaped),
                    None => return Err(Fault { at, problem: Problem::StringWithoutEnd }),
                },
                Some('\0') => return Err(Fault { at, problem: Problem::StrayCharacter('\0') }),
                // RFC 5228 §2.2: lines end in CRLF, so that is what a line end in a string is.
                Some('\n') if !text.ends_with('\r') => text.push_str("\r\n"),
                Some(other) => text.push(other),
                None => return Err(Fault { at, problem: Problem::StringWithoutEnd }),
            }
        }
    }

    /// RFC 5228 §2.4.2: lines up to a lone dot; leading dots are doubled. Line ends become CRLF.
    fn multi_line(&mut self, at: Position) -> Result<Token, Fault> {
        while self.rest.starts_with([' ', '\t']) {
            self.next();
        }
        if self.rest.starts_with('#') {
            self.skip(self.rest.find('\n').unwrap_or(self.rest.len()));
        }
        self.skip(usize::from(self.rest.starts_with('\r')));
        if !self.rest.starts_with('\n') {
            return Err(match self.peek() {
                Some(stray) => Fault { at: self.at, problem: Problem::StrayCharacter(stray) },
                None => Fault { at, problem: Problem::TextWithoutEnd },
            });
        }
        self.next();
        let mut text = String::new();
        loop {
            let Some(end) = self.rest.find('\n') else {
                // The last line of a script may lack its line end.
                if self.rest.trim_end_matches('\r') == "." {
                    self.skip(self.rest.len());
                    return Ok(Token::Text(text));
                }
                return Err(Fault { at, problem: Problem::TextWithoutEnd });
            };
            let line = self.rest.get(..end).unwrap_or_default();
            let line = line.strip_suffix('\r').unwrap_or(line);
            if line == "." {
                self.skip(end + 1);
                return Ok(Token::Text(text));
            }
            text.push_str(if line.starts_with("..") { line.get(1..).unwrap_or_default() } else { line });
            text.push_str("\r\n");
            self.skip(end + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(script: &str) -> Vec<Token> {
        tokens(script.as_bytes()).unwrap().into_iter().map(|(_, token)| token).collect()
    }

    #[test]
    fn words_numbers_and_strings() {
        assert_eq!(
            read("If Size :Over 2K /* big */ { # why\r\n \"a\\\"\\b\" ; }"),
            [
                Token::Identifier("if".into()),
                Token::Identifier("size".into()),
                Token::Tag("over".into()),
                Token::Number(2048),
                Token::Mark('{'),
                Token::Text("a\"b".into()),
                Token::Mark(';'),
                Token::Mark('}'),
            ]
        );
    }

    #[test]
    fn multi_line_texts_are_unstuffed() {
        assert_eq!(read("text: # note\n..a\r\nb\n.\n;"), [Token::Text(".a\r\nb\r\n".into()), Token::Mark(';')]);
        assert_eq!(read("text:\n."), [Token::Text(String::new())]);
    }

    #[test]
    fn faults_name_the_place() {
        let fault = |script: &str| tokens(script.as_bytes()).unwrap_err();
        assert_eq!(fault("keep;\n  §").at, Position { line: 2, column: 3 });
        assert_eq!(fault("\"a").problem, Problem::StringWithoutEnd);
        assert_eq!(fault("text:\na\n").problem, Problem::TextWithoutEnd);
        assert_eq!(fault("/* a").problem, Problem::CommentWithoutEnd);
        assert_eq!(fault("99999999999G").problem, Problem::NumberTooLarge);
        assert_eq!(fault("100KB").problem, Problem::StrayCharacter('B'));
        assert_eq!(
            tokens(b"keep;\xff").unwrap_err(),
            Fault { at: Position { line: 1, column: 6 }, problem: Problem::NotUtf8 }
        );
    }
}
