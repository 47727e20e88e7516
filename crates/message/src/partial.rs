//! Fragments of a message (RFC 2046 §5.2.2): read, put together, and made.

use crate::downgrade::{self, CannotDowngrade};
use crate::edit::Prefix;
use crate::header;
use crate::limits::{FRAGMENT_ID_OCTETS_MAX, LINE_OCTETS_MAX};
use crate::parameter::{self, Parameter};
use crate::parse;
use crate::structure::Part;
use memchr::memchr;

/// What a fragment says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// What all fragments of one message share.
    pub id: String,
    /// Which it is, from 1 on.
    pub number: u32,
    /// How many there are: the last fragment always says so, the others may.
    pub total: Option<u32>,
}

/// Why a fragment cannot be put together with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFragment {
    /// No id, or one that is too long.
    #[error("the fragment has no id that can be used")]
    Id,
    /// No number, or one that is none.
    #[error("the fragment does not say which one it is")]
    Number,
    /// A total that is none.
    #[error("the fragment's total is no number from 1 on")]
    Total,
    /// A number beyond the total.
    #[error("the fragment is number {number} of {total}")]
    Beyond {
        /// Which it is.
        number: u32,
        /// Of how many.
        total: u32,
    },
    /// Fragments are never encoded (RFC 2046 §5.2.2).
    #[error("the fragment has a transfer encoding")]
    Encoded,
}

/// Whether the part is a fragment.
pub fn is_fragment(part: &Part) -> bool {
    part.is("message", "partial")
}

/// Reads what a fragment says of itself.
pub fn read(part: &Part) -> Result<Fragment, BadFragment> {
    let number =
        |name: &str| part.parameter(name).map(|value| value.trim().parse::<u32>().ok().filter(|value| *value > 0));
    let id = part.parameter("id").map(str::trim).filter(|id| !id.is_empty() && id.len() <= FRAGMENT_ID_OCTETS_MAX);
    let id = id.ok_or(BadFragment::Id)?.to_owned();
    let which = number("number").flatten().ok_or(BadFragment::Number)?;
    let total = match number("total") {
        None => None,
        Some(None) => return Err(BadFragment::Total),
        Some(total) => total,
    };
    if let Some(total) = total.filter(|total| which > *total) {
        return Err(BadFragment::Beyond { number: which, total });
    }
    if !matches!(part.encoding.as_str(), "7bit" | "8bit" | "binary") {
        return Err(BadFragment::Encoded);
    }
    Ok(Fragment { id, number: which, total })
}

/// Puts the messages that hold fragments 1, 2, … together (RFC 2046 §5.2.2.1): the fields of the first one, except those
/// that the message inside it has for itself, then those of the message inside, then the bodies one after the other.
pub fn join(fragments: &[&[u8]]) -> Vec<u8> {
    let mut output = Vec::with_capacity(fragments.iter().map(|fragment| fragment.len()).sum());
    let mut body = Vec::new();
    for fragment in fragments {
        body.extend_from_slice(fragment.get(header::octets(fragment)..).unwrap_or_default());
    }
    let first = fragments.first().copied().unwrap_or_default();
    copy_fields(first, &mut output, |field| !belongs_inside(field));
    let inner_header = header::octets(&body);
    copy_fields(&body, &mut output, belongs_inside);
    output.extend_from_slice(b"\r\n");
    output.extend_from_slice(body.get(inner_header..).unwrap_or_default());
    output
}

/// What the fragments of a message are made with.
#[derive(Clone, Copy, Debug)]
pub struct Split<'a> {
    /// Octets that no fragment passes, its header included, if the header leaves room.
    pub octets_max: usize,
    /// How many fragments there may be; they become larger instead.
    pub parts_max: usize,
    /// What all of them share; also the left half of their Message-IDs.
    pub id: &'a str,
    /// The right half of their Message-IDs.
    pub host: &'a str,
}

