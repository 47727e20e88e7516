//! Tests of the message.

use std::ops::ControlFlow;

use message::address;
use message::content;
use message::header;
use message::html;
use message::structure::{Content, Part};
use model::CivilTime;

use super::judge::Judge;
use super::{Halt, Machine};
use crate::extension::Extension;
use crate::fields::{Field, Fields};
use crate::limits::WORK_OCTETS_MAX;
use crate::matching::{Keys, Match};
use crate::moment;
use crate::program::{AddressPart, Aspect, Index, Scope, Test, Transform, Zone};
use crate::template::Template;

/// What a test of a field looks at besides its name.
struct Look<'t> {
    names: &'t [Template],
    index: Option<Index>,
    scope: &'t Scope,
}

/// Text of a part that is looked at, at most. What lies behind counts as not there.
const PART_OCTETS_MAX: usize = 64 << 20;

impl<'a> Machine<'a> {
    pub(super) fn test(&mut self, test: &Test) -> Result<bool, Halt> {
        match test {
            Test::Constant(truth) => Ok(*truth),
            Test::Size { is_over, octets } => {
                let size = self.message.len() as u64;
                Ok(if *is_over { size > *octets } else { size < *octets })
            }
            Test::Exists { names, scope } => {
                let names = self.expand_all(names);
                Ok(names.iter().all(|name| self.has_field(name, scope)))
            }
            Test::Header { names, keys, how, index, scope } => {
                let look = Look { names, index: *index, scope };
                self.judged(keys, *how, |machine, judge| machine.show_fields(&look, judge))
            }
            Test::Address { names, keys, how, index, scope, part } => {
                let look = Look { names, index: *index, scope };
                self.judged(keys, *how, |machine, judge| machine.show_addresses(&look, *part, judge))
            }
            Test::Envelope { parts, keys, how, part } => {
                self.judged(keys, *how, |machine, judge| machine.show_envelope(parts, *part, judge))
            }
            Test::Body { transform, keys, how } => {
                self.judged(keys, *how, |machine, judge| machine.show_body(transform, judge))
            }
            Test::Date { header, zone, part, keys, how, index } => {
                let time = self.time(header.as_ref(), zone, *index)?;
                self.judged(keys, *how, |_, judge| match time {
                    Some(time) => Self::shown(judge, &moment::part(time, *part)),
                    None => ControlFlow::Continue(()),
                })
            }
            other => self.test_surroundings(other),
        }
    }

