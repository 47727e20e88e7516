//! The exceptions to the house rules, each with its reason. This list may only get shorter.

/// Rule, what it is about, reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[];

/// Whether `subject` is excepted from `rule`.
pub fn is_excepted(rule: &str, subject: &str) -> bool {
    EXCEPTIONS.iter().any(|(name, about, _)| *name == rule && *about == subject)
}
