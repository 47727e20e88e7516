//! Reads the project's own source: which files there are, what is test and what is not.

use std::fs;
use std::path::{Path, PathBuf};

/// One Rust file of a crate.
pub struct SourceFile {
    /// Path from the root of the project.
    pub path: String,
    /// Its text.
    pub text: String,
    /// Whether the whole file is tests.
    pub is_test: bool,
}

impl SourceFile {
    /// The lines that are not inside an inline test module, with their numbers from 1.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut in_tests = self.is_test;
        let mut after_attribute = false;
        self.text.lines().enumerate().filter_map(move |(index, line)| {
            if after_attribute && line.starts_with("mod ") && line.ends_with('{') {
                in_tests = true;
            }
            after_attribute = line.trim() == "#[cfg(test)]";
            let skip = in_tests;
            if in_tests && line == "}" && !self.is_test {
                in_tests = false;
            }
            (!skip).then_some((index + 1, line))
        })
    }
}

/// The root of the project.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The names of the folders under `crates/`.
pub fn crates() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(root().join("crates"))
        .expect("the folder crates/ is there")
        .map(|entry| entry.expect("its entries can be read").file_name().to_string_lossy().into_owned())
        .filter(|name| root().join("crates").join(name).join("Cargo.toml").exists())
        .collect();
    names.sort();
    names
}

/// Every Rust file below `folder`, which is named from the root.
pub fn files(folder: &str) -> Vec<SourceFile> {
    let mut found = Vec::new();
    walk(&root().join(folder), &mut found);
    found.sort_by(|left, right| left.path.cmp(&right.path));
    found
}

fn walk(folder: &Path, found: &mut Vec<SourceFile>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                walk(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("source is UTF-8");
            let path = path.strip_prefix(root()).expect("it lies below the root").to_string_lossy().into_owned();
            let is_test = path.ends_with("/tests.rs") || path.contains("/tests/") || path.ends_with("_tests.rs");
            found.push(SourceFile { path, text, is_test });
        }
    }
}
