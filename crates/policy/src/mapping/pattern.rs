//! The left column of an entry, compiled, and how it is compared with a text: letters in any case, wildcards greedy from
//! left to right unless asked otherwise, with memory of ways that led nowhere.

use crate::limits::{BACKTRACK_MAX, REMEMBERED_BITS_MAX, SAVED_MAX};
use crate::mapping::class::Class;
use model::Network;
use std::net::IpAddr;

/// A compiled pattern.
#[derive(Clone, Debug, Default)]
pub struct Pattern {
    tokens: Vec<Token>,
    has_back_match: bool,
    wildcards: u8,
}

#[derive(Clone, Debug)]
enum Token {
    /// Exactly this, in any case; kept in lower case.
    Text(Box<[u8]>),
    One {
        class: Class,
        save: Option<u8>,
    },
    Many {
        class: Class,
        is_lazy: bool,
        save: Option<u8>,
    },
    /// What the wildcard of this number took.
    Back(u8),
    /// An address in this range.
    Network {
        network: Network,
        save: Option<u8>,
    },
}

/// Where the saved wildcards of a match begin and end, in octets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Captures([Option<(u32, u32)>; SAVED_MAX as usize]);

/// Memory that the matches of one probe share; [`Scratch::reset`] when the text is another.
#[derive(Debug, Default)]
pub struct Scratch {
    choices: Vec<Choice>,
    seen: Vec<u64>,
    address: Option<(usize, usize, Option<IpAddr>)>,
}

#[derive(Debug)]
struct Choice {
    token: usize,
    start: usize,
    end: usize,
    captures: Captures,
}

impl Scratch {
    /// Forgets what it knows of a text.
    pub fn reset(&mut self) {
        self.address = None;
    }

    /// The address that stands at `at`, and where it ends.
    fn address_at(&mut self, text: &str, at: usize) -> Option<(usize, IpAddr)> {
        if let Some((start, end, address)) = self.address
            && start == at
        {
            return address.map(|address| (end, address));
        }
        let rest = text.get(at..)?;
        let length = rest.bytes().take_while(|octet| octet.is_ascii_hexdigit() || matches!(octet, b':' | b'.')).count();
        let address = rest.get(..length).filter(|run| run.len() <= 45).and_then(|run| run.parse().ok());
        self.address = Some((at, at + length, address));
        address.map(|address| (at + length, address))
    }
}

impl Captures {
    /// What a wildcard took.
    pub fn text<'t>(&self, text: &'t str, number: u8) -> Option<&'t str> {
        let (start, end) = (*self.0.get(usize::from(number))?)?;
        text.get(start as usize..end as usize)
    }

    fn save(&mut self, number: Option<u8>, start: usize, end: usize) {
        let slot = number.and_then(|number| self.0.get_mut(usize::from(number)));
        if let (Some(slot), Ok(start), Ok(end)) = (slot, u32::try_from(start), u32::try_from(end)) {
            *slot = Some((start, end));
        }
    }
}

impl Pattern {
    /// Compiles a pattern of the mapping language.
    ///
    /// # Errors
    /// What is wrong with it, as a sentence.
    pub fn compile(source: &str) -> Result<Pattern, String> {
        let mut builder = Builder::default();
        let mut rest = source;
        while let Some(character) = rest.chars().next() {
            rest = rest.get(character.len_utf8()..).unwrap_or_default();
            match character {
                '%' => builder.one(Class::Any),
                '*' => builder.many(Class::Any),
                '$' => rest = builder.dollar(rest)?,
                other => builder.text.push(other),
            }
        }
        Ok(builder.finish())
    }

    /// Compiles a name in which only `*` and `?` are special.
    pub fn simple(source: &str) -> Pattern {
        let mut builder = Builder::default();
        for character in source.chars() {
            match character {
                '?' => builder.one(Class::Any),
                '*' => builder.many(Class::Any),
                other => builder.text.push(other),
            }
        }
        builder.finish()
    }

    /// How many wildcards it saves.
    pub fn wildcards(&self) -> u8 {
        self.wildcards
    }

    /// The texts that every match holds, in lower case.
    pub fn texts(&self) -> impl Iterator<Item = &[u8]> {
        self.tokens.iter().filter_map(|token| match token {
            Token::Text(text) => Some(&**text),
            _ => None,
        })
    }

    /// Compares it with a whole text.
    pub fn matches(&self, text: &str, scratch: &mut Scratch) -> Option<Captures> {
        let mut walk = Walk { pattern: self, text, captures: Captures::default(), token: 0, at: 0, steps: 0 };
        scratch.choices.clear();
        scratch.seen.clear();
        loop {
            match walk.advance(scratch) {
                Advance::Matched => return Some(walk.captures),
                Advance::On if !walk.was_here(scratch) => {}
                Advance::On | Advance::Stuck => {
                    if !walk.step_back(scratch) {
                        return None;
                    }
                }
            }
        }
    }
}

