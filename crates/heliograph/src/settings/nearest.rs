//! What was probably meant by a word that is not known.

/// The word of `known` that is nearest to `word`, if any is near enough to be meant.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase().replace('-', "_");
    known
        .into_iter()
        .map(|candidate| (steps(&word, candidate), candidate))
        .filter(|(steps, candidate)| *steps <= 1 + candidate.chars().count().min(word.chars().count()) / 3)
        .min()
        .map(|(_, candidate)| candidate)
}

/// How many single letters must be added, removed, changed or swapped with their neighbour.
fn steps(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let width = right.len() + 1;
    let mut rows = vec![vec![0; width]; left.len() + 1];
    rows[0] = (0..width).collect();
    for i in 1..=left.len() {
        rows[i][0] = i;
        for j in 1..width {
            let changed = usize::from(left[i - 1] != right[j - 1]);
            let mut least = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + changed);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = least;
        }
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let known = ["address", "protocol", "connections", "tls"];
        assert_eq!(nearest("adress", known), Some("address"));
        assert_eq!(nearest("Portocol", known), Some("protocol"));
        assert_eq!(nearest("tsl", known), Some("tls"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("x", known), None);
    }
}
