//! Fields in all the shapes in which they come, and that their places cover the header without a gap.

use super::*;
use proptest::prelude::*;

const MESSAGE: &[u8] = b"From: a@example\r\nSubject: one\r\n two\r\nX-Odd : 1\r\njunk line\r\n\r\nbody: no field\r\n";

#[test]
fn fields_have_names_values_and_places() {
    let found: Vec<_> = fields(MESSAGE).map(|field| (field.name, field.unfolded().into_owned())).collect();
    assert_eq!(
        found,
        [
            (&b"From"[..], "a@example".to_owned()),
            (b"Subject", "one two".to_owned()),
            (b"X-Odd", "1".to_owned()),
            (b"", "junk line".to_owned()),
        ]
    );
    assert_eq!(find(MESSAGE, "SUBJECT").map(|field| field.span.of(MESSAGE)), Some(&b"Subject: one\r\n two\r\n"[..]));
}

#[test]
fn the_header_ends_with_the_first_empty_line() {
    assert_eq!(octets(MESSAGE), MESSAGE.len() - b"body: no field\r\n".len());
    assert_eq!(octets(b"a: b\n\nbody"), 6);
    assert_eq!(octets(b"\r\nbody"), 2);
    assert_eq!(octets(b"a: b\r\n \r\nc: d\r\n\r\n"), 17);
    assert_eq!(octets(b"no end"), 6);
    assert_eq!(octets(b""), 0);
}

#[test]
fn selections_end_with_an_empty_line() {
    assert_eq!(only(MESSAGE, &["subject", "x-none"]), b"Subject: one\r\n two\r\n\r\n");
    assert_eq!(except(MESSAGE, &["subject", "from"]), b"X-Odd : 1\r\njunk line\r\n\r\n");
    assert_eq!(only(b"Subject: x", &["Subject"]), b"Subject: x\r\n\r\n");
    assert_eq!(only(MESSAGE, &["nothing"]), b"\r\n");
}

#[test]
fn strange_octets_are_borne() {
    let message = b"From mbox Thu Jan 1 00:00:00 1970\nSubject: caf\xe9\0 \r x\n";
    let found: Vec<_> = fields(message).map(|field| (field.name, field.unfolded().into_owned())).collect();
    assert_eq!(found[0].0, b"");
    assert_eq!(found[1], (&b"Subject"[..], "café   x".to_owned()));
}

proptest! {
    #[test]
    fn fields_cover_the_header(message in prop::collection::vec(prop::sample::select(b"a: \r\n\t\xff\0".to_vec()), 0..200)) {
        let mut at = 0;
        for field in fields(&message) {
            prop_assert_eq!(field.span.start, at);
            prop_assert!(field.span.end > at);
            at = field.span.end;
            let _ = field.decoded();
        }
        prop_assert!(at as usize <= octets(&message));
        prop_assert!(octets(&message) - at as usize <= 2);
    }
}
