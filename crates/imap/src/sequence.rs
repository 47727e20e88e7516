//! Sets of message numbers or UIDs (RFC 9051 §9 `sequence-set`).

use crate::limits::RANGES_MAX;
use std::fmt::Write as _;

/// A set as the client wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SequenceSet {
    /// Ranges; `None` is `*`.
    Ranges(Vec<(Option<u32>, Option<u32>)>),
    /// `$`: what the last search with SAVE found (RFC 5182).
    Saved,
}

impl SequenceSet {
    /// Reads `1,3:5,7:*` or `$`.
    pub fn parse(text: &str) -> Option<SequenceSet> {
        if text == "$" {
            return Some(SequenceSet::Saved);
        }
        let mut ranges = Vec::new();
        for part in text.split(',') {
            if ranges.len() >= RANGES_MAX {
                return None;
            }
            ranges.push(match part.split_once(':') {
                None => {
                    let number = number(part)?;
                    (number, number)
                }
                Some((first, last)) => (number(first)?, number(last)?),
            });
        }
        Some(SequenceSet::Ranges(ranges))
    }

    /// The ranges, ascending and without overlap, when `*` is `largest`. With nothing there (`largest` 0) `*` means 1
    /// for UIDs, which the caller will not find.
    pub fn resolve(&self, largest: u32) -> Vec<(u32, u32)> {
        let SequenceSet::Ranges(ranges) = self else { return Vec::new() };
        let mut resolved: Vec<(u32, u32)> = ranges
            .iter()
            .map(|(first, last)| {
                let (first, last) = (first.unwrap_or(largest.max(1)), last.unwrap_or(largest.max(1)));
                (first.min(last), first.max(last))
            })
            .collect();
        resolved.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::with_capacity(resolved.len());
        for (first, last) in resolved {
            match merged.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => merged.push((first, last)),
            }
        }
        merged
    }

    /// Whether the set names a number greater than `largest` other than by `*`; such a message number is an error.
    pub fn exceeds(&self, largest: u32) -> bool {
        let SequenceSet::Ranges(ranges) = self else { return false };
        ranges.iter().any(|(first, last)| [first, last].iter().any(|end| end.unwrap_or(largest.max(1)) > largest))
    }
}

/// A number or `*`; `Some(None)` is `*`.
fn number(text: &str) -> Option<Option<u32>> {
    if text == "*" {
        return Some(None);
    }
    let fits = !text.is_empty() && text.len() <= 10 && text.bytes().all(|octet| octet.is_ascii_digit());
    fits.then(|| text.parse::<u32>().ok()).flatten().filter(|number| *number > 0).map(Some)
}

/// Ascending numbers as a set, as short as it can be: `1:3,7`.
pub fn write(numbers: impl IntoIterator<Item = u32>) -> String {
    let mut out = String::new();
    let mut open: Option<(u32, u32)> = None;
    let close = |range: Option<(u32, u32)>, out: &mut String| {
        let Some((first, last)) = range else { return };
        if !out.is_empty() {
            out.push(',');
        }
        let _infallible = if first == last { write!(out, "{first}") } else { write!(out, "{first}:{last}") };
    };
    for number in numbers {
        open = match open {
            Some((first, last)) if number == last.wrapping_add(1) => Some((first, number)),
            range => {
                close(range, &mut out);
                Some((number, number))
            }
        };
    }
    close(open, &mut out);
    out
}

/// UIDs as a client wrote them pairwise, for COPYUID: order kept, runs joined only where they ascend by one.
pub fn write_in_order(numbers: impl IntoIterator<Item = u32>) -> String {
    write(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sets_resolve_as_the_standard_says() {
        let resolve = |text: &str, largest| SequenceSet::parse(text).unwrap().resolve(largest);
        assert_eq!(resolve("2,4:7,9,12:*", 15), [(2, 2), (4, 7), (9, 9), (12, 15)]);
        assert_eq!(resolve("*:4,5:7", 10), [(4, 10)]);
        assert_eq!(resolve("100:*", 10), [(10, 100)], "the largest is always in");
        for wrong in ["", "0", "1,", "a", "1:", "4294967296", "1:2:3", "-1"] {
            assert_eq!(SequenceSet::parse(wrong), None, "{wrong}");
        }
        assert!(SequenceSet::parse("5").unwrap().exceeds(4));
        assert!(!SequenceSet::parse("1:*").unwrap().exceeds(4));
        assert!(SequenceSet::parse("*").unwrap().exceeds(0), "there is no message");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(numbers in proptest::collection::btree_set(1u32..50, 0..30)) {
            let text = write(numbers.iter().copied());
            if !numbers.is_empty() {
                let ranges = SequenceSet::parse(&text).unwrap().resolve(50);
                let back: Vec<u32> = ranges.into_iter().flat_map(|(first, last)| first..=last).collect();
                prop_assert_eq!(back, numbers.into_iter().collect::<Vec<_>>());
            }
        }

        #[test]
        fn parsing_never_panics(text in "\\PC{0,40}") {
            let _ = SequenceSet::parse(&text);
        }
    }
}
