//! What the CONVERSIONS mapping table answers: a list with commas, as Sun's MTA reads it.

use crate::channels::limits::ANSWER_OCTETS_MAX;
use queue::channel::ChannelName;

/// The name of the table.
pub const TABLE: &str = "CONVERSIONS";

/// What becomes of mail between two channels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Whether it goes through the conversions: `Yes`, or not: `No`.
    pub converts: bool,
    /// What entries of the `conversions` file can ask for: `Tag=x`; empty for nothing.
    pub tag: String,
    /// By which channel it goes instead: `Channel=name`.
    pub channel: Option<Way>,
    /// Words that mean nothing.
    pub strange: Vec<String>,
}

/// What `Channel=` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// A channel, if the settings have one of this name.
    Channel(ChannelName),
    /// What no channel can be called.
    NoName(String),
}

/// What the table is asked.
pub fn probe(source: &str, out: &str) -> String {
    format!("IN-CHAN={source};OUT-CHAN={out};CONVERT")
}

/// Reads an answer. Case does not matter; of several words for one thing the last counts.
pub fn read(text: &str) -> Answer {
    let mut answer = Answer::default();
    let end = (0..=text.len().min(ANSWER_OCTETS_MAX)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    for word in text.get(..end).unwrap_or_default().split(',').map(str::trim).filter(|word| !word.is_empty()) {
        let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value.trim())));
        match (name.to_ascii_lowercase().as_str(), value) {
            ("yes", None) => answer.converts = true,
            ("no", None) => answer.converts = false,
            ("tag", Some(tag)) if is_tag(tag) => tag.clone_into(&mut answer.tag),
            // The channel that converts anyway.
            ("channel", Some(value)) if value.eq_ignore_ascii_case("conversion") => answer.converts = true,
            ("channel", Some(value)) => {
                let way = value.parse().map_or_else(|_| Way::NoName(value.to_owned()), Way::Channel);
                answer.channel = Some(way);
            }
            _ => answer.strange.push(word.to_owned()),
        }
    }
    answer
}

/// A tag stands in a route of the queue, between other words.
fn is_tag(text: &str) -> bool {
    text.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-_.".contains(&octet))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn answers_are_lists() {
        assert_eq!(probe("tcp_local", "ims-ms"), "IN-CHAN=tcp_local;OUT-CHAN=ims-ms;CONVERT");
        assert_eq!(read("Yes"), Answer { converts: true, ..Answer::default() });
        assert_eq!(read("No"), Answer::default());
        let tagged = Answer { converts: true, tag: "legal".to_owned(), ..Answer::default() };
        assert_eq!(read("yes,TAG=legal"), tagged);
        assert_eq!(read("Channel=conversion,Tag=legal"), tagged);
        let channel = Some(Way::Channel("tcp_scanner".parse().unwrap()));
        assert_eq!(read("Channel=TCP_Scanner"), Answer { channel, ..Answer::default() });
        let channel = Some(Way::NoName("a b".to_owned()));
        assert_eq!(read("Channel=a b"), Answer { channel, ..Answer::default() });
        assert_eq!(read("perhaps,Tag=a>b").strange, ["perhaps", "Tag=a>b"]);
    }

    proptest! {
        #[test]
        fn any_text_is_an_answer(text in "\\PC{0,2000}") {
            let answer = read(&text);
            prop_assert!(answer.tag.len() <= ANSWER_OCTETS_MAX && is_tag(&answer.tag));
        }
    }
}
