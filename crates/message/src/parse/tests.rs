//! The section numbering example of RFC 9051, examples of RFC 2046, and the ways in which real messages are broken.

use super::*;
use crate::structure::SectionText::{Header, Mime, Text, Whole};
use proptest::prelude::*;

/// The tree of the example in RFC 9051 §6.4.5.1.
fn nested() -> Vec<u8> {
    let inner = "Subject: inner\r\nContent-Type: multipart/mixed; boundary=in\r\n\r\n\
                 --in\r\n\r\nfirst\r\n--in\r\nContent-Type: application/octet-stream\r\n\r\nsecond\r\n--in--\r\n";
    let text = "Subject: four\r\nContent-Type: multipart/mixed; boundary=\"b four\"\r\n\r\n\
                --b four\r\nContent-Type: image/gif\r\n\r\nGIF\r\n--b four\r\nContent-Type: message/rfc822\r\n\r\n\
                Subject: deep\r\nContent-Type: text/plain\r\n\r\ndeep text\r\n--b four--";
    format!(
        "Subject: outer\r\nContent-Type: multipart/mixed; boundary=\"out\"\r\n\r\npreamble\r\n\
         --out\r\nContent-Type: text/plain\r\n\r\none\r\n\
         --out\r\nContent-Type: application/octet-stream\r\n\r\ntwo\r\n\
         --out\r\nContent-Type: message/rfc822\r\n\r\n{inner}\r\n\
         --out \t\r\nContent-Type: message/rfc822\r\n\r\n{text}\r\n--out--\r\nepilogue\r\n"
    )
    .into_bytes()
}

fn section<'a>(message: &'a [u8], number: &[u32], text: crate::structure::SectionText) -> Option<&'a str> {
    let span = structure(message).section(number, text)?;
    Some(std::str::from_utf8(span.of(message)).unwrap())
}

#[test]
fn sections_are_numbered_as_the_standard_shows() {
    let message = nested();
    let whole = |number: &[u32]| section(&message, number, Whole);
    assert_eq!(whole(&[1]), Some("one"));
    assert_eq!(whole(&[2]), Some("two"));
    assert_eq!(section(&message, &[1], Mime), Some("Content-Type: text/plain\r\n\r\n"));
    assert_eq!(whole(&[3, 1]), Some("first"));
    assert_eq!(section(&message, &[3, 1], Mime), Some("\r\n"));
    assert_eq!(whole(&[3, 2]), Some("second"));
    assert_eq!(
        section(&message, &[3], Header),
        Some("Subject: inner\r\nContent-Type: multipart/mixed; boundary=in\r\n\r\n")
    );
    assert!(section(&message, &[3], Text).unwrap().starts_with("--in\r\n\r\nfirst"));
    assert_eq!(whole(&[4, 1]), Some("GIF"));
    assert_eq!(section(&message, &[4, 2], Header), Some("Subject: deep\r\nContent-Type: text/plain\r\n\r\n"));
    assert_eq!(section(&message, &[4, 2], Text), Some("deep text"));
    assert_eq!(whole(&[4, 2, 1]), Some("deep text"));
    for missing in [&[5][..], &[0], &[1, 1], &[3, 3], &[4, 2, 2], &[4, 2, 1, 1]] {
        assert_eq!(whole(missing), None, "{missing:?}");
    }
    assert_eq!(section(&message, &[1], Header), None);
    assert_eq!(section(&message, &[], Mime), None);
    assert_eq!(whole(&[]).unwrap().as_bytes(), message);
}

#[test]
fn a_message_without_parts_is_its_own_first_part() {
    let message = b"Subject: x\r\n\r\nline one\r\nline two\r\n";
    assert_eq!(section(message, &[1], Whole), Some("line one\r\nline two\r\n"));
    assert_eq!(section(message, &[1], Mime), Some("Subject: x\r\n\r\n"));
    assert_eq!(section(message, &[2], Whole), None);
    let root = structure(message).root;
    assert!(root.is("text", "plain") && root.encoding == "7bit");
    assert_eq!(root.lines, 2);
}

#[test]
fn the_header_of_a_part_says_what_it_is() {
    let root = structure(
        b"Content-Type: IMAGE/JPEG; Name*=utf-8''caf%C3%A9.jpg\r\nContent-ID: <1@x>\r\nContent-Description: a\r\n b\r\n\
          Content-Transfer-Encoding: BASE64 (yes)\r\nContent-MD5: Q2hlY2s=\r\nContent-Language: de, en-GB\r\n\
          Content-Disposition: Attachment; filename=\"=?utf-8?Q?k=C3=A4se?=.jpg\"\r\nContent-Location: http://x/\r\n\
          Content-Type: text/html\r\n\r\n",
    )
    .root;
    assert!(root.is("image", "jpeg"));
    assert_eq!(root.parameter("NAME"), Some("café.jpg"));
    assert_eq!(root.id.as_deref(), Some("<1@x>"));
    assert_eq!(root.description.as_deref(), Some("a b"));
    assert_eq!(root.encoding, "base64");
    assert_eq!(root.md5.as_deref(), Some("Q2hlY2s="));
    assert_eq!(root.languages, ["de", "en-GB"]);
    assert_eq!(root.location.as_deref(), Some("http://x/"));
    assert!(root.is_attachment());
    assert_eq!(root.file_name().as_deref(), Some("käse.jpg"));
}

