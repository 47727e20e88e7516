//! Rule 3: nothing inside a crate imports from its own `lib.rs`, and files do not import each other in a loop.

use crate::exceptions::is_excepted;
use crate::report;
use crate::source::{SourceFile, crates, files};
use std::collections::{BTreeMap, BTreeSet};

/// The module path of a file: `src/inbound/rcpt.rs` is `inbound::rcpt`.
fn module(path: &str) -> String {
    let inner = path.split_once("/src/").map_or("", |(_, inner)| inner);
    let inner = inner.trim_end_matches(".rs").trim_end_matches("/mod");
    inner.replace('/', "::")
}

fn imports(file: &SourceFile) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (_, line) in file.lines() {
        let code = line.split("//").next().unwrap_or_default();
        let mut rest = code;
        while let Some(at) = rest.find("crate::") {
            let path: String = rest[at + 7..]
                .chars()
                .take_while(|character| character.is_alphanumeric() || "_:".contains(*character))
                .collect();
            found.insert(path.trim_end_matches(':').to_owned());
            rest = &rest[at + 7..];
        }
    }
    found
}

/// The file that an import path leads to: the longest module path that begins it.
fn target<'a>(modules: &'a BTreeSet<String>, import: &str) -> Option<&'a String> {
    let mut best = None;
    for module in modules {
        let begins =
            import == module || import.strip_prefix(module.as_str()).is_some_and(|rest| rest.starts_with("::"));
        if begins && best.is_none_or(|held: &String| held.len() < module.len()) {
            best = Some(module);
        }
    }
    best
}

#[test]
fn files_do_not_import_each_other_in_a_loop() {
    let mut findings = Vec::new();
    for name in crates() {
        let sources: Vec<SourceFile> =
            files(&format!("crates/{name}/src")).into_iter().filter(|file| !file.is_test).collect();
        let modules: BTreeSet<String> =
            sources.iter().map(|file| module(&file.path)).filter(|path| path != "lib" && path != "main").collect();
        let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for file in &sources {
            let from = module(&file.path);
            for import in imports(file) {
                match target(&modules, &import) {
                    // A file may name what stands below it in its own folder, and the other way round.
                    Some(to) if *to != from => {
                        arrows.entry(from.clone()).or_default().insert(to.clone());
                    }
                    Some(_) => {}
                    None if from != "lib" && from != "main" => {
                        findings.push(format!(
                            "{}: imports `crate::{import}` from its own root; name the module",
                            file.path
                        ));
                    }
                    None => {}
                }
            }
        }
        for circle in circles(&arrows) {
            if !is_excepted("circle", &format!("crates/{name}: {}", circle.join(" "))) {
                findings
                    .push(format!("crates/{name}: these files import each other in a loop: {}", circle.join(" -> ")));
            }
        }
    }
    report(findings);
}

/// Groups of modules that can all reach each other.
fn circles(arrows: &BTreeMap<String, BTreeSet<String>>) -> Vec<Vec<String>> {
    let reach: BTreeMap<&String, BTreeSet<String>> =
        arrows.keys().map(|from| (from, reachable(arrows, from))).collect();
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for (from, far) in &reach {
        if !far.contains(*from) || seen.contains(*from) {
            continue;
        }
        let group: Vec<String> =
            far.iter().filter(|to| reach.get(to).is_some_and(|back| back.contains(*from))).cloned().collect();
        seen.extend(group.iter().cloned());
        found.push(group);
    }
    found
}

fn reachable(arrows: &BTreeMap<String, BTreeSet<String>>, from: &String) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut waiting: Vec<&String> = arrows.get(from).into_iter().flatten().collect();
    while let Some(next) = waiting.pop() {
        if seen.insert(next.clone()) {
            waiting.extend(arrows.get(next).into_iter().flatten());
        }
    }
    seen
}
