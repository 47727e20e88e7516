//! Every bound of the engine, with its unit and its reason.

/// Longest command line with its CRLF. RFC 5321 §4.5.3.1.4 asks for 512, and each extension adds to it (RFC 1870 §4,
/// RFC 3461 §4, RFC 4954 §3 asks for 12,288 for AUTH); one bound above them all keeps the rule simple.
pub const COMMAND_OCTETS_MAX: usize = 12_288;

/// Longest line of a reply that a client reads (RFC 5321 §4.5.3.1.5 asks for 512; some servers send more).
pub const REPLY_LINE_OCTETS_MAX: usize = 4_096;

/// Most lines of one reply that a client reads; EHLO replies of real servers stay far below it.
pub const REPLY_LINES_MAX: usize = 128;

/// Longest ENVID (RFC 3461 §4.4).
pub const ENVELOPE_ID_OCTETS_MAX: usize = 100;

/// Longest original recipient (RFC 3461 §4.2), after decoding.
pub const ORIGINAL_RECIPIENT_OCTETS_MAX: usize = 500;

/// Longest time for which a client may ask a message to be held: a year and a day (RFC 4865 §4 lets the server choose
/// less; the session's own bound is in its configuration).
pub const HOLD_SECS_MAX: u64 = 366 * 86_400;

/// Longest request or response of policy delegation, up to its empty line. Postfix sends about 1,000 octets, and no value
/// longer than its longest line, which is 2,048 of them.
pub const POLICY_BLOCK_OCTETS_MAX: usize = 65_536;

/// Most lines of one request or response of policy delegation; Postfix sends about 35 attributes.
pub const POLICY_ATTRIBUTES_MAX: usize = 256;

/// Octets of a milter frame that is read: the largest that the protocol's manners allow, and the octet of its kind.
pub const MILTER_FRAME_OCTETS_MAX: usize = 1 << 20;

/// Macros in one milter frame, and lists of wanted ones; sendmail sends at most 50 a stage.
pub const MILTER_MACROS_MAX: usize = 128;

/// ESMTP parameters with one address in a milter frame; a command line cannot carry more.
pub const MILTER_ARGUMENTS_MAX: usize = 64;

/// Lines of a reply that a filter chooses; sendmail's library sends at most 32.
pub const MILTER_REPLY_LINES_MAX: usize = 32;

/// Changes to one message that a filter may ask for, pieces of a new body not counted.
pub const MILTER_CHANGES_MAX: usize = 10_000;

/// Longest datagram of Sun's greylisting protocol: its clients have room for 1,024 octets of text behind four of header.
pub const GROSS_DATAGRAM_OCTETS_MAX: usize = 1_028;
