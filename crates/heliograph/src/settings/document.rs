//! From a file's text to checked values: unknown keys, wrong types and impossible values become [`Problem`]s, all of
//! them at once.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml_edit::{Document, Item, Key as TomlKey, TableLike};

use crate::settings::key::{Key, Kind};
use crate::settings::nearest::nearest;
use crate::settings::problem::Problem;
use crate::settings::sections::{self, is_section};
use crate::settings::value::{self, Value};

/// The values of a file, by path, and where they stand.
#[derive(Debug, Default)]
pub struct Values {
    written: BTreeMap<String, (Value, Option<Range<usize>>)>,
    /// How many tables each list of tables has.
    counts: BTreeMap<String, usize>,
    /// Where those tables stand.
    tables: BTreeMap<String, Range<usize>>,
    /// Relative paths start here.
    folder: PathBuf,
    /// Where the lines of the file end.
    line_ends: Vec<usize>,
    /// Which keys were asked for: a test holds that all are.
    asked: RefCell<BTreeSet<&'static str>>,
}

/// Reads a file's text.
///
/// # Errors
/// All problems that can be seen without knowing what the settings are for.
pub fn read(text: &str, folder: &Path) -> Result<Values, Vec<Problem>> {
    let document = Document::parse(text).map_err(|error| vec![syntax(&error)])?;
    let line_ends = text.match_indices('\n').map(|(at, _)| at).collect();
    let values = Values { folder: folder.to_owned(), line_ends, ..Values::default() };
    let mut reader = Reader { values, problems: Vec::new() };
    reader.table(document.as_table(), "", "");
    if reader.problems.is_empty() { Ok(reader.values) } else { Err(reader.problems) }
}

fn syntax(error: &toml_edit::TomlError) -> Problem {
    let why = error.message().lines().collect::<Vec<_>>().join("; ");
    Problem { at: error.span(), key: None, why: format!("this is no TOML: {why}"), help: None }
}

/// A table of a list, and where it stands.
type Placed<'a> = (&'a dyn TableLike, Option<Range<usize>>);

struct Reader {
    values: Values,
    problems: Vec<Problem>,
}

impl Reader {
    /// `shown` is the path with its numbers (`listeners[0]`), `schema` without (`listeners[]`).
    fn table(&mut self, table: &dyn TableLike, shown: &str, schema: &str) {
        for (name, item) in table.iter() {
            let at = table.key(name).and_then(TomlKey::span);
            self.entry(name, at, item, &join(shown, name), &join(schema, name));
        }
    }

    fn entry(&mut self, name: &str, at: Option<Range<usize>>, item: &Item, shown: &str, schema: &str) {
        if let Some(key) = sections::find(schema) {
            return self.value(key, item, shown);
        }
        if is_section(&format!("{schema}[]")) {
            return self.list_of_tables(item, at, shown, schema);
        }
        if is_section(schema) {
            return match item.as_table_like() {
                Some(table) => self.table(table, shown, schema),
                None => self.problems.push(
                    Problem::with_value(item.span().or(at), shown, "is a section, not a value")
                        .helped(format!("write [{schema}] on a line of its own, and its keys below")),
                ),
            };
        }
        if let Some(key) = secret_of(schema) {
            return self.secret(key, name, item, shown);
        }
        self.unknown(name, at, shown, schema);
    }

    fn value(&mut self, key: &'static Key, item: &Item, shown: &str) {
        let Some(toml) = item.as_value() else {
            let why = format!("is a value, not a section: it must be {}", key.kind);
            return self.problems.push(Problem::with_value(item.span(), shown, why));
        };
        match value::read(&key.kind, toml) {
            Ok(value) => self.put(shown, value, item.span()),
            Err(why) => {
                let mut problem = Problem::with_value(item.span(), shown, why);
                if let (Kind::Choice(words), Some(text)) = (&key.kind, toml.as_str()) {
                    problem.help = nearest(text, words.iter().copied()).map(|word| format!("did you mean \"{word}\"?"));
                }
                self.problems.push(problem);
            }
        }
    }