/// Why a message cannot be split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotSplit {
    /// Fragments are seven-bit (RFC 2046 §5.2.2.2), and this message cannot be made so.
    #[error(transparent)]
    EightBit(#[from] CannotDowngrade),
    /// It is a fragment itself.
    #[error("the message is a fragment itself")]
    Fragment,
}

/// Makes the fragments of a message; none if it fits whole. They end where lines end.
pub fn split(message: &[u8], how: Split<'_>) -> Result<Vec<Vec<u8>>, CannotSplit> {
    if message.len() <= how.octets_max {
        return Ok(Vec::new());
    }
    let structure = parse::structure(message);
    if is_fragment(&structure.root) {
        return Err(CannotSplit::Fragment);
    }
    let message = downgrade::downgrade(message, &structure)?;
    let message = message.as_ref();
    let head = header::octets(message);
    let mut outer = Vec::new();
    copy_fields(message, &mut outer, |field| !belongs_inside(field));
    let mut inner = Vec::with_capacity(message.len());
    copy_fields(message, &mut inner, belongs_inside);
    inner.extend_from_slice(b"\r\n");
    inner.extend_from_slice(message.get(head..).unwrap_or_default());
    // What the fields of a fragment need beside those of the message.
    let subject = header::find(message, "Subject").map(|field| field.unfolded().into_owned()).unwrap_or_default();
    let own = 200 + subject.len() + 3 * how.id.len() + how.host.len();
    let room = how.octets_max.saturating_sub(outer.len() + own).max(512);
    let mut pieces = cut(&inner, room);
    if pieces.len() > how.parts_max.max(1) {
        // A line may end a piece early.
        pieces = cut(&inner, inner.len().div_ceil(how.parts_max.max(1)) + LINE_OCTETS_MAX + 2);
    }
    let total = pieces.len();
    let fragments = (1..).zip(pieces).map(|(number, piece)| {
        let mut prefix = Prefix::new();
        prefix.field("Subject", &format!("{subject} ({number}/{total})"));
        prefix.field("Message-ID", &format!("<{}.{number}@{}>", how.id, how.host));
        prefix.field("MIME-Version", "1.0");
        let named = |name: &str, value: String| Parameter { name: name.to_owned(), value };
        let parameters = [
            named("id", format!("{}@{}", how.id, how.host)),
            named("number", number.to_string()),
            named("total", total.to_string()),
        ];
        prefix.field("Content-Type", &parameter::write("message/partial", &parameters));
        [&outer, prefix.octets(), b"\r\n", piece].concat()
    });
    Ok(fragments.collect())
}

/// Cuts behind lines so that no piece passes `room`, unless a single line does.
fn cut(octets: &[u8], room: usize) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let (mut start, mut at) = (0, 0);
    while at < octets.len() {
        let rest = octets.get(at..).unwrap_or_default();
        let next = memchr(b'\n', rest).map_or(octets.len(), |end| at + end + 1);
        if next - start > room && at > start {
            pieces.extend(octets.get(start..at));
            start = at;
        }
        at = next;
    }
    pieces.extend(octets.get(start..).filter(|piece| !piece.is_empty()));
    pieces
}

fn copy_fields(message: &[u8], output: &mut Vec<u8>, wanted: impl Fn(&header::Field<'_>) -> bool) {
    for field in header::fields(message).filter(wanted) {
        output.extend_from_slice(field.span.of(message));
        if !output.ends_with(b"\n") {
            output.extend_from_slice(b"\r\n");
        }
    }
}

/// Whether the field is the inner message's own (RFC 2046 §5.2.2.1 rules 1 and 2).
fn belongs_inside(field: &header::Field<'_>) -> bool {
    let is_content = field.name.get(..8).is_some_and(|prefix| prefix.eq_ignore_ascii_case(b"content-"));
    is_content || ["Subject", "Message-ID", "Encrypted", "MIME-Version"].iter().any(|name| field.is(name))
}

#[cfg(test)]
mod tests;
