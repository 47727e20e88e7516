//! A message with all its parts converted, or what a command decided over it.

use crate::content::conversion::command::{self, Job, Left};
use crate::content::conversion::directives::{self, Directives, Status};
use crate::content::conversion::file::{Entry, Mode};
use crate::content::conversion::leaves::{self, Leaf};
use crate::content::conversion::matching::{self, Between};
use crate::content::pattern::fits;
use crate::content::service::Content;
use crate::content::settings::OnFailure;
use message::header;
use message::parameter::{self, Parameter};
use message::parse;
use message::rewrite::{Rewriter, Transfer};
use message::word;
use model::TraceId;
use std::collections::BTreeMap;
use tokio::task::block_in_place;

/// What becomes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Converted {
    /// It goes on; `None` as it was.
    Message(Option<Vec<u8>>),
    /// It goes back to its sender, with this reason.
    Return(String),
    /// It goes to the postmaster instead.
    Post(String),
    /// It is held, for this reason.
    Hold(String),
    /// It goes to nobody.
    Discard,
    /// It is tried again later, for this reason.
    Defer(String),
}

/// What a message is converted with.
struct Run<'a> {
    content: &'a Content,
    trace: TraceId,
    message: &'a [u8],
    between: Between<'a>,
    commands: usize,
}

/// What became of one part.
enum Part {
    Done(String),
    /// A command decided over the whole message.
    Decided(Converted),
    Failed(String),
}

/// Converts every part that an entry is for; also tells what was done, one sentence a part.
pub async fn convert(
    content: &Content,
    trace: TraceId,
    message: &[u8],
    between: Between<'_>,
) -> (Converted, Vec<String>) {
    let structure = block_in_place(|| parse::structure(message));
    let found = block_in_place(|| leaves::of(message, &structure));
    let conversion = &content.settings.conversion;
    let mut told = Vec::new();
    for (number, what) in &found.protected {
        content.signals.protected(trace, number, what);
        told.push(format!("conversion: part {number} was left out: it is protected: {what}"));
    }
    let mut rewriter = Rewriter::new(message, &structure);
    let mut run = Run { content, trace, message, between, commands: 0 };
    let wanted =
        found.leaves.iter().filter_map(|leaf| Some((leaf, matching::entry(&conversion.conversions, leaf, between)?)));
    let wanted: Vec<(&Leaf<'_>, &Entry)> = wanted.collect();
    let commands = wanted.iter().filter(|(_, entry)| entry.command.is_some() && !entry.deletes).count();
    if commands > conversion.commands_max && conversion.on_failure != OnFailure::Pass {
        return too_many(content, trace, commands, told);
    }
    for (leaf, entry) in wanted {
        let label =
            format!("part {} ({}/{}), entry on line {}", leaf.number, leaf.part.kind, leaf.part.subtype, entry.line);
        match run.part(leaf, entry, &mut rewriter).await {
            Part::Done(what) => told.push(format!("conversion: {label}: {what}")),
            Part::Decided(converted) => {
                let what = decision(&converted);
                content.signals.decided(trace, what);
                told.push(format!("conversion: {label}: the message {what}"));
                return (converted, told);
            }
            Part::Failed(why) => {
                content.signals.conversion_failed(trace, &leaf.number, entry.line, &why);
                told.push(format!("conversion: {label}: failed: {why}"));
                let why = format!("the conversion of {label} failed: {why}");
                match conversion.on_failure {
                    OnFailure::Pass => {}
                    OnFailure::Defer => return (Converted::Defer(why), told),
                    OnFailure::Hold => return (Converted::Hold(why), told),
                }
            }
        }
    }
    let changed = (!rewriter.is_empty()).then(|| block_in_place(|| rewriter.finish()));
    (Converted::Message(changed), told)
}

/// A message with more parts for commands than may run for it, where parts do not stay as they are. None runs: it would be
/// the same the next time, so that trying again is of no use.
fn too_many(content: &Content, trace: TraceId, commands: usize, mut told: Vec<String>) -> (Converted, Vec<String>) {
    let conversion = &content.settings.conversion;
    let why = format!("the message has {commands} parts to convert, and more than {} are not", conversion.commands_max);
    content.signals.unconverted(trace, &why);
    told.push(format!("conversion: {why}"));
    let converted = match conversion.on_failure {
        OnFailure::Hold => Converted::Hold(why),
        OnFailure::Defer | OnFailure::Pass => Converted::Return(why),
    };
    content.signals.decided(trace, decision(&converted));
    (converted, told)
}

fn decision(converted: &Converted) -> &'static str {
    match converted {
        Converted::Message(_) => "goes on",
        Converted::Return(_) => "goes back to its sender",
        Converted::Post(_) => "goes to the postmaster",
        Converted::Hold(_) => "is held",
        Converted::Discard => "goes to nobody",
        Converted::Defer(_) => "is tried again later",
    }
}

