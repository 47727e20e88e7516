//! Every bound of the engine, its unit, and its reason.

/// Octets of a command without its literals. Long sets of UIDs are the longest thing that real clients send.
pub const LINE_OCTETS_MAX: usize = 64 * 1024;
/// Octets of a literal that is no message: names, search strings, annotations.
pub const LITERAL_OCTETS_MAX: usize = 64 * 1024;
/// Octets of all literals of a command that puts no message in: what a client may hold before it has said who it is.
pub const LITERALS_OCTETS_MAX: usize = 1024 * 1024;
/// Literals of one command.
pub const LITERALS_MAX: usize = 1_000;
/// Octets of a tag.
pub const TAG_OCTETS_MAX: usize = 64;
/// Search keys inside each other.
pub const SEARCH_DEPTH_MAX: usize = 32;
/// Search keys, fetch items, flags of one command.
pub const ITEMS_MAX: usize = 2_000;
/// Ranges of one set of numbers.
pub const RANGES_MAX: usize = 20_000;
