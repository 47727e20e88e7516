//! Which messages an operator means.

use crate::entry::{Channel, Message, Recipient, State};
use model::{QueueId, Timestamp};
use std::time::Duration;

/// Conditions that must all hold; texts match in any case and anywhere, domains exactly.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Filter {
    /// One of these queue ids, in hexadecimal digits, or `FIRST-LAST` for all from one to another; none named means any.
    pub ids: Vec<String>,
    /// In the sender; `<>` is the null sender.
    pub sender: Option<String>,
    /// In a recipient.
    pub recipient: Option<String>,
    /// The domain of a recipient, or the destination it goes to.
    pub domain: Option<String>,
    /// In the subject.
    pub subject: Option<String>,
    /// In the decoded text of the message, its header included.
    pub content: Option<String>,
    /// At least so many seconds old.
    pub older_secs: Option<u64>,
    /// At most so many seconds old.
    pub younger_secs: Option<u64>,
    /// By this channel.
    pub channel: Option<Channel>,
    /// Held, or not.
    pub held: Option<bool>,
}

impl Filter {
    /// Whether nothing is asked for, so that everything matches.
    pub fn is_empty(&self) -> bool {
        *self == Filter::default()
    }

    /// From which id to which, if any are named; what cannot be read names none.
    pub fn ranges(&self) -> Option<Vec<(QueueId, QueueId)>> {
        if self.ids.is_empty() {
            return None;
        }
        Some(self.ids.iter().filter_map(|text| range(text)).collect())
    }

    /// Whether the message itself matches.
    pub fn takes(&self, id: QueueId, message: &Message, now: Timestamp) -> bool {
        let age = now.since(message.arrived_at);
        let sender = message.mail_from.reverse_path.as_ref().map_or_else(|| "<>".to_owned(), ToString::to_string);
        self.ranges().is_none_or(|ranges| ranges.iter().any(|(first, last)| (*first..=*last).contains(&id)))
            && self.sender.as_ref().is_none_or(|text| holds(&sender, text))
            && self.subject.as_ref().is_none_or(|text| holds(&message.subject, text))
            && self.older_secs.is_none_or(|secs| age >= Duration::from_secs(secs))
            && self.younger_secs.is_none_or(|secs| age <= Duration::from_secs(secs))
    }

    /// Whether a recipient that is still open matches.
    pub fn takes_recipient(&self, recipient: &Recipient) -> bool {
        let address = &recipient.rcpt.address;
        recipient.state.is_open()
            && self.recipient.as_ref().is_none_or(|text| holds(&address.to_string(), text))
            && self.domain.as_ref().is_none_or(|domain| {
                address.domain.as_str().eq_ignore_ascii_case(domain)
                    || recipient.route.destination.eq_ignore_ascii_case(domain)
            })
            && self.channel.is_none_or(|channel| recipient.route.channel == channel)
            && self.held.is_none_or(|held| (recipient.state == State::Held) == held)
    }
}

/// An id, or two of them with a hyphen between.
pub fn range(text: &str) -> Option<(QueueId, QueueId)> {
    match text.split_once('-') {
        Some((first, last)) => Some((first.parse().ok()?, last.parse().ok()?)),
        None => text.parse().ok().map(|id| (id, id)),
    }
}

fn holds(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(&part.to_lowercase())
}
