//! Rule 4: files stay under 900 lines and functions under 150.

use crate::exceptions::is_excepted;
use crate::report;
use crate::source::{SourceFile, crates, files};

const FILE_LINES_MAX: usize = 900;
const FUNCTION_LINES_MAX: usize = 150;
const FUNCTION_LINES_LONG: usize = 70;
/// Of all functions, at most so many in a hundred may be long.
const LONG_PERCENT_MAX: usize = 2;

#[test]
fn files_have_one_job() {
    let mut findings = Vec::new();
    for file in crates().iter().flat_map(|name| files(&format!("crates/{name}"))) {
        let lines = file.text.lines().count();
        if lines > FILE_LINES_MAX && !is_excepted("file size", &file.path) {
            findings.push(format!("{}: {lines} lines, at most {FILE_LINES_MAX}; split it by job", file.path));
        }
    }
    report(findings);
}

#[test]
fn functions_fit_a_screen() {
    let (mut findings, mut all, mut long) = (Vec::new(), 0, Vec::new());
    for file in crates().iter().flat_map(|name| files(&format!("crates/{name}/src"))) {
        for (line, length) in functions(&file) {
            all += 1;
            if length > FUNCTION_LINES_LONG {
                long.push(format!("{}:{line}: {length} lines", file.path));
            }
            if length > FUNCTION_LINES_MAX && !is_excepted("function size", &file.path) {
                findings
                    .push(format!("{}:{line}: a function of {length} lines, at most {FUNCTION_LINES_MAX}", file.path));
            }
        }
    }
    if long.len() * 100 > all * LONG_PERCENT_MAX {
        findings.push(format!(
            "{} of {all} functions are over {FUNCTION_LINES_LONG} lines:\n{}",
            long.len(),
            long.join("\n")
        ));
    }
    report(findings);
}

/// Where each function begins and how many lines it has, told by indentation.
fn functions(file: &SourceFile) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut open: Vec<(usize, usize)> = Vec::new();
    for (number, line) in file.lines() {
        let indent = line.len() - line.trim_start().len();
        let text = line.trim_start();
        let head = text.trim_start_matches("pub ").trim_start_matches("pub(crate) ").trim_start_matches("pub(super) ");
        let head = head.trim_start_matches("const ").trim_start_matches("async ");
        if head.starts_with("fn ") && !text.ends_with(';') && !text.ends_with('}') {
            open.push((number, indent));
        }
        if text.starts_with('}')
            && let Some(&(start, depth)) = open.last()
            && depth == indent
        {
            open.pop();
            found.push((start, number - start + 1));
        }
    }
    found
}
