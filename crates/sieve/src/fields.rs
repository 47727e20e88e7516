//! The header of the message at hand, found once and decoded when first looked at.

use std::cell::OnceCell;

use message::header;

use crate::version::range;

/// All fields of a header.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    all: Vec<Field>,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Field {
    name: Vec<u8>,
    place: std::ops::Range<usize>,
    decoded: OnceCell<String>,
    folded: OnceCell<String>,
}

impl Fields {
    /// Finds them.
    pub fn of(header: &[u8]) -> Fields {
        let all = header::fields(header).map(|field| Field {
            name: field.name.to_vec(),
            place: range(field.span),
            decoded: OnceCell::new(),
            folded: OnceCell::new(),
        });
        Fields { all: all.collect() }
    }

    /// Those of a name, in order.
    pub fn named<'f>(&'f self, name: &str) -> impl DoubleEndedIterator<Item = &'f Field> {
        self.all.iter().filter(move |field| field.name.eq_ignore_ascii_case(name.as_bytes()))
    }
}

impl Field {
    /// Where the whole field is in the header.
    pub fn place(&self) -> std::ops::Range<usize> {
        self.place.clone()
    }

    /// The value, unfolded, encoded words decoded.
    pub fn decoded(&self, header: &[u8]) -> &str {
        self.decoded.get_or_init(|| self.read(header, |field| field.decoded()))
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

    fn read(&self, header: &[u8], read: impl Fn(header::Field<'_>) -> String) -> String {
        let octets = header.get(self.place.clone()).unwrap_or_default();
        header::fields(octets).next().map_or_else(String::new, read)
    }
}
