//! `[storage]`: the partitions on the disk.

use crate::settings::document::Values;
use crate::settings::key::{Effect, Key, Kind};
use crate::settings::problem::Problem;

/// How partitions are kept.
#[derive(Clone, Debug)]
pub struct Storage {
    /// Where new accounts go.
    pub default_partition: String,
    /// Length of a log segment, in octets.
    pub segment_octets: u64,
    /// Memory for the index of one partition, in octets.
    pub index_cache_octets: u64,
}

const MIB: u64 = 1024 * 1024;

/// The keys.
pub const KEYS: &[Key] = &[
    Key {
        path: "storage.default_partition",
        kind: Kind::Text,
        default: "\"primary\"",
        doc: "The partition of new accounts: a folder in DATA/partitions, made when it is not there.",
        example: "\"fast\"",
        effect: Effect::Restart,
    },
    Key {
        path: "storage.segment_size",
        kind: Kind::Size { min: MIB, max: 4096 * MIB },
        default: "\"64 MiB\"",
        doc: "A segment of the log takes no more once it is this long. Segments are what a backup copies.",
        example: "\"256 MiB\"",
        effect: Effect::Restart,
    },
    Key {
        path: "storage.index_cache",
        kind: Kind::Size { min: MIB, max: 65_536 * MIB },
        default: "\"16 MiB\"",
        doc: "Memory that the index of each partition may use for what it read lately.",
        example: "\"256 MiB\"",
        effect: Effect::Restart,
    },
];

/// Makes what the program runs on.
pub fn make(values: &Values, problems: &mut Vec<Problem>) -> Storage {
    let path = "storage.default_partition";
    let default_partition = values.text(path);
    if !storage::is_nickname(&default_partition) {
        let why = "must be 1 to 64 of the characters a-z, 0-9, - and _, and begin with a letter or digit";
        problems.push(Problem::with_value(values.position(path), path, why));
    }
    Storage {
        default_partition,
        segment_octets: values.size("storage.segment_size"),
        index_cache_octets: values.size("storage.index_cache"),
    }
}
