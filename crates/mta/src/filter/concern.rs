//! For whom a filter is asked: recipients, senders and channels that have opted in and not out.

use crate::filter::original::Original;
use crate::filter::settings::Concern;

/// The places of the recipients for whom the filter is asked; empty when it is not asked at all.
pub fn places(concern: &Concern, original: &Original) -> Vec<usize> {
    let sender = original.sender();
    let is_sender = fits_any(&concern.senders, &sender) && !fits_any(&concern.not_senders, &sender);
    if !is_sender {
        return Vec::new();
    }
    let is_named = |name: &str| concern.names.iter().any(|named| named.eq_ignore_ascii_case(name));
    let comes = concern.channels.contains(&original.kind) || is_named(&original.source);
    let leaves = |place: usize| original.outs.get(place).is_some_and(|out| !out.is_empty() && is_named(out));
    let wants = |addresses: &Vec<String>| {
        let is_in = |patterns: &[String]| addresses.iter().any(|address| fits_any(patterns, address));
        is_in(&concern.recipients) && !is_in(&concern.not_recipients)
    };
    let wanting = original.recipients.iter().enumerate().filter(|(_, names)| wants(names)).map(|(place, _)| place);
    wanting.filter(|place| comes || leaves(*place)).collect()
}

fn fits_any(patterns: &[String], address: &str) -> bool {
    patterns.iter().any(|pattern| fits(pattern, address))
}

/// Whether an address is of a pattern: `*`, `user@domain`, `domain`, `@domain`, `.domain`. The null sender is `<>`.
fn fits(pattern: &str, address: &str) -> bool {
    let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    match pattern.strip_prefix('@').unwrap_or(pattern) {
        "*" => true,
        pattern if pattern.contains('@') => pattern.eq_ignore_ascii_case(address),
        pattern if pattern.starts_with('.') => {
            let from = domain.len().checked_sub(pattern.len());
            from.and_then(|from| domain.get(from..)).is_some_and(|end| end.eq_ignore_ascii_case(pattern))
        }
        "<>" => address == "<>",
        pattern => !domain.is_empty() && pattern.eq_ignore_ascii_case(domain),
    }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn patterns_of_addresses() {
        for (pattern, address, is) in [
            ("*", "a@b.test", true),
            ("*", "<>", true),
            ("a@b.test", "A@B.test", true),
            ("a@b.test", "c@b.test", false),
            ("b.test", "a@b.test", true),
            ("@b.test", "a@b.test", true),
            ("b.test", "a@x.b.test", false),
            (".b.test", "a@x.b.test", true),
            (".b.test", "a@b.test", false),
            ("<>", "<>", true),
            ("<>", "a@b.test", false),
            ("b.test", "<>", false),
        ] {
            assert_eq!(fits(pattern, address), is, "{pattern} {address}");
        }
    }
}
