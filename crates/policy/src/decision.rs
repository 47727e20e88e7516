//! What is decided, with all the reasons. Everything that judges a stage adds its effects here; of the verdicts the
//! strongest holds, everything else is joined.
//!
//! The order of strength, the strongest first: reject, defer, discard for all, discard, hold, redirect, accept. A refusal
//! comes before a silent end because the sender then knows; a lasting one before one for now because waiting would not
//! help. Of two equally strong ones the earlier holds.

use smtp::status::EnhancedStatus;
use std::fmt;
use std::time::Duration;

/// What becomes of a connection, command, recipient or message, the weakest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    #[default]
    Accept,
    /// It goes to this address instead.
    Redirect(String),
    /// It is kept in the queue until an operator releases it.
    Hold,
    /// It is taken and forgotten.
    Discard {
        /// For all recipients of the message.
        for_all: bool,
    },
    /// Not now.
    Defer(Refusal),
    /// Never.
    Reject(Refusal),
}

/// What is said to who is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The reply code.
    pub code: u16,
    /// The enhanced status.
    pub status: EnhancedStatus,
    /// The text; before the greeting this is the whole line.
    pub text: String,
}

/// One effect of a table or rule.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// What becomes of it.
    Verdict(Verdict),
    /// This reply waits.
    Delay(Duration),
    /// This reply and those to all later commands of the transaction wait.
    DelayAll(Duration),
    /// A word for later stages and the log.
    Tag(String),
    /// A field that is put on top of the message.
    Header(String, String),
    /// The envelope sender is replaced; empty for `<>`.
    Sender(String),
    /// The field `Sender` of the message is replaced.
    SenderField(String),
    /// Octets of the message at most.
    OctetsMax(u64),
    /// Recipients of the message at most.
    RecipientsMax(u64),
    /// Points for what decides about spam.
    Score(f64),
    /// A line for the log.
    Note(String),
    /// Every step of this transaction goes into the log.
    Debug,
}

/// Who decided something, and on what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The table or rule.
    pub by: String,
    /// Where it stands: file and line.
    pub place: String,
    /// What it was given.
    pub inputs: String,
    /// What it decided.
    pub effect: String,
}

/// The decision about one stage.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// The strongest verdict.
    pub verdict: Verdict,
    /// Which of the reasons gave it.
    pub decided_by: Option<usize>,
    /// How long this reply waits.
    pub delay: Duration,
    /// How long the replies to later commands of the transaction wait.
    pub later_delay: Duration,
    /// Words for later stages and the log.
    pub tags: Vec<String>,
    /// Fields for the top of the message.
    pub headers: Vec<(String, String)>,
    /// The envelope sender instead of the client's; empty for `<>`.
    pub sender: Option<String>,
    /// The message's field `Sender`.
    pub sender_field: Option<String>,
    /// Octets of the message at most.
    pub octets_max: Option<u64>,
    /// Recipients of the message at most.
    pub recipients_max: Option<u64>,
    /// Points for what decides about spam.
    pub score: f64,
    /// Lines for the log.
    pub notes: Vec<String>,
    /// Whether every step goes into the log.
    pub debug: bool,
    /// All that had an effect, in the order in which it was judged.
    pub reasons: Vec<Reason>,
    /// What went wrong and was passed over.
    pub troubles: Vec<String>,
    /// Every step, when that was asked for.
    pub steps: Vec<String>,
}

impl Verdict {
    /// How strong it is; the strongest holds.
    pub fn strength(&self) -> u8 {
        match self {
            Verdict::Accept => 0,
            Verdict::Redirect(_) => 1,
            Verdict::Hold => 2,
            Verdict::Discard { for_all: false } => 3,
            Verdict::Discard { for_all: true } => 4,
            Verdict::Defer(_) => 5,
            Verdict::Reject(_) => 6,
        }
    }

    /// The reply, when it is a refusal.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Verdict::Defer(refusal) | Verdict::Reject(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// The verdict in a word.
    pub fn name(&self) -> &'static str {
        match self {
            Verdict::Accept => "accept",
            Verdict::Redirect(_) => "redirect",
            Verdict::Hold => "hold",
            Verdict::Discard { .. } => "discard",
            Verdict::Defer(_) => "defer",
            Verdict::Reject(_) => "reject",
        }
    }
}