enum Advance {
    Matched,
    On,
    Stuck,
}

struct Walk<'a> {
    pattern: &'a Pattern,
    text: &'a str,
    captures: Captures,
    token: usize,
    at: usize,
    steps: u32,
}

impl Walk<'_> {
    fn advance(&mut self, scratch: &mut Scratch) -> Advance {
        let start = self.at;
        let end = match self.pattern.tokens.get(self.token) {
            None if self.at == self.text.len() => return Advance::Matched,
            None => None,
            Some(Token::Text(text)) => self
                .text
                .as_bytes()
                .get(start..start + text.len())
                .filter(|piece| piece.eq_ignore_ascii_case(text))
                .map(|_| start + text.len()),
            Some(Token::One { class, save }) => {
                let end = self.next_character(start, class);
                end.inspect(|end| self.captures.save(*save, start, *end))
            }
            Some(Token::Many { class, is_lazy, save }) => {
                let end = if *is_lazy { start } else { self.extent(start, class) };
                scratch.choices.push(Choice { token: self.token, start, end, captures: self.captures });
                self.captures.save(*save, start, end);
                Some(end)
            }
            Some(Token::Back(number)) => {
                let wanted = self.captures.text(self.text, *number).unwrap_or_default();
                let piece = self.text.as_bytes().get(start..start + wanted.len());
                piece.filter(|piece| piece.eq_ignore_ascii_case(wanted.as_bytes())).map(|_| start + wanted.len())
            }
            Some(Token::Network { network, save }) => scratch
                .address_at(self.text, start)
                .filter(|(_, address)| network.contains(*address))
                .map(|(end, _)| end)
                .inspect(|end| self.captures.save(*save, start, *end)),
        };
        match end {
            Some(end) => {
                self.at = end;
                self.token += 1;
                Advance::On
            }
            None => Advance::Stuck,
        }
    }

    fn character_at(&self, at: usize) -> Option<char> {
        self.text.get(at..).and_then(|rest| rest.chars().next())
    }

    fn next_character(&self, at: usize, class: &Class) -> Option<usize> {
        self.character_at(at).filter(|character| class.takes(*character)).map(|character| at + character.len_utf8())
    }

    fn extent(&self, at: usize, class: &Class) -> usize {
        if *class == Class::Any {
            return self.text.len();
        }
        let rest = self.text.get(at..).unwrap_or_default();
        rest.find(|character| !class.takes(character)).map_or(self.text.len(), |length| at + length)
    }

    /// Takes the last choice differently; false when none is left.
    fn step_back(&mut self, scratch: &mut Scratch) -> bool {
        loop {
            self.steps += 1;
            if self.steps > BACKTRACK_MAX {
                return false;
            }
            let Some(choice) = scratch.choices.last_mut() else { return false };
            let Some(Token::Many { class, is_lazy, save }) = self.pattern.tokens.get(choice.token) else {
                return false;
            };
            let next = if *is_lazy {
                self.next_character(choice.end, class)
            } else {
                let before = self.text.get(choice.start..choice.end).unwrap_or_default();
                before.char_indices().next_back().map(|(at, _)| choice.start + at)
            };
            let Some(end) = next else {
                scratch.choices.pop();
                continue;
            };
            choice.end = end;
            let (token, start) = (choice.token + 1, choice.start);
            // A glance at what must follow saves most of the ways.
            if let Some(Token::Text(text)) = self.pattern.tokens.get(token) {
                let follows = self.text.as_bytes().get(end).map(u8::to_ascii_lowercase);
                if follows != text.first().copied() {
                    continue;
                }
            }
            self.captures = choice.captures;
            self.captures.save(*save, start, end);
            self.token = token;
            self.at = end;
            if !self.was_here(scratch) {
                return true;
            }
        }
    }

    /// Whether the walk was at this point before and came to nothing; notes that it is here. What a back match takes
    /// depends on the way, so that nothing is noted then.
    fn was_here(&self, scratch: &mut Scratch) -> bool {
        const PATIENCE: u32 = 64;
        if self.pattern.has_back_match || self.steps < PATIENCE {
            return false;
        }
        let bits = (self.pattern.tokens.len() + 1) * (self.text.len() + 1);
        if bits > REMEMBERED_BITS_MAX {
            return false;
        }
        if scratch.seen.is_empty() {
            scratch.seen.resize(bits.div_ceil(64), 0);
        }
        let bit = self.token * (self.text.len() + 1) + self.at;
        let Some(word) = scratch.seen.get_mut(bit / 64) else { return false };
        let mask = 1_u64 << (bit % 64);
        let was = *word & mask != 0;
        *word |= mask;
        was
    }
}

#[derive(Default)]
struct Builder {
    tokens: Vec<Token>,
    text: String,
    wildcards: u8,
    is_lazy: bool,
    is_forgetful: bool,
    has_back_match: bool,
}

