//! Fragments of messages that wait for the others (RFC 2046 §5.2.2): where they stand, and how many there are.
//!
//! Where a fragment belongs stands in its recipients' route, so that everything here is made from the rows of the queue
//! alone, survives a crash with them, and goes when an operator takes the message away.

use crate::entry::{Channel, Message, Recipient, State};
use model::QueueId;
use std::collections::{BTreeMap, HashMap};

/// Which fragments belong together: a hash of the id that they share and of the envelope that they came with.
pub type SetId = u128;

/// The place of a fragment: the destination of a route by [`Channel::Defragment`], as `SET NUMBER/TOTAL CHANNEL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// To which message it belongs.
    pub set: SetId,
    /// Which fragment it is, from 1 on.
    pub number: u32,
    /// Of how many; 0 when it does not say.
    pub total: u32,
    /// For which channel the whole is.
    pub channel: Channel,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x} {}/{} {}", self.set, self.number, self.total, self.channel)
    }
}

/// The text is no place of a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a fragment's place is written as SET NUMBER/TOTAL CHANNEL")]
pub struct NotAPlace;

impl std::str::FromStr for Place {
    type Err = NotAPlace;

    fn from_str(text: &str) -> Result<Place, NotAPlace> {
        let mut words = text.split(' ');
        let mut word = || words.next().ok_or(NotAPlace);
        let set = SetId::from_str_radix(word()?, 16).map_err(|_| NotAPlace)?;
        let (number, total) = word()?.split_once('/').ok_or(NotAPlace)?;
        let number = number.parse().map_err(|_| NotAPlace)?;
        let total = total.parse().map_err(|_| NotAPlace)?;
        let channel = word()?.parse().map_err(|_| NotAPlace)?;
        Ok(Place { set, number, total, channel })
    }
}

/// A fragment that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its number in the queue.
    pub id: QueueId,
    /// Its octets.
    pub octets: u64,
    /// Of how many fragments it says to be one; 0 when it does not.
    pub total: u32,
}

/// How much waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Messages of which fragments wait.
    pub sets: usize,
    /// Octets of all fragments.
    pub octets: u64,
    /// Messages of one sender of which fragments wait.
    pub sender_sets: usize,
    /// Octets of that sender's fragments.
    pub sender_octets: u64,
}

/// All fragments that wait.
#[derive(Debug, Default)]
pub struct Fragments {
    sets: HashMap<SetId, Set>,
    known: HashMap<QueueId, (SetId, u32)>,
    senders: HashMap<String, (usize, u64)>,
    octets: u64,
}

#[derive(Debug, Default)]
struct Set {
    sender: String,
    parts: BTreeMap<(u32, QueueId), Waiting>,
}

impl Fragments {
    /// Forgets what was known of a message and takes in what its rows say.
    pub fn set(&mut self, id: QueueId, entry: Option<(&Message, &[Recipient])>) {
        if let Some((set, number)) = self.known.remove(&id) {
            self.remove(set, number, id);
        }
        let Some((message, recipients)) = entry else { return };
        let waits = |one: &&Recipient| one.route.channel == Channel::Defragment && matches!(one.state, State::Due(_));
        let Some(recipient) = recipients.iter().find(waits) else { return };
        let Ok(place) = recipient.route.destination.parse::<Place>() else { return };
        let set = self.sets.entry(place.set).or_default();
        if set.parts.is_empty() {
            set.sender = sender_of(message);
            self.senders.entry(set.sender.clone()).or_default().0 += 1;
        }
        set.parts.insert((place.number, id), Waiting { id, octets: message.octets, total: place.total });
        self.senders.entry(set.sender.clone()).or_default().1 += message.octets;
        self.octets += message.octets;
        self.known.insert(id, (place.set, place.number));
    }

    fn remove(&mut self, set_id: SetId, number: u32, id: QueueId) {
        let Some(set) = self.sets.get_mut(&set_id) else { return };
        let Some(waiting) = set.parts.remove(&(number, id)) else { return };
        self.octets = self.octets.saturating_sub(waiting.octets);
        let is_empty = set.parts.is_empty();
        if let Some(sender) = self.senders.get_mut(&set.sender) {
            sender.1 = sender.1.saturating_sub(waiting.octets);
            sender.0 -= usize::from(is_empty).min(sender.0);
            if sender.0 == 0 {
                self.senders.remove(&set.sender);
            }
        }
        if is_empty {
            self.sets.remove(&set_id);
        }
    }

    /// The fragments of one message by their numbers; the newest where one came twice.
    pub fn of(&self, set: SetId) -> BTreeMap<u32, Waiting> {
        let parts = self.sets.get(&set).into_iter().flat_map(|set| &set.parts);
        parts.map(|((number, _), waiting)| (*number, *waiting)).collect()
    }

    /// How much waits, of all and of one sender.
    pub fn load(&self, sender: &str) -> Load {
        let (sender_sets, sender_octets) = self.senders.get(sender).copied().unwrap_or_default();
        Load { sets: self.sets.len(), octets: self.octets, sender_sets, sender_octets }
    }
}

/// The sender by which fragments are counted.
fn sender_of(message: &Message) -> String {
    message.mail_from.reverse_path.as_ref().map_or_else(String::new, |path| path.to_string().to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_place_is_written_and_read(set in any::<u128>(), number in any::<u32>(), total in any::<u32>(), channel in 0usize..8) {
            let named = Channel::Named("tcp_scanner".parse().unwrap());
            let channel = Channel::ALL.get(channel).copied().unwrap_or(named);
            let place = Place { set, number, total, channel };
            prop_assert_eq!(place.to_string().parse(), Ok(place));
        }

        #[test]
        fn any_text_may_stand_where_a_place_should(text in "\\PC{0,60}") {
            let _ = text.parse::<Place>();
        }
    }
}