    fn list_of_tables(&mut self, item: &Item, at: Option<Range<usize>>, shown: &str, schema: &str) {
        let tables: Option<Vec<Placed<'_>>> = match item {
            Item::ArrayOfTables(tables) => {
                Some(tables.iter().map(|table| (table as &dyn TableLike, table.span())).collect())
            }
            Item::Value(toml_edit::Value::Array(array)) => {
                let inline = |each: &toml_edit::Value| each.span();
                array
                    .iter()
                    .map(|each| each.as_inline_table().map(|table| (table as &dyn TableLike, inline(each))))
                    .collect()
            }
            _ => None,
        };
        let Some(tables) = tables else {
            return self.problems.push(
                Problem::with_value(at.or(item.span()), shown, "is a list of sections")
                    .helped(format!("write [[{schema}]] for each of them")),
            );
        };
        for (index, (table, at)) in tables.iter().enumerate() {
            let shown = format!("{shown}[{index}]");
            self.table(*table, &shown, &format!("{schema}[]"));
            if let Some(at) = at {
                self.values.tables.insert(shown, at.clone());
            }
        }
        self.values.counts.insert(shown.to_owned(), tables.len());
    }

    /// `KEY_file` and `KEY_env`: the secret from elsewhere.
    fn secret(&mut self, key: &'static Key, name: &str, item: &Item, shown: &str) {
        let Some(source) = item.as_str() else {
            return self.problems.push(Problem::with_value(item.span(), shown, "must be text in quotes"));
        };
        let found = if name.ends_with("_env") {
            std::env::var(source).map_err(|_| format!("names the variable {source}, which is not set"))
        } else {
            let path = self.values.folder.join(source);
            std::fs::read_to_string(&path).map_err(|error| format!("names {}: {error}", path.display()))
        };
        match found {
            Ok(secret) => {
                let shown = shown.trim_end_matches("_file").trim_end_matches("_env");
                debug_assert!(matches!(key.kind, Kind::Secret), "only secrets come from elsewhere");
                self.put(shown, Value::Text(secret.trim_end_matches(['\r', '\n']).to_owned()), item.span());
            }
            Err(why) => self.problems.push(Problem::with_value(item.span(), shown, why)),
        }
    }

    fn put(&mut self, shown: &str, value: Value, at: Option<Range<usize>>) {
        if self.values.written.insert(shown.to_owned(), (value, at.clone())).is_some() {
            self.problems.push(Problem::with_value(at, shown, "is given twice"));
        }
    }

    fn unknown(&mut self, name: &str, at: Option<Range<usize>>, shown: &str, schema: &str) {
        let section = schema.rsplit_once('.').map_or("", |(section, _)| section);
        let neighbour = nearest(name, sections::names_in(section));
        let help = match neighbour {
            Some(near) => Some(format!("did you mean `{}`?", join(section, near).replace("[]", ""))),
            // Perhaps it stands in the wrong section.
            None => sections::all()
                .find(|key| key.path.rsplit_once('.').is_some_and(|(_, last)| last == name))
                .map(|key| format!("there is `{}`", key.path)),
        };
        let help = help.unwrap_or_else(|| match sections::names_in(section).join(", ") {
            names if section.is_empty() => format!("the sections are {names}"),
            names => format!("the keys of `{}` are {names}", section.replace("[]", "")),
        });
        let why = "is not a key that Heliograph knows";
        self.problems.push(Problem::with_value(at, shown, why).helped(help));
    }
}

fn join(section: &str, name: &str) -> String {
    if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") }
}

/// The secret that `KEY_file` or `KEY_env` stands for.
fn secret_of(schema: &str) -> Option<&'static Key> {
    let path = schema.strip_suffix("_file").or(schema.strip_suffix("_env"))?;
    sections::find(path).filter(|key| matches!(key.kind, Kind::Secret))
}

/// A path without its numbers: `listeners[0].address` becomes `listeners[].address`.
pub fn without_numbers(path: &str) -> String {
    let mut plain = String::new();
    let mut inside = false;
    for c in path.chars() {
        inside = (inside || c == '[') && c != ']';
        if !inside || c == '[' {
            plain.push(c);
        }
    }
    plain
}

impl Values {
    /// The value of a key: as written, or its default; `None` when it has neither.
    ///
    /// # Panics
    /// When there is no such key, or its default does not fit: a fault of ours that a test would show.
    pub fn value(&self, path: &str) -> Option<Value> {
        let key = sections::find(&without_numbers(path)).unwrap_or_else(|| panic!("`{path}` is a key"));
        self.asked.borrow_mut().insert(key.path);
        if let Some((value, _)) = self.written.get(path) {
            return Some(value.clone());
        }
        default_of(key)
    }

    /// All that the file says.
    pub fn written(&self) -> BTreeMap<String, Value> {
        self.written.iter().map(|(path, (value, _))| (path.clone(), value.clone())).collect()
    }

