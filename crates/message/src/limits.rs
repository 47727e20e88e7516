//! Every bound of this crate, with its unit and its reason. What lies beyond a bound is still part of the message and
//! is handed out octet by octet; it is only not taken apart any further.

/// How deep parts may be nested. Real mail stays below ten; the bound keeps recursion off the end of the stack.
pub const DEPTH_MAX: usize = 50;

/// How many parts are told apart in one message; the last one takes the rest.
pub const PARTS_MAX: usize = 2_000;

/// How many fields of one header are looked at.
pub const FIELDS_MAX: usize = 5_000;

/// How many octets of one field's value are looked at.
pub const FIELD_OCTETS_MAX: usize = 256 * 1024;

/// How many parameters one field may have.
pub const PARAMETERS_MAX: usize = 64;

/// How many octets of a decoded parameter value are kept.
pub const PARAMETER_OCTETS_MAX: usize = 4 * 1024;

/// How many octets of a description, id, location or other single text of a part are kept.
pub const PART_TEXT_OCTETS_MAX: usize = 4 * 1024;

/// How many octets of an envelope's date, subject, message-id or in-reply-to are kept.
pub const ENVELOPE_TEXT_OCTETS_MAX: usize = 16 * 1024;

/// How many addresses one address list may hold.
pub const ADDRESSES_MAX: usize = 5_000;

/// How many languages a part may name.
pub const LANGUAGES_MAX: usize = 16;

/// How many message ids are taken from `References:`; the last ones are kept, as they are the nearest ancestors.
pub const REFERENCES_MAX: usize = 100;

/// How many octets the folded values of the fields that are searched most may have together, to be kept.
pub const TERMS_OCTETS_MAX: usize = 2 * 1024;

/// How many octets one message id may have.
pub const MESSAGE_ID_OCTETS_MAX: usize = 998;

/// How long a preview may be, in characters (RFC 8970 §3.2).
pub const PREVIEW_CHARACTERS_MAX: usize = 200;

/// How many decoded octets are looked at to make a preview.
pub const PREVIEW_OCTETS_MAX: usize = 64 * 1024;

/// How deep comments may be nested in a structured field.
pub const COMMENT_DEPTH_MAX: usize = 32;

/// How long a line of a downgraded or built message may be, without its line end (RFC 5322 §2.1.1).
pub const LINE_OCTETS_MAX: usize = 998;

/// Octets of the id by which fragments of one message know each other.
pub const FRAGMENT_ID_OCTETS_MAX: usize = 512;
