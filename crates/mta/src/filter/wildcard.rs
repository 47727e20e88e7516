//! Patterns of verdicts: `*` stands for anything, `%` for anything without a space, the rest for itself without regard to
//! case. What they match is not saved.

/// Whether `text` is of the pattern. Takes time in proportion to the product of both lengths at the worst.
pub fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.to_lowercase().chars().collect();
    let text: Vec<char> = text.to_lowercase().chars().collect();
    // Which beginnings of the text the pattern so far can stand for.
    let mut reached = vec![false; text.len() + 1];
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    for sign in pattern {
        let mut next = vec![false; text.len() + 1];
        for at in 0..=text.len() {
            let before = at.checked_sub(1);
            let last = before.and_then(|before| text.get(before));
            let comes = |places: &[bool], at: Option<usize>| at.and_then(|at| places.get(at)).copied().unwrap_or(false);
            let here = match sign {
                '*' => comes(&reached, Some(at)) || comes(&next, before),
                '%' => comes(&reached, Some(at)) || comes(&next, before) && last != Some(&' '),
                sign => last == Some(&sign) && comes(&reached, before),
            };
            if let Some(place) = next.get_mut(at) {
                *place = here;
            }
        }
        reached = next;
    }
    reached.last().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, text, is) in [
            ("*virus*", "Win.Virus.Eicar", true),
            ("*virus*", "spam", false),
            ("*", "", true),
            ("", "", true),
            ("", "x", false),
            ("True ; % / *", "True ; 27.7 / 5.0", true),
            ("True ; % / *", "True ; 27 7 / 5.0", false),
            ("a*b*c", "aXXbYYc", true),
            ("a*b*c", "aXXcYYb", false),
            ("ÄB*", "äbc", true),
        ] {
            assert_eq!(matches(pattern, text), is, "{pattern} {text}");
        }
    }

    #[test]
    fn many_stars_take_no_longer() {
        assert!(!matches(&"*a".repeat(200), &"a".repeat(150)));
    }
}
