//! Rule 2: pure crates touch nothing outside themselves and cannot panic on what they are given.

use crate::exceptions::is_excepted;
use crate::report;
use crate::source::files;

const PURE: &[&str] = &["model", "message", "smtp", "imap"];

/// What may not be written there, and why.
const BANNED: &[(&str, &str)] = &[
    ("tokio", "an engine never waits"),
    ("std::fs", "files are handed in"),
    ("std::net::Tcp", "sockets are handed in"),
    ("std::net::Udp", "sockets are handed in"),
    ("std::thread", "an engine has no threads"),
    ("std::env", "settings are handed in"),
    ("SystemTime::now", "time is an argument"),
    ("Instant::now", "time is an argument"),
    ("println!", "an engine never prints"),
    (".unwrap()", "a parser returns the offence"),
    (".expect(", "a parser returns the offence"),
    ("panic!(", "a parser returns the offence"),
    ("unreachable!(", "make the state impossible or return an offence"),
];

#[test]
fn pure_crates_stay_pure() {
    let mut findings = Vec::new();
    for name in PURE {
        for file in files(&format!("crates/{name}/src")) {
            for (number, line) in file.lines() {
                let code = line.split("//").next().unwrap_or_default();
                for (word, cure) in BANNED {
                    if code.contains(word) && !is_excepted("pure", &file.path) {
                        findings.push(format!("{}:{number}: `{word}` in a pure crate; {cure}", file.path));
                    }
                }
            }
        }
    }
    report(findings);
}
