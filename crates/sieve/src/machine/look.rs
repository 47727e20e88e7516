//! Tests of the message.

use std::ops::ControlFlow;

use message::address;
use message::header;
use message::limits::PARAMETERS_MAX;
use model::CivilTime;

use super::judge::Judge;
use super::{Halt, Machine};
use crate::extension::Extension;
use crate::fields::{Field, Fields, holds_addresses};
use crate::matching::{Keys, Kind, Match};
use crate::moment;
use crate::program::{AddressPart, Aspect, Index, Scope, Test, Zone};
use crate::template::Template;
use crate::version::length;

/// What a test of a field looks at besides its name.
struct Look<'t> {
    names: &'t [Template],
    index: Option<Index>,
    scope: &'t Scope,
}

/// How much more an octet costs that is read as an address.
const ADDRESS_EFFORT: u64 = 8;

/// Whether a match leaves what its wildcards stood for in `${1}` and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Captures {
    /// It does (RFC 5229 §3.2).
    Set,
    /// It does not (RFC 5173 §6).
    Leave,
}

impl<'a> Machine<'a> {
    pub(super) fn test(&mut self, test: &Test) -> Result<bool, Halt> {
        match test {
            Test::Constant(truth) => Ok(*truth),
            Test::Size { is_over, octets } => {
                let size = match self.root() {
                    0 => self.message.len() as u64,
                    number => length(self.part_numbered(number).whole()),
                };
                Ok(if *is_over { size > *octets } else { size < *octets })
            }
            Test::Exists { names, scope } => {
                let names = self.expand_all(names);
                self.has_fields(&names, scope)
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
                // RFC 6785 §4.6: after delivery there is no envelope, and asking for it is an error.
                if self.environment("imap.cause").is_some_and(|cause| !cause.is_empty()) {
                    return Err(Halt::Fail(
                        "envelope cannot be tested when an IMAP command runs the script".to_owned(),
                    ));
                }
                let is_counting = matches!(how.kind, Kind::Count(_));
                self.judged(keys, *how, |machine, judge| machine.show_envelope(parts, *part, is_counting, judge))
            }
            Test::Body { transform, keys, how } => {
                self.judge(keys, *how, Captures::Leave, |machine, judge| machine.show_body(transform, judge))
            }
            Test::Date { header, zone, part, keys, how, index } => {
                let time = self.time(header.as_ref(), zone, *index)?;
                self.judged(keys, *how, |_, judge| match time {
                    Some(time) => judge.see(&moment::part(time, *part)),
                    None => ControlFlow::Continue(()),
                })
            }
            other => self.test_surroundings(other),
        }
    }

    /// Shows values to a judge until it has decided; captures what its wildcards stand for.
    pub(super) fn judged(
        &mut self,
        keys: &Keys,
        how: Match,
        show: impl FnOnce(&Machine<'a>, &mut Judge<'_>) -> ControlFlow<()>,
    ) -> Result<bool, Halt> {
        self.judge(keys, how, Captures::Set, show)
    }

    fn judge(
        &mut self,
        keys: &Keys,
        how: Match,
        captures: Captures,
        show: impl FnOnce(&Machine<'a>, &mut Judge<'_>) -> ControlFlow<()>,
    ) -> Result<bool, Halt> {
        self.find_fields();
        let has_variables = self.frames.last().is_some_and(|frame| frame.script.extensions.has(Extension::Variables));
        let wants_captures = has_variables && captures == Captures::Set;
        let mut judge = Judge::new(self, keys, how, wants_captures)?;
        let is_hit = show(self, &mut judge).is_break();
        let (is_hit, found) = judge.decide(is_hit)?;
        if is_hit
            && !found.is_empty()
            && let Some(frame) = self.frames.last_mut()
        {
            frame.captures = found;
        }
        Ok(is_hit)
    }

    pub(super) fn find_fields(&mut self) {
        if self.fields.is_none() {
            self.fields = Some(Fields::of(self.message.header()));
        }
    }

