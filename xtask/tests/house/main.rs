//! The house test: each rule of the project's structure that a machine can hold. A broken rule prints file, line,
//! rule and cure. Exceptions stand in `exceptions.rs` with a reason, and that list may only get shorter.

mod circles;
mod exceptions;
mod floors;
mod fuzzing;
mod manifests;
mod names;
mod pure;
mod sizes;
mod source;
mod standards;

/// Fails with every finding, one a line, so that all can be mended in one go.
fn report(findings: Vec<String>) {
    assert!(findings.is_empty(), "\n{}\n{} findings", findings.join("\n"), findings.len());
}
