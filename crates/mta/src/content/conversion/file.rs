//! The `conversions` file: entries of `name=value;` clauses, in the spelling of Sun's and PMDF's.
//!
//! A line that does not end in `;` ends its entry, and so does a blank line. `\` at the end joins a line to the next, `!` at
//! the start makes it a comment. Values with other characters than letters stand in double quotes, in which `\` takes the
//! next character literally.

use std::collections::{BTreeMap, BTreeSet};

/// Octets of a file.
const FILE_OCTETS_MAX: usize = 4 * 1024 * 1024;
/// Entries of a file.
const ENTRIES_MAX: usize = 10_000;

/// The entries of a file, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conversions {
    /// The entries.
    pub entries: Vec<Entry>,
    /// What was passed over, in words with line numbers.
    pub warnings: Vec<String>,
}

/// What is done to parts of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The line on which it begins, from 1 on.
    pub line: usize,
    /// What a part must be.
    pub conditions: Vec<Condition>,
    /// The shell command.
    pub command: Option<String>,
    /// Whether the part goes.
    pub deletes: bool,
    /// What the part becomes.
    pub out: Out,
    /// Of which message the header is written to MESSAGE_HEADERS: 1 the one around the part, 2 the outermost one.
    pub message_header_file: u8,
    /// Whether INPUT_HEADERS holds the header of the message around the part instead of the part's own.
    pub original_header_file: bool,
    /// Whether the command may give the part other header fields, in OUTPUT_HEADERS.
    pub override_header_file: bool,
    /// Whether the command may say more in OUTPUT_OPTIONS.
    pub override_option_file: bool,
    /// Parameters of the type that the command finds in its environment.
    pub parameter_symbols: Vec<String>,
    /// Parameters of the disposition that the command finds in its environment.
    pub dparameter_symbols: Vec<String>,
}

/// One thing that a part must be; texts are patterns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The channel that brought the message.
    InChannel(String),
    /// The channel that it leaves by.
    OutChannel(String),
    /// `text` of `text/plain`.
    Type(String),
    /// `plain` of `text/plain`.
    Subtype(String),
    /// `Content-Description:`.
    Description(String),
    /// `inline` or `attachment`.
    Disposition(String),
    /// The subject of the message around the part.
    Subject(String),
    /// The part's number, such as `1.2`.
    PartNumber(String),
    /// Which attachment it is; 0 for the texts before the first.
    AttachmentNumber(String),
    /// A tag that the choice of channels gave.
    Tag(String),
    /// A parameter of the type, or of the disposition.
    Parameter(ParameterCondition),
}

/// What a parameter must be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParameterCondition {
    /// Of the disposition, not of the type.
    pub of_disposition: bool,
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// The value that a part has without it.
    pub default: Option<String>,
}

/// What a part becomes; what is not said stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Out {
    /// `text` of `text/plain`.
    pub kind: Option<String>,
    /// `plain` of `text/plain`.
    pub subtype: Option<String>,
    /// The transfer encoding.
    pub encoding: Option<String>,
    /// `Content-Disposition:`.
    pub disposition: Option<String>,
    /// `Content-Description:`.
    pub description: Option<String>,
    /// Whether what the command wrote has lines.
    pub mode: Option<Mode>,
    /// Parameters of the type.
    pub parameters: Vec<(String, String)>,
    /// Parameters of the disposition.
    pub dparameters: Vec<(String, String)>,
    /// Parameters of the type that are kept, as patterns.
    pub copied: Vec<String>,
    /// Parameters of the disposition that are kept, as patterns.
    pub dcopied: Vec<String>,
}

/// What kind of file a command wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Octets.
    Block,
    /// Lines.
    Text,
}

/// Why a file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct BadFile {
    /// Where.
    pub line: usize,
    /// What is wrong and what to do.
    pub why: String,
}

fn bad(line: usize, why: impl Into<String>) -> BadFile {
    BadFile { line, why: why.into() }
}

impl Conversions {
    /// Reads a file's text.
    pub fn parse(text: &str) -> Result<Conversions, BadFile> {
        if text.len() > FILE_OCTETS_MAX {
            return Err(bad(1, format!("the file is larger than {FILE_OCTETS_MAX} octets; split its commands out")));
        }
        let mut conversions = Conversions::default();
        let mut clauses: Vec<Clause> = Vec::new();
        for (number, line) in logical_lines(text) {
            if line.trim().is_empty() {
                conversions.finish(&mut clauses)?;
                continue;
            }
            let (found, goes_on) = split_clauses(number, &line)?;
            clauses.extend(found);
            if !goes_on {
                conversions.finish(&mut clauses)?;
            }
        }
        conversions.finish(&mut clauses)?;
        Ok(conversions)
    }

