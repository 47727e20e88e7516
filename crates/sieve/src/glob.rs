//! The wildcards of `:matches`: `*` any characters, as few as possible; `?` one; `\` takes the next as it is
//! (RFC 5228 §2.7.1, RFC 5229 §3.2).

use crate::limits::CAPTURES_MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    Character(char),
    One,
    Any,
}

/// A pattern, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    items: Vec<Item>,
}

/// What the wildcards of a pattern stood for: octet ranges of the text, in order.
pub type Captures = Vec<(usize, usize)>;

impl Glob {
    /// Reads a pattern.
    pub fn new(pattern: &str) -> Glob {
        let mut items = Vec::new();
        let mut characters = pattern.chars();
        while let Some(character) = characters.next() {
            items.push(match character {
                '*' => Item::Any,
                '?' => Item::One,
                '\\' => Item::Character(characters.next().unwrap_or('\\')),
                other => Item::Character(other),
            });
        }
        Glob { items }
    }

    /// Whether the pattern matches the whole text. Takes at most pattern times text steps.
    pub fn is_match(&self, text: &str) -> bool {
        self.find(text).is_some()
    }

    /// What the wildcards stood for, if the pattern matches the whole text.
    pub fn captures(&self, text: &str) -> Option<Captures> {
        let starts = self.find(text)?;
        let ends = starts.iter().skip(1).copied().chain(std::iter::once(text.len()));
        let spans = starts.iter().copied().zip(ends);
        let wildcards = self.items.iter().zip(spans).filter(|(item, _)| !matches!(item, Item::Character(_)));
        Some(wildcards.map(|(_, span)| span).take(CAPTURES_MAX - 1).collect())
    }

    /// Where each item of the pattern begins in the text. The last `*` alone grows when what follows does not fit, which
    /// leaves every earlier one as short as it can be.
    fn find(&self, text: &str) -> Option<Vec<usize>> {
        let mut starts: Vec<usize> = Vec::with_capacity(self.items.len());
        let mut at = 0;
        let mut last_any: Option<(usize, usize)> = None;
        loop {
            let rest = text.get(at..).unwrap_or_default();
            let fits = match self.items.get(starts.len()) {
                Some(Item::Any) => {
                    last_any = Some((starts.len(), at));
                    starts.push(at);
                    continue;
                }
                Some(item) => rest.chars().next().filter(|found| match item {
                    Item::Character(wanted) => wanted == found,
                    _ => true,
                }),
                None if rest.is_empty() => return Some(starts),
                None => None,
            };
            match fits {
                Some(character) => {
                    starts.push(at);
                    at += character.len_utf8();
                }
                None => {
                    let (item, end) = last_any?;
                    let grown = end + text.get(end..)?.chars().next()?.len_utf8();
                    last_any = Some((item, grown));
                    starts.truncate(item + 1);
                    at = grown;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn captured<'a>(pattern: &str, text: &'a str) -> Option<Vec<&'a str>> {
        Glob::new(pattern).captures(text).map(|spans| spans.into_iter().map(|(start, end)| &text[start..end]).collect())
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

    proptest! {
        #[test]
        fn it_is_what_trying_everything_finds(pattern in "[ab*?]{0,7}", text in "[abü]{0,9}") {
            let found = slow(&pattern.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>());
            prop_assert_eq!(Glob::new(&pattern).is_match(&text), found);
        }
    }
}
