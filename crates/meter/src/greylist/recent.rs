//! The last decisions, kept for people: the memory itself holds digests, from which nobody can read who wrote to whom.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use model::Timestamp;

use crate::greylist::exemption::Exemption;
use crate::greylist::limits::SHOWN_OCTETS;
use crate::greylist::tally::Action;
use crate::greylist::triplet::{Query, Way, domain_of};

/// A decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// When.
    pub at: Timestamp,
    /// Who asked.
    pub way: Way,
    /// What was decided.
    pub action: Action,
    /// Why nobody was asked, if so.
    pub exemption: Option<Exemption>,
    /// How long it took.
    pub took: Duration,
    /// The sum of the weights.
    pub weight: i32,
    /// The lists that had the delivery, with their weights.
    pub matched: Vec<(String, i32)>,
    /// Who delivers.
    pub client: IpAddr,
    /// The sender, cut; empty is the null sender.
    pub sender: String,
    /// The recipient, cut.
    pub recipient: String,
    /// How the client named itself, cut.
    pub hello: String,
}

impl Decision {
    /// The part of a decision that stands in the query.
    pub fn about(query: &Query, at: Timestamp, action: Action) -> Decision {
        Decision {
            at,
            way: query.way,
            action,
            exemption: None,
            took: Duration::ZERO,
            weight: 0,
            matched: Vec::new(),
            client: query.client,
            sender: shown(&query.sender),
            recipient: shown(&query.recipient),
            hello: shown(&query.hello),
        }
    }

    /// The line that Gross writes for a query: action, milliseconds, weight, client, sender, recipient, name of the client,
    /// and a list with its weight for each that had it.
    pub fn line(&self) -> String {
        use std::fmt::Write as _;
        let sender = if self.sender.is_empty() { "<>" } else { &self.sender };
        let mut line = format!(
            "a={} d={} w={} c={} s={sender} r={}",
            self.action,
            self.took.as_millis(),
            self.weight,
            self.client,
            self.recipient
        );
        // Writing to a String cannot fail.
        if !self.hello.is_empty() {
            let _infallible = write!(line, " h={}", self.hello);
        }
        for (list, weight) in &self.matched {
            let _infallible = match weight {
                0 => write!(line, " m={list}"),
                weight => write!(line, " m={list}{weight:+}"),
            };
        }
        line
    }
}

/// A text of a client as it may stand in a line: cut, and without what separates or ends fields.
fn shown(text: &str) -> String {
    let plain = |character: char| if character.is_control() || character == ' ' { '?' } else { character };
    let mut shown = String::with_capacity(text.len().min(SHOWN_OCTETS));
    for character in text.chars().map(plain) {
        if shown.len() + character.len_utf8() > SHOWN_OCTETS {
            break;
        }
        shown.push(character);
    }
    shown
}

/// Of what the most frequent are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Clients.
    Client,
    /// Senders.
    Sender,
    /// Domains of senders.
    Domain,
    /// Recipients.
    Recipient,
    /// Lists that had somebody.
    List,
    /// Verdicts.
    Action,
}

impl Field {
    fn values(self, decision: &Decision) -> Vec<String> {
        match self {
            Field::Client => vec![decision.client.to_string()],
            Field::Sender if decision.sender.is_empty() => vec!["<>".to_owned()],
            Field::Sender => vec![decision.sender.to_ascii_lowercase()],
            Field::Domain => vec![domain_of(&decision.sender).unwrap_or_else(|| "<>".to_owned())],
            Field::Recipient => vec![decision.recipient.to_ascii_lowercase()],
            Field::List => decision.matched.iter().map(|(list, _)| list.clone()).collect(),
            Field::Action => vec![decision.action.name().to_owned()],
        }
    }
}

/// The last decisions.
#[derive(Debug)]
pub struct Recent {
    kept: Mutex<VecDeque<Decision>>,
    kept_max: usize,
}

impl Recent {
    /// Keeps the last `kept_max`.
    pub fn new(kept_max: usize) -> Recent {
        Recent { kept: Mutex::default(), kept_max }
    }

    /// Notes a decision.
    pub fn note(&self, decision: Decision) {
        if self.kept_max == 0 {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= self.kept_max {
            kept.pop_front();
        }
        kept.push_back(decision);
    }

    /// The last that are wanted, the latest first, at most `limit`.
    pub fn last(&self, limit: usize, is_wanted: impl Fn(&Decision) -> bool) -> Vec<Decision> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().rev().filter(|decision| is_wanted(decision)).take(limit).cloned().collect()
    }

    /// The most frequent values of a field among the wanted, with their counts, at most `limit`.
    pub fn top(&self, field: Field, limit: usize, is_wanted: impl Fn(&Decision) -> bool) -> Vec<(String, u64)> {
        let mut counts: HashMap<String, u64> = HashMap::new();
        {
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            for value in kept.iter().filter(|decision| is_wanted(decision)).flat_map(|decision| field.values(decision))
            {
                *counts.entry(value).or_default() += 1;
            }
        }
        let mut rows: Vec<(String, u64)> = counts.into_iter().collect();
        rows.sort_by(|(one, few), (other, many)| many.cmp(few).then_with(|| one.cmp(other)));
        rows.truncate(limit);
        rows
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(sender: &str, action: Action) -> Decision {
        let query = Query::new(Way::Policy, [192, 0, 2, 1].into(), sender, "b@home.test").named("far test\n");
        Decision::about(&query, Timestamp(1), action)
    }

    #[test]
    fn a_decision_is_a_line_of_gross() {
        let mut one = decision("a@far.test", Action::Grey);
        one.took = Duration::from_millis(12);
        one.weight = 4;
        one.matched = vec![("bl.test".to_owned(), 4), ("wl.test".to_owned(), 0)];
        let line = "a=greylist d=12 w=4 c=192.0.2.1 s=a@far.test r=b@home.test h=far?test? m=bl.test+4 m=wl.test";
        assert_eq!(one.line(), line);
        assert!(decision("", Action::Trust).line().contains(" s=<> "));
    }

    #[test]
    fn the_last_are_kept_and_counted() {
        let recent = Recent::new(3);
        for number in 0..5 {
            recent.note(decision(&format!("{number}@far.test"), Action::Grey));
        }
        recent.note(decision("4@far.test", Action::Match));
        let senders = |decisions: Vec<Decision>| decisions.into_iter().map(|one| one.sender).collect::<Vec<_>>();
        assert_eq!(senders(recent.last(9, |_| true)), ["4@far.test", "4@far.test", "3@far.test"]);
        assert_eq!(senders(recent.last(9, |one| one.action == Action::Match)), ["4@far.test"]);
        let top = recent.top(Field::Sender, 1, |_| true);
        assert_eq!(top, [("4@far.test".to_owned(), 2)]);
        assert_eq!(recent.top(Field::Domain, 9, |_| true), [("far.test".to_owned(), 3)]);
        assert_eq!(recent.len(), 3);
    }

    #[test]
    fn nothing_may_be_kept() {
        let recent = Recent::new(0);
        recent.note(decision("a@far.test", Action::Grey));
        assert!(recent.is_empty());
    }
}
