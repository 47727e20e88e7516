//! Rule 7: every RFC that the code cites stands in `docs/standards.tsv`, and every row that claims one is cited.

use crate::report;
use crate::source::{crates, files, root};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

#[test]
fn citations_and_claims_agree() {
    let table = fs::read_to_string(root().join("docs/standards.tsv")).expect("docs/standards.tsv is there");
    let chapter = fs::read_to_string(root().join("docs/src/conformance.md")).expect("the chapter is there");
    let mut claims = BTreeMap::new();
    let mut findings = Vec::new();
    for (index, line) in table.lines().enumerate().filter(|(_, line)| !line.starts_with('#')) {
        let cells: Vec<&str> = line.split('\t').collect();
        match cells.as_slice() {
            [standard, title, claim @ ("yes" | "part" | "no"), why] if *claim == "yes" || !why.is_empty() => {
                claims.insert((*standard).to_owned(), *claim);
                let row = format!("| {standard} | {title} | {claim} | {why} |");
                if !chapter.lines().any(|line| line == row) {
                    findings.push(format!("docs/src/conformance.md: write the row {row}"));
                }
            }
            _ => findings.push(format!(
                "docs/standards.tsv:{}: four cells: standard, title, yes|part|no, and why unless yes",
                index + 1
            )),
        }
    }
    let mut cited = BTreeSet::new();
    for file in crates().iter().flat_map(|name| files(&format!("crates/{name}/src"))) {
        for (index, line) in file.text.lines().enumerate() {
            for standard in citations(line) {
                if !claims.contains_key(&standard) {
                    findings.push(format!("{}:{}: {standard} is not in docs/standards.tsv", file.path, index + 1));
                }
                cited.insert(standard);
            }
        }
    }
    for (standard, claim) in claims {
        if claim == "yes" && !cited.contains(&standard) {
            findings.push(format!("docs/standards.tsv: {standard} is claimed and cited nowhere in the code"));
        }
    }
    report(findings);
}

/// Every `RFC 1234` and `XEP-0123` of a line.
fn citations(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (word, gap) in [("RFC ", 4), ("XEP-", 4)] {
        let mut rest = line;
        while let Some(at) = rest.find(word) {
            rest = &rest[at + gap..];
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            if !digits.is_empty() {
                found.push(format!("{word}{digits}"));
            }
        }
    }
    found
}
