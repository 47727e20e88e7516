//! From the answers of the lists to a verdict: pure arithmetic, after the worker of Gross.

use std::fmt;

use crate::greylist::check::{Check, Kind};

/// How much suspicion has which consequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// From this weight on a delivery is refused; 0 refuses nobody.
    pub block: i32,
    /// From this weight on a delivery has to come again; 0 makes everybody come again.
    pub grey: i32,
}

/// What to do with a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Let in: it is not suspicious.
    Trust,
    /// Let in: it is suspicious, and has come before.
    Match,
    /// Not now: it is suspicious and new.
    Grey,
    /// Not at all: it is too suspicious.
    Block,
}

impl Action {
    /// Its name in logs and listings.
    pub fn name(self) -> &'static str {
        match self {
            Action::Trust => "trust",
            Action::Match => "match",
            Action::Grey => "greylist",
            Action::Block => "block",
        }
    }

    /// Whether the delivery is let in.
    pub fn lets_in(self) -> bool {
        matches!(self, Action::Trust | Action::Match)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a list said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// Listed, with an answer that counts.
    Listed,
    /// Not listed, or with an answer that does not count.
    Absent,
    /// Nothing: the list failed. It counts like an absence, but is told of.
    Failed,
}

/// The answers so far.
#[derive(Debug)]
pub struct Tally {
    thresholds: Thresholds,
    /// Trusting lists that have not answered: they may overrule everything.
    trusting_open: usize,
    weight: i32,
    trusted: bool,
    matched: Vec<(String, i32)>,
}

impl Tally {
    /// No answers yet; `trusting` is how many trusting lists are asked.
    pub fn new(thresholds: Thresholds, trusting: usize) -> Tally {
        Tally { thresholds, trusting_open: trusting, weight: 0, trusted: false, matched: Vec::new() }
    }

    /// Takes the answer of a list.
    pub fn take(&mut self, check: &Check, said: Said) {
        let is_listed = said == Said::Listed;
        if check.kind == Kind::Dnswl {
            self.trusting_open = self.trusting_open.saturating_sub(1);
            if is_listed {
                self.trusted = true;
                self.matched.push((check.zone.clone(), 0));
            }
        } else if is_listed {
            self.weight = self.weight.saturating_add(check.weight);
            self.matched.push((check.zone.clone(), check.weight));
        }
    }

    /// Whether no further answer is waited for. With weights below zero among the lists this may come too early, as it does
    /// in Gross; a list that excuses clients for certain is a trusting list.
    pub fn is_decided(&self) -> bool {
        let Thresholds { block, grey } = self.thresholds;
        let enough = if block != 0 { block } else { grey };
        self.trusted || self.trusting_open == 0 && self.weight >= enough
    }

    /// What to do; `is_known` says whether the delivery has come before and waited long enough.
    pub fn action(&self, is_known: bool) -> Action {
        let Thresholds { block, grey } = self.thresholds;
        match self.weight {
            _ if self.trusted => Action::Trust,
            weight if block != 0 && weight >= block => Action::Block,
            weight if weight < grey => Action::Trust,
            _ if is_known => Action::Match,
            _ => Action::Grey,
        }
    }

    /// The sum of the weights.
    pub fn weight(&self) -> i32 {
        self.weight
    }

    /// The lists that have the delivery, with their weights.
    pub fn into_matched(self) -> Vec<(String, i32)> {
        self.matched
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::greylist::check::Written;

    fn list(kind: Kind, text: &str) -> Check {
        text.parse::<Written>().unwrap().of(kind)
    }

    fn tally(block: i32, grey: i32, trusting: usize, listed: &[&Check]) -> Tally {
        let mut tally = Tally::new(Thresholds { block, grey }, trusting);
        for check in listed {
            tally.take(check, Said::Listed);
        }
        tally
    }

    #[test]
    fn what_no_list_has_is_trusted() {
        let mut tally = tally(0, 1, 0, &[]);
        tally.take(&list(Kind::Dnsbl, "a.test"), Said::Absent);
        tally.take(&list(Kind::Dnsbl, "b.test"), Said::Failed);
        assert!(!tally.is_decided());
        assert_eq!(tally.action(false), Action::Trust);
        assert_eq!(tally.action(true), Action::Trust);
    }

    #[test]
    fn what_a_list_has_comes_twice() {
        let tally = tally(0, 1, 0, &[&list(Kind::Dnsbl, "a.test")]);
        assert!(tally.is_decided());
        assert_eq!(tally.action(false), Action::Grey);
        assert_eq!(tally.action(true), Action::Match);
        assert_eq!(tally.into_matched(), [("a.test".to_owned(), 1)]);
    }

    #[test]
    fn refusing_goes_before_having_come_before() {
        let (three, six) = (list(Kind::Dnsbl, "a.test;3"), list(Kind::Rhsbl, "b.test;6"));
        let below = tally(9, 1, 0, &[&six]);
        assert!(!below.is_decided(), "three more would refuse it");
        assert_eq!(below.action(true), Action::Match);
        let over = tally(9, 1, 0, &[&three, &six]);
        assert!(over.is_decided());
        assert_eq!((over.action(false), over.action(true)), (Action::Block, Action::Block));
    }

    #[test]
    fn a_trusting_list_goes_before_everything_and_is_waited_for() {
        let (bad, good) = (list(Kind::Dnsbl, "a.test;9"), list(Kind::Dnswl, "w.test"));
        let mut tally = tally(9, 1, 1, &[&bad, &bad]);
        assert!(!tally.is_decided());
        tally.take(&good, Said::Listed);
        assert!(tally.is_decided());
        assert_eq!(tally.action(false), Action::Trust);
        assert_eq!(tally.weight(), 18);
    }

    #[test]
    fn a_threshold_of_zero_makes_everybody_come_twice() {
        let tally = tally(0, 0, 0, &[]);
        assert!(tally.is_decided(), "no list could change that");
        assert_eq!(tally.action(false), Action::Grey);
    }

    #[test]
    fn one_list_may_excuse_what_another_accuses() {
        let tally = tally(0, 2, 0, &[&list(Kind::Dnsbl, "a.test;3"), &list(Kind::Dnsbl, "b.test;-2")]);
        assert_eq!(tally.action(false), Action::Trust);
    }
}
