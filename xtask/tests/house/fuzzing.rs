//! Rule 10: every fuzz entry point of a crate has a target in `fuzz/`, and a canary that must fail is there.

use crate::report;
use crate::source::{crates, files, root};
use std::fs;

#[test]
fn every_fuzz_entry_has_a_target() {
    let mut findings = Vec::new();
    let targets: String = files("fuzz/fuzz_targets").into_iter().map(|file| file.text).collect();
    let manifest = fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap_or_default();
    for name in crates() {
        for file in files(&format!("crates/{name}/src")) {
            for (number, line) in file.lines() {
                let Some(rest) = line.trim_start().strip_prefix("pub fn fuzz_") else { continue };
                let entry: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if !targets.contains(&format!("fuzz_{entry}(")) {
                    findings.push(format!("{}:{number}: no target in fuzz/fuzz_targets calls fuzz_{entry}", file.path));
                }
            }
        }
    }
    if !manifest.contains("\"canary\"") {
        findings.push("fuzz/Cargo.toml: the canary, which proves that a failure is noticed, is missing".to_owned());
    }
    report(findings);
}
