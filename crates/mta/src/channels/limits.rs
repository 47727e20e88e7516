//! Every bound of named channels and detours.

/// Octets of the value of a detour field, folded or not: what common scanners take as one field of a header.
pub const FIELD_OCTETS_MAX: usize = 64 * 1024;
/// Octets of what a detour field says, before it is written in base64 with its signature: 3 of 4 of the field, less the
/// signature and the line ends.
pub const PASSAGE_OCTETS_MAX: usize = 46 * 1024;
/// Recipients of one transaction with a scanner: all stand in one field.
pub const DETOUR_RECIPIENTS_MAX: usize = 50;
/// Channels through which one message may make a detour.
pub const PASSED_MAX: usize = 8;
/// Octets of an answer of the CONVERSIONS table that are looked at.
pub const ANSWER_OCTETS_MAX: usize = 1024;
