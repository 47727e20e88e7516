//! Parts of the message: loops over them (RFC 5703 §3), and the one that is at hand.

use message::structure::Part;

use super::bodies::Bodies;
use super::{Machine, Parts};

impl Machine<'_> {
    pub(super) fn begin_loop(&mut self) -> bool {
        let innermost = self.frames.last().and_then(|frame| frame.loops.last());
        let (outer, is_itself_part) = innermost.map_or((self.root(), true), |parts| (parts.current, false));
        let whole = self.part_numbered(outer).whole();
        let is_inside = |number: usize, part: &Part| {
            let place = part.whole();
            place.start >= whole.start && place.end <= whole.end && (is_itself_part || number != outer)
        };
        let mut numbers = Vec::new();
        for (number, part) in self.message.structure().parts().enumerate() {
            self.spend(1);
            if is_inside(number, part) {
                numbers.push(number);
            }
        }
        let mut rest = numbers.into_iter();
        let Some(current) = rest.next() else { return false };
        if let Some(frame) = self.frames.last_mut() {
            frame.loops.push(Parts { rest, current });
        }
        true
    }

    pub(super) fn next_part(&mut self) -> bool {
        let innermost = self.frames.last_mut().and_then(|frame| frame.loops.last_mut());
        if let Some((parts, next)) = innermost.and_then(|parts| parts.rest.next().map(|next| (parts, next))) {
            parts.current = next;
            return true;
        }
        self.end_loops(1);
        false
    }

    pub(super) fn end_loops(&mut self, count: usize) {
        if let Some(frame) = self.frames.last_mut() {
            let left = frame.loops.len().saturating_sub(count);
            frame.loops.truncate(left);
        }
        self.settle();
    }

    /// Outside of all loops, what was replaced is looked at from here on.
    pub(super) fn settle(&mut self) {
        if self.frames.iter().all(|frame| frame.loops.is_empty()) {
            let copied = self.message.settle();
            if copied > 0 {
                self.copied += copied;
                self.fields = None;
                self.bodies = Bodies::default();
            }
        }
    }

    /// The number of the part that the script takes for the whole message.
    pub(super) fn root(&self) -> usize {
        self.frames.last().map_or(0, |frame| frame.root)
    }

    /// The number of the part that the innermost loop is at; the whole message outside of loops.
    pub(super) fn part_number(&self) -> usize {
        let innermost = self.frames.last().and_then(|frame| frame.loops.last());
        innermost.map_or(self.root(), |parts| parts.current)
    }

    /// A part by its place in the order of all parts.
    pub(super) fn part_numbered(&self, number: usize) -> &Part {
        let structure = self.message.structure();
        if number == 0 {
            return &structure.root;
        }
        self.spend(number as u64);
        structure.parts().nth(number).unwrap_or(&structure.root)
    }
}
