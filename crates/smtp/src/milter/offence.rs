//! Every way in which the other side of a milter connection can be wrong.

/// What the other side did wrong; the connection is of no more use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Offence {
    /// A frame longer than agreed.
    #[error("a frame of {octets} octets is longer than {limit_octets}")]
    FrameTooLong {
        /// Its length as announced.
        octets: usize,
        /// The limit.
        limit_octets: usize,
    },
    /// A frame without even the octet that says what it is.
    #[error("an empty frame")]
    EmptyFrame,
    /// A kind of frame that this side does not know.
    #[error("a frame of the unknown kind {kind:#04x}")]
    UnknownFrame {
        /// The octet that says what it is.
        kind: u8,
    },
    /// A frame whose content is not as its kind asks for.
    #[error("a broken {what} frame")]
    BrokenFrame {
        /// What it claims to be.
        what: &'static str,
    },
    /// A frame that may not come now.
    #[error("a {what} frame where none may come")]
    OutOfOrder {
        /// What it is.
        what: &'static str,
    },
    /// A reply that is not `4xx` or `5xx` with a text.
    #[error("a reply that is neither 4xx nor 5xx")]
    BadReply,
    /// Another version of the protocol than this side speaks.
    #[error("version {version} of the protocol is not spoken here")]
    Version {
        /// The version.
        version: u32,
    },
    /// Steps left out, or changes made, that were not offered.
    #[error("asks for what was not offered")]
    NotOffered,
    /// More of something than its bound.
    #[error("more than {limit} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The bound.
        limit: usize,
    },
}
