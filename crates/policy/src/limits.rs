//! Every bound of the judge. The old products' own bounds of the mapping language only warn; these end what would not.

use std::time::Duration;

/// Characters of a pattern above which `mapping check` warns: some old products cut there, this one does not.
pub const PATTERN_USUAL: usize = 256;
/// Characters of a template above which `mapping check` warns.
pub const TEMPLATE_USUAL: usize = 1_024;
/// Characters of a physical line above which `mapping check` warns.
pub const LINE_USUAL: usize = 4_096;
/// Octets of all mapping files together.
pub const FILE_OCTETS_MAX: usize = 32 << 20;
/// Files that include each other, in depth.
pub const INCLUDE_DEPTH_MAX: usize = 10;
/// Entries of all tables together.
pub const ENTRIES_MAX: usize = 500_000;
/// Octets of a string on its way through a table.
pub const STRING_OCTETS_MAX: usize = 64 << 10;
/// Tables that ask each other, in depth.
pub const TABLE_DEPTH_MAX: usize = 16;
/// Passes through one table whose string does not become shorter.
pub const PASSES_MAX: u32 = 25;
/// Entries tried for one probe, in all tables and passes.
pub const TRIED_MAX: u64 = 5_000_000;
/// Steps back within one pattern before it counts as not matching.
pub const BACKTRACK_MAX: u32 = 200_000;
/// Bits of memory that one match may keep of the ways that led nowhere.
pub const REMEMBERED_BITS_MAX: usize = 1 << 22;
/// Look-ups of one probe.
pub const LOOKUPS_MAX: u32 = 100;
/// Octets of one answer from outside.
pub const ANSWER_OCTETS_MAX: usize = 16 << 10;
/// Wildcards that are kept: `$0` to `$9`.
pub const SAVED_MAX: u8 = 10;
/// Tags, fields and reasons that a transaction carries along, of each. Judged for each of a thousand recipients, a rule may
/// say as many different ones; a message needs few.
pub const CARRIED_MAX: usize = 256;
/// How long the look-ups of one command may take together, however many addresses are behind it: clients wait five minutes
/// for the reply to a command (RFC 5321 §4.5.3.2), of which delays may take one.
pub const COMMAND_LOOKUPS_MAX: Duration = Duration::from_secs(60);
