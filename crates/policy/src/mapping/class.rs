//! Classes of characters that a wildcard takes.

/// Which characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Class {
    /// Every one.
    Any,
    /// A letter: A-Z, a-z.
    Alpha,
    /// 0 or 1.
    Binary,
    /// 0-9.
    Decimal,
    /// 0-9, A-F, a-f.
    Hexadecimal,
    /// 0-7.
    Octal,
    /// 0-9, A-Z, a-z, `_`, `$`.
    Symbol,
    /// Tab, vertical tab, space.
    Blank,
    /// Those written between brackets.
    Set {
        /// Whether it takes all others instead.
        is_negated: bool,
        /// From and to, both included, in lower case where they are ASCII letters.
        ranges: Vec<(char, char)>,
    },
}

impl Class {
    /// The class of a glob's letter.
    pub fn of_letter(letter: char) -> Option<Class> {
        Some(match letter.to_ascii_uppercase() {
            'A' => Class::Alpha,
            'B' => Class::Binary,
            'D' => Class::Decimal,
            'H' | 'X' => Class::Hexadecimal,
            'O' => Class::Octal,
            'S' => Class::Symbol,
            'T' => Class::Blank,
            _ => return None,
        })
    }

    /// The class that is written between `[` and `]`: characters, ranges with `-`, all others with `^` in front. A `$`
    /// quotes the character behind it.
    pub fn of_set(text: &str) -> Option<Class> {
        let (is_negated, text) = match text.strip_prefix('^') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let mut ranges = Vec::new();
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            let from = if character == '$' { characters.next()? } else { character };
            let mut to = from;
            let mut ahead = characters.clone();
            if ahead.next() == Some('-')
                && let Some(end) = ahead.next()
            {
                to = if end == '$' { ahead.next()? } else { end };
                characters = ahead;
            }
            ranges.push((from.to_ascii_lowercase(), to.to_ascii_lowercase()));
        }
        (!ranges.is_empty()).then_some(Class::Set { is_negated, ranges })
    }

    /// Whether it takes this character.
    pub fn takes(&self, character: char) -> bool {
        match self {
            Class::Any => true,
            Class::Alpha => character.is_ascii_alphabetic(),
            Class::Binary => matches!(character, '0' | '1'),
            Class::Decimal => character.is_ascii_digit(),
            Class::Hexadecimal => character.is_ascii_hexdigit(),
            Class::Octal => ('0'..='7').contains(&character),
            Class::Symbol => character.is_ascii_alphanumeric() || matches!(character, '_' | '$'),
            Class::Blank => matches!(character, '\t' | '\u{b}' | ' '),
            Class::Set { is_negated, ranges } => {
                let folded = character.to_ascii_lowercase();
                ranges.iter().any(|(from, to)| (*from..=*to).contains(&folded)) != *is_negated
            }
        }
    }
}
