//! The message as a script leaves it: the original, changes to its header, parts that were replaced, enclosures
//! (RFC 5293, RFC 5703 §5, §6). Versions share what they have in common; octets are put together only when asked for.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use message::span::Span;
use message::structure::{Part, Structure};
use message::{header, parse};

/// A state of the message.
#[derive(Clone, Debug)]
pub struct Version<'a> {
    base: Arc<Base<'a>>,
    /// The header with the empty line that ends it, if it was changed.
    header: Option<Arc<Vec<u8>>>,
    /// Parts that were replaced, in the order of their octets, none within another.
    replaced: Arc<Vec<Replaced>>,
}

#[derive(Debug)]
struct Base<'a> {
    octets: Cow<'a, [u8]>,
    structure: Cow<'a, Structure>,
}

#[derive(Clone, Debug)]
struct Replaced {
    range: Range<usize>,
    octets: Arc<Vec<u8>>,
}

impl<'a> Version<'a> {
    /// The message as it came.
    pub fn original(message: &'a [u8], structure: &'a Structure) -> Version<'a> {
        let base = Base { octets: Cow::Borrowed(message), structure: Cow::Borrowed(structure) };
        Version { base: Arc::new(base), header: None, replaced: Arc::default() }
    }

    /// Whether nothing was changed.
    pub fn is_original(&self) -> bool {
        matches!(self.base.octets, Cow::Borrowed(_)) && self.header.is_none() && self.replaced.is_empty()
    }

    /// Whether both are the same, as far as is known without comparing all octets. Changes to the header make no
    /// other message of one (RFC 5293 §7).
    pub(crate) fn is_same(&self, other: &Version<'_>) -> bool {
        let same = |one: &Arc<Vec<u8>>, two: &Arc<Vec<u8>>| Arc::ptr_eq(one, two) || one == two;
        // The bases may live for different times, so only their addresses are compared.
        let bases = std::ptr::addr_eq(Arc::as_ptr(&self.base), Arc::as_ptr(&other.base));
        let is_replaced_alike = self.replaced.len() == other.replaced.len()
            && self
                .replaced
                .iter()
                .zip(other.replaced.iter())
                .all(|(one, two)| one.range == two.range && same(&one.octets, &two.octets));
        bases && is_replaced_alike
    }

    /// The message.
    pub fn octets(&self) -> Cow<'_, [u8]> {
        if self.header.is_none() && self.replaced.is_empty() {
            return Cow::Borrowed(&self.base.octets);
        }
        let mut octets = self.header().to_vec();
        let mut from = range(self.base.structure.root.header).end;
        for replaced in self.replaced.iter() {
            octets.extend_from_slice(self.base.octets.get(from..replaced.range.start).unwrap_or_default());
            octets.extend_from_slice(&replaced.octets);
            from = replaced.range.end;
        }
        octets.extend_from_slice(self.base.octets.get(from..).unwrap_or_default());
        Cow::Owned(octets)
    }

    /// How long the message is.
    pub(crate) fn len(&self) -> usize {
        let unchanged = range(self.base.structure.root.header).end;
        let kept: usize = self.replaced.iter().map(|replaced| replaced.range.len()).sum();
        let put: usize = self.replaced.iter().map(|replaced| replaced.octets.len()).sum();
        (self.base.octets.len() - unchanged + self.header().len()).saturating_sub(kept) + put
    }

    /// The octets that parts are places in. They stay the same until [`Version::settle`].
    pub(crate) fn base(&self) -> &[u8] {
        &self.base.octets
    }

    /// The parts in [`Version::base`].
    pub(crate) fn structure(&self) -> &Structure {
        &self.base.structure
    }

    /// The header with the empty line that ends it.
    pub(crate) fn header(&self) -> &[u8] {
        match &self.header {
            Some(changed) => changed,
            None => self.base.structure.root.header.of(&self.base.octets),
        }
    }

    /// Replaces the header.
    pub(crate) fn set_header(&mut self, header: Vec<u8>) {
        self.header = Some(Arc::new(header));
    }

    /// Replaces a part, its header included; parts in it that were replaced before are gone.
    pub(crate) fn replace(&mut self, range: Range<usize>, octets: Vec<u8>) {
        let all = Arc::make_mut(&mut self.replaced);
        all.retain(|other| other.range.end <= range.start || other.range.start >= range.end);
        let at = all.partition_point(|other| other.range.start < range.start);
        all.insert(at, Replaced { range, octets: Arc::new(octets) });
    }

    /// Makes the replaced parts part of the base, so that tests see them. Returns how many octets were copied for it.
    pub(crate) fn settle(&mut self) -> usize {
        if self.replaced.is_empty() {
            return 0;
        }
        let octets = self.octets().into_owned();
        let copied = octets.len();
        *self = Version::of(octets);
        copied
    }

    /// A message that was put together.
    pub(crate) fn of(octets: Vec<u8>) -> Version<'a> {
        let structure = Cow::Owned(parse::structure(&octets));
        let base = Arc::new(Base { octets: Cow::Owned(octets), structure });
        Version { base, header: None, replaced: Arc::default() }
    }

    /// The header with a field added, at its beginning or end (RFC 5293 §4).
    pub(crate) fn with_field(&self, name: &str, value: &str, is_last: bool) -> Vec<u8> {
        let header = self.header();
        let field = field(name, value);
        let end = if is_last { fields_end(header) } else { 0 };
        let (before, after) = header.split_at_checked(end).unwrap_or((header, &[]));
        let mut changed = [before, field.as_slice(), after].concat();
        // A message may have been without any header or body.
        if fields_end(&changed) == changed.len() {
            changed.extend_from_slice(b"\r\n");
        }
        changed
    }
}

/// Where the fields end: before the empty line, if there is one.
fn fields_end(header: &[u8]) -> usize {
    header::fields(header).last().map_or(0, |field| range(field.span).end)
}

/// A field, folded where it would be too long (RFC 5322 §2.1.1), words encoded that are not ASCII (RFC 2047).
pub(crate) fn field(name: &str, value: &str) -> Vec<u8> {
    let mut prefix = message::edit::Prefix::new();
    prefix.field(name, &message::word::encode(value));
    prefix.into_octets()
}

/// The place of a whole part, its header included.
pub(crate) fn place(part: &Part) -> Range<usize> {
    range(part.whole())
}

/// How many octets a place has.
pub(crate) fn length(span: Span) -> u64 {
    span.end.saturating_sub(span.start)
}

/// A place as indices.
pub(crate) fn range(span: Span) -> Range<usize> {
    let index = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
    index(span.start)..index(span.end)
}
