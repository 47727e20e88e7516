//! Changing a settings file: comments and order stay, and what would not load is never written.

use std::path::Path;

use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, Value as Toml};

use crate::failure::Failure;
use crate::settings::Settings;
use crate::settings::document::without_numbers;
use crate::settings::explain::unknown;
use crate::settings::key::{Key, Kind};
use crate::settings::sections;

/// One step of a path: a name, or a table's number in its list.
enum Step<'a> {
    Name(&'a str),
    Number(usize),
}

/// The text of a file with a key set to `value`, which may be written as TOML or, for a text, without quotes.
///
/// # Errors
/// Why not: no such key, a value that does not fit, or a file that would not load any more.
pub fn set(file: &Path, text: &str, path: &str, value: &str) -> Result<String, Failure> {
    let key = sections::find(&without_numbers(path)).ok_or_else(|| Failure::failed(unknown(path)))?;
    let mut document = parse(file, text)?;
    let mut item = document.as_item_mut();
    for step in steps(path)? {
        item = descend(item, &step, path)?;
    }
    let mut toml = as_toml(key, value);
    if let Some(old) = item.as_value() {
        // The comment behind the old value stays behind the new one.
        *toml.decor_mut() = old.decor().clone();
    }
    *item = Item::Value(toml);
    checked(file, document.to_string())
}

/// The text of a file without a key.
///
/// # Errors
/// Why not: the key is not written there, or the file would not load any more.
pub fn unset(file: &Path, text: &str, path: &str) -> Result<String, Failure> {
    let missing = || Failure::failed(format!("`{path}` is not set in {}", file.display()));
    let mut document = parse(file, text)?;
    let mut steps = steps(path)?;
    let last = steps.pop().ok_or_else(missing)?;
    let mut item = document.as_item_mut();
    for step in steps {
        item = match step {
            Step::Name(name) => item.get_mut(name),
            Step::Number(number) => item.get_mut(number),
        }
        .ok_or_else(missing)?;
    }
    match last {
        Step::Name(name) => {
            item.as_table_like_mut().and_then(|table| table.remove(name)).ok_or_else(missing)?;
        }
        Step::Number(number) => {
            let tables = item.as_array_of_tables_mut().filter(|tables| number < tables.len()).ok_or_else(missing)?;
            tables.remove(number);
        }
    }
    checked(file, document.to_string())
}

fn parse(file: &Path, text: &str) -> Result<DocumentMut, Failure> {
    // The check tells line and column, which the parser for editing does not keep.
    if let Err(problems) = crate::settings::document::read(text, Path::new("")).map(|_| ())
        && text.parse::<DocumentMut>().is_err()
    {
        return Err(crate::settings::problem::Problems::new(file, text, problems).into());
    }
    text.parse::<DocumentMut>()
        .map_err(|error| Failure::failed(format!("cannot read {}", file.display())).because(error))
}

fn checked(file: &Path, text: String) -> Result<String, Failure> {
    Settings::parse(file, &text)
        .map_err(|problems| Failure::failed(format!("nothing was changed, for this would not load:\n{problems}")))?;
    Ok(text)
}

/// `listeners[0].address` in steps.
fn steps(path: &str) -> Result<Vec<Step<'_>>, Failure> {
    let mut steps = Vec::new();
    for part in path.split('.') {
        let Some((name, number)) = part.strip_suffix(']').and_then(|part| part.split_once('[')) else {
            steps.push(Step::Name(part));
            continue;
        };
        let number = number.parse().map_err(|_| Failure::usage(format!("write `{name}[0].…`, not `{path}`")))?;
        steps.extend([Step::Name(name), Step::Number(number)]);
    }
    Ok(steps)
}

/// Goes one step down, making what is not there yet.
fn descend<'a>(item: &'a mut Item, step: &Step<'_>, path: &str) -> Result<&'a mut Item, Failure> {
    match step {
        Step::Name(name) => {
            if item.is_none() {
                *item = Item::Table(Table::new());
            }
            let table =
                item.as_table_like_mut().ok_or_else(|| Failure::failed(format!("`{path}` leads through a value")))?;
            Ok(table.entry(name).or_insert(Item::None))
        }
        Step::Number(number) => {
            if item.is_none() {
                *item = Item::ArrayOfTables(ArrayOfTables::new());
            }
            let tables = item.as_array_of_tables_mut().ok_or_else(|| {
                Failure::failed(format!("`{path}` leads through something that is no list of sections"))
            })?;
            if *number == tables.len() {
                tables.push(Table::new());
            }
            let count = tables.len();
            tables.get_mut(*number).map(|_| ()).ok_or_else(|| {
                Failure::failed(format!("`{path}`: there are only {count}; the next new one has the number {count}"))
            })?;
            item.get_mut(*number).ok_or_else(|| Failure::failed(format!("`{path}` does not exist")))
        }
    }
}

/// A value as TOML: as written where that is TOML and fits, else as text.
fn as_toml(key: &Key, value: &str) -> Toml {
    let parsed = value.parse::<Toml>().ok();
    match (key.kind, parsed) {
        (Kind::Flag | Kind::Number { .. } | Kind::List(_), Some(toml)) => toml,
        (_, Some(toml)) if toml.is_str() => toml,
        (Kind::Size { .. }, Some(toml)) if toml.is_integer() => toml,
        (Kind::List(_), None) => Toml::Array(value.split(',').map(|each| Toml::from(each.trim())).collect()),
        _ => Toml::from(value),
    }
}

/// Writes a file anew, so that a reader sees the old text or the new one and nothing between.
///
/// # Errors
/// That it could not be written.
pub fn replace(file: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::failed(format!("cannot write {}", file.display())).because(error);
    let mut fresh = file.as_os_str().to_owned();
    fresh.push(".new");
    std::fs::write(&fresh, text).map_err(failed)?;
    if let Ok(old) = std::fs::metadata(file) {
        std::fs::set_permissions(&fresh, old.permissions()).map_err(failed)?;
    }
    std::fs::File::open(&fresh).and_then(|written| written.sync_all()).map_err(failed)?;
    std::fs::rename(&fresh, file).map_err(failed)
}
