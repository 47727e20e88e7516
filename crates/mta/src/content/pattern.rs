//! Wildcards of settings and of the `conversions` file: `*` any characters, `%` one, in any case.

/// Whether the whole text fits. `*` takes as much as it can; there is no other choice to be made, since nothing is kept.
pub fn fits(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.to_lowercase().chars().collect();
    let text: Vec<char> = text.to_lowercase().chars().collect();
    let (mut at, mut from) = (0, 0);
    // Where to go on when what follows the last `*` does not fit: behind it, one character further on.
    let mut retry: Option<(usize, usize)> = None;
    while from < text.len() {
        match pattern.get(at) {
            Some('*') => {
                retry = Some((at + 1, from));
                at += 1;
            }
            Some('%') => (at, from) = (at + 1, from + 1),
            Some(character) if text.get(from) == Some(character) => (at, from) = (at + 1, from + 1),
            _ => match retry {
                Some((after, start)) => {
                    retry = Some((after, start + 1));
                    (at, from) = (after, start + 1);
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).unwrap_or_default().iter().all(|character| *character == '*')
}

/// Whether an address fits: a pattern with `@` is for the whole of it, one without for its domain; `.example.org` is for
/// all domains below.
pub fn fits_address(pattern: &str, address: &str) -> bool {
    let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    match pattern.strip_prefix('.') {
        _ if pattern.contains('@') => fits(pattern, address),
        Some(parent) => fits(&format!("*.{parent}"), domain),
        None => pattern == "*" || fits(pattern, domain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_fit() {
        for (pattern, text) in
            [("*", ""), ("a*c", "abbc"), ("A%c", "abc"), ("*.doc", "x.DOC"), ("*a*b", "xaxbxb"), ("tcp_*", "tcp_local")]
        {
            assert!(fits(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("", "a"), ("a%", "a"), ("*.doc", "x.docx"), ("a*b", "ac")] {
            assert!(!fits(pattern, text), "{pattern} {text}");
        }
        assert!(fits_address("example.org", "a@Example.org") && !fits_address("example.org", "a@x.example.org"));
        assert!(fits_address(".example.org", "a@x.example.org") && !fits_address(".example.org", "a@example.org"));
        assert!(fits_address("boss@*", "boss@b.test") && fits_address("*", "") && !fits_address("*@*", ""));
    }

    #[test]
    fn many_stars_are_quick() {
        assert!(!fits(&"*a".repeat(50), &"a".repeat(49)));
        assert!(!fits(&format!("{}b", "a*".repeat(30)), &"a".repeat(2000)));
    }
}
