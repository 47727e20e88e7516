//! Every way in which a peer of the meter's protocol can be wrong.

use crate::limits::FRAME_OCTETS_MAX;

/// What a peer did wrong; the connection is of no more use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Offence {
    /// A frame longer than [`FRAME_OCTETS_MAX`].
    #[error("a frame is longer than {FRAME_OCTETS_MAX} octets")]
    FrameTooLong,
    /// A frame that does not hold what it should.
    #[error("a frame does not hold what it should: {what}")]
    BadFrame {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The peer does not know the secret.
    #[error("the peer does not know the secret")]
    WrongSecret,
    /// The peer speaks something else, or another version.
    #[error("the peer does not speak the meter's protocol in version 1")]
    OtherProtocol,
    /// The server refused our login: the secrets differ.
    #[error("the server refused our login: the secrets differ")]
    LoginRefused,
}
