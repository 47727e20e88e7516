//! How mail came, as routes in the queue write it down: `KIND/CHANNEL/PASSED,PASSED`, of which all but the first may be missing.
//! `!` behind the kind says that conversions and disclaimers are done.

use crate::channels::limits::PASSED_MAX;
use queue::channel::ChannelName;
use smtp::server::Kind;
use std::fmt;

/// How a message came to us.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Brought {
    /// `smtp`, `submission` or `lmtp`, as settings name it; empty for mail of our own.
    pub kind: String,
    /// Whether what is done to its content is done.
    pub is_treated: bool,
    /// The channel of the session, as tables and rules name it; empty where nobody knows.
    pub channel: String,
    /// The channels by which it has made a detour already.
    pub passed: Vec<ChannelName>,
}

impl Brought {
    /// The kind of those who have logged in.
    pub const SUBMISSION: &str = "submission";

    /// By a kind of session.
    pub fn by(kind: &str) -> Brought {
        Brought { kind: kind.to_owned(), ..Brought::default() }
    }

    /// By a session of this kind, whose channel is called so.
    pub fn of_session(kind: Kind, is_logged_in: bool, channel: &str) -> Brought {
        let kind = match kind {
            Kind::Lmtp => "lmtp",
            Kind::Submission => Brought::SUBMISSION,
            Kind::Smtp if is_logged_in => Brought::SUBMISSION,
            Kind::Smtp => "smtp",
        };
        Brought { channel: channel.to_owned(), ..Brought::by(kind) }
    }

    /// Reads what a route says; anything is taken for something.
    pub fn read(text: &str) -> Brought {
        let mut parts = text.splitn(3, '/');
        let kind = parts.next().unwrap_or_default();
        let channel = parts.next().map(unescaped).unwrap_or_default();
        let passed = parts.next().unwrap_or_default().split(',').filter_map(|name| name.parse().ok());
        Brought {
            kind: kind.trim_end_matches('!').to_owned(),
            is_treated: kind.ends_with('!'),
            channel,
            passed: passed.take(PASSED_MAX).collect(),
        }
    }

    /// The channel as the CONVERSIONS table is asked about it.
    pub fn source(&self) -> &str {
        if self.channel.is_empty() { &self.kind } else { &self.channel }
    }

    /// Whether it is mail of our own, such as notices and what scripts send.
    pub fn is_own(&self) -> bool {
        self.kind.is_empty()
    }

    /// The same when what is done to its content is done.
    #[must_use]
    pub fn treated(&self) -> Brought {
        Brought { is_treated: !self.is_own(), ..self.clone() }
    }

    /// The same on its way through a channel; `None` when it has passed there, or through too many.
    pub fn through(&self, channel: ChannelName) -> Option<Brought> {
        if self.passed.contains(&channel) || self.passed.len() >= PASSED_MAX {
            return None;
        }
        let passed = self.passed.iter().copied().chain([channel]).collect();
        Some(Brought { passed, ..self.clone() })
    }
}

impl fmt::Display for Brought {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        if self.is_treated {
            f.write_str("!")?;
        }
        if self.channel.is_empty() && self.passed.is_empty() {
            return Ok(());
        }
        write!(f, "/{}", escaped(&self.channel))?;
        if self.passed.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = self.passed.iter().map(ChannelName::as_str).collect();
        write!(f, "/{}", names.join(","))
    }
}

/// Everything but letters, digits and `_.-` as `%XX`: operators give sessions any name.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for octet in text.bytes() {
        if octet.is_ascii_alphanumeric() || b"_.-".contains(&octet) {
            out.push(char::from(octet));
        } else {
            out.push_str(&format!("%{octet:02x}"));
        }
    }
    out
}

fn unescaped(text: &str) -> String {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let hex = behind.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(octet) => {
                octets.push(octet);
                rest = behind.get(2..).unwrap_or_default();
            }
            None => {
                octets.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&octets).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_older_rows_say_is_understood() {
        assert_eq!(Brought::read("submission"), Brought::by("submission"));
        assert!(Brought::read("").is_own());
        assert_eq!(Brought::by("smtp").to_string(), "smtp");
    }

    #[test]
    fn nothing_passes_twice() {
        let (one, other) = ("tcp_a".parse().unwrap(), "tcp_b".parse().unwrap());
        let brought = Brought::by("smtp").through(one).unwrap().through(other).unwrap();
        assert_eq!(brought.to_string(), "smtp//tcp_a,tcp_b");
        assert!(brought.through(one).is_none() && brought.through(other).is_none());
        let mut long = Brought::by("smtp");
        for number in 0..PASSED_MAX {
            long = long.through(format!("c{number}").parse().unwrap()).unwrap();
        }
        assert!(long.through(one).is_none());
    }

    proptest! {
        #[test]
        fn it_is_written_and_read(
            kind in "smtp|submission|lmtp", is_treated: bool, channel in "\\PC{0,20}",
            passed in prop::collection::btree_set("[a-z0-9_-]{8,32}", 0..5),
        ) {
            let passed = passed.iter().filter_map(|name| name.parse().ok()).collect();
            let brought = Brought { kind, is_treated, channel, passed };
            prop_assert_eq!(Brought::read(&brought.to_string()), brought.clone());
            prop_assert!(!brought.to_string().contains([' ', '>', '#', '+']));
        }

        #[test]
        fn any_text_says_something(text in "\\PC{0,80}") {
            let _ = Brought::read(&text);
        }
    }
}
