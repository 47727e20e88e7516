//! i;unicode-casemap (RFC 5051 §2): each character to its simple title case, then fully decomposed by its own
//! decomposition property. Hangul syllables, which are decomposed by rule only, stay whole.

use unicode_normalization::char::decompose_compatible;

/// Appends the folded form of `text`.
pub fn push(text: &str, output: &mut String) {
    output.reserve(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let ascii = rest.bytes().position(|octet| !octet.is_ascii()).unwrap_or(rest.len());
        let (plain, after) = rest.split_at(ascii);
        let start = output.len();
        output.push_str(plain);
        if let Some(added) = output.get_mut(start..) {
            added.make_ascii_uppercase();
        }
        let mut characters = after.chars();
        while let Some(character) = characters.clone().next().filter(|character| !character.is_ascii()) {
            characters.next();
            push_character(character, output);
        }
        rest = characters.as_str();
    }
}

/// The folded form of `text`: two texts are equal under i;unicode-casemap if these are, and sort as these do.
pub fn fold(text: &str) -> String {
    let mut output = String::with_capacity(text.len());
    push(text, &mut output);
    output
}

fn push_character(character: char, output: &mut String) {
    let title = title_case(character);
    if ('\u{ac00}'..='\u{d7a3}').contains(&title) {
        output.push(title);
    } else {
        decompose_compatible(title, |part| output.push(part));
    }
}

/// The simple title case of UnicodeData.txt. It is the upper case where that is one character, with the exceptions
/// that the standard library, which has no title case, cannot know.
fn title_case(character: char) -> char {
    let shifted = |by: u32| char::from_u32(u32::from(character) + by).unwrap_or(character);
    match character {
        // Digraphs have a form of their own for titles.
        '\u{1c4}'..='\u{1c6}' => '\u{1c5}',
        '\u{1c7}'..='\u{1c9}' => '\u{1c8}',
        '\u{1ca}'..='\u{1cc}' => '\u{1cb}',
        '\u{1f1}'..='\u{1f3}' => '\u{1f2}',
        // Greek letters with iota subscript: their upper case is two letters, their title case one.
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => shifted(8),
        '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => shifted(9),
        // Georgian has capitals, but not for titles.
        '\u{10d0}'..='\u{10ff}' => character,
        _ => {
            let mut upper = character.to_uppercase();
            match (upper.next(), upper.next()) {
                (Some(single), None) => single,
                _ => character,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_form_do_not_matter() {
        for (one, other) in [
            ("Hello", "hELLO"),
            ("Ärger", "a\u{308}RGER"),
            ("ﬁn", "ﬁN"),
            ("ἀᾳ", "Ἀᾼ"),
            ("ǆ", "Ǆ"),
            ("ПРИВЕТ", "привет"),
            ("Ａ", "ａ"),
        ] {
            assert_eq!(fold(one), fold(other), "{one} {other}");
        }
    }

    #[test]
    fn what_has_no_simple_mapping_stays() {
        assert_eq!(fold("ß"), "ß");
        assert_eq!(fold("ა"), "ა");
        assert_ne!(fold("가"), fold("각"));
        assert!(!fold("각").starts_with(&fold("가")));
    }
}