impl Refusal {
    /// A refusal for good, unless its status says that it is for now.
    pub fn verdict(status: Option<EnhancedStatus>, text: &str) -> Verdict {
        let status = status.unwrap_or(EnhancedStatus::new(5, 7, 1));
        let text = if text.is_empty() { "access denied" } else { text }.to_owned();
        if status.class == 4 {
            Verdict::Defer(Refusal { code: 451, status, text })
        } else {
            Verdict::Reject(Refusal { code: 550, status: status.with_class(5), text })
        }
    }
}

impl Decision {
    /// Adds what one table or rule decided.
    pub fn add(&mut self, by: &str, place: &str, inputs: &str, effects: Vec<Effect>) {
        for effect in effects {
            let reason = Reason {
                by: by.to_owned(),
                place: place.to_owned(),
                inputs: inputs.to_owned(),
                effect: effect.to_string(),
            };
            let number = self.reasons.len();
            self.reasons.push(reason);
            self.take(effect, number);
        }
    }

    fn take(&mut self, effect: Effect, reason: usize) {
        let least = |held: Option<u64>, new: u64| Some(held.map_or(new, |held| held.min(new)));
        match effect {
            Effect::Verdict(verdict) => {
                if self.decided_by.is_none() || verdict.strength() > self.verdict.strength() {
                    self.verdict = verdict;
                    self.decided_by = Some(reason);
                }
            }
            Effect::Delay(delay) => self.delay = self.delay.max(delay),
            Effect::DelayAll(delay) => {
                self.delay = self.delay.max(delay);
                self.later_delay = self.later_delay.max(delay);
            }
            Effect::Tag(tag) if self.tags.contains(&tag) => {}
            Effect::Tag(tag) => self.tags.push(tag),
            Effect::Header(name, value) => self.headers.push((name, value)),
            Effect::Sender(sender) => {
                self.sender.get_or_insert(sender);
            }
            Effect::SenderField(field) => {
                self.sender_field.get_or_insert(field);
            }
            Effect::OctetsMax(octets) => self.octets_max = least(self.octets_max, octets),
            Effect::RecipientsMax(count) => self.recipients_max = least(self.recipients_max, count),
            Effect::Score(points) => self.score += points,
            Effect::Note(line) => self.notes.push(line),
            Effect::Debug => self.debug = true,
        }
    }

    /// Whether nothing was decided at all.
    pub fn is_empty(&self) -> bool {
        self.reasons.is_empty() && self.troubles.is_empty()
    }

    /// Who gave the verdict.
    pub fn reason(&self) -> Option<&Reason> {
        self.decided_by.and_then(|number| self.reasons.get(number))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.code, self.status, self.text)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Redirect(address) => write!(f, "redirect to {address}"),
            Verdict::Discard { for_all: true } => f.write_str("discard for all recipients"),
            Verdict::Defer(refusal) => write!(f, "defer with {refusal}"),
            Verdict::Reject(refusal) => write!(f, "reject with {refusal}"),
            other => f.write_str(other.name()),
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Effect::Verdict(verdict) => verdict.fmt(f),
            Effect::Delay(delay) => write!(f, "delay {} ms", delay.as_millis()),
            Effect::DelayAll(delay) => write!(f, "delay each command {} ms", delay.as_millis()),
            Effect::Tag(tag) => write!(f, "tag {tag}"),
            Effect::Header(name, value) => write!(f, "add {name}: {value}"),
            Effect::Sender(sender) => write!(f, "envelope sender <{sender}>"),
            Effect::SenderField(sender) => write!(f, "Sender: {sender}"),
            Effect::OctetsMax(octets) => write!(f, "at most {octets} octets"),
            Effect::RecipientsMax(count) => write!(f, "at most {count} recipients"),
            Effect::Score(points) => write!(f, "score {points:+}"),
            Effect::Note(line) => write!(f, "log \"{line}\""),
            Effect::Debug => f.write_str("log every step"),
        }
    }
}
