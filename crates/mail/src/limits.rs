//! Every bound, its unit, and its reason.

/// Mailboxes of one account: a listing is held in memory.
pub const MAILBOXES_MAX: usize = 10_000;
/// Octets of a mailbox's name: it is part of a key.
pub const NAME_OCTETS_MAX: usize = 200;
/// Levels of a mailbox's name.
pub const NAME_LEVELS_MAX: usize = 32;
/// Keywords of one mailbox: they are bits of a number.
pub const KEYWORDS_MAX: usize = 128;
/// Octets of a keyword.
pub const KEYWORD_OCTETS_MAX: usize = 64;
/// Messages that one transaction files, changes or moves at most; more go in several.
pub const MESSAGES_A_TRANSACTION_MAX: usize = 50_000;
/// Octets of a summary that is stored; a longer one is made again from the message when it is asked for.
pub const SUMMARY_OCTETS_MAX: usize = 60 * 1024;
/// Ancestors of a message that are looked up for its thread.
pub const ANCESTORS_MAX: usize = 16;
/// Octets of one annotation.
pub const ANNOTATION_OCTETS_MAX: usize = 32 * 1024;
/// Annotations of one mailbox, or of one account.
pub const ANNOTATIONS_MAX: usize = 1_000;
/// Entries of one access control list.
pub const GRANTS_MAX: usize = 1_000;
/// Messages whose open views are kept although no session uses them.
pub const IDLE_VIEW_MESSAGES_MAX: usize = 400_000;