    /// Shows values to a judge until it has decided.
    pub(super) fn judged<'k>(
        &mut self,
        keys: &'k Keys,
        how: Match,
        show: impl FnOnce(&Machine<'a>, &mut Judge<'k>) -> ControlFlow<()>,
    ) -> Result<bool, Halt> {
        if self.fields.is_none() {
            self.fields = Some(Fields::of(self.message.header()));
        }
        let wants_captures = self.frames.last().is_some_and(|frame| frame.script.extensions.has(Extension::Variables));
        let machine: &Machine<'a> = self;
        let mut judge = Judge::new(keys, how, wants_captures, |template| {
            std::borrow::Cow::Owned(machine.expand(template).into_owned())
        })?;
        let mut is_hit = show(machine, &mut judge).is_break();
        if let Some(counted) = judge.counted() {
            is_hit = counted;
        }
        let (values, lists) = judge.listed();
        for value in values {
            for list in &lists {
                let question = crate::question::Question::InList { list: (*list).to_owned(), value: value.clone() };
                is_hit = is_hit || self.is(question)?;
            }
        }
        let (captures, octets) = judge.finish();
        self.work(octets)?;
        if is_hit
            && !captures.is_empty()
            && let Some(frame) = self.frames.last_mut()
        {
            frame.captures = captures;
        }
        Ok(is_hit)
    }

    pub(super) fn shown(judge: &mut Judge<'_>, value: &str) -> ControlFlow<()> {
        if judge.see(value) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// The fields of these names, of the message.
    fn chosen<'f>(&'f self, fields: &'f Fields, look: &Look<'_>) -> Vec<&'f Field> {
        let named = look.names.iter().flat_map(|name| fields.named(&self.expand(name)).collect::<Vec<_>>());
        choose(named.collect(), look.index)
    }

    fn show_fields(&self, look: &Look<'_>, judge: &mut Judge<'_>) -> ControlFlow<()> {
        if look.scope.is_part {
            return self.show_part_fields(look, judge);
        }
        let Some(fields) = &self.fields else { return ControlFlow::Continue(()) };
        let header = self.message.header();
        for field in self.chosen(fields, look) {
            if judge.see_folded(field.decoded(header), Some(field.folded(header))) {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }

    /// Headers that a `:mime` test looks at: that of the part at hand, and those of the parts in it.
    fn headers(&self, scope: &Scope) -> Vec<&[u8]> {
        let part = self.part();
        let is_root = self.part_number().unwrap_or(0) == 0;
        let own = if is_root { self.message.header() } else { part.header.of(self.message.base()) };
        let mut headers = vec![own];
        if scope.has_children {
            headers.extend(part.parts().skip(1).map(|child| child.header.of(self.message.base())));
        }
        headers
    }

    fn show_part_fields(&self, look: &Look<'_>, judge: &mut Judge<'_>) -> ControlFlow<()> {
        for octets in self.headers(look.scope) {
            for value in part_values(octets, &self.expand_all(look.names), look.index) {
                let Some(aspect) = &look.scope.aspect else {
                    Self::shown(judge, &value.decoded())?;
                    continue;
                };
                for aspect in self.aspects(&value, aspect) {
                    Self::shown(judge, &aspect)?;
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// RFC 5703 §4.2: the media type or the disposition, and parameters.
    fn aspects(&self, field: &header::Field<'_>, aspect: &Aspect) -> Vec<String> {
        let (value, parameters) = message::parameter::parse(field.value);
        let value = value.to_ascii_lowercase();
        let (kind, subtype) = value.split_once('/').unwrap_or((value.as_str(), ""));
        match aspect {
            Aspect::Type => vec![kind.trim().to_owned()],
            Aspect::Subtype => vec![subtype.trim().to_owned()],
            Aspect::ContentType => vec![value],
            Aspect::Parameters(names) => {
                let names = self.expand_all(names);
                let is_wanted = |name: &str| names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name));
                let found = parameters.iter().filter(|parameter| is_wanted(&parameter.name));
                found.map(message::parameter::Parameter::decoded).collect()
            }
        }
    }

    fn has_field(&mut self, name: &str, scope: &Scope) -> bool {
        if scope.is_part {
            return self.headers(scope).into_iter().any(|octets| header::find(octets, name).is_some());
        }
        let fields = self.fields.get_or_insert_with(|| Fields::of(self.message.header()));
        fields.named(name).next().is_some()
    }

    fn show_addresses(&self, look: &Look<'_>, part: AddressPart, judge: &mut Judge<'_>) -> ControlFlow<()> {
        let show = |value: &[u8], judge: &mut Judge<'_>| -> ControlFlow<()> {
            for mailbox in address::mailboxes(&address::parse(value)) {
                if let Some(shown) = self.address_part(&mailbox.local, &mailbox.domain, part) {
                    Self::shown(judge, &shown)?;
                }
            }
            ControlFlow::Continue(())
        };
        if look.scope.is_part {
            let names = self.expand_all(look.names);
            for octets in self.headers(look.scope) {
                for field in part_values(octets, &names, look.index) {
                    show(field.value, judge)?;
                }
            }
            return ControlFlow::Continue(());
        }
        let Some(fields) = &self.fields else { return ControlFlow::Continue(()) };
        let header = self.message.header();
        self.chosen(fields, look).into_iter().try_for_each(|field| show(field.raw(header), judge))
    }

    fn address_part(&self, local: &str, domain: &str, part: AddressPart) -> Option<String> {
        let split = local.split_once(self.context.separator);
        match part {
            AddressPart::All if domain.is_empty() => Some(local.to_owned()),
            AddressPart::All => Some(format!("{local}@{domain}")),
            AddressPart::LocalPart => Some(local.to_owned()),
            AddressPart::Domain => Some(domain.to_owned()),
            AddressPart::User => Some(split.map_or(local, |(user, _)| user).to_owned()),
            AddressPart::Detail => split.map(|(_, detail)| detail.to_owned()),
        }
    }

    fn show_envelope(&self, parts: &[Template], part: AddressPart, judge: &mut Judge<'_>) -> ControlFlow<()> {
        for name in self.expand_all(parts) {
            let value = match name.to_ascii_lowercase().as_str() {
                "from" => &self.context.sender,
                "to" => &self.context.recipient,
                "auth" => &self.context.authenticated,
                _ => &None,
            };
            let Some(value) = value else { continue };
            let (local, domain) = value.rsplit_once('@').unwrap_or((value, ""));
            if let Some(shown) = self.address_part(local, domain, part) {
                Self::shown(judge, &shown)?;
            }
        }
        ControlFlow::Continue(())
    }

    fn show_body(&self, transform: &Transform, judge: &mut Judge<'_>) -> ControlFlow<()> {
        let message = self.message.base();
        let structure = self.message.structure();
        match transform {
            // RFC 5173 §5.1: the body as it came, nothing decoded.
            Transform::Raw => Self::shown(judge, &String::from_utf8_lossy(structure.root.body.of(message))),
            Transform::Text => {
                let texts = structure.parts().filter(|part| part.kind == "text" && is_leaf(part));
                texts.into_iter().try_for_each(|part| {
                    let text = content::text(message, part, PART_OCTETS_MAX);
                    let text = if part.subtype == "html" { html::text(&text, PART_OCTETS_MAX) } else { text };
                    Self::shown(judge, &text)
                })
            }
            Transform::Content(types) => {
                let types: Vec<String> = self.expand_all(types).iter().map(|kind| kind.to_ascii_lowercase()).collect();
                let is_wanted = |part: &&Part| types.iter().any(|wanted| is_of_type(part, wanted));
                let mut wanted = structure.parts().filter(is_wanted);
                wanted.try_for_each(|part| match &part.content {
                    Content::Leaf => Self::shown(judge, &content::text(message, part, PART_OCTETS_MAX)),
                    Content::Multipart(children) => {
                        let (before, after) = around(message, part, children);
                        Self::shown(judge, &String::from_utf8_lossy(before))?;
                        Self::shown(judge, &String::from_utf8_lossy(after))
                    }
                    Content::Message(embedded) => {
                        Self::shown(judge, &String::from_utf8_lossy(embedded.root.header.of(message)))
                    }
                })
            }
        }
    }

    /// The date of a field, or now, in the zone that was asked for. `None`: the field has none.
    fn time(
        &mut self,
        header: Option<&Template>,
        zone: &Zone,
        index: Option<Index>,
    ) -> Result<Option<CivilTime>, Halt> {
        let written = match header {
            None => self.context.now.civil(self.context.offset_minutes),
            Some(name) => {
                let name = self.expand(name).into_owned();
                let fields = self.fields.get_or_insert_with(|| Fields::of(self.message.header()));
                let octets = self.message.header();
                let found = choose(fields.named(&name).collect(), index);
                let Some(field) = found.first() else { return Ok(None) };
                let value = field.decoded(octets);
                // In trace fields the date stands behind the last semicolon (RFC 5260 §4.1).
                let date = value.rsplit_once(';').map_or(value, |(_, date)| date);
                match message::date::parse(date.trim()) {
                    Some(time) => time,
                    None => return Ok(None),
                }
            }
        };
        let offset = match zone {
            Zone::Original => return Ok(Some(written)),
            Zone::Local => self.context.offset_minutes,
            Zone::Fixed(zone) => {
                let zone = self.expand(zone);
                match moment::zone_minutes(&zone) {
                    Some(minutes) => minutes,
                    None => return Err(Halt::Fail(format!("{zone:?} is no time zone"))),
                }
            }
        };
        Ok(written.timestamp().map(|moment| moment.civil(offset)))
    }
}

fn choose<T: Copy>(all: Vec<T>, index: Option<Index>) -> Vec<T> {
    let Some(Index { number, is_from_end }) = index else { return all };
    let at = usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1);
    let one = if is_from_end { all.iter().rev().nth(at) } else { all.get(at) };
    one.copied().into_iter().collect()
}

fn part_values<'h>(octets: &'h [u8], names: &[String], index: Option<Index>) -> Vec<header::Field<'h>> {
    let named = names.iter().flat_map(|name| header::fields(octets).filter(move |field| field.is(name)));
    choose(named.collect(), index)
}

