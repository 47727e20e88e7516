//! the IMAP language, both directions, framing and literals, without input or output.
