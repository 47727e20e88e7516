//! A text added to what people read of a message, such as a disclaimer: to the text and to the HTML of it, at the top or at
//! the bottom, in the charset and transfer encoding that each part has.
//!
//! Only the text that a mail reader opens with is touched: the first text of a multipart/mixed, every form of a
//! multipart/alternative, the root of a multipart/related. Attachments, calendar parts, embedded messages, fragments and
//! whatever is signed or encrypted stay as they are, and so does a part in which the text stands already.

use crate::charset;
use crate::content;
use crate::html;
use crate::parameter::Parameter;
use crate::protection;
use crate::rewrite::Rewriter;
use crate::structure::{Content, Part, Structure};

mod markup;

/// Octets of a text that are searched for what is to be added.
const SEARCHED_OCTETS_MAX: usize = 4 * 1024 * 1024;

/// What is added, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addition {
    /// For text/plain, lines ended by LF or CRLF.
    pub text: String,
    /// For text/html: what can stand inside a body.
    pub html: String,
    /// Whether it stands above what was written.
    pub at_top: bool,
}

/// Why a part, or a whole message, was left as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Skipped {
    /// It is signed or encrypted.
    Protected(&'static str),
    /// There is no text that people read.
    NoText,
    /// The text stands there already.
    Present,
    /// The part's octets are no text in its charset, or nobody knows the charset.
    Charset,
    /// Nobody knows the part's transfer encoding.
    Encoding,
}

impl std::fmt::Display for Skipped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Skipped::Protected(what) => write!(f, "it is protected: {what}"),
            Skipped::NoText => f.write_str("it has no text to read"),
            Skipped::Present => f.write_str("the text stands there already"),
            Skipped::Charset => f.write_str("the text of a part cannot be read in its charset"),
            Skipped::Encoding => f.write_str("the transfer encoding of a part is not known"),
        }
    }
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    /// The message, when any part got the text.
    pub message: Option<Vec<u8>>,
    /// How many parts got it.
    pub parts: usize,
    /// Why others did not.
    pub skipped: Vec<Skipped>,
}

/// Adds to every text of the message that people read.
pub fn add(message: &[u8], structure: &Structure, addition: &Addition) -> Added {
    let mut shown = Vec::new();
    let mut added = Added { message: None, parts: 0, skipped: Vec::new() };
    if let Err(why) = find_shown(message, &structure.root, &mut shown) {
        added.skipped.push(why);
        return added;
    }
    if shown.is_empty() {
        added.skipped.push(Skipped::NoText);
        return added;
    }
    let mut rewriter = Rewriter::new(message, structure);
    for part in shown {
        match add_to_part(message, part, addition, &mut rewriter) {
            Ok(()) => added.parts += 1,
            Err(why) => added.skipped.push(why),
        }
    }
    if added.parts > 0 {
        added.message = Some(rewriter.finish());
    }
    added
}

/// The texts that a reader opens with. Protection on the way to them protects the whole message.
fn find_shown<'a>(message: &[u8], part: &'a Part, shown: &mut Vec<&'a Part>) -> Result<(), Skipped> {
    if let Some(what) = protection::of(message, part) {
        return Err(Skipped::Protected(what));
    }
    let Content::Multipart(children) = &part.content else {
        if is_shown_text(part) {
            shown.push(part);
        }
        return Ok(());
    };
    match part.subtype.as_str() {
        "alternative" => {
            for child in children {
                find_shown(message, child, shown)?;
            }
        }
        // RFC 2387 §3.2: the root is the first part unless the parameter names another.
        "related" => {
            let start = part.parameter("start").map(str::trim);
            let root = children.iter().find(|child| start.is_some() && child.id.as_deref().map(str::trim) == start);
            if let Some(root) = root.or(children.first()) {
                find_shown(message, root, shown)?;
            }
        }
        // A report is for programs; parallel and unknown ones are read as mixed (RFC 2046 §5.1.3).
        "report" | "digest" => {}
        _ => {
            for child in children {
                find_shown(message, child, shown)?;
                if !shown.is_empty() {
                    break;
                }
            }
        }
    }
    Ok(())
}

fn is_shown_text(part: &Part) -> bool {
    let is_text = part.kind == "text" && matches!(part.subtype.as_str(), "plain" | "html");
    is_text && !part.is_attachment() && part.file_name().is_none()
}