    /// Whether the file says something about a key.
    pub fn is_written(&self, path: &str) -> bool {
        self.written.contains_key(path)
    }

    /// Where a key's value stands in the file; where it is not written, its table of a list.
    pub fn position(&self, path: &str) -> Option<Range<usize>> {
        match self.written.get(path) {
            Some((_, at)) => at.clone(),
            None => path.rsplit_once('.').and_then(|(table, _)| self.tables.get(table).cloned()),
        }
    }

    /// The line, from 1, at which a table of a list begins; 0 when it is not known.
    pub fn line(&self, table: &str) -> usize {
        let at = self.tables.get(table).map(|at| at.start);
        at.map_or(0, |at| self.line_ends.partition_point(|end| *end < at) + 1)
    }

    /// The paths of a list of tables: `listeners[0]`, `listeners[1]` …
    pub fn each(&self, list: &str) -> Vec<String> {
        let count = self.counts.get(list).copied().unwrap_or_default();
        (0..count).map(|index| format!("{list}[{index}]")).collect()
    }

    /// Which keys were asked for.
    #[cfg(test)]
    pub fn asked(&self) -> BTreeSet<&'static str> {
        self.asked.borrow().clone()
    }
}

/// A key's default.
///
/// # Panics
/// When the default does not fit the key: a fault of ours that a test would show.
pub fn default_of(key: &Key) -> Option<Value> {
    if key.default.is_empty() {
        return None;
    }
    let toml: toml_edit::Value = key.default.parse().unwrap_or_else(|error| panic!("default of {}: {error}", key.path));
    Some(value::read(&key.kind, &toml).unwrap_or_else(|why| panic!("default of {} {why}", key.path)))
}

macro_rules! getters {
    ($($(#[$doc:meta])* $name:ident, $optional:ident, $variant:ident -> $type:ty;)*) => {
        // One reader for each kind of value, whether or not a section asks for that kind today.
        #[allow(dead_code, reason = "the set is complete by kind, not by use")]
        impl Values {
            $(
                $(#[$doc])*
                pub fn $name(&self, path: &str) -> $type {
                    self.$optional(path).unwrap_or_else(|| panic!("`{path}` has a default"))
                }

                $(#[$doc])*
                /// `None` when it is not set.
                pub fn $optional(&self, path: &str) -> Option<$type> {
                    self.value(path).map(|value| match value {
                        Value::$variant(value) => value,
                        other => panic!("`{path}` is asked for as another kind than {other:?}"),
                    })
                }
            )*
        }
    };
}

getters! {
    /// A text.
    text, text_if_set, Text -> String;
    /// A flag.
    flag, flag_if_set, Flag -> bool;
    /// A number.
    number, number_if_set, Number -> i64;
    /// A size in octets.
    size, size_if_set, Size -> u64;
    /// A time.
    time, time_if_set, Time -> std::time::Duration;
    /// A path, as written.
    raw_path, raw_path_if_set, FilePath -> PathBuf;
    /// A domain.
    domain, domain_if_set, Domain -> model::Domain;
    /// A listening address.
    listen, listen_if_set, Listen -> net::ListenAddress;
    /// An Internet address.
    ip, ip_if_set, Ip -> std::net::IpAddr;
    /// Permissions.
    mode, mode_if_set, Mode -> u32;
    /// A list.
    list, list_if_set, List -> Vec<Value>;
}

impl Values {
    /// A path, complete.
    pub fn path(&self, path: &str) -> PathBuf {
        self.complete(&self.raw_path(path))
    }

    /// A path, complete, if it is set.
    pub fn path_if_set(&self, path: &str) -> Option<PathBuf> {
        self.raw_path_if_set(path).map(|raw| self.complete(&raw))
    }

    /// A path from the file's folder on, without needless dots.
    pub fn complete(&self, path: &Path) -> PathBuf {
        self.folder.join(path).components().collect()
    }

    /// A number that its key's bounds make fit.
    pub fn count<T: TryFrom<i64>>(&self, path: &str) -> T {
        T::try_from(self.number(path)).unwrap_or_else(|_| panic!("the bounds of `{path}` fit its use"))
    }

    /// The texts of a list.
    pub fn texts(&self, path: &str) -> Vec<String> {
        self.picked(path, |value| match value {
            Value::Text(text) => Some(text),
            _ => None,
        })
    }

    /// Those values of a list that `pick` takes.
    pub fn picked<T>(&self, path: &str, pick: impl Fn(Value) -> Option<T>) -> Vec<T> {
        self.list(path).into_iter().filter_map(pick).collect()
    }
}
