//! The two bracketed tokens that all structured fields share: quoted strings and comments (RFC 5322 §3.2.2, §3.2.4).

use crate::limits::COMMENT_DEPTH_MAX;
use std::iter::Peekable;
use std::str::Chars;

/// Reads on after the opening `"`; the text without quoting. A missing end is the end of the input.
pub(crate) fn quoted(input: &mut Peekable<Chars<'_>>) -> String {
    let mut text = String::new();
    while let Some(character) = input.next() {
        match character {
            '"' => break,
            '\\' => text.extend(input.next()),
            other => text.push(other),
        }
    }
    text
}

/// Reads on after the opening `(`; the text without quoting, nested comments with their parentheses.
pub(crate) fn comment(input: &mut Peekable<Chars<'_>>) -> String {
    let mut text = String::new();
    let mut depth = 0usize;
    while let Some(character) = input.next() {
        match character {
            ')' if depth == 0 => break,
            ')' => depth -= 1,
            '(' if depth < COMMENT_DEPTH_MAX => depth += 1,
            '\\' => {
                text.extend(input.next());
                continue;
            }
            _ => {}
        }
        text.push(character);
    }
    text
}
