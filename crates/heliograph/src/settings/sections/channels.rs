//! `[channels.NAME]`: what one channel of the queue does otherwise than `[queue]` says.

use std::collections::BTreeMap;
use std::time::Duration;

use events::retry::Schedule;
use queue::entry::Channel;
use queue::settings::ChannelSettings;

use crate::settings::document::Values;
use crate::settings::key::{Effect, Key, Kind};
use crate::settings::problem::Problem;
use crate::settings::value::Value;

/// How one channel works.
#[derive(Clone, Debug)]
pub struct ChannelChoice {
    /// When it tries again and when senders are told.
    pub schedule: ChannelSettings,
    /// Messages under way at a time.
    pub agents: usize,
    /// Octets of the largest message that it takes.
    pub message_octets_max: u64,
}

const YEAR: Duration = Duration::from_secs(366 * 86_400);
const MIB: u64 = 1024 * 1024;

macro_rules! keys_of {
    ($name:literal, $agents:literal, $what:literal) => {
        [
            Key {
                path: concat!("channels.", $name, ".retry"),
                kind: Kind::List(&Kind::Time { min: Duration::from_secs(1), max: YEAR }),
                default: "",
                doc: concat!(
                    "How long to wait after each attempt that failed for now, ",
                    $what,
                    "; the last one is used again and again. Unset means what `queue.retry` says."
                ),
                example: "[\"5m\", \"15m\", \"1h\"]",
                effect: Effect::Restart,
            },
            Key {
                path: concat!("channels.", $name, ".notices"),
                kind: Kind::List(&Kind::Time { min: Duration::from_secs(60), max: YEAR }),
                default: "",
                doc: concat!(
                    "Ages at which the sender is told that a message still waits, ",
                    $what,
                    "; at the last one it is returned. Unset means what `queue.notices` says."
                ),
                example: "[\"4h\", \"2d\"]",
                effect: Effect::Restart,
            },
            Key {
                path: concat!("channels.", $name, ".agents"),
                kind: Kind::Number { min: 1, max: 10_000 },
                default: $agents,
                doc: concat!("Messages under way at a time, ", $what, "."),
                example: "32",
                effect: Effect::Restart,
            },
            Key {
                path: concat!("channels.", $name, ".message_size"),
                kind: Kind::Size { min: 64 * 1024, max: 500 * MIB },
                default: "\"500 MiB\"",
                doc: concat!(
                    "The largest message that is taken, ",
                    $what,
                    "; larger ones are returned to their senders."
                ),
                example: "\"20 MiB\"",
                effect: Effect::Restart,
            },
        ]
    };
}

const PROCESS: [Key; 4] = keys_of!("process", "16", "while an address is looked up");
const LOCAL: [Key; 4] = keys_of!("local", "16", "into our own mailboxes");
const SMTP: [Key; 4] = keys_of!("smtp", "64", "to other hosts");
const LMTP: [Key; 4] = keys_of!("lmtp", "16", "into another store");
const CONVERSION: [Key; 4] = keys_of!("conversion", "4", "while parts are converted and disclaimers added");

const fn defragment(path: &'static str) -> Key {
    Key {
        path,
        kind: Kind::Flag,
        default: "false",
        doc: "Whether fragments of messages (message/partial) are put together before they go by this channel. A message is put \
              together for all of its recipients when it is for one of them.",
        example: "true",
        effect: Effect::Restart,
    }
}

const fn fragment_size(path: &'static str) -> Key {
    Key {
        path,
        kind: Kind::Size { min: 2048, max: 500 * MIB },
        default: "",
        doc: "Messages larger than this go by this channel as fragments (message/partial) of at most this size. Unset means that \
              all go whole.",
        example: "\"1 MiB\"",
        effect: Effect::Restart,
    }
}

/// The keys.
pub const KEYS: &[Key] = &joined(
    [PROCESS, LOCAL, SMTP, LMTP, CONVERSION],
    [
        defragment("channels.local.defragment"),
        defragment("channels.smtp.defragment"),
        fragment_size("channels.smtp.fragment_size"),
        defragment("channels.lmtp.defragment"),
        fragment_size("channels.lmtp.fragment_size"),
    ],
);

const fn joined(lists: [[Key; 4]; 5], more: [Key; 5]) -> [Key; 25] {
    let [[a, b, c, d], [e, f, g, h], [i, j, k, l], [m, n, o, p], [q, r, s, t]] = lists;
    let [u, v, w, x, y] = more;
    [a, b, c, d, e, f, g, h, u, i, j, k, l, v, w, m, n, o, p, x, y, q, r, s, t]
}

/// Octets above which channels send fragments.
pub fn fragment_octets(values: &Values) -> BTreeMap<Channel, u64> {
    let size = |channel: Channel| values.size_if_set(&format!("channels.{channel}.fragment_size"));
    [Channel::Smtp, Channel::Lmtp].into_iter().filter_map(|channel| Some((channel, size(channel)?))).collect()
}

/// Makes what the program runs on; `usual` is what `[queue]` says.
pub fn make(values: &Values, usual: &ChannelSettings, problems: &mut Vec<Problem>) -> BTreeMap<Channel, ChannelChoice> {
    let channels = [Channel::Process, Channel::Local, Channel::Smtp, Channel::Lmtp, Channel::Conversion];
    channels.into_iter().map(|channel| (channel, make_one(values, channel, usual, problems))).collect()
}

fn make_one(values: &Values, channel: Channel, usual: &ChannelSettings, problems: &mut Vec<Problem>) -> ChannelChoice {
    make_at(values, &format!("channels.{channel}"), usual, problems)
}

/// What the section at a path says of one channel.
pub fn make_at(values: &Values, at: &str, usual: &ChannelSettings, problems: &mut Vec<Problem>) -> ChannelChoice {
    let path = |name: &str| format!("{at}.{name}");
    let mut schedule = usual.clone();
    if let Some(retry) = growing(values, &path("retry"), problems) {
        schedule.retry = Schedule::steps(retry).with_jitter(0.1);
    }
    if let Some(notices) = growing(values, &path("notices"), problems) {
        schedule.notices = notices;
    }
    ChannelChoice {
        schedule,
        agents: values.count(&path("agents")),
        message_octets_max: values.size(&path("message_size")),
    }
}

/// A list of times that grow, if it is set.
pub fn growing(values: &Values, path: &str, problems: &mut Vec<Problem>) -> Option<Vec<Duration>> {
    let written = values.list_if_set(path)?;
    let times: Vec<Duration> =
        written.into_iter().filter_map(|value| if let Value::Time(time) = value { Some(time) } else { None }).collect();
    if times.is_empty() || !times.is_sorted() {
        let why = "must be times that grow, at least one";
        problems.push(Problem::with_value(values.position(path), path, why));
        return None;
    }
    Some(times)
}
