//! Every bound of this crate.

/// A script's size in octets. The owner of the script may be held to less by whoever stores it.
pub const SCRIPT_OCTETS_MAX: usize = 1 << 20;

/// How deep blocks and tests may be nested.
pub const NESTING_MAX: usize = 32;

/// Strings in one list.
pub const LIST_STRINGS_MAX: usize = 4096;

/// Operations of one compiled script.
pub const OPERATIONS_MAX: usize = 65_536;

/// Operations that one run may take, included scripts and loops counted.
pub const STEPS_MAX: u32 = 200_000;

/// Octets that one run may compare, decode and copy, all keys of a test counted, and each state of a regular expression
/// four times. A message of 50 MiB can be searched ten
/// times; a second or so of a core goes by until it is used up.
pub const WORK_OCTETS_MAX: u64 = 512 << 20;

/// Variables that one script in a run may set (RFC 5229 §6: at least 128).
pub const VARIABLES_MAX: usize = 512;

/// Octets of a variable; what is longer is cut (RFC 5229 §6: at least 4000 characters).
pub const VARIABLE_OCTETS_MAX: usize = 64 * 1024;

/// Octets of all variables of one script in a run, and of all that its scripts share.
pub const VARIABLES_OCTETS_MAX: usize = 4 << 20;

/// Match variables: `${0}` to `${31}` (RFC 5229 §6: at least up to 9).
pub const CAPTURES_MAX: usize = 32;

/// Actions that one run may take.
pub const ACTIONS_MAX: usize = 128;

/// How deep scripts may include each other (RFC 6609 §3.1: at least 3).
pub const INCLUDE_DEPTH_MAX: usize = 10;

/// Scripts that one run may include.
pub const INCLUDES_MAX: usize = 64;

/// Questions that one run may ask.
pub const QUESTIONS_MAX: usize = 1024;

/// Changes that one run may make to the header (RFC 5293 §7 wants some bound).
pub const HEADER_EDITS_MAX: usize = 256;

/// Octets that one run may add to the message.
pub const ADDED_OCTETS_MAX: usize = 4 << 20;

/// Loops over parts within each other (RFC 5703 §3).
pub const LOOPS_MAX: usize = 8;

/// Steps of a trace that are kept.
pub const TRACE_STEPS_MAX: usize = 2_000;

/// Octets that the variables in the strings of one command or test may come to.
pub const EXPANSION_OCTETS_MAX: usize = 1 << 20;

/// Octets of strings that a run may hand out: reasons, notices, questions.
pub const SAID_OCTETS_MAX: u64 = 16 << 20;

/// Octets of a value that may be in an external list; a longer one is in none, as no entry is so long (an address has
/// at most 320).
pub const LISTED_OCTETS_MAX: usize = 4096;

/// Octets of the message that a run may copy by changing it, all copies together.
pub const COPIED_OCTETS_MAX: usize = 256 << 20;

/// Octets of decoded text that a run keeps so as not to decode it again.
pub const CACHED_OCTETS_MAX: usize = 4 << 20;

/// Flags in one list; what is beyond is ignored, as flags are that cannot be stored (RFC 5232 §5).
pub const FLAGS_MAX: usize = 128;

/// Octets of one flag; a longer one is ignored.
pub const FLAG_OCTETS_MAX: usize = 255;

/// Characters of the name of a script that is included (RFC 5804 §1.6: at least 128).
pub const SCRIPT_NAME_CHARS_MAX: usize = 128;

/// Characters of a string that a trace shows.
pub const TRACE_CHARS_MAX: usize = 120;

/// Size of a compiled regular expression in octets, and of what it keeps while it is used.
pub const REGEX_OCTETS_MAX: usize = 256 * 1024;

/// Octets of a regular expression as it is written. Each may name a class of a thousand ranges, so that reading an
/// expression of this size takes up to 60 ms.
pub const REGEX_PATTERN_OCTETS_MAX: usize = 4096;

/// Groups of one regular expression whose text can be asked for; each makes every state of a search larger.
pub const REGEX_GROUPS_MAX: u64 = 64;

/// Characters in the ranges of one regular expression. It takes 8 ns to look up the cases of each, and four times all
/// characters are enough for `[\s\S]` three times.
pub const REGEX_CLASS_CHARACTERS_MAX: u64 = 4 * 0x12_0000;

/// Regular expressions in one script.
pub const REGEXES_MAX: usize = 64;

/// Regular expressions that one run may put together from variables.
pub const REGEXES_MADE_MAX: u32 = 256;

/// The longest `:seconds` of `duplicate`; what is longer is cut (RFC 7352 §3.3).
pub const DUPLICATE_SECONDS_MAX: u64 = 90 * 86_400;

/// The longest `:seconds` or `:days` of `vacation`, in seconds; what is longer is cut (RFC 5230 §4.1).
pub const VACATION_SECONDS_MAX: u64 = 365 * 86_400;

/// Recipients of one notification.
pub const NOTIFY_RECIPIENTS_MAX: usize = 16;
