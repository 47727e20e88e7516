//! What threads are made of: message ids and base subjects (RFC 5256 §2.1, §2.2).

/// A subject without what replying and forwarding add to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BaseSubject {
    /// The base subject, decoded, white space normalised, case as it came.
    pub text: String,
    /// Whether it was a reply or a forward (RFC 5256 §2.1, §3 step 5).
    pub is_reply_or_forward: bool,
}

/// The base subject of a `Subject:` value, encoded words not yet decoded (RFC 5256 §2.1).
pub fn base_subject(subject: &str) -> BaseSubject {
    todo!()
}

/// The message ids of a `References:`, `In-Reply-To:` or `Message-ID:` value, angle brackets and needless quoting
/// removed (RFC 5322 §3.6.4, RFC 5256 §2.2).
pub fn message_ids(value: &str) -> Vec<String> {
    todo!()
}

/// The ancestors of a message, the oldest first: those of `References:`, or the first of `In-Reply-To:` when there are
/// none (RFC 5256 §3 REFERENCES step 1). `header` may be a whole message.
pub fn ancestors(header: &[u8]) -> Vec<String> {
    todo!()
}
