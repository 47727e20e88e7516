//! The wildcards of `:matches`: `*` any characters, as few as possible; `?` one; `\` takes the next as it is
//! (RFC 5228 §2.7.1, RFC 5229 §3.2). A pattern is cut at its `*` into runs, and each run is looked for once, so a match
//! takes at most the text's length times that of the longest run that holds a `?`.

use memchr::memmem::Finder;

use crate::comparator::Comparator;
use crate::limits::CAPTURES_MAX;

/// A pattern, read, its letters folded.
#[derive(Clone, Debug)]
pub struct Glob {
    /// What stands before the first `*`, between them, and behind the last. One run: there is no `*`.
    runs: Vec<Run>,
    /// Whether a character may be a letter and the marks that folding has taken off it.
    has_marks: bool,
}

/// Characters and `?` between two `*`.
#[derive(Clone, Debug, Default)]
struct Run {
    pieces: Vec<Piece>,
    /// Octets and `?` in it.
    length: usize,
}

#[derive(Clone, Debug)]
enum Piece {
    Text(Box<Finder<'static>>),
    One,
}

/// What the wildcards of a pattern stood for: octet ranges of the text, in order.
pub type Captures = Vec<(usize, usize)>;

impl Glob {
    /// Reads a pattern. Texts that it is held against must be folded by the same comparator.
    pub fn new(pattern: &str, comparator: Comparator) -> Glob {
        let mut reader = Reader { comparator, runs: Vec::new(), run: Run::default(), text: String::new() };
        let mut characters = pattern.chars();
        while let Some(character) = characters.next() {
            match character {
                '*' => reader.end_run(),
                '?' => reader.one(),
                '\\' => reader.text.push(characters.next().unwrap_or('\\')),
                other => reader.text.push(other),
            }
        }
        reader.end_run();
        Glob { runs: reader.runs, has_marks: comparator == Comparator::UnicodeCasemap }
    }

    /// Steps for each octet of a text, at most.
    pub fn effort(&self) -> u64 {
        let needs_search = |run: &&Run| run.pieces.len() > 1;
        self.runs.iter().filter(needs_search).map(|run| 2 * run.length as u64).max().unwrap_or(1)
    }

    /// Whether the pattern matches the whole text.
    pub fn is_match(&self, text: &str) -> bool {
        self.find(text, &mut |_, _| {})
    }

    /// What the wildcards stood for, if the pattern matches the whole text.
    pub fn captures(&self, text: &str) -> Option<Captures> {
        let mut captures = Vec::new();
        let is_match = self.find(text, &mut |start, end| {
            if captures.len() + 1 < CAPTURES_MAX {
                captures.push((start, end));
            }
        });
        is_match.then_some(captures)
    }

    /// Tells `note` what each wildcard stands for, in order; what it was told counts if the pattern matches.
    fn find(&self, text: &str, note: &mut dyn FnMut(usize, usize)) -> bool {
        let Some((first, rest)) = self.runs.split_first() else { return text.is_empty() };
        let Some(mut at) = self.fits(first, text, 0, note) else { return false };
        let Some((last, between)) = rest.split_last() else { return at == text.len() };
        for run in between {
            // The earliest place leaves the `*` before it as short as it can be.
            let Some(start) = self.search(run, text, at) else { return false };
            note(at, start);
            match self.fits(run, text, start, note) {
                Some(end) => at = end,
                None => return false,
            }
        }
        let Some(start) = self.last_place(last, text).filter(|start| *start >= at) else { return false };
        note(at, start);
        self.fits(last, text, start, note) == Some(text.len())
    }

    /// Where the run ends if it stands at `at`.
    fn fits(&self, run: &Run, text: &str, mut at: usize, note: &mut dyn FnMut(usize, usize)) -> Option<usize> {
        for piece in &run.pieces {
            let rest = text.get(at..)?;
            let length = match piece {
                Piece::Text(wanted) => rest.as_bytes().starts_with(wanted.needle()).then_some(wanted.needle().len())?,
                Piece::One => self.one(rest)?,
            };
            if matches!(piece, Piece::One) {
                note(at, at + length);
            }
            at += length;
        }
        Some(at)
    }

    /// The first place from `at` on where the run stands.
    fn search(&self, run: &Run, text: &str, mut at: usize) -> Option<usize> {
        loop {
            let rest = text.get(at..)?;
            match run.pieces.first() {
                Some(Piece::Text(wanted)) => at += wanted.find(rest.as_bytes())?,
                Some(Piece::One) | None => {}
            }
            if self.fits(run, text, at, &mut |_, _| {}).is_some() {
                return Some(at);
            }
            at += text.get(at..)?.chars().next()?.len_utf8();
        }
    }

