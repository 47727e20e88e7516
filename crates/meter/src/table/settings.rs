//! What an operator says about a table.

use std::time::Duration;

use crate::table::key::DataType;

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSettings {
    /// What its keys are.
    pub data_type: DataType,
    /// How many keys it keeps; the least used are dropped.
    pub entries_max: usize,
    /// What it keeps for a key.
    pub kind: Kind,
}

impl TableSettings {
    /// A throttle of texts with an averaged rate.
    pub fn throttle(quota: u64, quota_time: Duration) -> TableSettings {
        TableSettings {
            data_type: DataType::Text { fold_case: false },
            entries_max: ENTRIES_USUAL,
            kind: Kind::Throttle { quota, quota_time, average: Average::Leaky, penalise: false },
        }
    }

    /// The same for keys of another type.
    #[must_use]
    pub fn of(self, data_type: DataType) -> TableSettings {
        TableSettings { data_type, ..self }
    }

    /// The same with room for so many keys.
    #[must_use]
    pub fn entries(self, entries_max: usize) -> TableSettings {
        TableSettings { entries_max, ..self }
    }
}

/// Keys that a table keeps unless told otherwise.
pub const ENTRIES_USUAL: usize = 1000;

/// What a table keeps for a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// How often something happened.
    Throttle {
        /// So many are admitted.
        quota: u64,
        /// In this time.
        quota_time: Duration,
        /// How time gives back what was used.
        average: Average,
        /// Whether attempts beyond the quota count, too.
        penalise: bool,
    },
    /// Whether it has come back after it was asked to.
    Greylisting {
        /// So long it is refused.
        block: Duration,
        /// Until then it must have come back.
        resubmit: Duration,
        /// So long it is known without coming again.
        inactivity: Duration,
    },
    /// A number.
    Number,
    /// A text.
    Text,
}

impl Kind {
    /// Its name, as settings and messages have it.
    pub fn name(&self) -> &'static str {
        match self {
            Kind::Throttle { .. } => "throttle",
            Kind::Greylisting { .. } => "greylisting",
            Kind::Number => "simple (numbers)",
            Kind::Text => "simple (texts)",
        }
    }
}

/// How time gives back what was used of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Average {
    /// Evenly: half of it after half of the quota time.
    Leaky,
    /// Each event by itself, when it is older than the quota time.
    Sliding,
    /// Evenly, up to a burst that differs from the quota.
    TokenBucket {
        /// So many may be used at once.
        burst: u64,
    },
}
