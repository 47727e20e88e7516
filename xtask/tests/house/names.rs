//! Rule 5 and 6: names say something, files open with a sentence, nothing is left for later.

use crate::report;
use crate::source::{SourceFile, crates, files};

const VAGUE: &[&str] = &["util", "utils", "common", "helper", "helpers", "misc", "manager", "stuff"];

fn all_files() -> Vec<SourceFile> {
    crates().iter().flat_map(|name| files(&format!("crates/{name}"))).chain(files("bench/src")).collect()
}

#[test]
fn no_name_says_nothing() {
    let mut findings = Vec::new();
    for file in all_files() {
        let vague = file.path.split(['/', '.']).find(|part| VAGUE.contains(part));
        if let Some(part) = vague {
            findings.push(format!("{}: `{part}` says nothing; name it after its job", file.path));
        }
    }
    report(findings);
}

#[test]
fn every_file_opens_with_a_sentence() {
    let mut findings = Vec::new();
    for file in all_files() {
        let opens = file.text.lines().next().is_some_and(|line| line.starts_with("//!") && line.len() > 12);
        if !opens && !file.is_test {
            findings.push(format!("{}:1: begin with `//!` and a sentence on what the file is for", file.path));
        }
    }
    report(findings);
}

#[test]
fn nothing_is_left_for_later() {
    let mut findings = Vec::new();
    for file in all_files() {
        for (index, line) in file.text.lines().enumerate() {
            let unfinished = ["todo!(", "unimplemented!(", "FIXME", "XXX"].iter().any(|word| line.contains(word));
            let ignored = line.trim() == "#[ignore]";
            if unfinished || ignored {
                findings.push(format!(
                    "{}:{}: finish it, or take it out; an ignored test says why",
                    file.path,
                    index + 1
                ));
            }
        }
    }
    report(findings);
}
