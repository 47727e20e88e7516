//! Reads `.talk` dialogues for the tests of the engines; the format is told in README.md beside this file. Included by
//! the test binaries of the crates whose engines speak the protocols.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One line of a dialogue.
#[derive(Clone, Debug)]
pub struct Step {
    pub number: usize,
    pub connection: String,
    pub kind: String,
    pub text: String,
}

/// A whole file.
#[derive(Debug, Default)]
pub struct Dialogue {
    pub path: PathBuf,
    pub protocol: String,
    /// What the engine's caller decides, from the `engine:` lines.
    pub decisions: Vec<String>,
    pub steps: Vec<Step>,
}

/// All dialogues of these protocols that run against the engine alone.
pub fn of_protocols(protocols: &[&str]) -> Vec<Dialogue> {
    let mut paths = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/dialogues"), &mut paths);
    paths.sort();
    let all = paths.into_iter().map(|path| read(&path));
    let ours = all.filter(|dialogue| protocols.contains(&dialogue.protocol.as_str()));
    ours.filter(|dialogue| !dialogue.decisions.iter().any(|line| line.starts_with("not because "))).collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the dialogues are there") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "talk") {
            paths.push(path);
        }
    }
}

fn read(path: &Path) -> Dialogue {
    let text = std::fs::read_to_string(path).expect("a dialogue can be read");
    let mut dialogue = Dialogue { path: path.to_owned(), ..Dialogue::default() };
    for (at, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(protocol) = line.strip_prefix("protocol: ") {
            dialogue.protocol = protocol.to_owned();
        } else if let Some(decision) = line.strip_prefix("engine: ") {
            dialogue.decisions.push(decision.to_owned());
        } else if !line.starts_with("login: ") && !line.starts_with("differs: ") {
            dialogue.steps.push(step(path, at + 1, line));
        }
    }
    dialogue
}

fn step(path: &Path, number: usize, line: &str) -> Step {
    let place = format!("{}:{number}", path.display());
    let kinds = ["C:", "S:", "S*:", "S?:", "raw:", "end"];
    let is_kind = |word: &str| kinds.contains(&word);
    let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
    let (connection, kind, text) = match is_kind(first) {
        true => ("-", first, rest),
        false => {
            let (kind, text) = rest.split_once(' ').unwrap_or((rest, ""));
            (first, kind, text)
        }
    };
    assert!(is_kind(kind), "{place}: not a line of a dialogue: {line}");
    let kind = kind.trim_end_matches(':').to_owned();
    Step { number, connection: connection.to_owned(), kind, text: text.to_owned() }
}

/// Names that stand for texts in a dialogue: at first the demo's accounts.
pub fn names() -> BTreeMap<String, String> {
    let pairs = [
        ("alice", "alice@example.test"),
        ("bob", "bob@example.test"),
        ("alice.password", "alice-password"),
        ("bob.password", "bob-password"),
    ];
    pairs.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect()
}

/// `text` with what its names stand for.
pub fn fill(names: &BTreeMap<String, String>, text: &str) -> String {
    names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

/// The octets of a `raw:` line: `\r`, `\n`, `\t`, `\0`, `\\` and `\xNN` are undone.
pub fn unescape(text: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            octets.extend(character.to_string().bytes());
            continue;
        }
        octets.push(match characters.next() {
            Some('r') => b'\r',
            Some('n') => b'\n',
            Some('t') => b'\t',
            Some('0') => 0,
            Some('x') => {
                let digits: String = characters.by_ref().take(2).collect();
                u8::from_str_radix(&digits, 16).expect("two hexadecimal digits follow \\x")
            }
            other => u8::try_from(other.expect("something follows a backslash")).expect("an ASCII character"),
        });
    }
    octets
}
