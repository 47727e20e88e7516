//! A mapping file read: tables with their names in column 1, a blank line, entries that begin with white space, a blank
//! line at the end; `!` comments, `\` continuations, `<file` includes.

use crate::limits::SAVED_MAX;
use crate::limits::{ENTRIES_MAX, FILE_OCTETS_MAX, INCLUDE_DEPTH_MAX, LINE_USUAL, PATTERN_USUAL, TEMPLATE_USUAL};
use crate::mapping::pattern::Pattern;
use crate::mapping::problem::Problem;
use crate::mapping::table::{Entry, Mappings, Place, Table};
use crate::mapping::template::Template;
use std::collections::HashMap;

/// Gives the text of a file that another one includes, by the name that stands there and the name of the other.
pub type Include<'a> = &'a mut dyn FnMut(&str, &str) -> Result<(String, String), String>;

/// Reads a file; `include` opens what it includes, and gives the complete name with the text.
///
/// # Errors
/// All that is wrong, in the order of the lines.
pub fn read(name: &str, text: &str, include: Include<'_>) -> Result<Mappings, Vec<Problem>> {
    let mut reader = Reader {
        include,
        files: Vec::new(),
        tables: Vec::new(),
        names: HashMap::new(),
        problems: Vec::new(),
        state: State::Outside,
        octets: 0,
        entries: 0,
    };
    reader.file(name, text, 0);
    reader.end_table();
    let Reader { files, tables, problems, .. } = reader;
    if problems.iter().any(|problem| !problem.is_warning) {
        return Err(problems);
    }
    let tables = tables.into_iter().map(|open| Table::new(open.name, open.place, open.entries)).collect();
    Ok(Mappings::new(files, tables, problems))
}

/// Reads the general table: a key, white space, and a template on each line; `!` and `#` begin comments.
///
/// # Errors
/// All that is wrong, in the order of the lines.
pub fn read_general(name: &str, text: &str) -> Result<HashMap<String, Template>, Vec<Problem>> {
    let (mut made, mut problems) = (HashMap::new(), Vec::new());
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['!', '#']) {
            continue;
        }
        let (key, value) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        if made.insert(key.to_owned(), Template::of_answer(value.trim())).is_some() {
            let line = u32::try_from(index + 1).unwrap_or(u32::MAX);
            problems.push(Problem {
                file: name.to_owned(),
                line,
                why: format!("`{key}` stands twice"),
                is_warning: false,
            });
        }
    }
    if problems.is_empty() { Ok(made) } else { Err(problems) }
}

enum State {
    Outside,
    /// A name was read, and perhaps the blank line behind it.
    Named {
        is_separated: bool,
    },
    Inside,
}

struct Open {
    name: String,
    place: Place,
    entries: Vec<Entry>,
}

struct Reader<'a> {
    include: Include<'a>,
    files: Vec<String>,
    tables: Vec<Open>,
    names: HashMap<String, Place>,
    problems: Vec<Problem>,
    state: State,
    octets: usize,
    entries: usize,
}

