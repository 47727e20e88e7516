//! Regular expressions (draft-ietf-sieve-regex) with what they cost. An expression is weighed before it is built, so that
//! none is built that costs much; how much its use can cost at most is known from its weight.
//!
//! The library's search is linear in the text, but times the states of the expression where its automaton outgrows its
//! cache. So a state counts as so many steps for each octet of a text.

use regex::{Regex, RegexBuilder};
use regex_syntax::ast::{self, Ast, ClassSet, ClassSetItem, RepetitionKind, RepetitionRange};

use crate::limits::{
    CAPTURES_MAX, REGEX_CLASS_CHARACTERS_MAX, REGEX_GROUPS_MAX, REGEX_OCTETS_MAX, REGEX_PATTERN_OCTETS_MAX,
};

/// A regular expression.
#[derive(Clone, Debug)]
pub(crate) struct Regular {
    regex: Regex,
    weight: Weight,
}

/// Why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadRegex {
    /// It is none.
    Unreadable,
    /// It costs too much.
    TooLarge,
}

/// What an expression costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Weight {
    /// Places in the expression that a search may be at, repetitions counted as often as they repeat.
    states: u64,
    /// Groups whose text is asked for.
    groups: u64,
    /// Characters in ranges, for each of which the other cases of a letter are looked up.
    characters: u64,
    /// Octets of the expression.
    octets: u64,
}

/// Steps for each octet of a text and state: one takes some 12 ns, a step some 2 to 4 ns.
const STEPS_PER_STATE: u64 = 4;

/// Steps for each octet of a text at least.
const STEPS_MIN: u64 = 8;

/// Groups that cost as much as the search without any when their text is asked for.
const GROUPS_PER_SEARCH: u64 = 4;

/// Steps of building for each octet: some 10 µs, as for `\W`.
const STEPS_TO_BUILD_OCTET: u64 = 4096;

/// Steps of building for each character of a range: some 8 ns.
const STEPS_TO_BUILD_CHARACTER: u64 = 4;

/// Characters that there are.
const CHARACTERS: u64 = 0x11_0000;

impl BadRegex {
    /// What is the matter with it, as the end of a sentence.
    pub fn reason(self) -> &'static str {
        match self {
            BadRegex::Unreadable => "cannot be read",
            BadRegex::TooLarge => "is too large",
        }
    }
}

impl Regular {
    /// Reads an expression.
    pub fn new(pattern: &str, ignores_case: bool) -> Result<Regular, BadRegex> {
        if pattern.len() > REGEX_PATTERN_OCTETS_MAX {
            return Err(BadRegex::TooLarge);
        }
        let tree = ast::parse::Parser::new().parse(pattern).map_err(|_| BadRegex::Unreadable)?;
        let weight = Weight { octets: pattern.len() as u64, ..weigh(&tree) };
        if weight.groups > REGEX_GROUPS_MAX || weight.characters > REGEX_CLASS_CHARACTERS_MAX {
            return Err(BadRegex::TooLarge);
        }
        let regex = RegexBuilder::new(pattern)
            .case_insensitive(ignores_case)
            .dot_matches_new_line(true)
            .size_limit(REGEX_OCTETS_MAX)
            .dfa_size_limit(REGEX_OCTETS_MAX)
            .build();
        let regex = regex.map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => BadRegex::TooLarge,
            _ => BadRegex::Unreadable,
        })?;
        Ok(Regular { regex, weight })
    }

    /// Whether it stands anywhere in the text.
    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// What it and its groups stand for.
    pub fn captures<'t>(&self, text: &'t str) -> Vec<&'t str> {
        let Some(found) = self.regex.captures(text) else { return Vec::new() };
        found.iter().take(CAPTURES_MAX).map(|group| group.map_or("", |group| group.as_str())).collect()
    }

    /// Steps for each octet of a text that is searched, at most.
    pub fn effort(&self) -> u64 {
        self.weight.states.saturating_mul(STEPS_PER_STATE).max(STEPS_MIN)
    }

    /// Steps for each octet of a text whose captures are asked for, at most.
    pub fn effort_of_captures(&self) -> u64 {
        self.effort().saturating_mul(1 + self.weight.groups / GROUPS_PER_SEARCH)
    }

    /// Steps that it took to make it, at most.
    pub fn effort_of_making(&self) -> u64 {
        self.weight.octets * STEPS_TO_BUILD_OCTET + self.weight.characters.saturating_mul(STEPS_TO_BUILD_CHARACTER)
    }
}

impl Weight {
    fn states(states: u64) -> Weight {
        Weight { states, ..Weight::default() }
    }

    fn and(self, other: Weight) -> Weight {
        Weight {
            states: self.states.saturating_add(other.states),
            groups: self.groups.saturating_add(other.groups),
            characters: self.characters.saturating_add(other.characters),
            octets: 0,
        }
    }
}

