//! The language of mapping tables: a text goes in, patterns are tried from top to bottom, a template makes the text that
//! comes out, and flags that tell the caller what to do.
//!
//! | file | holds |
//! |---|---|
//! | `file` | lines, continuations, comments, includes: [`file::read`] |
//! | `table` | [`table::Mappings`]: the compiled tables and the index that finds candidates |
//! | `pattern`, `class` | the left column |
//! | `template`, `callout` | the right column, and the look-ups that it may hold |
//! | `flags` | what a template sets and tests |
//! | `machine` | one probe, step by step |
//! | `problem` | what is wrong with a file |

pub mod callout;
pub mod class;
pub mod file;
pub mod flags;
pub mod machine;
pub mod pattern;
pub mod problem;
pub mod table;
pub mod template;

#[cfg(test)]
mod tests;