    /// Where a run stands that reaches the end of the text.
    fn last_place(&self, run: &Run, text: &str) -> Option<usize> {
        let mut end = text.len();
        for piece in run.pieces.iter().rev() {
            end = match piece {
                Piece::Text(wanted) => end.checked_sub(wanted.needle().len())?,
                Piece::One => {
                    let before = text.get(..end)?;
                    let is_base = |character: &char| !self.has_marks || !is_mark(*character);
                    before.char_indices().rev().find(|(_, character)| is_base(character))?.0
                }
            };
        }
        text.is_char_boundary(end).then_some(end)
    }

    /// The length of the first character.
    fn one(&self, text: &str) -> Option<usize> {
        let mut characters = text.char_indices();
        characters.next()?;
        let next = characters.find(|(_, character)| !self.has_marks || !is_mark(*character));
        Some(next.map_or(text.len(), |(at, _)| at))
    }
}

/// The marks that compatibility decomposition takes off letters.
fn is_mark(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}')
}

struct Reader {
    comparator: Comparator,
    runs: Vec<Run>,
    run: Run,
    text: String,
}

impl Reader {
    fn end_text(&mut self) {
        if !self.text.is_empty() {
            let folded = self.comparator.fold(&self.text);
            self.run.length += folded.len();
            self.run.pieces.push(Piece::Text(Box::new(Finder::new(folded.as_bytes()).into_owned())));
            self.text.clear();
        }
    }

    fn one(&mut self) {
        self.end_text();
        self.run.length += 1;
        self.run.pieces.push(Piece::One);
    }

    fn end_run(&mut self) {
        self.end_text();
        self.runs.push(std::mem::take(&mut self.run));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn glob(pattern: &str) -> Glob {
        Glob::new(pattern, Comparator::Octet)
    }

    fn captured<'a>(pattern: &str, text: &'a str) -> Option<Vec<&'a str>> {
        glob(pattern).captures(text).map(|spans| spans.into_iter().map(|(start, end)| &text[start..end]).collect())
    }

    #[test]
    fn wildcards_take_as_little_as_they_can() {
        assert_eq!(captured("*@*", "a@b@c"), Some(vec!["a", "b@c"]));
        assert_eq!(captured("[*] *", "[acme-users] [fwd] hello"), Some(vec!["acme-users", "[fwd] hello"]));
        assert_eq!(captured("a?c*", "aüc"), Some(vec!["ü", ""]));
        assert_eq!(captured("\\*\\?x", "*?x"), Some(vec![]));
        assert_eq!(captured("*b", "abab"), Some(vec!["aba"]));
        assert_eq!(captured("?", ""), None);
        assert_eq!(captured("", ""), Some(vec![]));
        assert_eq!(captured("**a", "xa"), Some(vec!["", "x"]));
        assert_eq!(captured("a", "ab"), None);
        assert_eq!(captured("*ab?d*", "aabcabxd!"), Some(vec!["aabc", "x", "!"]));
        assert_eq!(captured("a*a", "a"), None);
    }

    #[test]
    fn a_letter_with_its_mark_is_one_character() {
        let folded = Comparator::UnicodeCasemap.fold("grün");
        assert!(Glob::new("gr?n", Comparator::UnicodeCasemap).is_match(&folded));
        assert!(Glob::new("*?n", Comparator::UnicodeCasemap).is_match(&folded));
        assert!(!Glob::new("gr??n", Comparator::UnicodeCasemap).is_match(&folded));
        // A full-width asterisk folds to a plain one, and is none of ours.
        assert!(!Glob::new("＊", Comparator::UnicodeCasemap).is_match("X"));
    }

    /// The same by trying everything.
    fn slow(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|skip| slow(rest, &text[skip..])),
            Some((wanted, rest)) => text
                .split_first()
                .is_some_and(|(found, after)| (*wanted == '?' || wanted == found) && slow(rest, after)),
        }
    }

    /// The captures that are shortest from left to right, by trying everything.
    fn shortest(pattern: &[char], text: &[char], at: usize) -> Option<Vec<(usize, usize)>> {
        match pattern.split_first() {
            None => text.is_empty().then(Vec::new),
            Some(('*', rest)) => (0..=text.len()).find_map(|skip| {
                let mut found = shortest(rest, &text[skip..], at + skip)?;
                found.insert(0, (at, at + skip));
                Some(found)
            }),
            Some((wanted, rest)) => {
                let (found, after) = text.split_first()?;
                let mut spans = if *wanted == '?' || wanted == found { shortest(rest, after, at + 1)? } else { None? };
                if *wanted == '?' {
                    spans.insert(0, (at, at + 1));
                }
                Some(spans)
            }
        }
    }

    proptest! {
        #[test]
        fn it_is_what_trying_everything_finds(pattern in "[ab*?]{0,7}", text in "[abü]{0,9}") {
            let found = slow(&pattern.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>());
            prop_assert_eq!(glob(&pattern).is_match(&text), found);
        }

        #[test]
        fn earlier_wildcards_are_the_shorter_ones(pattern in "[ab*?]{0,7}", text in "[ab]{0,9}") {
            let wanted = shortest(&pattern.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>(), 0);
            prop_assert_eq!(glob(&pattern).captures(&text), wanted);
        }
    }
}
