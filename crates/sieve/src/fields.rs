//! The header of the message at hand, found once and decoded when first looked at.

use std::cell::OnceCell;
use std::ops::Range;

use message::header;

use crate::version::range;

/// All fields of a header.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    all: Vec<Field>,
}

/// One of them: places in the header, and what was read so far.
#[derive(Debug)]
pub(crate) struct Field {
    name_octets: usize,
    place: Range<usize>,
    decoded: OnceCell<String>,
    folded: OnceCell<String>,
}

/// Fields that hold addresses (RFC 5228 §5.1, and what is in use besides), in lower case.
const ADDRESS_FIELDS: &[&str] = &[
    "abuse-reports-to",
    "apparently-to",
    "bcc",
    "cc",
    "delivered-to",
    "disposition-notification-to",
    "envelope-to",
    "errors-to",
    "for-approval",
    "for-comment",
    "for-handling",
    "from",
    "mail-followup-to",
    "mail-reply-to",
    "read-receipt-to",
    "registered-mail-reply-requested-by",
    "reply-to",
    "resent-bcc",
    "resent-cc",
    "resent-from",
    "resent-reply-to",
    "resent-sender",
    "resent-to",
    "return-path",
    "return-receipt-requested",
    "return-receipt-to",
    "sender",
    "to",
    "x-admin",
    "x-beenthere",
    "x-complaints-to",
    "x-confirm-reading-to",
    "x-original-from",
    "x-original-to",
    "x-report-abuse-to",
];

/// Whether a field can have this name (RFC 5322 §2.2).
pub(crate) fn is_field_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|octet| octet.is_ascii_graphic() && octet != b':')
}

/// Whether `address` may look at the field.
pub(crate) fn holds_addresses(name: &str) -> bool {
    ADDRESS_FIELDS.iter().any(|known| known.eq_ignore_ascii_case(name))
}

impl Fields {
    /// Finds them.
    pub fn of(header: &[u8]) -> Fields {
        let all = header::fields(header).map(|field| Field {
            name_octets: field.name.len(),
            place: range(field.span),
            decoded: OnceCell::new(),
            folded: OnceCell::new(),
        });
        Fields { all: all.collect() }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Those of a name, in order.
    pub fn named<'f>(&'f self, header: &'f [u8], name: &'f str) -> impl DoubleEndedIterator<Item = &'f Field> {
        self.all.iter().filter(move |field| {
            field.name_octets == name.len()
                && field.name_octets > 0
                && header
                    .get(field.place.start..field.place.start + field.name_octets)
                    .is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()))
        })
    }
}

impl Field {
    /// Where the whole field is in the header.
    pub fn place(&self) -> Range<usize> {
        self.place.clone()
    }

    /// The name as it came.
    pub fn name<'h>(&self, header: &'h [u8]) -> &'h str {
        let octets = header.get(self.place.start..self.place.start + self.name_octets).unwrap_or_default();
        std::str::from_utf8(octets).unwrap_or_default()
    }

    /// The value, unfolded, encoded words decoded.
    pub fn decoded(&self, header: &[u8]) -> &str {
        self.decoded.get_or_init(|| {
            let octets = header.get(self.place.clone()).unwrap_or_default();
            header::fields(octets).next().map_or_else(String::new, |field| field.decoded())
        })
    }

    /// The decoded value in lower case where it is ASCII.
    pub fn folded(&self, header: &[u8]) -> &str {
        self.folded.get_or_init(|| self.decoded(header).to_ascii_lowercase())
    }

    /// The value as it came.
    pub fn raw<'h>(&self, header: &'h [u8]) -> &'h [u8] {
        let octets = header.get(self.place.clone()).unwrap_or_default();
        header::fields(octets).next().map_or(&[], |field| field.value)
    }
}
