//! What a transaction carries along from stage to stage: joined, without doubles, and bounded.

use policy::decision::{Decision, Verdict};
use policy::limits::CARRIED_MAX;
use std::time::Duration;

/// What was decided about a transaction and is carried out later.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Carried {
    /// How long the reply to each further command waits.
    pub delay: Duration,
    /// Words for later rules and the log.
    pub tags: Vec<String>,
    /// Fields for the top of the message.
    pub headers: Vec<(String, String)>,
    /// The envelope sender instead of the client's.
    pub sender: Option<String>,
    /// The field `Sender`.
    pub sender_field: Option<String>,
    /// Octets of the message at most.
    pub octets_max: Option<u64>,
    /// Recipients at most.
    pub recipients_max: Option<u64>,
    /// Points.
    pub score: f64,
    /// What becomes of all recipients: accept, redirect, hold or discard.
    pub fate: Verdict,
    /// Every reason, as a line.
    pub reasons: Vec<String>,
}

impl Carried {
    /// Joins what a stage decided. The number is that of tags, fields and reasons for which there is no room.
    #[must_use]
    pub fn take(&mut self, decision: Decision) -> usize {
        let told = decision.reasons.iter();
        let told = told.map(|reason| format!("{} by {} ({})", reason.effect, reason.by, reason.place));
        let dropped = join(&mut self.reasons, told)
            + join(&mut self.tags, decision.tags)
            + join(&mut self.headers, decision.headers);
        self.delay = self.delay.max(decision.later_delay);
        self.sender = self.sender.take().or(decision.sender);
        self.sender_field = self.sender_field.take().or(decision.sender_field);
        self.octets_max = least(self.octets_max, decision.octets_max);
        self.recipients_max = least(self.recipients_max, decision.recipients_max);
        self.score += decision.score;
        if decision.verdict.refusal().is_none() && decision.verdict.strength() > self.fate.strength() {
            self.fate = decision.verdict;
        }
        dropped
    }
}

/// Adds what is not there yet: judged for each recipient, the same rule says the same each time. The number is that of
/// those for which there is no room.
fn join<T: PartialEq>(held: &mut Vec<T>, new: impl IntoIterator<Item = T>) -> usize {
    let mut dropped = 0;
    for one in new {
        if held.contains(&one) {
            continue;
        }
        if held.len() < CARRIED_MAX {
            held.push(one);
        } else {
            dropped += 1;
        }
    }
    dropped
}

/// The lower of two limits, of which either may not be there.
pub fn least(held: Option<u64>, new: Option<u64>) -> Option<u64> {
    match (held, new) {
        (Some(held), Some(new)) => Some(held.min(new)),
        (held, new) => held.or(new),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_again_is_carried_once_and_all_is_bounded() {
        let field = |number: usize| ("X-Judged".to_owned(), number.to_string());
        let mut carried = Carried::default();
        for _ in 0..1_000 {
            let mut decision =
                Decision { headers: vec![field(0)], tags: vec!["seen".to_owned()], ..Decision::default() };
            let effect = policy::decision::Effect::Tag("seen".to_owned());
            decision.add("MAIL_ACCESS", "mappings:3", "probe", vec![effect]);
            assert_eq!(carried.take(decision), 0);
        }
        assert_eq!((carried.headers.len(), carried.tags.len(), carried.reasons.len()), (1, 1, 1));
        let many = Decision { headers: (0..=CARRIED_MAX).map(field).collect(), ..Decision::default() };
        assert_eq!((carried.take(many), carried.headers.len()), (1, CARRIED_MAX));
    }
}
