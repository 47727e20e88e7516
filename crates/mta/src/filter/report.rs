//! What a filter says of a message, in one form for all protocols.

use crate::filter::limits::VERDICT_CHARS_MAX;
use smtp::milter::response::Change;
use smtp::reply::Reply;

/// What a filter says. The default says nothing: the message is clean.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What it found, in a word or a few; nothing is the null verdict.
    pub verdict: Option<String>,
    /// How much the message is like spam.
    pub score: Option<Score>,
    /// 1 clean to 5 certainly infected (RFC 5235 §3.2).
    pub virus: Option<u8>,
    /// The reply with which it wants the message refused.
    pub refusal: Option<Reply>,
    /// Whether it wants the message accepted and forgotten.
    pub discards: bool,
    /// Why it wants the message put aside.
    pub quarantine: Option<String>,
    /// Recipients that it refuses, by their place among those it was told.
    pub refused: Vec<(usize, Reply)>,
    /// Changes of header and envelope, in its order.
    pub changes: Vec<Change>,
    /// A body that replaces the old one.
    pub body: Option<Vec<u8>>,
}

/// A score with the limit from which on it means spam, both in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Score {
    /// The score.
    pub thousandths: i64,
    /// The limit.
    pub limit_thousandths: i64,
}

impl Score {
    /// From numbers as filters write them.
    pub fn new(score: f64, limit: f64) -> Score {
        // Filters count in tenths up to thousands; what is absurd is cut to what fits.
        let thousandths =
            |number: f64| if number.is_finite() { (number * 1_000.0).clamp(-1e12, 1e12) as i64 } else { 0 };
        Score { thousandths: thousandths(score), limit_thousandths: thousandths(limit) }
    }

    /// How much it is like spam, 0 to 100: the limit is 100 (RFC 5235 §2.1 leaves the mapping to the server).
    pub fn percent(&self) -> u8 {
        if self.limit_thousandths <= 0 {
            return if self.thousandths >= self.limit_thousandths { 100 } else { 0 };
        }
        let percent = self.thousandths.saturating_mul(100) / self.limit_thousandths;
        u8::try_from(percent.clamp(0, 100)).unwrap_or(100)
    }
}

impl std::fmt::Display for Score {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tenths = |thousandths: i64| thousandths as f64 / 1_000.0;
        write!(f, "{:.1} / {:.1}", tenths(self.thousandths), tenths(self.limit_thousandths))
    }
}

impl Report {
    /// A report that found something.
    pub fn found(verdict: &str) -> Report {
        Report { verdict: Some(tidy(verdict)), ..Report::default() }
    }

    /// In a few words, for a trace.
    pub fn told(&self) -> String {
        let mut told = self.verdict.clone().unwrap_or_else(|| "nothing found".to_owned());
        if let Some(score) = &self.score {
            told.push_str(&format!(" (score {score})"));
        }
        if let Some(reply) = &self.refusal {
            told.push_str(&format!(", wants {}", reply.code));
        }
        if self.discards {
            told.push_str(", wants it discarded");
        }
        if self.quarantine.is_some() {
            told.push_str(", wants it put aside");
        }
        if !self.refused.is_empty() {
            told.push_str(&format!(", refuses {} recipients", self.refused.len()));
        }
        let changes = self.changes.len() + usize::from(self.body.is_some());
        if changes > 0 {
            told.push_str(&format!(", {changes} changes"));
        }
        told
    }
}

/// A verdict on one line, cut at its bound.
pub fn tidy(verdict: &str) -> String {
    let plain: String = verdict.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    plain.chars().take(VERDICT_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_become_percents_of_their_limit() {
        let percent = |score, limit| Score::new(score, limit).percent();
        assert_eq!((percent(2.5, 5.0), percent(5.0, 5.0), percent(1000.0, 5.0), percent(-3.0, 5.0)), (50, 100, 100, 0));
        assert_eq!((percent(f64::NAN, 5.0), percent(1.0, 0.0), percent(-1.0, 0.0)), (0, 100, 0));
        assert_eq!(Score::new(27.7, 5.0).to_string(), "27.7 / 5.0");
    }

    #[test]
    fn verdicts_are_one_line_and_bounded() {
        assert_eq!(tidy(" a\r\nb\t"), "a  b");
        assert_eq!(tidy(&"x".repeat(5_000)).len(), VERDICT_CHARS_MAX);
    }
}
