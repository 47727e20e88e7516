//! The compiled tables, and the index that finds the entries which a text can match at all.
//!
//! Every match of an entry holds its literal texts. For each entry the text that the fewest others share is put into one
//! automaton; one pass over the probe then tells which entries are worth trying, however long the table is.

use crate::mapping::callout::Callout;
use crate::mapping::pattern::Pattern;
use crate::mapping::problem::Problem;
use crate::mapping::template::Template;
use aho_corasick::AhoCorasick;
use std::collections::HashMap;

/// All tables of a configuration.
#[derive(Clone, Debug, Default)]
pub struct Mappings {
    files: Vec<String>,
    tables: Vec<Table>,
    by_name: HashMap<String, usize>,
    general: HashMap<String, Template>,
    warnings: Vec<Problem>,
}

/// One table.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name as written.
    pub name: String,
    /// Where it begins.
    pub place: Place,
    /// Its entries.
    pub entries: Vec<Entry>,
    finder: Option<Finder>,
}

/// One entry.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where it stands.
    pub place: Place,
    /// The left column as written.
    pub pattern_text: Box<str>,
    /// The right column as written.
    pub template_text: Box<str>,
    /// The left column.
    pub pattern: Pattern,
    /// The right column.
    pub template: Template,
}

/// A line of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The file, by number.
    pub file: u32,
    /// The line, from 1.
    pub line: u32,
}

/// The entries that a text can match, as bits.
#[derive(Clone, Debug, Default)]
pub struct Candidates {
    words: Vec<u64>,
    are_all: bool,
}

#[derive(Clone, Debug)]
struct Finder {
    automaton: AhoCorasick,
    /// The entries of each needle.
    entries: Vec<Vec<u32>>,
    /// The entries that no text can rule out.
    always: Vec<u64>,
}

/// Tables with fewer entries are tried one by one.
const INDEXED_FROM: usize = 8;
/// Shorter texts stand in every probe.
const NEEDLE_OCTETS_MIN: usize = 2;

impl Mappings {
    /// Puts tables together; names are unique by then.
    pub fn new(files: Vec<String>, tables: Vec<Table>, warnings: Vec<Problem>) -> Mappings {
        let by_name = tables.iter().enumerate().map(|(at, table)| (folded(&table.name), at)).collect();
        Mappings { files, tables, by_name, general: HashMap::new(), warnings }
    }

    /// The same with the general table.
    #[must_use]
    pub fn with_general(mut self, general: HashMap<String, Template>) -> Mappings {
        self.general = general.into_iter().map(|(key, value)| (folded(&key), value)).collect();
        self
    }

    /// The number of a table, by its name in any case.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.by_name.get(&folded(name)).copied()
    }

    /// A table by its number.
    pub fn table(&self, number: usize) -> Option<&Table> {
        self.tables.get(number)
    }

    /// All tables, in the order of the files.
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// What the general table says of a key.
    pub fn general(&self, key: &str) -> Option<&Template> {
        self.general.get(&folded(key))
    }

    /// What is unusual.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// The rates that stand in the tables themselves, each once: how many a minute, and whether they penalise.
    pub fn rates(&self) -> std::collections::BTreeSet<(u32, bool)> {
        let entries = self.tables.iter().flat_map(|table| &table.entries);
        entries.flat_map(|entry| entry.template.callouts()).filter_map(Callout::rate).collect()
    }

    /// A place as `file:line`.
    pub fn told(&self, place: Place) -> String {
        let file = self.files.get(place.file as usize).map_or("?", String::as_str);
        format!("{file}:{}", place.line)
    }

    /// Whether there are no tables.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }
}

fn folded(name: &str) -> String {
    name.trim().to_ascii_uppercase()
}

impl Table {
    /// A table with its index.
    pub fn new(name: String, place: Place, entries: Vec<Entry>) -> Table {
        let finder = (entries.len() >= INDEXED_FROM).then(|| Finder::new(&entries)).flatten();
        Table { name, place, entries, finder }
    }

    /// The entries that `text` can match.
    pub fn candidates(&self, text: &str) -> Candidates {
        let Some(finder) = &self.finder else { return Candidates { words: Vec::new(), are_all: true } };
        let mut words = finder.always.clone();
        for found in finder.automaton.find_overlapping_iter(text.as_bytes()) {
            for entry in finder.entries.get(found.pattern().as_usize()).into_iter().flatten() {
                set(&mut words, *entry);
            }
        }
        Candidates { words, are_all: false }
    }
}

impl Candidates {
    /// The first candidate from `from` on, of `count` entries.
    pub fn next(&self, from: usize, count: usize) -> Option<usize> {
        if self.are_all {
            return (from < count).then_some(from);
        }
        let mut index = from / 64;
        let mut word = self.words.get(index)? & (u64::MAX << (from % 64));
        while word == 0 {
            index += 1;
            word = *self.words.get(index)?;
        }
        Some(index * 64 + word.trailing_zeros() as usize)
    }
}

impl Finder {
    fn new(entries: &[Entry]) -> Option<Finder> {
        let mut shared: HashMap<&[u8], u32> = HashMap::new();
        for entry in entries {
            for text in entry.pattern.texts() {
                *shared.entry(text).or_default() += 1;
            }
        }
        let mut always = vec![0; entries.len().div_ceil(64)];
        let mut needles: Vec<&[u8]> = Vec::new();
        let mut numbers: HashMap<&[u8], usize> = HashMap::new();
        let mut by_needle: Vec<Vec<u32>> = Vec::new();
        for (number, entry) in entries.iter().enumerate() {
            let number = u32::try_from(number).ok()?;
            let usable = entry.pattern.texts().filter(|text| text.len() >= NEEDLE_OCTETS_MIN);
            let rarest =
                usable.min_by_key(|text| (shared.get(text).copied().unwrap_or(u32::MAX), usize::MAX - text.len()));
            let Some(needle) = rarest else {
                set(&mut always, number);
                continue;
            };
            let at = *numbers.entry(needle).or_insert_with(|| {
                needles.push(needle);
                by_needle.push(Vec::new());
                needles.len() - 1
            });
            if let Some(list) = by_needle.get_mut(at) {
                list.push(number);
            }
        }
        let automaton = AhoCorasick::builder().ascii_case_insensitive(true).build(&needles).ok()?;
        Some(Finder { automaton, entries: by_needle, always })
    }
}

fn set(words: &mut [u64], bit: u32) {
    if let Some(word) = words.get_mut(bit as usize / 64) {
        *word |= 1 << (bit % 64);
    }
}
