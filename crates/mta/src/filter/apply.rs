//! Changes that filters want, made: fields added, replaced and deleted, the body replaced. Octets that are
//! not to be changed stay as they are.

use message::header;
use smtp::milter::command::Field;

/// A message taken apart into its fields, as they stand, and the rest.
#[derive(Clone, Debug)]
pub struct Parts {
    fields: Vec<Vec<u8>>,
    /// The empty line and the body.
    rest: Vec<u8>,
}

impl Parts {
    /// Takes a message apart.
    pub fn of(message: &[u8]) -> Parts {
        let mut fields = Vec::new();
        let mut end = 0;
        for field in header::fields(message) {
            let mut octets = field.span.of(message).to_vec();
            end += octets.len();
            if !octets.ends_with(b"\n") {
                octets.extend_from_slice(b"\r\n");
            }
            fields.push(octets);
        }
        let mut rest = message.get(end..).unwrap_or_default().to_vec();
        if rest.is_empty() {
            rest = b"\r\n".to_vec();
        }
        Parts { fields, rest }
    }

    /// Puts it together again.
    pub fn joined(&self) -> Vec<u8> {
        let mut octets = self.fields.concat();
        octets.extend_from_slice(&self.rest);
        octets
    }

    /// Adds a field behind all others.
    ///
    /// # Errors
    /// The name cannot be one.
    pub fn add(&mut self, field: &Field) -> Result<(), &'static str> {
        self.fields.push(written(field)?);
        Ok(())
    }

    /// Adds a field in front of that with this number, counted from 0; far numbers mean the end.
    ///
    /// # Errors
    /// The name cannot be one.
    pub fn insert(&mut self, index: u32, field: &Field) -> Result<(), &'static str> {
        let octets = written(field)?;
        let place = usize::try_from(index).unwrap_or(usize::MAX).min(self.fields.len());
        self.fields.insert(place, octets);
        Ok(())
    }

    /// Replaces the field with this name and number, counted from 1; without a value it is deleted. The greatest number
    /// means all of the name. What is replaced and not there is added, what is deleted and not there is gone already.
    ///
    /// # Errors
    /// The name cannot be one.
    pub fn change(&mut self, index: u32, field: &Field) -> Result<(), &'static str> {
        let octets = written(field)?;
        let places: Vec<usize> = (0..self.fields.len()).filter(|place| self.is_named(*place, &field.name)).collect();
        if field.value.is_empty() {
            let wanted = |number: usize| index == u32::MAX || u32::try_from(number + 1) == Ok(index.max(1));
            let gone: Vec<usize> =
                places.iter().enumerate().filter(|(number, _)| wanted(*number)).map(|(_, place)| *place).collect();
            let mut place = 0;
            self.fields.retain(|_| {
                place += 1;
                !gone.contains(&(place - 1))
            });
            return Ok(());
        }
        let number = usize::try_from(index.max(1) - 1).unwrap_or(usize::MAX);
        match places.get(number).and_then(|place| self.fields.get_mut(*place)) {
            Some(old) => *old = octets,
            None => self.fields.push(octets),
        }
        Ok(())
    }

    fn is_named(&self, place: usize, name: &str) -> bool {
        self.fields.get(place).is_some_and(|octets| header::fields(octets).any(|field| field.is(name)))
    }

    /// Replaces the body.
    pub fn replace_body(&mut self, body: &[u8]) {
        self.rest = [b"\r\n", body].concat();
    }
}

/// A field as it stands in a header. Line ends in the value are those of folding: what follows one begins with white space,
/// whatever the filter sent, and no line is empty, so that no value ends the header.
fn written(field: &Field) -> Result<Vec<u8>, &'static str> {
    check_name(&field.name)?;
    let mut octets = field.name.clone().into_bytes();
    octets.push(b':');
    let mut lines = field.value.split(|octet| *octet == b'\n').map(without_breaks).filter(|line| !is_blank(line));
    let first = lines.next().unwrap_or_default();
    if !first.starts_with(b" ") && !first.starts_with(b"\t") {
        octets.push(b' ');
    }
    octets.extend_from_slice(&first);
    for line in lines {
        octets.extend_from_slice(b"\r\n");
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            octets.push(b'\t');
        }
        octets.extend_from_slice(&line);
    }
    octets.extend_from_slice(b"\r\n");
    Ok(octets)
}

/// Whether a field can have this name (RFC 5322 §2.2).
///
/// # Errors
/// It cannot.
pub fn check_name(name: &str) -> Result<(), &'static str> {
    let is_name = !name.is_empty() && name.bytes().all(|octet| octet.is_ascii_graphic() && octet != b':');
    if is_name { Ok(()) } else { Err("the name of the field cannot be one") }
}

fn without_breaks(line: &[u8]) -> Vec<u8> {
    line.iter().copied().filter(|octet| !matches!(octet, b'\r' | 0)).collect()
}

fn is_blank(line: &[u8]) -> bool {
    line.iter().all(u8::is_ascii_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MESSAGE: &[u8] = b"Subject: one\r\nX-A: 1\r\nx-a:  2\r\n folded\r\nX-B: 3\r\n\r\nbody\r\n";

    fn field(name: &str, value: &str) -> Field {
        Field { name: name.to_owned(), value: value.as_bytes().to_vec() }
    }

    fn after(change: impl FnOnce(&mut Parts)) -> String {
        let mut parts = Parts::of(MESSAGE);
        change(&mut parts);
        String::from_utf8(parts.joined()).unwrap()
    }

    #[test]
    fn fields_are_added_replaced_and_deleted() {
        assert_eq!(after(|_| {}).as_bytes(), MESSAGE);
        assert!(after(|parts| parts.add(&field("X-C", "4")).unwrap()).contains("X-B: 3\r\nX-C: 4\r\n\r\nbody"));
        assert!(
            after(|parts| parts.insert(0, &field("X-C", " 4\n5")).unwrap()).starts_with("X-C: 4\r\n\t5\r\nSubject")
        );
        assert!(after(|parts| parts.change(2, &field("X-A", "new")).unwrap()).contains("X-A: 1\r\nX-A: new\r\nX-B"));
        assert!(after(|parts| parts.change(1, &field("X-A", "")).unwrap()).contains("one\r\nx-a:  2\r\n folded"));
        assert!(!after(|parts| parts.change(u32::MAX, &field("X-A", "")).unwrap()).to_lowercase().contains("x-a"));
        assert!(after(|parts| parts.change(1, &field("X-New", "n")).unwrap()).contains("X-B: 3\r\nX-New: n\r\n"));
        assert!(Parts::of(MESSAGE).add(&field("X A", "x")).is_err());
    }

    #[test]
    fn the_body_is_replaced() {
        assert!(after(|parts| parts.replace_body(b"new\r\n")).ends_with("X-B: 3\r\n\r\nnew\r\n"));
    }

    proptest! {
        #[test]
        fn no_value_ends_the_header(value in proptest::collection::vec(any::<u8>(), 0..60), index in any::<u32>()) {
            let mut parts = Parts::of(MESSAGE);
            let field = Field { name: "X-Any".to_owned(), value };
            parts.insert(index, &field).unwrap();
            let octets = parts.joined();
            prop_assert_eq!(header::fields(&octets).count(), 5);
            prop_assert!(octets.ends_with(b"\r\n\r\nbody\r\n"));
        }

        #[test]
        fn what_is_not_changed_stays(message in proptest::collection::vec(any::<u8>(), 0..200)) {
            let joined = Parts::of(&message).joined();
            prop_assert!(joined.starts_with(&message) || message.is_empty());
        }
    }
}