impl Run<'_> {
    async fn part<'m>(&mut self, leaf: &Leaf<'m>, entry: &Entry, rewriter: &mut Rewriter<'m>) -> Part {
        if entry.deletes {
            rewriter.remove(leaf.part);
            self.content.signals.deleted(self.trace, &leaf.number, entry.line);
            return Part::Done("deleted".to_owned());
        }
        let Ok(input) = block_in_place(|| message::content::octets(self.message, leaf.part)) else {
            return Part::Failed(format!("nobody knows the transfer encoding {}", leaf.part.encoding));
        };
        let left = match &entry.command {
            None => Left::default(),
            Some(command) => match self.command(leaf, entry, command, &input).await {
                Ok(left) => left,
                Err(why) => return Part::Failed(why),
            },
        };
        let said = if entry.override_option_file { directives::read(&left.options) } else { Ok(Directives::default()) };
        let said = match said {
            Ok(said) => said,
            Err(why) => return Part::Failed(why),
        };
        let why = said.diagnostic.clone().unwrap_or_else(|| "a conversion of the message asked for it".to_owned());
        match said.status {
            Status::Return => return Part::Decided(Converted::Return(why)),
            Status::Post => return Part::Decided(Converted::Post(why)),
            Status::Hold => return Part::Decided(Converted::Hold(why)),
            Status::Discard => return Part::Decided(Converted::Discard),
            Status::Delete => {
                rewriter.remove(leaf.part);
                self.content.signals.deleted(self.trace, &leaf.number, entry.line);
                return Part::Done("deleted, as the command asked".to_owned());
            }
            Status::AsIs => return Part::Done("left as it is, as the command asked".to_owned()),
            Status::Normal => {}
        }
        let what = block_in_place(|| change(leaf, entry, &said, &left, &input, rewriter));
        self.content.signals.converted(self.trace, &leaf.number, entry.line);
        Part::Done(what)
    }

    async fn command(&mut self, leaf: &Leaf<'_>, entry: &Entry, command: &str, input: &[u8]) -> Result<Left, String> {
        let settings = &self.content.settings.conversion;
        self.commands += 1;
        if self.commands > settings.commands_max {
            return Err(format!("the message has more parts to convert than {}", settings.commands_max));
        }
        let is_text = leaf.part.kind == "text";
        let header = if entry.original_header_file { leaf.message.header } else { leaf.part.header };
        let mut headers = vec![("INPUT_HEADERS", with_plain_lines(header.of(self.message)))];
        if entry.message_header_file > 0 {
            let outermost = self.message.get(..header::octets(self.message)).unwrap_or_default();
            let header = if entry.message_header_file == 2 { outermost } else { leaf.message.header.of(self.message) };
            headers.push(("MESSAGE_HEADERS", with_plain_lines(header)));
        }
        let job = Job {
            command: command.to_owned(),
            input: match is_text {
                true => block_in_place(|| with_last_line_ended(with_plain_lines(input))),
                false => input.to_vec(),
            },
            headers,
            variables: variables(leaf, entry, self.between),
            timeout: settings.timeout,
            memory_octets: settings.memory_octets,
            output_octets: settings.output_octets,
        };
        command::run(job, &settings.scratch, &*self.content.random).await
    }
}