#[test]
fn types_that_are_none_are_plain_text() {
    for value in ["", "nonsense", "text/", "/plain", "a b/c; boundary=x", "multipart"] {
        let message = format!("Content-Type: {value}\r\n\r\n--x\r\n");
        let root = structure(message.as_bytes()).root;
        assert!(root.is("text", "plain") && root.content == Content::Leaf, "{value}");
    }
    assert_eq!(structure(b"Content-Type: text; charset=utf-8\n\n").root.parameter("charset"), Some("utf-8"));
}

#[test]
fn a_multipart_without_delimiters_is_one_text() {
    for head in ["multipart/mixed", "multipart/mixed; boundary=missing", "multipart/mixed; boundary=\"\""] {
        let message = format!("Content-Type: {head}\r\n\r\nreadable\r\n");
        assert_eq!(section(message.as_bytes(), &[1], Whole), Some("readable\r\n"), "{head}");
        assert_eq!(section(message.as_bytes(), &[1], Mime), Some(""));
    }
}

#[test]
fn delimiters_that_are_none_and_ends_that_are_missing() {
    let message = b"Content-Type: multipart/mixed; boundary=b\n\nx --b\n--bad\n--b--no\n--b\n\nopen\n--bb\n--b x\nend";
    assert_eq!(section(message, &[1], Whole), Some("open\n--bb\n--b x\nend"));
    assert_eq!(section(message, &[2], Whole), None);
    let message = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n--b\r\nA: b\r\n--b--\r\n--b\r\n\r\nno";
    assert_eq!(section(message, &[1], Whole), Some(""));
    assert_eq!(section(message, &[2], Mime), Some("A: b"));
    assert_eq!(section(message, &[3], Whole), None);
}

#[test]
fn an_outer_delimiter_ends_an_inner_multipart() {
    let message = b"Content-Type: multipart/mixed; boundary=out\r\n\r\n--out\r\n\
        Content-Type: multipart/mixed; boundary=outer\r\n\r\n--outer\r\n\r\ninner\r\n--out\r\n\r\nnext\r\n--out--\r\n";
    assert_eq!(section(message, &[1, 1], Whole), Some("inner"));
    assert_eq!(section(message, &[2], Whole), Some("next"));
}

#[test]
fn parts_of_a_digest_are_messages() {
    let message = b"Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: s\r\n\r\ntext\r\n--b--\r\n";
    let structure = structure(message);
    match &structure.part(&[1]).unwrap().content {
        Content::Message(embedded) => assert_eq!(embedded.envelope.subject.as_deref(), Some("s")),
        other => panic!("{other:?}"),
    }
    assert_eq!(section(message, &[1, 1], Whole), Some("text"));
}

#[test]
fn depth_and_number_of_parts_are_bounded() {
    let deep = b"Content-Type: message/rfc822\r\n\r\n".repeat(5_000);
    assert_eq!(structure(&deep).parts().count(), DEPTH_MAX + 2);
    let wide =
        ["Content-Type: multipart/mixed; boundary=b\r\n\r\n", &"--b\r\n\r\nx\r\n".repeat(PARTS_MAX * 3)].concat();
    let structure = structure(wide.as_bytes());
    assert_eq!(structure.parts().count(), PARTS_MAX);
    assert_eq!(structure.parts().last().unwrap().body.end, wide.len() as u64);
    let mut nested = String::new();
    for level in 0..500 {
        nested += &format!("Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n");
    }
    assert!(crate::parse::structure(nested.as_bytes()).parts().count() <= DEPTH_MAX + 2);
}

/// Pieces that make messages more often than plain octets do.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "\r\n",
        "\n",
        "--b",
        "--b\r\n",
        "--b--\r\n",
        "--c\n",
        "Content-Type: multipart/mixed; boundary=b\r\n",
        "Content-Type: multipart/digest; boundary=\"c\"\n",
        "Content-Type: message/rfc822\r\n",
        "\0",
        "\u{e9}",
        "x: y\n",
        " z",
        "Content-Transfer-Encoding: base64\r\n",
        "=?utf-8?Q?=C3?=",
        "Subject: a\r\n",
        ": ",
        "From: <a@b\r\n",
        "text",
    ]);
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #[test]
    fn places_are_in_range_and_nested(message in pieces()) {
        crate::fuzz::fuzz_structure(&message);
    }

    #[test]
    fn any_octets_are_a_message(message in prop::collection::vec(any::<u8>(), 0..300)) {
        crate::fuzz::fuzz_structure(&message);
    }
}
