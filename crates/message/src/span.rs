//! A range of octets in a message, counted from the message's first octet.

use std::ops::Range;

/// The octets from `start` up to but not including `end`; `start <= end` always holds for spans made here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// Offset of the first octet.
    pub start: u64,
    /// Offset after the last octet.
    pub end: u64,
}

impl Span {
    /// From `start` up to `end`; empty at `start` if `end` lies before it.
    pub fn new(start: usize, end: usize) -> Span {
        let start = start as u64;
        Span { start, end: (end as u64).max(start) }
    }

    /// Number of octets.
    pub const fn octets(self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Whether it holds nothing.
    pub const fn is_empty(self) -> bool {
        self.end <= self.start
    }

    /// As a range, for reading from a blob.
    pub const fn range(self) -> Range<u64> {
        self.start..self.end
    }

    /// These octets of `message`; as much of them as it has.
    pub fn of(self, message: &[u8]) -> &[u8] {
        let clamp = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX).min(message.len());
        message.get(clamp(self.start)..clamp(self.end)).unwrap_or_default()
    }
}
