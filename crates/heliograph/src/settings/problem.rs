//! What is wrong with a settings file, told so that a person can mend it: where, which key, why, and what was probably
//! meant.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The octets of the file that are meant, where they are known.
    pub at: Option<Range<usize>>,
    /// The key, where one is meant.
    pub key: Option<String>,
    /// What is wrong.
    pub why: String,
    /// What would be right.
    pub help: Option<String>,
}

/// All that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    /// The file.
    pub file: PathBuf,
    /// Its text.
    pub text: String,
    /// What is wrong, in the order of the file.
    pub list: Vec<Problem>,
}

impl Problem {
    /// A problem with the value of a key.
    pub fn with_value(at: Option<Range<usize>>, key: &str, why: impl Into<String>) -> Problem {
        Problem { at, key: Some(key.to_owned()), why: why.into(), help: None }
    }

    /// The same with what would be right.
    #[must_use]
    pub fn helped(mut self, help: impl Into<String>) -> Problem {
        self.help = Some(help.into());
        self
    }
}

impl Problems {
    /// Problems of the file `file` that holds `text`.
    pub fn new(file: &Path, text: &str, mut list: Vec<Problem>) -> Problems {
        list.sort_by_key(|problem| problem.at.as_ref().map_or(usize::MAX, |at| at.start));
        Problems { file: file.to_owned(), text: text.to_owned(), list }
    }
}

/// Line and column, both from 1, and the line's text.
fn locate(text: &str, offset: usize) -> (usize, usize, &str) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = text.get(line_start..).unwrap_or_default().lines().next().unwrap_or_default();
    let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
    (before.matches('\n').count() + 1, column, line)
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.list {
            self.write_one(f, problem)?;
        }
        Ok(())
    }
}

impl Problems {
    fn write_one(&self, f: &mut fmt::Formatter<'_>, problem: &Problem) -> fmt::Result {
        let file = self.file.display();
        let key = problem.key.as_ref().map(|key| format!("`{key}` ")).unwrap_or_default();
        match &problem.at {
            Some(at) => {
                let (number, column, line) = locate(&self.text, at.start);
                writeln!(f, "{file}:{number}:{column}: {key}{}", problem.why)?;
                let marked = self.text.get(at.clone()).and_then(|marked| marked.lines().next()).unwrap_or_default();
                let margin = number.to_string().len();
                let space: String = line.chars().take(column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
                writeln!(f, "{:margin$} |", "")?;
                writeln!(f, "{number} | {line}")?;
                writeln!(f, "{:margin$} | {space}{}", "", "^".repeat(marked.chars().count().max(1)))?;
            }
            None => writeln!(f, "{file}: {key}{}", problem.why)?,
        }
        match &problem.help {
            Some(help) => writeln!(f, "  help: {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problems {}