impl Reader<'_> {
    fn file(&mut self, name: &str, text: &str, depth: usize) {
        let file = u32::try_from(self.files.len()).unwrap_or(u32::MAX);
        self.files.push(name.to_owned());
        self.octets += text.len();
        if self.octets > FILE_OCTETS_MAX {
            return self
                .refuse(Place { file, line: 0 }, format!("the files together are over {FILE_OCTETS_MAX} octets"));
        }
        let mut lines = text.split('\n').enumerate();
        while let Some((index, line)) = lines.next() {
            let place = Place { file, line: u32::try_from(index + 1).unwrap_or(u32::MAX) };
            let mut whole = self.physical(place, line).to_owned();
            while whole.ends_with('\\') && !whole.starts_with('!') {
                whole.pop();
                let Some((_, next)) = lines.next() else { break };
                let next = self.physical(place, next);
                // White space in front of a continuation separates the columns, or is there to look at.
                let has_begun = columns(&whole).is_some_and(|(_, template)| !template.is_empty());
                whole.push_str(if has_begun { next.trim_start() } else { next });
            }
            self.line(place, &whole, depth);
        }
    }

    fn physical<'l>(&mut self, place: Place, line: &'l str) -> &'l str {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.len() > LINE_USUAL {
            self.warn(place, format!("a line of {} characters; other programs stop at {LINE_USUAL}", line.len()));
        }
        line
    }

    fn line(&mut self, place: Place, line: &str, depth: usize) {
        let first = line.chars().next();
        match first {
            Some('!') => {}
            Some('<') => self.included(place, line.get(1..).unwrap_or_default().trim(), depth),
            _ if line.trim().is_empty() => match self.state {
                State::Named { .. } => self.state = State::Named { is_separated: true },
                State::Inside => self.end_table(),
                State::Outside => {}
            },
            Some(' ' | '\t') => self.entry(place, line.trim_start()),
            Some(letter) if letter.is_alphabetic() => self.name(place, line.trim()),
            _ => self.refuse(
                place,
                "a line begins with a letter (a table's name), white space (an entry), ! (a comment) or < (a file)"
                    .to_owned(),
            ),
        }
    }

    fn included(&mut self, place: Place, name: &str, depth: usize) {
        if depth >= INCLUDE_DEPTH_MAX {
            return self.refuse(place, format!("files include each other more than {INCLUDE_DEPTH_MAX} deep"));
        }
        let own = self.files.get(place.file as usize).cloned().unwrap_or_default();
        match (self.include)(name, &own) {
            Ok((name, text)) => self.file(&name, &text, depth + 1),
            Err(why) => self.refuse(place, format!("cannot include {name}: {why}")),
        }
    }

    fn name(&mut self, place: Place, name: &str) {
        if matches!(self.state, State::Named { .. }) {
            let previous = self.tables.last().map(|table| table.name.clone()).unwrap_or_default();
            self.warn(place, format!("the table {previous} has no entries"));
        }
        if matches!(self.state, State::Inside) {
            self.refuse(place, format!("a blank line must end the table before {name} begins"));
        }
        if name.contains(char::is_whitespace) {
            self.refuse(place, format!("`{name}`: a table's name is one word; entries begin with white space"));
        }
        if let Some(first) = self.names.insert(name.to_ascii_uppercase(), place) {
            let file = self.files.get(first.file as usize).cloned().unwrap_or_default();
            self.refuse(place, format!("the table {name} stands twice; it begins first in {file}:{}", first.line));
        }
        self.tables.push(Open { name: name.to_owned(), place, entries: Vec::new() });
        self.state = State::Named { is_separated: false };
    }

    fn entry(&mut self, place: Place, text: &str) {
        match self.state {
            State::Outside => {
                let why = "an entry outside of a table; a blank line ends a table, so none may stand inside of it";
                return self.refuse(place, why.to_owned());
            }
            State::Named { is_separated: false } => {
                let why = "a blank line must stand between a table's name and its entries";
                self.refuse(place, why.to_owned());
            }
            State::Named { .. } | State::Inside => {}
        }
        self.state = State::Inside;
        self.entries += 1;
        if self.entries > ENTRIES_MAX {
            return self.refuse(place, format!("more than {ENTRIES_MAX} entries"));
        }
        let (pattern, rest) = columns(text).unwrap_or((text, ""));
        let (template, more) = columns(rest).unwrap_or((rest, ""));
        if !more.is_empty() {
            return self.refuse(place, format!("`{more}` stands behind the template; write white space in it as `$ `"));
        }
        let compiled = Pattern::compile(pattern).map_err(|why| format!("the pattern `{pattern}`: {why}"));
        let compiled = compiled.and_then(|made| {
            let template = Template::compile(template).map_err(|why| format!("the template `{template}`: {why}"));
            template.map(|template| (made, template))
        });
        match compiled {
            Ok((made, filled)) => {
                self.check(place, pattern, template, &made, &filled);
                let entry = Entry {
                    place,
                    pattern_text: pattern.into(),
                    template_text: template.into(),
                    pattern: made,
                    template: filled,
                };
                if let Some(table) = self.tables.last_mut() {
                    table.entries.push(entry);
                }
            }
            Err(why) => self.refuse(place, why),
        }
    }

    /// What works but may not be meant.
    fn check(&mut self, place: Place, pattern: &str, template: &str, made: &Pattern, filled: &Template) {
        let lengths = [
            ("pattern", pattern.chars().count(), PATTERN_USUAL),
            ("template", template.chars().count(), TEMPLATE_USUAL),
        ];
        for (what, length, usual) in lengths {
            if length > usual {
                self.warn(place, format!("a {what} of {length} characters; other programs stop at {usual}"));
            }
        }
        if made.wildcards() > SAVED_MAX {
            let why = format!("{} wildcards, of which the first {SAVED_MAX} are kept ($0 to $9)", made.wildcards());
            self.warn(place, why);
        }
        let lost: Vec<u8> = filled.wildcards().filter(|number| *number >= made.wildcards()).collect();
        for number in lost {
            self.warn(place, format!("`${number}` is empty: the pattern has {} wildcards", made.wildcards()));
        }
    }

    fn end_table(&mut self) {
        self.state = State::Outside;
    }

    fn refuse(&mut self, place: Place, why: String) {
        self.tell(place, why, false);
    }

    fn warn(&mut self, place: Place, why: String) {
        self.tell(place, why, true);
    }

    fn tell(&mut self, place: Place, why: String, is_warning: bool) {
        let file = self.files.get(place.file as usize).cloned().unwrap_or_default();
        self.problems.push(Problem { file, line: place.line, why, is_warning });
    }
}

/// Takes a text apart at the first white space that no `$` quotes.
fn columns(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let mut is_quoted = false;
    for (at, character) in text.char_indices() {
        match character {
            _ if is_quoted => is_quoted = false,
            '$' => is_quoted = true,
            ' ' | '\t' => return Some((text.get(..at)?, text.get(at..)?.trim_start())),
            _ => {}
        }
    }
    None
}
