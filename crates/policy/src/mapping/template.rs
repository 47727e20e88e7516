//! The right column of an entry, compiled into parts that are done from left to right.

use crate::mapping::callout::{self, Callout, Case};

/// A compiled template.
#[derive(Clone, Debug, Default)]
pub struct Template {
    /// Its parts.
    pub parts: Vec<Part>,
}

/// One part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// This text.
    Text(String),
    /// What a wildcard took.
    Wildcard(u8),
    /// How the mapping goes on after this entry.
    Control(Control),
    /// A flag for the caller.
    Flag(char),
    /// The entry does not match unless a flag of the caller is as wished.
    Test {
        /// The flag.
        flag: char,
        /// Whether it must be set.
        is_set: bool,
    },
    /// The entry matches so often out of a million.
    Chance(u32),
    /// The case of the text that follows.
    Case(Case),
    /// What follows is quoted for a filter of a directory, until the case is restored.
    QuoteFilter,
    /// A look-up whose answer is put in its place.
    Callout(Callout),
}

/// How the mapping goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// With the next entry, on the output.
    Continue,
    /// Not at all.
    End,
    /// With the next entry, on the output, and with one more pass after the last.
    Loop,
    /// From the first entry, on the output.
    Restart,
}

impl Template {
    /// Compiles a template.
    ///
    /// # Errors
    /// What is wrong with it, as a sentence.
    pub fn compile(source: &str) -> Result<Template, String> {
        let mut reader = Reader { parts: Vec::new(), text: String::new() };
        let mut rest = source;
        while let Some(character) = rest.chars().next() {
            rest = rest.get(character.len_utf8()..).unwrap_or_default();
            match character {
                '$' => rest = reader.dollar(rest)?,
                other => reader.text.push(other),
            }
        }
        reader.end_text();
        Ok(Template { parts: reader.parts })
    }

    /// Reads a text from outside that may set flags and nothing else: a dollar sign and a letter or one of `!<>,` is a
    /// flag, any other quoted character stands for itself.
    pub fn of_answer(text: &str) -> Template {
        let mut reader = Reader { parts: Vec::new(), text: String::new() };
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            match (character, character == '$') {
                (_, true) => match characters.next() {
                    Some('$') | None => reader.text.push('$'),
                    Some(flag) if flag.is_ascii_alphabetic() || "!<>,".contains(flag) => {
                        if control(flag).is_none() {
                            reader.put(Part::Flag(flag.to_ascii_uppercase()));
                        }
                    }
                    Some(quoted) => reader.text.push(quoted),
                },
                (other, false) => reader.text.push(other),
            }
        }
        reader.end_text();
        Template { parts: reader.parts }
    }

    /// The flags that it may set by itself.
    pub fn flags(&self) -> impl Iterator<Item = char> {
        self.parts.iter().filter_map(|part| match part {
            Part::Flag(flag) => Some(*flag),
            _ => None,
        })
    }

    /// The numbers of the wildcards that it uses.
    pub fn wildcards(&self) -> impl Iterator<Item = u8> {
        self.parts.iter().flat_map(|part| match part {
            Part::Wildcard(number) => vec![*number],
            Part::Callout(callout) => callout.wildcards(),
            _ => Vec::new(),
        })
    }

    /// The look-ups in it.
    pub fn callouts(&self) -> impl Iterator<Item = &Callout> {
        self.parts.iter().filter_map(|part| match part {
            Part::Callout(callout) => Some(callout),
            _ => None,
        })
    }
}

struct Reader {
    parts: Vec<Part>,
    text: String,
}

impl Reader {
    fn end_text(&mut self) {
        if !self.text.is_empty() {
            self.parts.push(Part::Text(std::mem::take(&mut self.text)));
        }
    }

    fn put(&mut self, part: Part) {
        self.end_text();
        self.parts.push(part);
    }

    fn dollar<'s>(&mut self, rest: &'s str) -> Result<&'s str, String> {
        let Some(character) = rest.chars().next() else {
            return Err("a $ at the end of a template; write $$ for a dollar sign".to_owned());
        };
        let after = rest.get(character.len_utf8()..).unwrap_or_default();
        if let Some((callout, after)) = callout::read(character, after)? {
            self.put(Part::Callout(callout));
            return Ok(after);
        }
        match character {
            '0'..='9' => self.put(Part::Wildcard(character as u8 - b'0')),
            '?' => {
                let (percent, after) = after.split_once('?').ok_or("`$?` has no second `?`")?;
                self.put(Part::Chance(millionths(percent)?));
                return Ok(after);
            }
            ':' | ';' => {
                let flag = after.chars().next().filter(char::is_ascii_graphic);
                let flag = flag.ok_or_else(|| format!("`${character}` must be followed by a flag"))?;
                self.put(Part::Test { flag: flag.to_ascii_uppercase(), is_set: character == ':' });
                return Ok(after.get(1..).unwrap_or_default());
            }
            '\\' => self.put(Part::Case(Case::Lower)),
            '^' => self.put(Part::Case(Case::Upper)),
            '_' => self.put(Part::Case(Case::Kept)),
            '=' => self.put(Part::QuoteFilter),
            '$' | ' ' | '\t' | '*' | '%' => self.text.push(character),
            letter if letter.is_ascii_alphabetic() => match control(letter) {
                Some(control) => self.put(Part::Control(control)),
                None => self.put(Part::Flag(letter.to_ascii_uppercase())),
            },
            flag @ ('!' | '<' | '>' | ',') => self.put(Part::Flag(flag)),
            other if other.is_ascii_punctuation() => return Err(format!("`${other}` means nothing in a template")),
            other => self.text.push(other),
        }
        Ok(after)
    }
}

/// How the mapping goes on, by its letter.
pub fn control(letter: char) -> Option<Control> {
    Some(match letter.to_ascii_uppercase() {
        'C' => Control::Continue,
        'E' => Control::End,
        'L' => Control::Loop,
        'R' => Control::Restart,
        _ => return None,
    })
}

fn millionths(percent: &str) -> Result<u32, String> {
    let refused = || format!("`{percent}` is no percentage from 0 to 100");
    let number: f64 = percent.trim().parse().map_err(|_| refused())?;
    if !(0.0..=100.0).contains(&number) {
        return Err(refused());
    }
    // Within bounds by the check above; the fraction below a millionth is of no use.
    Ok((number * 10_000.0).round() as u32)
}
