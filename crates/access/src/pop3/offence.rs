//! Every way in which a POP3 client can be wrong, one variant each.

/// What a client did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Offence {
    /// The line is longer than allowed; the session ends, since nobody knows where the next one begins.
    #[error("the line is longer than {limit_octets} octets")]
    LineTooLong {
        /// The bound.
        limit_octets: usize,
    },
    /// The line is not UTF-8 or holds a control character.
    #[error("the line holds octets that no command may hold")]
    BadOctet,
    /// No such command.
    #[error("no such command")]
    UnknownCommand,
    /// The command is known but not in this state (RFC 1939 §4, §5).
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
    /// There is no such message, or it is marked as deleted (RFC 1939 §5).
    #[error("no such message")]
    NoSuchMessage,
    /// Credentials in plain text (RFC 2595 §4, RFC 8314 §4.2).
    #[error("credentials are only taken under TLS, use STLS first")]
    NotPrivate,
    /// The mechanism is not among those offered (RFC 5034 §4).
    #[error("this mechanism is not offered")]
    UnknownMechanism,
    /// What should be base64 is not (RFC 5034 §4).
    #[error("this is not base64")]
    BadBase64,
    /// TLS is not to be had, or already in use (RFC 2595 §4).
    #[error("TLS cannot be started here")]
    TlsNotPossible,
}
