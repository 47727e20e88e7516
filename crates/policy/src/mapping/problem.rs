//! What is wrong with a mapping file: where and why.

use std::fmt;

/// One thing that is wrong, or only unusual.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: String,
    /// The line, from 1; 0 when the whole file is meant.
    pub line: u32,
    /// What is wrong.
    pub why: String,
    /// Whether the file works nevertheless.
    pub is_warning: bool,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        write!(f, ": {}{}", if self.is_warning { "warning: " } else { "" }, self.why)
    }
}
