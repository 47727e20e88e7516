//! Lists of IMAP flags as scripts write them (RFC 5232 §2).

use crate::limits::{FLAG_OCTETS_MAX, FLAGS_MAX};

/// The flags of a string in which they stand divided by spaces, each once.
pub(crate) fn split(text: &str) -> Vec<String> {
    let mut flags = Vec::new();
    add(&mut flags, std::iter::once(text));
    flags
}

/// Adds the flags of these strings. What cannot be a flag is left out (RFC 5232 §2).
pub(crate) fn add<'t>(flags: &mut Vec<String>, texts: impl Iterator<Item = &'t str>) {
    for flag in texts.flat_map(str::split_ascii_whitespace).filter(|flag| is_flag(flag)) {
        if flags.len() < FLAGS_MAX && !flags.iter().any(|known| known.eq_ignore_ascii_case(flag)) {
            flags.push(flag.to_owned());
        }
    }
}

/// Takes the flags of these strings out.
pub(crate) fn remove<'t>(flags: &mut Vec<String>, texts: impl Iterator<Item = &'t str>) {
    for gone in texts.flat_map(str::split_ascii_whitespace) {
        flags.retain(|flag| !flag.eq_ignore_ascii_case(gone));
    }
}

/// RFC 9051 §9: a keyword is an atom; of the system's flags a client may set five.
fn is_flag(flag: &str) -> bool {
    let special = |octet: u8| matches!(octet, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b']');
    match flag.strip_prefix('\\') {
        Some(system) => {
            ["Answered", "Flagged", "Deleted", "Seen", "Draft"].iter().any(|known| known.eq_ignore_ascii_case(system))
        }
        None => {
            !flag.is_empty()
                && flag.len() <= FLAG_OCTETS_MAX
                && flag.bytes().all(|octet| octet.is_ascii_graphic() && !special(octet))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_hold_each_flag_once() {
        let mut flags = split("\\Seen work  \\seen \\Recent a(b");
        assert_eq!(flags, ["\\Seen", "work"]);
        add(&mut flags, ["WORK $Junk"].into_iter());
        assert_eq!(flags, ["\\Seen", "work", "$Junk"]);
        remove(&mut flags, ["\\SEEN $junk"].into_iter());
        assert_eq!(flags, ["work"]);
    }

    #[test]
    fn lists_are_bounded() {
        let many: Vec<String> = (0..FLAGS_MAX + 9).map(|number| format!("f{number}")).collect();
        assert_eq!(split(&many.join(" ")).len(), FLAGS_MAX);
        assert!(split(&"x".repeat(FLAG_OCTETS_MAX + 1)).is_empty());
    }
}
