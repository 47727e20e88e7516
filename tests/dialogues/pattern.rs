//! Whether a line that a server sent is the one that a dialogue expects.

use std::collections::BTreeMap;

/// Whether the line fits a pattern whose names are filled in; what it keeps is added to the names.
pub fn fits(pattern: &str, line: &str, names: &mut BTreeMap<String, String>) -> bool {
    let mut kept = Vec::new();
    let does = matches(pattern, line, &mut kept);
    if does {
        names.extend(kept);
    }
    does
}

/// Finds the first way in which the line fits, with each gap as short as can be.
fn matches(pattern: &str, line: &str, kept: &mut Vec<(String, String)>) -> bool {
    let Some((before, name, after)) = gap(pattern) else { return pattern == line };
    let Some(rest) = line.strip_prefix(before) else { return false };
    for end in rest.char_indices().map(|(at, _)| at).chain([rest.len()]) {
        let held = kept.len();
        if !name.is_empty() {
            kept.push((name.to_owned(), rest[..end].to_owned()));
        }
        if matches(after, &rest[end..], kept) {
            return true;
        }
        kept.truncate(held);
    }
    false
}

/// The text before the first gap, its name, and the text behind it.
fn gap(pattern: &str) -> Option<(&str, &str, &str)> {
    let end = pattern.find("…}")?;
    let start = pattern[..end].rfind('{')?;
    Some((&pattern[..start], pattern[start + 1..end].trim_end_matches('='), &pattern[end + "…}".len()..]))
}