    fn finish(&mut self, clauses: &mut Vec<Clause>) -> Result<(), BadFile> {
        let clauses = std::mem::take(clauses);
        let Some(first) = clauses.first() else { return Ok(()) };
        if self.entries.len() >= ENTRIES_MAX {
            return Err(bad(first.line, format!("there are more than {ENTRIES_MAX} entries")));
        }
        let mut making = Making { entry: Entry { line: first.line, ..Entry::default() }, ..Making::default() };
        for clause in &clauses {
            making.take(clause, &mut self.warnings)?;
        }
        self.entries.push(making.finish()?);
        Ok(())
    }
}

#[derive(Debug)]
struct Clause {
    line: usize,
    name: String,
    value: String,
}

/// Lines without comments, each with the number of its first physical line.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut joins = false;
    for (index, line) in text.lines().enumerate() {
        if !joins && line.starts_with('!') {
            continue;
        }
        let (line, goes_on) = match line.trim_end().strip_suffix('\\') {
            Some(line) => (line, true),
            None => (line, false),
        };
        match lines.last_mut() {
            Some((_, last)) if joins => last.push_str(line),
            _ => lines.push((index + 1, line.to_owned())),
        }
        joins = goes_on;
    }
    lines
}

/// The clauses of a line, and whether the entry goes on behind it.
fn split_clauses(line: usize, text: &str) -> Result<(Vec<Clause>, bool), BadFile> {
    let mut clauses = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let Some((name, after)) = rest.split_once('=').filter(|(name, _)| !name.contains([';', '"'])) else {
            return Err(bad(line, format!("`{}` is no clause; write NAME=VALUE;", shown(rest))));
        };
        let name = name.trim().to_ascii_lowercase();
        if name.is_empty() || !name.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-') {
            return Err(bad(line, format!("`{}` is no name of a parameter", shown(&name))));
        }
        let (value, after) = value(line, after.trim_start())?;
        clauses.push(Clause { line, name, value });
        let after = after.trim_start();
        match after.strip_prefix(';') {
            Some(more) if more.trim().is_empty() => return Ok((clauses, true)),
            Some(more) => rest = more.trim(),
            None if after.is_empty() => return Ok((clauses, false)),
            None => {
                return Err(bad(line, format!("`{}` stands behind a value; put a ; between clauses", shown(after))));
            }
        }
    }
    Ok((clauses, false))
}

/// A quoted string or a word, and what follows it.
fn value(line: usize, text: &str) -> Result<(String, &str), BadFile> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(';').unwrap_or(text.len());
        let (word, after) = text.split_at(end);
        return Ok((word.trim().to_owned(), after));
    };
    let mut output = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((output, quoted.get(at + 1..).unwrap_or_default())),
            '\\' => output.extend(characters.next().map(|(_, next)| next)),
            other => output.push(other),
        }
    }
    Err(bad(line, "a quotation mark is never closed; end long lines with \\ to go on"))
}

fn shown(text: &str) -> &str {
    text.get(..text.floor_char_boundary(40)).unwrap_or(text)
}

/// An entry in the making.
#[derive(Default)]
struct Making {
    entry: Entry,
    seen: BTreeSet<String>,
    /// By kind and number.
    conditions: BTreeMap<(bool, u32), ParameterCondition>,
    outs: BTreeMap<(bool, u32), (Option<String>, Option<String>)>,
}

impl Making {
    fn take(&mut self, clause: &Clause, warnings: &mut Vec<String>) -> Result<(), BadFile> {
        let Clause { line, name, value } = clause;
        if !self.seen.insert(name.clone()) {
            return Err(bad(*line, format!("{name} is given twice in one entry")));
        }
        let entry = &mut self.entry;
        let text = || value.clone();
        match name.as_str() {
            "in-chan" | "in-channel" => entry.conditions.push(Condition::InChannel(text())),
            "out-chan" | "out-channel" => entry.conditions.push(Condition::OutChannel(text())),
            "in-type" => entry.conditions.push(Condition::Type(text())),
            "in-subtype" => entry.conditions.push(Condition::Subtype(text())),
            "in-description" => entry.conditions.push(Condition::Description(text())),
            "in-disposition" => entry.conditions.push(Condition::Disposition(text())),
            "in-subject" => entry.conditions.push(Condition::Subject(text())),
            "part-number" => entry.conditions.push(Condition::PartNumber(text())),
            "attachment-number" => entry.conditions.push(Condition::AttachmentNumber(text())),
            "tag" => entry.conditions.push(Condition::Tag(text())),
            "command" => entry.command = Some(text()).filter(|command| !command.trim().is_empty()),
            "delete" => entry.deletes = flag(clause)?,
            // Without a command an entry changes the labels alone, which is what this says.
            "relabel" => {
                flag(clause)?;
            }
            "message-header-file" => entry.message_header_file = number(clause, 2)?,
            "original-header-file" => entry.original_header_file = flag(clause)?,
            "override-header-file" => entry.override_header_file = flag(clause)?,
            "override-option-file" => entry.override_option_file = flag(clause)?,
            "out-type" => entry.out.kind = Some(token(clause)?),
            "out-subtype" => entry.out.subtype = Some(token(clause)?),
            "out-encoding" => entry.out.encoding = Some(encoding(clause)?),
            "out-disposition" => entry.out.disposition = Some(token(clause)?),
            "out-description" => entry.out.description = Some(text()),
            "out-mode" => entry.out.mode = Some(mode(clause)?),
            _ => return self.take_numbered(clause, warnings),
        }
        Ok(())
    }

