//! Rule 1: crates import only what the table allows. A new arrow is a change to this table, in a commit that says why.

use crate::report;
use crate::source::{crates, root};
use std::fs;

/// Crate, floor, and what it may use besides `model`.
const TABLE: &[(&str, u8, &[&str])] = &[
    ("model", 1, &[]),
    ("message", 2, &[]),
    ("smtp", 2, &[]),
    ("imap", 2, &[]),
    ("storage", 2, &[]),
    ("net", 2, &[]),
    ("sieve", 3, &["message"]),
    ("events", 3, &["storage"]),
    ("meter", 3, &["storage", "net", "smtp"]),
    ("directory", 3, &["storage", "net"]),
    ("account", 4, &["storage", "events"]),
    ("policy", 4, &["sieve", "smtp"]),
    ("queue", 4, &["smtp", "message", "storage", "events"]),
    // storage and events: delivery composes its rows into the caller's open transaction and publishes what changed.
    ("mail", 5, &["message", "account", "storage", "events"]),
    (
        "mta",
        6,
        &[
            "smtp",
            "message",
            "sieve",
            "policy",
            "meter",
            "storage",
            "net",
            "events",
            "directory",
            "queue",
            "account",
            "mail",
        ],
    ),
    ("access", 6, &["imap", "message", "sieve", "storage", "net", "events", "directory", "account", "mail"]),
    (
        "heliograph",
        7,
        &[
            "message",
            "smtp",
            "imap",
            "sieve",
            "policy",
            "meter",
            "storage",
            "net",
            "events",
            "directory",
            "account",
            "queue",
            "mail",
            "mta",
            "access",
        ],
    ),
];

/// External crates that are heavy and may enter in one place only.
const HEAVY: &[(&str, &[&str])] = &[
    ("rusqlite", &["storage"]),
    ("argon2", &["directory"]),
    ("hickory-resolver", &["net"]),
    ("hyper", &["net"]),
    ("rustls", &["net", "bench"]),
    ("tokio-rustls", &["net", "bench"]),
    ("clap", &["heliograph", "bench"]),
    ("toml_edit", &["heliograph"]),
    ("encoding_rs", &["message"]),
    ("regex", &["sieve", "policy"]),
    ("mail-auth", &["mta"]),
];

#[test]
fn arrows_run_only_where_the_table_allows() {
    let mut findings = Vec::new();
    for name in crates() {
        let Some((_, floor, allowed)) = TABLE.iter().find(|(row, ..)| *row == name) else {
            findings.push(format!("crates/{name}: not in the table of floors; add it with its floor and arrows"));
            continue;
        };
        for used in dependencies(&format!("crates/{name}")) {
            if let Some((_, below, _)) = TABLE.iter().find(|(row, ..)| *row == used) {
                if used != "model" && !allowed.contains(&used.as_str()) {
                    findings
                        .push(format!("crates/{name}/Cargo.toml: may not use {used}; change the design or the table"));
                }
                if below >= floor {
                    findings.push(format!("crates/{name}/Cargo.toml: {used} does not stand below it"));
                }
            }
        }
    }
    report(findings);
}

#[test]
fn heavy_dependencies_enter_in_one_place() {
    let mut findings = Vec::new();
    let folders = crates().into_iter().map(|name| format!("crates/{name}")).chain(["bench".to_owned()]);
    for folder in folders {
        let name = folder.rsplit('/').next().unwrap_or_default();
        for used in dependencies(&folder) {
            if let Some((_, places)) = HEAVY.iter().find(|(heavy, _)| *heavy == used)
                && !places.contains(&name)
            {
                findings.push(format!("{folder}/Cargo.toml: {used} may enter only in {places:?}"));
            }
        }
    }
    report(findings);
}

/// The names in `[dependencies]`; development dependencies may look anywhere below.
fn dependencies(folder: &str) -> Vec<String> {
    let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).expect("the manifest is there");
    let section = manifest.split("\n[dependencies]").nth(1).unwrap_or_default();
    let section = section.split("\n[").next().unwrap_or_default();
    section
        .lines()
        .filter_map(|line| line.split(['.', '=', ' ']).next())
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
        .map(str::to_owned)
        .collect()
}