impl Builder {
    fn end_text(&mut self) {
        if !self.text.is_empty() {
            let text = std::mem::take(&mut self.text).to_ascii_lowercase();
            self.tokens.push(Token::Text(text.into_bytes().into_boxed_slice()));
        }
    }

    fn number(&mut self) -> Option<u8> {
        if self.is_forgetful {
            return None;
        }
        let number = self.wildcards;
        self.wildcards = self.wildcards.saturating_add(1);
        (number < SAVED_MAX).then_some(number)
    }

    fn one(&mut self, class: Class) {
        self.end_text();
        let save = self.number();
        self.tokens.push(Token::One { class, save });
    }

    fn many(&mut self, class: Class) {
        self.end_text();
        let save = self.number();
        self.tokens.push(Token::Many { class, is_lazy: self.is_lazy, save });
    }

    fn wildcard<'s>(&mut self, class: Class, rest: &'s str, written: &str) -> Result<&'s str, String> {
        if let Some(rest) = rest.strip_prefix('%') {
            self.one(class);
            return Ok(rest);
        }
        match rest.strip_prefix('*') {
            Some(rest) => {
                self.many(class);
                Ok(rest)
            }
            None => Err(format!("`{written}` must be followed by % (one character) or * (any number of them)")),
        }
    }

    /// What stands behind a dollar sign.
    fn dollar<'s>(&mut self, rest: &'s str) -> Result<&'s str, String> {
        let Some(character) = rest.chars().next() else {
            return Err("a $ at the end of a pattern; write $$ for a dollar sign".to_owned());
        };
        let after = rest.get(character.len_utf8()..).unwrap_or_default();
        match character {
            '_' => self.is_lazy = true,
            '@' => self.is_forgetful = true,
            '^' => self.is_forgetful = false,
            '0'..='9' => {
                let Some(after) = after.strip_prefix('*') else {
                    return Err(format!(
                        "`${character}` must be followed by *: it matches what wildcard {character} took"
                    ));
                };
                let number = character as u8 - b'0';
                if number >= self.wildcards {
                    return Err(format!("`${character}*` stands before wildcard {character}"));
                }
                self.end_text();
                self.has_back_match = true;
                self.tokens.push(Token::Back(number));
                return Ok(after);
            }
            '[' => {
                let end = end_of_set(after).ok_or("`$[` has no `]`")?;
                let inside = after.get(..end).unwrap_or_default();
                let class = Class::of_set(inside).ok_or("`$[]` holds no characters")?;
                return self.wildcard(class, after.get(end + 1..).unwrap_or_default(), &format!("$[{inside}]"));
            }
            '(' => return self.network(after, ')', false),
            '{' => return self.network(after, '}', false),
            '<' => return self.network(after, '>', true),
            letter if letter.is_ascii_alphabetic() => {
                let class = Class::of_letter(letter).ok_or_else(|| {
                    format!("`${letter}` is no wildcard; there are $A $B $D $H $O $S $T $X, each with % or *")
                })?;
                return self.wildcard(class, after, &format!("${letter}"));
            }
            quoted => self.text.push(quoted),
        }
        Ok(after)
    }

    /// `$(a/n)` and `${a/n}` keep the first n bits, `$<a/n>` ignores the last n.
    fn network<'s>(&mut self, rest: &'s str, close: char, ignores: bool) -> Result<&'s str, String> {
        let (inside, after) = rest.split_once(close).ok_or_else(|| format!("an address range has no `{close}`"))?;
        let network = if ignores { ignoring(inside) } else { inside.parse().ok() };
        let network = network.ok_or_else(|| format!("`{inside}` is no range of addresses, such as 10.0.0.0/8"))?;
        self.end_text();
        let save = self.number();
        self.tokens.push(Token::Network { network, save });
        Ok(after)
    }

    fn finish(mut self) -> Pattern {
        self.end_text();
        Pattern { tokens: self.tokens, has_back_match: self.has_back_match, wildcards: self.wildcards }
    }
}

fn ignoring(text: &str) -> Option<Network> {
    let (address, bits) = text.split_once('/').unwrap_or((text, "0"));
    let address: IpAddr = address.parse().ok()?;
    let all: u8 = if address.is_ipv4() { 32 } else { 128 };
    let ignored: u8 = bits.parse().ok()?;
    Network::new(address, all.checked_sub(ignored)?)
}

/// Where the `]` of a set stands: not the first character, and not behind a `$`.
fn end_of_set(text: &str) -> Option<usize> {
    let mut is_quoted = false;
    for (at, character) in text.char_indices() {
        match character {
            _ if is_quoted => is_quoted = false,
            '$' => is_quoted = true,
            ']' if at > 0 => return Some(at),
            _ => {}
        }
    }
    None
}