    /// Names that end in a number.
    fn take_numbered(&mut self, clause: &Clause, warnings: &mut Vec<String>) -> Result<(), BadFile> {
        let Clause { line, name, value } = clause;
        let numbered = name.rsplit_once('-').and_then(|(base, digits)| Some((base, digits.parse::<u32>().ok()?)));
        let (base, number) = numbered.unwrap_or((name, 0));
        let of_disposition = base.contains("dparameter");
        let text = value.clone();
        match base.replace("dparameter", "parameter").as_str() {
            "in-parameter-name" => self.condition(of_disposition, number).name = text,
            "in-parameter-value" => self.condition(of_disposition, number).value = text,
            "in-parameter-default" => self.condition(of_disposition, number).default = Some(text),
            "out-parameter-name" => self.outs.entry((of_disposition, number)).or_default().0 = Some(text),
            "out-parameter-value" => self.outs.entry((of_disposition, number)).or_default().1 = Some(text),
            "parameter-copy" if of_disposition => self.entry.out.dcopied.push(text),
            "parameter-copy" => self.entry.out.copied.push(text),
            "parameter-symbol" if of_disposition => self.entry.dparameter_symbols.push(symbol(clause)?),
            "parameter-symbol" => self.entry.parameter_symbols.push(symbol(clause)?),
            // A condition that is not known cannot be passed over: the entry would be for more parts than it says.
            other if other.starts_with("in-") => {
                return Err(bad(*line, format!("the condition {name} is not known here; take the entry out")));
            }
            _ => warnings.push(format!("line {line}: {name} is not known and is passed over")),
        }
        Ok(())
    }

    fn condition(&mut self, of_disposition: bool, number: u32) -> &mut ParameterCondition {
        let condition = self.conditions.entry((of_disposition, number)).or_default();
        condition.of_disposition = of_disposition;
        condition
    }

    fn finish(mut self) -> Result<Entry, BadFile> {
        let line = self.entry.line;
        for ((_, number), mut condition) in self.conditions {
            if condition.name.is_empty() {
                return Err(bad(line, format!("a parameter's value or default {number} is given without its name")));
            }
            if condition.value.is_empty() {
                condition.value = "*".to_owned();
            }
            self.entry.conditions.push(Condition::Parameter(condition));
        }
        for ((of_disposition, number), pair) in self.outs {
            let (Some(name), Some(value)) = pair else {
                return Err(bad(line, format!("parameter {number} of the result needs both a name and a value")));
            };
            let list = if of_disposition { &mut self.entry.out.dparameters } else { &mut self.entry.out.parameters };
            list.push((name.to_ascii_lowercase(), value));
        }
        if self.entry.deletes && self.entry.command.is_some() {
            return Err(bad(line, "an entry either deletes the part or runs a command"));
        }
        Ok(self.entry)
    }
}

fn flag(clause: &Clause) -> Result<bool, BadFile> {
    match clause.value.as_str() {
        "0" => Ok(false),
        "1" => Ok(true),
        _ => Err(bad(clause.line, format!("{} must be 0 or 1", clause.name))),
    }
}

fn number(clause: &Clause, most: u8) -> Result<u8, BadFile> {
    let number = clause.value.parse().ok().filter(|number| *number <= most);
    number.ok_or_else(|| bad(clause.line, format!("{} must be from 0 to {most}", clause.name)))
}

fn token(clause: &Clause) -> Result<String, BadFile> {
    let is_token = !clause.value.is_empty()
        && clause.value.bytes().all(|octet| octet.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&octet));
    let value = is_token.then(|| clause.value.to_ascii_lowercase());
    value.ok_or_else(|| bad(clause.line, format!("{} must be a word", clause.name)))
}

fn encoding(clause: &Clause) -> Result<String, BadFile> {
    let known = message::rewrite::Transfer::named(&clause.value).filter(|_| !clause.value.is_empty());
    let name = known.map(|known| known.as_str().to_owned());
    name.ok_or_else(|| bad(clause.line, "out-encoding must be 7bit, 8bit, binary, quoted-printable or base64"))
}

fn mode(clause: &Clause) -> Result<Mode, BadFile> {
    match clause.value.to_ascii_lowercase().as_str() {
        "block" => Ok(Mode::Block),
        "text" | "record" => Ok(Mode::Text),
        _ => Err(bad(clause.line, "out-mode must be block, record or text")),
    }
}

fn symbol(clause: &Clause) -> Result<String, BadFile> {
    let is_name = clause.value.starts_with(|c: char| c.is_ascii_alphabetic())
        && clause.value.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"_-".contains(&octet));
    if is_name {
        Ok(clause.value.clone())
    } else {
        Err(bad(clause.line, format!("{} must name a parameter", clause.name)))
    }
}

#[cfg(test)]
mod tests;
