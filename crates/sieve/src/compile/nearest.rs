//! The word that a mistyped one may be meant to be.

/// The candidate that differs least from `word`, if it differs little.
pub(super) fn nearest(word: &str, candidates: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let patience = (word.chars().count() / 3).max(1);
    let rated = candidates.map(|candidate| (distance(word, candidate), candidate));
    rated.filter(|(distance, _)| *distance <= patience).min().map(|(_, candidate)| candidate)
}

/// Insertions, removals and replacements that make one of the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, left) in one.chars().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], line + 1);
        let mut before = line + 1;
        for (above, right) in row.iter_mut().skip(1).zip(&other) {
            let here = (corner + usize::from(left != *right)).min(before + 1).min(*above + 1);
            corner = std::mem::replace(above, here);
            before = here;
        }
    }
    row.last().copied().unwrap_or(0)
}