fn add_to_part<'a>(
    message: &'a [u8],
    part: &Part,
    addition: &Addition,
    rewriter: &mut Rewriter<'a>,
) -> Result<(), Skipped> {
    let is_html = part.subtype == "html";
    if stands_in(message, part, addition, is_html) {
        return Err(Skipped::Present);
    }
    if !rewriter.has_header(part) {
        return Err(Skipped::NoText);
    }
    let octets = content::octets(message, part).map_err(|_| Skipped::Encoding)?;
    let name = part.parameter("charset").unwrap_or("us-ascii");
    let line_end: &str =
        if octets.windows(2).any(|pair| pair == b"\r\n") || !octets.contains(&b'\n') { "\r\n" } else { "\n" };
    if is_html {
        let fragment = lines(&markup::ascii(&addition.html), line_end, |line, output| output.push_str(line));
        // Character references hold every character, so HTML keeps its charset wherever ASCII is part of it.
        let changed = if charset::is_ascii_compatible(name) {
            let at = if addition.at_top { markup::top(&octets) } else { markup::bottom(&octets) };
            joined(octets.get(..at), fragment.as_bytes(), octets.get(at..), line_end)
        } else {
            let text = charset::decode_exactly(name, &octets).ok_or(Skipped::Charset)?;
            raise(rewriter, part);
            let at = if addition.at_top { markup::top(text.as_bytes()) } else { markup::bottom(text.as_bytes()) };
            joined(text.as_bytes().get(..at), fragment.as_bytes(), text.as_bytes().get(at..), line_end)
        };
        rewriter.set_content(part, &changed, None);
        return Ok(());
    }
    let is_flowed = part.parameter("format").is_some_and(|format| format.eq_ignore_ascii_case("flowed"));
    let fragment = lines(&addition.text, line_end, |line, output| stuffed(line, is_flowed, output));
    let changed = match charset::encode(name, &fragment) {
        Some(fragment) => around(&octets, &fragment, addition.at_top, line_end),
        None => {
            let text = charset::decode_exactly(name, &octets).ok_or(Skipped::Charset)?;
            raise(rewriter, part);
            around(text.as_bytes(), fragment.as_bytes(), addition.at_top, line_end)
        }
    };
    rewriter.set_content(part, &changed, None);
    Ok(())
}

/// Whether the part holds the text, be it as the body of a reply that quotes it.
fn stands_in(message: &[u8], part: &Part, addition: &Addition, is_html: bool) -> bool {
    let text = content::text(message, part, SEARCHED_OCTETS_MAX);
    let (wanted, found) = if is_html {
        (words(&html::text(&addition.html, SEARCHED_OCTETS_MAX)), words(&html::text(&text, SEARCHED_OCTETS_MAX)))
    } else {
        (words(&addition.text), words(&text))
    };
    !wanted.is_empty() && found.contains(&wanted)
}

/// The words of a text without quotation marks of replies and without regard to lines: what survives a mail reader.
fn words(text: &str) -> String {
    let mut output = String::with_capacity(text.len());
    for line in text.lines() {
        let line = line.trim_start_matches(|c: char| c == '>' || c == '|' || c.is_whitespace());
        for word in line.split_whitespace() {
            output.push_str(word);
            output.push(' ');
        }
    }
    output.truncate(output.trim_end().len());
    output
}

/// Makes the part UTF-8.
fn raise(rewriter: &mut Rewriter<'_>, part: &Part) {
    let mut parameters: Vec<Parameter> = part.parameters.iter().filter(|one| one.name != "charset").cloned().collect();
    parameters.insert(0, Parameter { name: "charset".to_owned(), value: "utf-8".to_owned() });
    rewriter.set_type(part, &part.kind, &part.subtype, &parameters);
}

/// The lines of a text, each made by `write`, with this line end between them and none at the end.
fn lines(text: &str, line_end: &str, write: impl Fn(&str, &mut String)) -> String {
    let mut output = String::new();
    for (index, line) in text.trim_end_matches(['\r', '\n']).lines().enumerate() {
        if index > 0 {
            output.push_str(line_end);
        }
        write(line, &mut output);
    }
    output
}

/// A line of flowed text that must not flow (RFC 3676 §4.2, §4.4).
fn stuffed(line: &str, is_flowed: bool, output: &mut String) {
    if !is_flowed {
        return output.push_str(line);
    }
    if line.starts_with([' ', '>']) || line.starts_with("From ") {
        output.push(' ');
    }
    output.push_str(if line == "-- " { line } else { line.trim_end_matches(' ') });
}

/// A text with the addition above or below it, an empty line between.
fn around(text: &[u8], addition: &[u8], at_top: bool, line_end: &str) -> Vec<u8> {
    let end = line_end.as_bytes();
    if text.is_empty() {
        return addition.to_vec();
    }
    if at_top {
        return [addition, end, end, text].concat();
    }
    if text.ends_with(b"\n") { [text, end, addition, end].concat() } else { [text, end, end, addition].concat() }
}

fn joined(before: Option<&[u8]>, fragment: &[u8], after: Option<&[u8]>, line_end: &str) -> Vec<u8> {
    let end = line_end.as_bytes();
    let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
    let mut output = Vec::with_capacity(before.len() + fragment.len() + after.len() + 4);
    output.extend_from_slice(before);
    if !before.is_empty() && !before.ends_with(b"\n") {
        output.extend_from_slice(end);
    }
    output.extend_from_slice(fragment);
    if !after.is_empty() {
        output.extend_from_slice(end);
    }
    output.extend_from_slice(after);
    output
}

#[cfg(test)]
mod tests;