fn is_leaf(part: &Part) -> bool {
    matches!(part.content, Content::Leaf)
}

/// RFC 5173 §5.2: `` is everything, `text` all subtypes, `text/plain` one.
fn is_of_type(part: &Part, wanted: &str) -> bool {
    match wanted.split_once('/') {
        None => wanted.is_empty() || part.kind == wanted,
        Some((kind, subtype)) => {
            !kind.is_empty() && !subtype.is_empty() && part.kind == kind && part.subtype == subtype
        }
    }
}

/// Prologue and epilogue of a multipart (RFC 5173 §5.2).
fn around<'m>(message: &'m [u8], part: &Part, children: &[Part]) -> (&'m [u8], &'m [u8]) {
    let body = crate::version::range(part.body);
    let first = children.first().map_or(body.start, |child| crate::version::place(child).start);
    let last = children.last().map_or(body.end, |child| crate::version::place(child).end);
    let before = message.get(body.start..first).unwrap_or_default();
    let after = message.get(last..body.end).unwrap_or_default();
    (without_last_line(before), without_delimiter(after))
}

/// The delimiter is the last line before the first part.
fn without_last_line(octets: &[u8]) -> &[u8] {
    let line = octets.strip_suffix(b"\n").unwrap_or(octets);
    let end = line.iter().rposition(|octet| *octet == b'\n').map_or(0, |at| at + 1);
    octets.get(..end).unwrap_or_default()
}

/// The closing delimiter is the first line behind the last part.
fn without_delimiter(octets: &[u8]) -> &[u8] {
    let octets = octets.strip_prefix(b"\r").unwrap_or(octets);
    let octets = octets.strip_prefix(b"\n").unwrap_or(octets);
    let end = octets.iter().position(|octet| *octet == b'\n').map_or(octets.len(), |at| at + 1);
    octets.get(end..).unwrap_or_default()
}

const _: () = assert!((PART_OCTETS_MAX as u64) < WORK_OCTETS_MAX);
