//! The settings explained, from the same text everywhere: `config explain`, the manual and the book's chapter.

use std::fmt::Write as _;

use crate::settings::document::without_numbers;
use crate::settings::key::{Effect, Key};
use crate::settings::nearest::nearest;
use crate::settings::sections;

/// Explains one key, or all keys below a section.
///
/// # Errors
/// What was probably meant instead.
pub fn explain(path: &str) -> Result<String, String> {
    let path = without_numbers(path);
    if let Some(key) = sections::find(&path) {
        return Ok(explain_key(key));
    }
    let below = |key: &&Key| {
        let plain = key.path.replace("[]", "");
        plain.strip_prefix(&path.replace("[]", "")).is_some_and(|rest| rest.starts_with('.'))
    };
    let all: Vec<String> = sections::all().filter(below).map(explain_key).collect();
    if all.is_empty() { Err(unknown(&path)) } else { Ok(all.join("\n")) }
}

/// A sentence about a key that does not exist.
pub fn unknown(path: &str) -> String {
    let last = path.rsplit('.').next().unwrap_or(path);
    let near = nearest(path, sections::all().map(|key| key.path))
        .or_else(|| sections::all().map(|key| key.path).find(|known| known.ends_with(&format!(".{last}"))))
        .or_else(|| nearest(path, sections::names_in("")));
    match near {
        Some(near) => format!("`{path}` is not a key that Heliograph knows; did you mean `{near}`?"),
        None => format!("`{path}` is not a key that Heliograph knows; `heliograph config explain` lists all"),
    }
}

/// All keys, one line each.
pub fn list() -> String {
    let mut text = String::new();
    for (_, about, keys) in sections::SECTIONS {
        let _infallible = writeln!(text, "{about}");
        for key in *keys {
            let default = if key.default.is_empty() { "unset" } else { key.default };
            let _infallible = writeln!(text, "  {:<42} {default}", key.path);
        }
    }
    text
}

fn explain_key(key: &Key) -> String {
    let default = if key.default.is_empty() { "unset" } else { key.default };
    let effect = match key.effect {
        Effect::Reload => "at the next reload",
        Effect::Restart => "at the next start",
    };
    let doc = fold(key.doc, 100);
    let (path, kind, example) = (key.path, key.kind, example(key));
    format!("{path}\n{doc}  takes:    {kind}\n  default:  {default}\n  example:  {example}\n  changes:  {effect}\n")
}

fn example(key: &Key) -> String {
    format!("{} = {}", key.path.rsplit('.').next().unwrap_or(key.path), key.example)
}

/// Breaks a text into lines of at most `width` characters, indented.
fn fold(text: &str, width: usize) -> String {
    let (mut folded, mut used) = (String::new(), width);
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if used + 1 + length > width {
            folded.push_str(if folded.is_empty() { "  " } else { "\n  " });
            used = 2 + length;
        } else {
            folded.push(' ');
            used += 1 + length;
        }
        folded.push_str(word);
    }
    folded.push('\n');
    folded
}

/// The chapter of the book: every key in Markdown.
pub fn chapter() -> String {
    let mut text = String::from("# Settings\n\nMade by `heliograph config explain --markdown`; do not edit.\n");
    for (name, about, keys) in sections::SECTIONS {
        let title =
            if name.ends_with("[]") { format!("[[{}]]", name.trim_end_matches("[]")) } else { format!("[{name}]") };
        let _infallible = write!(text, "\n## `{title}`\n\n{about}\n");
        for key in *keys {
            let default = if key.default.is_empty() { "unset" } else { key.default };
            let effect = if key.effect == Effect::Reload { "reload" } else { "restart" };
            let (path, kind, doc, example) = (key.path, key.kind, key.doc, example(key));
            let _infallible = write!(
                text,
                "\n### `{path}`\n\n{doc}\n\n- takes {kind}\n- default: `{default}`\n- example: `{example}`\n- a change needs a {effect}\n"
            );
        }
    }
    text
}
