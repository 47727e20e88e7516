//! Every bound of a ManageSieve session, with its unit and its reason.

/// The longest line without its literals, CRLF included: two names of 512 octets, each escaped, and a keyword.
pub const LINE_OCTETS_MAX: usize = 4096;

/// The longest quoted string, octets (RFC 5804 §4 `quoted`).
pub const QUOTED_OCTETS_MAX: usize = 1024;

/// The largest literal before somebody has logged in: a response of a SASL exchange.
pub const SASL_OCTETS_MAX: usize = 16 * 1024;

/// The largest literal that is passed over because it is too large to be taken. Larger ones end the session.
pub const PASSED_OVER_OCTETS_MAX: usize = 64 * 1024 * 1024;

/// Strings and words of one command.
pub const TOKENS_MAX: usize = 8;

/// Responses of pipelined commands are sent when they have grown to this.
pub const OUTPUT_OCTETS: usize = 64 * 1024;
