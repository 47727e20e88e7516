//! `[defragment]`: fragments of messages that wait for each other; `channels.NAME.defragment` says for which channels.

use std::collections::BTreeSet;
use std::time::Duration;

use mta::content::settings::DefragmentSettings;
use queue::entry::Channel;

use crate::settings::document::Values;
use crate::settings::key::{Effect, Key, Kind};

const MIB: u64 = 1024 * 1024;
const YEAR: Duration = Duration::from_secs(366 * 86_400);

/// The keys.
pub const KEYS: &[Key] = &[
    Key {
        path: "defragment.wait",
        kind: Kind::Time { min: Duration::from_secs(1), max: YEAR },
        default: "",
        doc: "How long a fragment waits for the others. Unset means half of the time to the first notice of the channel that the \
              message is for.",
        example: "\"36h\"",
        effect: Effect::Restart,
    },
    Key {
        path: "defragment.on_expiry",
        kind: Kind::Choice(&["release", "return"]),
        default: "\"release\"",
        doc: "What becomes of a fragment that waited in vain: it is delivered alone, or goes back to its sender.",
        example: "\"return\"",
        effect: Effect::Restart,
    },
    Key {
        path: "defragment.parts",
        kind: Kind::Number { min: 2, max: 100_000 },
        default: "1000",
        doc: "Fragments of one message; those of a message that has more are refused.",
        example: "100",
        effect: Effect::Restart,
    },
    Key {
        path: "defragment.message_size",
        kind: Kind::Size { min: 1024, max: 500 * MIB },
        default: "\"50 MiB\"",
        doc: "The largest message that is put together; the fragment that would make it larger is refused.",
        example: "\"20 MiB\"",
        effect: Effect::Restart,
    },
    Key {
        path: "defragment.waiting_size",
        kind: Kind::Size { min: 1024, max: 1024 * 1024 * MIB },
        default: "\"1 GiB\"",
        doc: "Octets of all fragments that wait; beyond that new ones are refused for a while.",
        example: "\"100 MiB\"",
        effect: Effect::Restart,
    },
    Key {
        path: "defragment.waiting_messages",
        kind: Kind::Number { min: 1, max: 1_000_000 },
        default: "10000",
        doc: "Messages of which fragments wait; beyond that fragments of others are refused for a while.",
        example: "1000",
        effect: Effect::Restart,
    },
    Key {
        path: "defragment.sender_size",
        kind: Kind::Size { min: 1024, max: 1024 * 1024 * MIB },
        default: "\"100 MiB\"",
        doc: "Octets of fragments of one sender that wait.",
        example: "\"20 MiB\"",
        effect: Effect::Restart,
    },
    Key {
        path: "defragment.sender_messages",
        kind: Kind::Number { min: 1, max: 1_000_000 },
        default: "100",
        doc: "Messages of one sender of which fragments wait.",
        example: "10",
        effect: Effect::Restart,
    },
];

/// Makes what the program runs on; also how long a fragment waits, if that is set.
pub fn make(values: &Values) -> (DefragmentSettings, Option<Duration>) {
    let marked = [Channel::Local, Channel::Smtp, Channel::Lmtp];
    let channels: BTreeSet<Channel> =
        marked.into_iter().filter(|channel| values.flag(&format!("channels.{channel}.defragment"))).collect();
    let settings = DefragmentSettings {
        channels,
        parts_max: values.count("defragment.parts"),
        message_octets_max: values.size("defragment.message_size"),
        octets_max: values.size("defragment.waiting_size"),
        messages_max: values.count("defragment.waiting_messages"),
        sender_octets_max: values.size("defragment.sender_size"),
        sender_messages_max: values.count("defragment.sender_messages"),
        release: values.text("defragment.on_expiry") == "release",
    };
    (settings, values.time_if_set("defragment.wait"))
}
