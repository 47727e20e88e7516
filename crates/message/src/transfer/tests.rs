//! Known answers of RFC 2045 and RFC 4648, damaged input, and identity in pieces of any size.

use super::*;
use proptest::prelude::*;

#[test]
fn base64_examples_of_the_standard() {
    // RFC 4648 §10.
    for (text, encoded) in [
        ("", ""),
        ("f", "Zg=="),
        ("fo", "Zm8="),
        ("foo", "Zm9v"),
        ("foob", "Zm9vYg=="),
        ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ] {
        assert_eq!(base64(text.as_bytes()), encoded);
        assert_eq!(decode(Encoding::Base64, encoded.as_bytes()), text.as_bytes());
    }
}

#[test]
fn base64_bears_line_ends_strangers_missing_padding_and_joined_pieces() {
    assert_eq!(decode(Encoding::Base64, b"Zm9v\r\n Ym!Fy"), b"foobar");
    assert_eq!(decode(Encoding::Base64, b"Zg"), b"f");
    assert_eq!(decode(Encoding::Base64, b"Zg==Zm8="), b"ffo");
    assert_eq!(decode(Encoding::Base64, b"Z"), b"");
}

#[test]
fn quoted_printable_example_of_the_standard() {
    // RFC 2045 §6.7.
    let encoded = b"Now's the time =\r\nfor all folk to come=\r\n to the aid of their country.";
    assert_eq!(
        decode(Encoding::QuotedPrintable, encoded),
        b"Now's the time for all folk to come to the aid of their country."
    );
}

#[test]
fn quoted_printable_bears_damage() {
    let decoded = |text: &[u8]| decode(Encoding::QuotedPrintable, text);
    assert_eq!(decoded(b"a=XYb=4"), b"a=XYb=4");
    assert_eq!(decoded(b"tail  \t\r\nnext =  \r\nline\n"), b"tail\r\nnext line\n");
    assert_eq!(decoded(b"=c3=A9"), "é".as_bytes());
    assert_eq!(decoded(b"cut="), b"cut");
}

#[test]
fn quoted_printable_lines_are_short_and_do_not_end_in_white_space() {
    let text = "é ".repeat(200) + "\r\nend \r\n";
    let encoded = quoted_printable(text.as_bytes());
    for line in encoded.split(|octet| *octet == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        assert!(line.len() <= 76 && line.is_ascii());
        assert!(!line.ends_with(b" "));
    }
    assert_eq!(decode(Encoding::QuotedPrintable, &encoded), text.as_bytes());
}

#[test]
fn endless_quoted_printable_lines_are_not_held() {
    let mut decoder = Decoder::new(Encoding::QuotedPrintable);
    let mut output = Vec::new();
    for _ in 0..100 {
        decoder.push(&b"=41 =4".repeat(500), &mut output);
        assert!(decoder.held.len() <= 2 * HELD_OCTETS_MAX);
    }
    decoder.finish(&mut output);
    assert_eq!(output.len(), 500 * 100 * 4);
}

#[test]
fn names_of_encodings() {
    assert_eq!(Encoding::named("BASE64 "), Some(Encoding::Base64));
    assert_eq!(Encoding::named("8Bit"), Some(Encoding::Identity));
    assert_eq!(Encoding::named("x-uuencode"), None);
}

proptest! {
    #[test]
    fn decoding_undoes_encoding(octets in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert_eq!(&decode(Encoding::Base64, &base64_lines(&octets)), &octets);
        prop_assert_eq!(&decode(Encoding::Base64, base64(&octets).as_bytes()), &octets);
        prop_assert_eq!(&decode(Encoding::QuotedPrintable, &quoted_printable(&octets)), &octets);
    }

    #[test]
    fn pieces_do_not_matter(
        octets in prop::collection::vec(prop::sample::select(b"=Aa4 \r\n\t/+z".to_vec()), 0..300),
        piece in 1usize..20,
    ) {
        for encoding in [Encoding::Identity, Encoding::Base64, Encoding::QuotedPrintable] {
            let mut decoder = Decoder::new(encoding);
            let mut output = Vec::new();
            for piece in octets.chunks(piece) {
                decoder.push(piece, &mut output);
            }
            decoder.finish(&mut output);
            prop_assert_eq!(output, decode(encoding, &octets));
        }
    }
}
