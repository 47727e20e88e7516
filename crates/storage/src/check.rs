//! Verifying a live store.

/// How far a long operation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckProgress {
    /// What is being done now.
    pub stage: &'static str,
    /// Steps done in this stage: octets of log, or rows.
    pub done: u64,
    /// Steps of this stage in all; 0 if unknown.
    pub total: u64,
}

/// One thing that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong, in one line for a person.
    pub text: String,
    /// Whether something that was acknowledged cannot be read any more.
    pub lost: bool,
}

/// What a check saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Segments read.
    pub segments: u64,
    /// Octets of log read.
    pub octets: u64,
    /// Records whose checksum was verified.
    pub records: u64,
    /// Blobs whose record, hash and count were verified.
    pub blobs: u64,
    /// Rows of the index, ours included.
    pub rows: u64,
    /// What is wrong; at most `limits::FINDINGS_MAX`.
    pub findings: Vec<Finding>,
    /// Findings beyond that.
    pub more_findings: u64,
}

impl CheckReport {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}

/// What a repair did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepairReport {
    /// What the index was made from, in words.
    pub source: String,
    /// Groups of the log that were applied.
    pub groups: u64,
    /// Rows in the index afterwards.
    pub rows: u64,
    /// What could not be saved, one by one; at most `limits::FINDINGS_MAX`.
    pub findings: Vec<Finding>,
    /// Findings beyond that.
    pub more_findings: u64,
}

/// What rewriting did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompactReport {
    /// Segments that were removed.
    pub segments: u64,
    /// Octets of live blobs that were copied.
    pub octets_moved: u64,
    /// Octets that the disk got back.
    pub octets_freed: u64,
}
