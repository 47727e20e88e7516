//! Rule 11: every member takes the workspace's lints and licence.

use crate::report;
use crate::source::{crates, root};
use std::fs;

#[test]
fn every_member_keeps_the_house_lints() {
    let mut findings = Vec::new();
    let members = crates().into_iter().map(|name| format!("crates/{name}")).chain(["bench".into(), "xtask".into()]);
    for member in members {
        let manifest = fs::read_to_string(root().join(&member).join("Cargo.toml")).expect("the manifest is there");
        for line in ["[lints]\nworkspace = true", "license.workspace = true", "rust-version.workspace = true"] {
            if !manifest.contains(line) {
                findings.push(format!("{member}/Cargo.toml: add `{}`", line.replace('\n', " ")));
            }
        }
    }
    report(findings);
}
