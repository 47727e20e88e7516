//! Every bound of a POP3 session, with its unit and its reason.

/// The longest command line, CRLF included. RFC 2449 §4 asks for 255; RFC 6856 §2.1 lets names be longer.
pub const COMMAND_OCTETS_MAX: usize = 1024;

/// The longest line of a SASL exchange, CRLF included: tokens in base64 can be long (RFC 5034 §4).
pub const SASL_OCTETS_MAX: usize = 16 * 1024;

/// How many octets of a message are read, stuffed and sent at a time.
pub const PIECE_OCTETS: u64 = 128 * 1024;

/// Responses of pipelined commands are sent when they have grown to this.
pub const OUTPUT_OCTETS: usize = 64 * 1024;

/// How many messages one transaction deletes; more go in several.
pub const DELETIONS: usize = 10_000;
