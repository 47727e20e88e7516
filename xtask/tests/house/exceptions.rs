//! The exceptions to the house rules, each with its reason. This list may only get shorter.

/// Rule, what it is about, reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[(
    "circle",
    "crates/access: imap::login imap::selected imap::session imap::store",
    "each command is an `impl Session` in a file of its own, and the session holds what they keep between commands",
)];

/// Whether `subject` is excepted from `rule`.
pub fn is_excepted(rule: &str, subject: &str) -> bool {
    EXCEPTIONS.iter().any(|(name, about, _)| *name == rule && *about == subject)
}