/// What a command finds in its environment beside its files.
fn variables(leaf: &Leaf<'_>, entry: &Entry, between: Between<'_>) -> BTreeMap<String, String> {
    let part = leaf.part;
    let disposition = part.disposition.as_ref();
    let mut variables: BTreeMap<String, String> = [
        ("INPUT_CHANNEL", between.source.to_owned()),
        ("OUTPUT_CHANNEL", between.out.to_owned()),
        ("INPUT_TYPE", part.kind.clone()),
        ("INPUT_SUBTYPE", part.subtype.clone()),
        ("INPUT_ENCODING", part.encoding.clone()),
        ("INPUT_DESCRIPTION", word::decode(part.description.as_deref().unwrap_or_default()).into_owned()),
        ("INPUT_DISPOSITION", disposition.map(|disposition| disposition.kind.clone()).unwrap_or_default()),
        ("ATTACHMENT_NUMBER", leaf.attachment.to_string()),
        ("PART_NUMBER", leaf.number.clone()),
        ("CONVERSION_TAG", between.tag.to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    let disposed = disposition.map_or(&[][..], |disposition| &disposition.parameters);
    let symbols = entry.parameter_symbols.iter().map(|name| (name, &part.parameters[..]));
    for (name, parameters) in symbols.chain(entry.dparameter_symbols.iter().map(|name| (name, disposed))) {
        let found = parameters.iter().find(|parameter| parameter.name.eq_ignore_ascii_case(name));
        let variable = name.to_ascii_uppercase().replace('-', "_");
        if let Some(found) = found.filter(|_| !variables.contains_key(&variable)) {
            variables.insert(variable, found.decoded());
        }
    }
    variables
}

/// Gives a part its new content and labels; says what it became.
fn change<'m>(
    leaf: &Leaf<'m>,
    entry: &Entry,
    said: &Directives,
    left: &Left,
    input: &[u8],
    rewriter: &mut Rewriter<'m>,
) -> String {
    let part = leaf.part;
    let kind = said.kind.as_ref().or(entry.out.kind.as_ref()).unwrap_or(&part.kind);
    let subtype = said.subtype.as_ref().or(entry.out.subtype.as_ref()).unwrap_or(&part.subtype);
    let has_lines = said.has_lines.or(entry.out.mode.map(|mode| mode == Mode::Text)).unwrap_or(kind == "text");
    let output = left.output.as_ref().map(|octets| {
        let octets = if has_lines { with_crlf(octets) } else { octets.clone() };
        // The last line end of a part in a multipart is the delimiter's; the command got one of its own.
        let is_ended = !has_lines || input.is_empty() || input.ends_with(b"\n");
        octets.strip_suffix(b"\r\n").filter(|_| !is_ended).map_or(octets.clone(), <[u8]>::to_vec)
    });
    let output = output.filter(|octets| octets != input);
    let mut parameters = parameters_of(part, entry, (kind, subtype));
    let beyond_ascii = output.as_ref().filter(|octets| kind == "text" && !octets.is_ascii());
    if let Some(octets) = beyond_ascii
        && parameter_named(&parameters, "charset").is_none()
    {
        let charset = if std::str::from_utf8(octets).is_ok() { "utf-8" } else { "unknown-8bit" };
        parameters.push(Parameter { name: "charset".to_owned(), value: charset.to_owned() });
    }
    let described = (kind, subtype, &parameters) != (&part.kind, &part.subtype, &part.parameters);
    if described && rewriter.has_header(part) {
        rewriter.set_type(part, kind, subtype, &parameters);
    }
    let mut wished = said.encoding.as_deref().or(entry.out.encoding.as_deref()).and_then(Transfer::named);
    set_disposition(leaf, entry, said, rewriter);
    if let Some(description) = said.description.as_ref().or(entry.out.description.as_ref()) {
        rewriter.set_field(part, "Content-Description", &word::encode(description));
    }
    if let Some(fields) = left.headers.as_ref().filter(|_| entry.override_header_file) {
        for field in header::fields(fields) {
            let name = String::from_utf8_lossy(field.name).into_owned();
            if field.is("Content-Transfer-Encoding") {
                wished = Transfer::named(&field.unfolded()).or(wished);
            } else if name.get(..8).is_some_and(|prefix| prefix.eq_ignore_ascii_case("content-")) {
                rewriter.set_field(part, &name, &field.unfolded());
            }
        }
    }
    // A part whose content and encoding stay is not written anew.
    let is_recoded = wished.is_some_and(|wished| Transfer::named(&part.encoding) != Some(wished));
    if output.is_some() || is_recoded {
        rewriter.set_content(part, output.as_deref().unwrap_or(input), wished);
    }
    match output {
        Some(octets) => format!("{} octets became {} octets of {kind}/{subtype}", input.len(), octets.len()),
        None if described || is_recoded => format!("labelled {kind}/{subtype}"),
        None => "its content stays".to_owned(),
    }
}

/// The parameters of the new type: all of the old ones if the type was not given, else those that are asked for.
fn parameters_of(part: &message::structure::Part, entry: &Entry, now: (&str, &str)) -> Vec<Parameter> {
    let is_same = (part.kind.as_str(), part.subtype.as_str()) == now;
    let copies = |name: &str| entry.out.copied.iter().any(|pattern| fits(pattern, name));
    let mut parameters: Vec<Parameter> =
        part.parameters.iter().filter(|one| is_same || copies(&one.name)).cloned().collect();
    overlay(&mut parameters, &entry.out.parameters);
    parameters
}

fn overlay(parameters: &mut Vec<Parameter>, given: &[(String, String)]) {
    for (name, value) in given {
        parameters.retain(|one| !one.name.eq_ignore_ascii_case(name));
        parameters.push(Parameter { name: name.clone(), value: value.clone() });
    }
}

fn parameter_named<'a>(parameters: &'a [Parameter], name: &str) -> Option<&'a Parameter> {
    parameters.iter().find(|parameter| parameter.name == name)
}