/// What a tree weighs. The library's reader bounds how deep it is.
fn weigh(tree: &Ast) -> Weight {
    match tree {
        Ast::Empty(_) | Ast::Flags(_) => Weight::default(),
        Ast::Literal(literal) => Weight::states(literal.c.len_utf8() as u64),
        Ast::Assertion(_) | Ast::Dot(_) | Ast::ClassUnicode(_) | Ast::ClassPerl(_) => Weight::states(1),
        Ast::ClassBracketed(class) => Weight { characters: characters(&class.kind), ..Weight::states(1) },
        Ast::Repetition(repetition) => {
            let inner = weigh(&repetition.ast);
            let times = match &repetition.op.kind {
                RepetitionKind::ZeroOrOne | RepetitionKind::ZeroOrMore | RepetitionKind::OneOrMore => 1,
                RepetitionKind::Range(RepetitionRange::Exactly(times)) => *times,
                RepetitionKind::Range(RepetitionRange::AtLeast(times)) => (*times).max(1),
                RepetitionKind::Range(RepetitionRange::Bounded(_, times)) => *times,
            };
            Weight { states: inner.states.saturating_add(1).saturating_mul(u64::from(times)), ..inner }
        }
        Ast::Group(group) => {
            let inner = weigh(&group.ast);
            match group.capture_index() {
                Some(_) => inner.and(Weight { groups: 1, ..Weight::states(2) }),
                None => inner,
            }
        }
        Ast::Alternation(alternation) => {
            let branches = Weight::states(alternation.asts.len() as u64);
            alternation.asts.iter().map(weigh).fold(branches, Weight::and)
        }
        Ast::Concat(concatenation) => concatenation.asts.iter().map(weigh).fold(Weight::default(), Weight::and),
    }
}

/// Characters of a class, those counted twice that are named twice.
fn characters(class: &ClassSet) -> u64 {
    match class {
        ClassSet::Item(item) => characters_of_item(item),
        ClassSet::BinaryOp(operation) => characters(&operation.lhs).saturating_add(characters(&operation.rhs)),
    }
}

fn characters_of_item(item: &ClassSetItem) -> u64 {
    match item {
        ClassSetItem::Empty(_) => 0,
        ClassSetItem::Literal(_) => 1,
        ClassSetItem::Range(range) => u64::from(u32::from(range.end.c).saturating_sub(u32::from(range.start.c))) + 1,
        ClassSetItem::Ascii(_) => 128,
        // Letters and digits are an eighth of all characters; everything else is most of them.
        ClassSetItem::Perl(class) if class.negated => CHARACTERS,
        ClassSetItem::Perl(_) => CHARACTERS / 8,
        ClassSetItem::Unicode(_) => CHARACTERS,
        ClassSetItem::Bracketed(class) if class.negated => characters(&class.kind).saturating_add(CHARACTERS),
        ClassSetItem::Bracketed(class) => characters(&class.kind),
        ClassSetItem::Union(union) => union.items.iter().map(characters_of_item).fold(0, u64::saturating_add),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weight(pattern: &str) -> Weight {
        weigh(&ast::parse::Parser::new().parse(pattern).unwrap())
    }

    #[test]
    fn what_repeats_weighs_as_often() {
        assert_eq!(weight("abc").states, 3);
        assert_eq!(weight("[ab]{500}").states, 1000);
        assert_eq!(weight("(?:a{10}){20}").states, 420);
        assert_eq!(weight("(a|b)+").states, 7);
        assert_eq!(weight("(a)(?:b)(c)").groups, 2);
        assert_eq!(weight("((a{999}){999}){999}").states, u64::from(((999 * 2 + 3) * 999u32 + 3) * 999));
        assert_eq!(weight("[a-z0-9._]").characters, 38);
    }

    #[test]
    fn what_costs_much_is_refused() {
        let refused = |pattern: &str| Regular::new(pattern, true).err();
        assert_eq!(refused("("), Some(BadRegex::Unreadable));
        assert_eq!(refused("((a{999}){999}){999}"), Some(BadRegex::TooLarge));
        assert_eq!(refused(&"[\\s\\S]".repeat(600)), Some(BadRegex::TooLarge));
        assert_eq!(refused(&"[!-\u{10ffff}]".repeat(9)), Some(BadRegex::TooLarge));
        assert_eq!(refused(&"[[^a]]".repeat(9)), Some(BadRegex::TooLarge));
        assert_eq!(refused(&"(a)".repeat(65)), Some(BadRegex::TooLarge));
        assert_eq!(refused(&"a".repeat(REGEX_PATTERN_OCTETS_MAX + 1)), Some(BadRegex::TooLarge));
        assert_eq!(refused("[\\s\\S]*x[\\s\\S]*"), None);
        assert_eq!(refused("^\\[(\\w+)\\] (re|aw|fwd?): [^@]+@[a-z0-9.-]{3,40}$"), None);
    }
}
