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
/// Messages that one transaction files at most.
pub const MESSAGES_A_TRANSACTION_MAX: usize = 50_000;
/// Messages that one transaction changes, copies or moves; more go in several, so that others need not wait long.
pub const MESSAGES_A_BATCH: usize = 2_000;
/// Octets of messages that are on their way to another partition at a time: they are held in memory.
pub const TRAVELLING_OCTETS_MAX: u64 = 64 * 1024 * 1024;
/// Octets of a summary that is stored; a longer one is made again from the message when it is asked for.
pub const SUMMARY_OCTETS_MAX: usize = 60 * 1024;
/// Ancestors of a message that are looked up for its thread.
/// The nearest ones and the first say enough.
pub const ANCESTORS_MAX: usize = 4;
/// Octets of one annotation.
pub const ANNOTATION_OCTETS_MAX: usize = 32 * 1024;
/// Annotations of one mailbox, or of one account.
pub const ANNOTATIONS_MAX: usize = 1_000;
/// Entries of one access control list.
pub const GRANTS_MAX: usize = 1_000;
/// Octets of the identifier of such an entry: it is part of a key.
pub const IDENTIFIER_OCTETS_MAX: usize = 320;
/// Octets of a mailbox's row when an entry is added: it is one value, and keywords that come later must fit, too.
pub const MAILBOX_ROW_OCTETS_MAX: usize = 48 * 1024;
/// Octets of the name of an annotation: it is part of a key.
pub const ENTRY_OCTETS_MAX: usize = 200;
/// Subscriptions of one account.
pub const SUBSCRIPTIONS_MAX: usize = 10_000;
/// Shared mailboxes that one listing shows.
pub const SHARED_MAX: usize = 10_000;
/// Changed UIDs that a mailbox remembers, for open mailboxes that catch up; of more than twice as many the older are
/// forgotten.
pub const CHANGES_KEPT: usize = 20_000;
/// UIDs of one change: a transaction does not touch as many.
pub const CHANGE_UIDS_MAX: u64 = 1 << 20;
/// Expunged UIDs that a mailbox remembers for clients that were away; of more than twice as many the older are forgotten.
pub const VANISHED_KEPT: usize = 10_000;
/// Days for which the names of deliveries are kept: longer than the queue tries.
pub const DELIVERY_NAME_DAYS: u64 = 30;
/// Characters of a script's name (RFC 5804 §1.6 wants as many).
pub const SCRIPT_NAME_CHARACTERS_MAX: usize = 128;
/// Octets of a script's name.
pub const SCRIPT_NAME_OCTETS_MAX: usize = 512;
/// Things that the scripts of one account remember.
pub const MEMORIES_MAX: i64 = 10_000;
/// Octets of each text in the note of a script's failure.
pub const TROUBLE_OCTETS_MAX: usize = 1_000;
/// What a check lists; the rest is counted.
pub const FINDINGS_MAX: usize = 1_000;
/// Messages whose open views are kept although no session uses them.
pub const IDLE_VIEW_MESSAGES_MAX: usize = 400_000;
