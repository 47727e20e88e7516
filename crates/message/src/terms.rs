//! What SEARCH asks for most, decoded and folded when the message arrives: the values of its Subject, From, To, Cc and
//! Bcc fields. Kept in front of a summary, so that a search reads no further.
//!
//! In a record: 0 when the values are too long to keep; else 1, and for each of the five names, in this order, the
//! number of its fields and their folded values. A change of folding needs a new version of the record.

use crate::fold;
use crate::header;
use crate::limits::TERMS_OCTETS_MAX;
use crate::record::{Reader, RecordError, Writer};
use crate::search::Needle;

const NAMES: [&str; 5] = ["subject", "from", "to", "cc", "bcc"];

/// The folded values of the fields that are searched most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms(Option<[Vec<String>; NAMES.len()]>);

impl Terms {
    /// Of a header; nothing when the values are too long to keep.
    pub fn of(header: &[u8]) -> Terms {
        let mut values: [Vec<String>; NAMES.len()] = Default::default();
        let mut octets = 0;
        for field in header::fields(header) {
            let Some(at) = NAMES.iter().position(|name| field.is(name)) else { continue };
            let folded = fold::fold(&field.decoded());
            octets += folded.len() + 1;
            if octets > TERMS_OCTETS_MAX {
                return Terms(None);
            }
            if let Some(list) = values.get_mut(at) {
                list.push(folded);
            }
        }
        Terms(Some(values))
    }

    /// Whether a field of that name contains what is looked for: exactly what [`Needle::is_in_field`] says of the header.
    /// `None` when that cannot be told from here.
    pub fn has(&self, name: &str, needle: &Needle) -> Option<bool> {
        let at = NAMES.iter().position(|known| known.eq_ignore_ascii_case(name))?;
        let values = self.0.as_ref()?.get(at)?;
        Some(values.iter().any(|value| needle.is_in_folded(value)))
    }

    /// The terms of a stored summary, without reading the rest of it.
    ///
    /// # Errors
    /// The record is damaged, or of another version.
    pub fn of_record(record: &[u8]) -> Result<Terms, RecordError> {
        Terms::read(&mut Reader::new(record)?)
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Terms, RecordError> {
        match reader.number()? {
            0 => Ok(Terms(None)),
            1 => {
                let mut values: [Vec<String>; NAMES.len()] = Default::default();
                for list in &mut values {
                    *list = reader.texts()?;
                }
                Ok(Terms(Some(values)))
            }
            _ => Err(reader.damaged()),
        }
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        match &self.0 {
            None => writer.number(0),
            Some(values) => {
                writer.number(1);
                values.iter().for_each(|list| writer.texts(list));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::Summary;
    use proptest::prelude::*;

    #[test]
    fn terms_stand_in_front_of_a_summary() {
        let message = b"Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\nTo: a@b\r\nto: C <c@d>\r\n\r\nSubject: body\r\n";
        let terms = Terms::of_record(&Summary::of(message).encode()).unwrap();
        let has = |name: &str, text: &str| terms.has(name, &Needle::new(text));
        assert_eq!(has("SUBJECT", "grÜß"), Some(true));
        assert_eq!((has("to", "c@D"), has("to", "b\0")), (Some(true), Some(false)));
        assert_eq!((has("cc", ""), has("to", "")), (Some(false), Some(true)));
        assert_eq!(has("x-other", "a"), None);
    }

    #[test]
    fn long_values_are_not_kept() {
        let message = format!("Subject: {}\r\n\r\n", "x".repeat(TERMS_OCTETS_MAX));
        assert_eq!(Terms::of(message.as_bytes()).has("subject", &Needle::new("x")), None);
    }

    proptest! {
        #[test]
        fn terms_say_what_the_header_says(
            fields in prop::collection::vec((0usize..7, "[a-zA-Zé=?_ \t]{0,20}"), 0..8), needle in "[a-zé]{0,3}"
        ) {
            let names = ["Subject", "FROM", "to", "Cc", "Bcc", "X-Y", "Sender"];
            let mut header: String = fields.iter().map(|(at, value)| format!("{}: {value}\r\n", names[*at])).collect();
            header.push_str("\r\n");
            let (terms, needle) = (Terms::of(header.as_bytes()), Needle::new(&needle));
            for name in names {
                if let Some(answer) = terms.has(name, &needle) {
                    prop_assert_eq!(answer, needle.is_in_field(header.as_bytes(), name));
                }
            }
        }
    }
}
