//! Ways out of the queue: those that every server has, and those that its operator named.

/// A way out of the queue, with its own agents, schedule and limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// The address must be looked up before it has a way: notices and expansions begin here.
    Process,
    /// Into our own mailboxes.
    Local,
    /// To other hosts.
    Smtp,
    /// Into another store.
    Lmtp,
    /// Nowhere until somebody releases it.
    Held,
    /// To be changed before it goes on: conversions and disclaimers.
    Conversion,
    /// Fragments that wait for the others of their message (RFC 2046 §5.2.2).
    Defragment,
    /// One that the operator named. Mail may wait in it that the settings do not know any more.
    Named(ChannelName),
}

/// In records, what stands before the name of a named channel.
pub(crate) const NAMED_OCTET: u8 = 7;

impl Channel {
    /// All that every server has.
    pub const ALL: [Channel; 7] = [
        Channel::Process,
        Channel::Local,
        Channel::Smtp,
        Channel::Lmtp,
        Channel::Held,
        Channel::Conversion,
        Channel::Defragment,
    ];

    /// Its name.
    pub fn as_str(&self) -> &str {
        match self {
            Channel::Process => "process",
            Channel::Local => "local",
            Channel::Smtp => "smtp",
            Channel::Lmtp => "lmtp",
            Channel::Held => "held",
            Channel::Conversion => "conversion",
            Channel::Defragment => "defragment",
            Channel::Named(name) => name.as_str(),
        }
    }

    /// Its name, if the operator gave it.
    pub fn named(self) -> Option<ChannelName> {
        if let Channel::Named(name) = self { Some(name) } else { None }
    }

    pub(crate) fn octet(self) -> u8 {
        match self {
            Channel::Process => 0,
            Channel::Local => 1,
            Channel::Smtp => 2,
            Channel::Lmtp => 3,
            Channel::Held => 4,
            Channel::Conversion => 5,
            Channel::Defragment => 6,
            Channel::Named(_) => NAMED_OCTET,
        }
    }

    pub(crate) fn from_octet(octet: u8) -> Option<Channel> {
        Channel::ALL.into_iter().find(|channel| channel.octet() == octet)
    }
}

impl std::fmt::Display for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text is no channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the channels are process, local, smtp, lmtp, held, conversion, defragment and those that the settings name: at most {max} \
     of the characters A-Z a-z 0-9 _ -",
    max = NAME_OCTETS_MAX
)]
pub struct NotAChannel;

impl std::str::FromStr for Channel {
    type Err = NotAChannel;

    /// Any name that a channel may have is one: whether the settings know it is another question.
    fn from_str(text: &str) -> Result<Channel, NotAChannel> {
        match Channel::ALL.into_iter().find(|channel| channel.as_str() == text) {
            Some(channel) => Ok(channel),
            None => text.parse().map(Channel::Named),
        }
    }
}

impl serde::Serialize for Channel {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for Channel {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Channel, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Octets of a name: it stands in every recipient's row and in every key of the index.
pub const NAME_OCTETS_MAX: usize = 32;

/// The name of a channel that the operator named: 1 to 32 letters, digits, `_` and `-`, in lower case, and no name of a channel
/// that every server has. It lies in place, so that channels are copied like numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelName {
    /// Unused ones are zero, so that names compare as their texts do.
    octets: [u8; NAME_OCTETS_MAX],
    length: u8,
}

impl ChannelName {
    /// Its text.
    pub fn as_str(&self) -> &str {
        let text = self.octets.get(..usize::from(self.length)).unwrap_or_default();
        std::str::from_utf8(text).unwrap_or_default()
    }
}

impl std::fmt::Display for ChannelName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::fmt::Debug for ChannelName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl std::str::FromStr for ChannelName {
    type Err = NotAChannel;

    /// Case does not matter in names of channels.
    fn from_str(text: &str) -> Result<ChannelName, NotAChannel> {
        let fits = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'_' || octet == b'-';
        if text.is_empty() || text.len() > NAME_OCTETS_MAX || !text.bytes().all(fits) {
            return Err(NotAChannel);
        }
        let lower = text.to_ascii_lowercase();
        if Channel::ALL.iter().any(|channel| channel.as_str() == lower) {
            return Err(NotAChannel);
        }
        let mut octets = [0; NAME_OCTETS_MAX];
        octets.iter_mut().zip(lower.bytes()).for_each(|(place, octet)| *place = octet);
        Ok(ChannelName { octets, length: u8::try_from(lower.len()).map_err(|_| NotAChannel)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_octets_of_channels_stay() {
        let octets: Vec<u8> = Channel::ALL.iter().map(|channel| channel.octet()).collect();
        assert_eq!(octets, [0, 1, 2, 3, 4, 5, 6]);
        let names: Vec<&str> = Channel::ALL.iter().map(Channel::as_str).collect();
        assert_eq!(names, ["process", "local", "smtp", "lmtp", "held", "conversion", "defragment"]);
        assert_eq!(Channel::Named("x".parse().unwrap()).octet(), 7);
    }

    #[test]
    fn names_are_short_words_and_no_others_names() {
        for name in ["tcp_scanner", "a", "X-1", &"n".repeat(32)] {
            let channel: Channel = name.parse().unwrap();
            assert_eq!(channel.to_string(), name.to_lowercase());
            assert_eq!(serde_json::from_value::<Channel>(serde_json::to_value(channel).unwrap()).unwrap(), channel);
        }
        for name in ["", "a b", "a/b", "ä", &"n".repeat(33), "a.b"] {
            assert_eq!(name.parse::<Channel>(), Err(NotAChannel), "{name}");
        }
        assert_eq!("smtp".parse::<Channel>(), Ok(Channel::Smtp));
        assert_eq!("SMTP".parse::<ChannelName>(), Err(NotAChannel), "not even in capitals");
    }

    proptest! {
        #[test]
        fn names_compare_as_their_texts(left in "[a-z0-9_-]{1,32}", right in "[a-z0-9_-]{1,32}") {
            if let (Ok(one), Ok(other)) = (left.parse::<ChannelName>(), right.parse::<ChannelName>()) {
                prop_assert_eq!(one.cmp(&other), left.cmp(&right));
                prop_assert_eq!(one.as_str(), left);
            }
        }
    }
}