    /// Goes through the message's fields of these names.
    fn each_field(
        &self,
        look: &Look<'_>,
        judge: &mut Judge<'_>,
        mut see: impl FnMut(&Field, &[u8], &mut Judge<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let Some(fields) = &self.fields else { return ControlFlow::Continue(()) };
        let header = self.message.header();
        judge.charge((look.names.len() * fields.len()) as u64)?;
        let Some(index) = look.index else {
            for name in look.names {
                let name = self.expand(name);
                fields.named(header, &name).try_for_each(|field| see(field, header, judge))?;
            }
            return ControlFlow::Continue(());
        };
        let names: Vec<_> = look.names.iter().map(|name| self.expand(name)).collect();
        let all: Vec<&Field> = names.iter().flat_map(|name| fields.named(header, name)).collect();
        choose(all, Some(index)).into_iter().try_for_each(|field| see(field, header, judge))
    }

    fn show_fields(&self, look: &Look<'_>, judge: &mut Judge<'_>) -> ControlFlow<()> {
        if !self.is_about_header(look.scope) {
            return self.show_part_fields(look, judge);
        }
        self.each_field(look, judge, |field, header, judge| {
            judge.see_with(field.decoded(header), || field.folded(header))
        })
    }

    /// Whether the fields that are wanted are simply those of the message.
    fn is_about_header(&self, scope: &Scope) -> bool {
        self.number(scope) == 0 && !scope.has_children && scope.aspect.is_none()
    }

    /// The part whose fields are meant.
    fn number(&self, scope: &Scope) -> usize {
        if scope.is_part { self.part_number() } else { self.root() }
    }

    /// Headers that a test of parts looks at: that of the part at hand, and those of the parts in it.
    fn headers(&self, scope: &Scope) -> Vec<&[u8]> {
        let number = self.number(scope);
        let part = self.part_numbered(number);
        let own = if number == 0 { self.message.header() } else { part.header.of(self.message.base()) };
        let mut headers = vec![own];
        if scope.has_children {
            headers.extend(part.parts().skip(1).map(|child| child.header.of(self.message.base())));
        }
        headers
    }

    fn show_part_fields(&self, look: &Look<'_>, judge: &mut Judge<'_>) -> ControlFlow<()> {
        let names = self.expand_all(look.names);
        let parameters = match &look.scope.aspect {
            Some(Aspect::Parameters(parameters)) => self.expand_all(parameters),
            _ => Vec::new(),
        };
        for octets in self.headers(look.scope) {
            judge.charge((octets.len() as u64).saturating_mul(names.len() as u64))?;
            for value in part_values(octets, &names, look.index) {
                let Some(aspect) = &look.scope.aspect else {
                    judge.see(&value.decoded())?;
                    continue;
                };
                judge.charge((value.value.len() + parameters.len() * PARAMETERS_MAX) as u64)?;
                for aspect in aspects(&value, aspect, &parameters) {
                    judge.see(&aspect)?;
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn has_fields(&mut self, names: &[String], scope: &Scope) -> Result<bool, Halt> {
        if self.is_about_header(scope) {
            self.find_fields();
            let Some(fields) = &self.fields else { return Ok(false) };
            for name in names {
                self.pay(fields.len() as u64)?;
                if fields.named(self.message.header(), name).next().is_none() {
                    return Ok(false);
                }
            }
            return Ok(true);
        }
        let headers = self.headers(scope);
        for name in names {
            let mut rest = headers.iter();
            loop {
                let Some(octets) = rest.next() else { return Ok(false) };
                self.pay(octets.len() as u64)?;
                if !name.is_empty() && header::find(octets, name).is_some() {
                    break;
                }
            }
        }
        Ok(true)
    }

    fn show_addresses(&self, look: &Look<'_>, part: AddressPart, judge: &mut Judge<'_>) -> ControlFlow<()> {
        let show = |value: &[u8], judge: &mut Judge<'_>| -> ControlFlow<()> {
            judge.charge((value.len() as u64).saturating_mul(ADDRESS_EFFORT))?;
            for mailbox in address::mailboxes(&address::parse(value)) {
                if let Some(shown) = self.address_part(&mailbox.local, &mailbox.domain, part) {
                    judge.see(&shown)?;
                }
            }
            ControlFlow::Continue(())
        };
        if self.is_about_header(look.scope) {
            return self.each_field(look, judge, |field, header, judge| match holds_addresses(field.name(header)) {
                true => show(field.raw(header), judge),
                false => ControlFlow::Continue(()),
            });
        }
        let names: Vec<String> = self.expand_all(look.names).into_iter().filter(|name| holds_addresses(name)).collect();
        for octets in self.headers(look.scope) {
            judge.charge((octets.len() as u64).saturating_mul(names.len() as u64))?;
            for field in part_values(octets, &names, look.index) {
                show(field.value, judge)?;
            }
        }
        ControlFlow::Continue(())
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

    fn show_envelope(
        &self,
        parts: &[Template],
        part: AddressPart,
        is_counting: bool,
        judge: &mut Judge<'_>,
    ) -> ControlFlow<()> {
        for name in self.expand_all(parts) {
            let value = match name.to_ascii_lowercase().as_str() {
                "from" => &self.context.sender,
                "to" => &self.context.recipient,
                "auth" => &self.context.authenticated,
                _ => &None,
            };
            let Some(value) = value else { continue };
            if value.is_empty() {
                // RFC 5231 §4.2: the null sender counts as none. RFC 5228 §5.4: it is empty in all its parts.
                if !is_counting {
                    judge.see("")?;
                }
                continue;
            }
            let (local, domain) = without_route(value).rsplit_once('@').unwrap_or((value, ""));
            if let Some(shown) = self.address_part(local, domain, part) {
                judge.see(&shown)?;
            }
        }
        ControlFlow::Continue(())
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
                match self.written(&name, index) {
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

    /// The date that a field holds.
    fn written(&mut self, name: &str, index: Option<Index>) -> Option<CivilTime> {
        self.find_fields();
        let value = match self.root() {
            0 => {
                let header = self.message.header();
                let fields = self.fields.as_ref()?;
                self.spend(fields.len() as u64);
                let all = fields.named(header, name).collect();
                choose(all, index).first()?.decoded(header).to_owned()
            }
            number => {
                let octets = self.part_numbered(number).header.of(self.message.base());
                self.spend(octets.len() as u64);
                part_values(octets, &[name.to_owned()], index).first()?.decoded()
            }
        };
        // In trace fields the date stands behind the last semicolon (RFC 5260 §4).
        let date = value.rsplit_once(';').map_or(value.as_str(), |(_, date)| date);
        message::date::parse(date.trim())
    }
}

/// RFC 5703 §4.2: the media type or the disposition, and parameters of these names.
fn aspects(field: &header::Field<'_>, aspect: &Aspect, wanted: &[String]) -> Vec<String> {
    let (value, parameters) = message::parameter::parse(field.value);
    let value = value.to_ascii_lowercase();
    let (kind, subtype) = value.split_once('/').unwrap_or((value.as_str(), ""));
    match aspect {
        Aspect::Type => vec![kind.trim().to_owned()],
        Aspect::Subtype => vec![subtype.trim().to_owned()],
        Aspect::ContentType => vec![value],
        Aspect::Parameters(_) => {
            let is_wanted = |name: &str| wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(name));
            let found = parameters.iter().filter(|parameter| is_wanted(&parameter.name));
            found.map(message::parameter::Parameter::decoded).collect()
        }
    }
}

/// RFC 5228 §5.4: source routes are dropped.
fn without_route(path: &str) -> &str {
    match path.split_once(':') {
        Some((route, path)) if route.starts_with('@') => path,
        _ => path,
    }
}

fn choose<T: Copy>(all: Vec<T>, index: Option<Index>) -> Vec<T> {
    let Some(Index { number, is_from_end }) = index else { return all };
    let at = usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1);
    let one = if is_from_end { all.iter().rev().nth(at) } else { all.get(at) };
    one.copied().into_iter().collect()
}

fn part_values<'h>(octets: &'h [u8], names: &[String], index: Option<Index>) -> Vec<header::Field<'h>> {
    let is_named = |field: &header::Field<'_>, name: &str| !name.is_empty() && field.is(name);
    let named = names.iter().flat_map(|name| header::fields(octets).filter(move |field| is_named(field, name)));
    choose(named.collect(), index)
}