fn set_disposition<'m>(leaf: &Leaf<'m>, entry: &Entry, said: &Directives, rewriter: &mut Rewriter<'m>) {
    let old = leaf.part.disposition.as_ref();
    let given = said.disposition.as_ref().or(entry.out.disposition.as_ref());
    if given.is_none() && entry.out.dparameters.is_empty() {
        return;
    }
    let copies = |name: &str| given.is_none() || entry.out.dcopied.iter().any(|pattern| fits(pattern, name));
    let kept = old.map_or(&[][..], |old| &old.parameters).iter().filter(|one| copies(&one.name));
    let mut parameters: Vec<Parameter> = kept.cloned().collect();
    overlay(&mut parameters, &entry.out.dparameters);
    let kind = given.cloned().or_else(|| old.map(|old| old.kind.clone())).unwrap_or_else(|| "attachment".to_owned());
    rewriter.set_field(leaf.part, "Content-Disposition", &parameter::write(&kind, &parameters));
}

/// Lines as programs of this system write them.
fn with_plain_lines(octets: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(octets.len());
    let mut octets = octets.iter().copied().peekable();
    while let Some(octet) = octets.next() {
        if octet != b'\r' || octets.peek() != Some(&b'\n') {
            output.push(octet);
        }
    }
    output
}

/// Programs of this system expect every line to end.
fn with_last_line_ended(mut octets: Vec<u8>) -> Vec<u8> {
    if octets.last().is_some_and(|last| *last != b'\n') {
        octets.push(b'\n');
    }
    octets
}

/// Lines as mail has them.
fn with_crlf(octets: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(octets.len() + octets.len() / 32);
    let mut last = 0;
    for octet in octets {
        if *octet == b'\n' && last != b'\r' {
            output.push(b'\r');
        }
        output.push(*octet);
        last = *octet;
    }
    output
}

#[cfg(test)]
mod tests;
