//! The messages that are sent: real ones from a corpus, brought to a wanted size, or made up when there is no corpus.

use anyhow::{Context, Result};
use std::fs;
use std::path::Path;

/// Messages in the form for the wire: CRLF, dots doubled, without the final dot line.
pub struct Mails {
    plain: Vec<Vec<u8>>,
}

impl Mails {
    /// Takes the files of `corpus` in name order (or one made-up message) and gives each about `octets` octets.
    pub fn new(corpus: Option<&Path>, octets: usize) -> Result<Mails> {
        let mut sources = Vec::new();
        if let Some(folder) = corpus {
            collect(folder, &mut sources)?;
        }
        if sources.is_empty() {
            sources.push(b"From: a@example.test\nTo: b@example.test\nSubject: load\n\nA line of text.\n".to_vec());
        }
        Ok(Mails { plain: sources.iter().take(64).map(|source| sized(source, octets)).collect() })
    }

    /// The message number `index`, CRLF, not dot-stuffed.
    pub fn message(&self, index: usize) -> &[u8] {
        self.plain.get(index % self.plain.len()).map_or(&[], Vec::as_slice)
    }

    /// The same message with leading dots doubled and the final dot line (RFC 5321 §4.5.2).
    pub fn stuffed(&self, index: usize) -> Vec<u8> {
        let message = self.message(index);
        let mut out = Vec::with_capacity(message.len() + 64);
        for line in message.split_inclusive(|octet| *octet == b'\n') {
            if line.first() == Some(&b'.') {
                out.push(b'.');
            }
            out.extend_from_slice(line);
        }
        out.extend_from_slice(b".\r\n");
        out
    }
}

fn collect(folder: &Path, sources: &mut Vec<Vec<u8>>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("reading the corpus {}", folder.display()))?;
    let mut paths: Vec<_> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, sources)?;
        } else {
            let text = fs::read(&path)?;
            // Only what every server takes without a special path: text with a header and no stray octets.
            if text.starts_with(b"From") || text.windows(6).any(|window| window == b"\nFrom:") && text.is_ascii() {
                sources.push(text);
            }
        }
    }
    Ok(())
}

/// Real header and text first, then repeated text until the size is reached, all in CRLF.
fn sized(source: &[u8], octets: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(octets + 128);
    let lines =
        || source.split(|octet| *octet == b'\n').map(|line| line.trim_ascii_end()).filter(|line| line.len() < 900);
    for line in lines() {
        // A From_ line is a mailbox separator, no part of the message.
        if !(out.is_empty() && line.starts_with(b"From ")) {
            out.extend_from_slice(line);
            out.extend_from_slice(b"\r\n");
        }
        if out.len() >= octets {
            break;
        }
    }
    let filler: Vec<&[u8]> = lines().filter(|line| !line.is_empty()).collect();
    let mut number = 0usize;
    while out.len() < octets {
        let line: &[u8] = filler.get(number % filler.len().max(1)).copied().unwrap_or(b"text");
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
        number += 1;
    }
    out
}
