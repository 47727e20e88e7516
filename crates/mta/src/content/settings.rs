//! What the operator chooses for the content of mail.

use crate::content::conversion::file::Conversions;
use message::addition::Addition;
use queue::entry::Channel;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

/// Everything that is done to content.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// In the order in which they are looked at.
    pub disclaimers: Vec<Disclaimer>,
    /// How parts are converted.
    pub conversion: ConversionSettings,
    /// How fragments are put together.
    pub defragment: DefragmentSettings,
    /// Octets above which a channel sends a message as fragments.
    pub fragment_octets: BTreeMap<Channel, u64>,
}

/// A text for mail that leaves by some channels.
#[derive(Clone, Debug)]
pub struct Disclaimer {
    /// Its name in logs and traces.
    pub name: String,
    /// Channels that bring mail, as patterns.
    pub sources: Vec<String>,
    /// Channels that mail leaves by, as patterns.
    pub outs: Vec<String>,
    /// Senders, as patterns of addresses or domains.
    pub from: Vec<String>,
    /// Recipients, as patterns of addresses or domains.
    pub to: Vec<String>,
    /// The texts, and where they stand.
    pub addition: Addition,
}

/// Mail between which channels is converted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Channels that bring mail, as a pattern.
    pub source: String,
    /// Channels that mail leaves by, as a pattern.
    pub out: String,
    /// A tag for the `conversions` file; empty for none.
    pub tag: String,
}

/// What happens to a message when a command fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// It is tried again by the conversion channel's times, and returned to its sender at the last notice.
    #[default]
    Defer,
    /// The part stays as it is.
    Pass,
    /// It is held until an operator releases it.
    Hold,
}

/// How parts are converted.
#[derive(Clone, Debug)]
pub struct ConversionSettings {
    /// Between which channels; the first pair that fits holds.
    pub pairs: Vec<Pair>,
    /// What the `conversions` file says.
    pub conversions: Conversions,
    /// What happens when a command fails.
    pub on_failure: OnFailure,
    /// How long a command may run.
    pub timeout: Duration,
    /// Octets of memory that a command may have.
    pub memory_octets: u64,
    /// Octets of any file that a command may write.
    pub output_octets: u64,
    /// Commands that run for one message.
    pub commands_max: usize,
    /// A folder for private folders of commands, emptied at the start.
    pub scratch: PathBuf,
}

impl Default for ConversionSettings {
    fn default() -> ConversionSettings {
        ConversionSettings {
            pairs: Vec::new(),
            conversions: Conversions::default(),
            on_failure: OnFailure::default(),
            timeout: Duration::from_secs(60),
            memory_octets: 1 << 30,
            output_octets: 100 << 20,
            commands_max: 50,
            scratch: PathBuf::from("conversion"),
        }
    }
}

/// How fragments are put together.
#[derive(Clone, Debug)]
pub struct DefragmentSettings {
    /// For which channels; [`Channel::Local`] stands for our own mailboxes.
    pub channels: BTreeSet<Channel>,
    /// Fragments of one message.
    pub parts_max: u32,
    /// Octets of a message that is put together.
    pub message_octets_max: u64,
    /// Octets of all fragments that wait.
    pub octets_max: u64,
    /// Messages of which fragments wait.
    pub messages_max: usize,
    /// Octets of fragments of one sender that wait.
    pub sender_octets_max: u64,
    /// Messages of one sender of which fragments wait.
    pub sender_messages_max: usize,
    /// Whether fragments whose time is over go on as they are, or back to their sender.
    pub release: bool,
}

impl Default for DefragmentSettings {
    fn default() -> DefragmentSettings {
        DefragmentSettings {
            channels: BTreeSet::new(),
            parts_max: 1000,
            message_octets_max: 50 << 20,
            octets_max: 1 << 30,
            messages_max: 10_000,
            sender_octets_max: 100 << 20,
            sender_messages_max: 100,
            release: true,
        }
    }
}
