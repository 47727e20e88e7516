//! Every way in which a ManageSieve client can be wrong, one variant each.

/// What a client did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Offence {
    /// The line is longer than allowed; the session ends, since nobody knows where the next one begins.
    #[error("the line is longer than {limit_octets} octets")]
    LineTooLong {
        /// The bound.
        limit_octets: usize,
    },
    /// A literal larger than is taken before a login, or one that is not even passed over; then the session ends.
    #[error("the literal is larger than {limit_octets} octets")]
    LiteralTooLarge {
        /// The bound.
        limit_octets: usize,
    },
    /// A literal that waits for a go-ahead, which this protocol does not have (RFC 5804 §4 `literal-c2s`).
    #[error("literals of clients are written {{octets+}}")]
    WaitingLiteral,
    /// What is no string, word or number.
    #[error("the command holds octets that it may not hold")]
    BadOctet,
    /// A quoted string without its end, or too long.
    #[error("the quoted string has no end or is longer than 1024 octets")]
    BadString,
    /// No such command.
    #[error("no such command")]
    UnknownCommand,
    /// The command is known but not in this state.
    #[error("not now: {needs}")]
    WrongState {
        /// What would have to come first.
        needs: &'static str,
    },
    /// Arguments are missing, too many, or of the wrong kind.
    #[error("usage: {usage}")]
    BadArguments {
        /// How the command is written.
        usage: &'static str,
    },
    /// Credentials in plain text (RFC 5804 §2.1).
    #[error("credentials are only taken under TLS, use STARTTLS first")]
    NotPrivate,
    /// The mechanism is not among those offered.
    #[error("this mechanism is not offered")]
    UnknownMechanism,
    /// What should be base64 is not (RFC 5804 §2.1).
    #[error("this is not base64")]
    BadBase64,
    /// TLS is not to be had, or already in use.
    #[error("TLS cannot be started here")]
    TlsNotPossible,
    /// A script larger than is taken.
    #[error("a script has at most {limit_octets} octets")]
    ScriptTooLarge {
        /// The bound.
        limit_octets: u64,
    },
}
