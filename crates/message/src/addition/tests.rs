//! Once in every text that people read, whatever its charset and encoding; nowhere else.

use super::*;
use crate::parse;
use proptest::prelude::*;

fn disclaimer(at_top: bool) -> Addition {
    Addition {
        text: "Grüße von uns.\nVertraulich.".into(),
        html: "<p>Grüße von uns.<br>Vertraulich.</p>".into(),
        at_top,
    }
}

fn added(message: &[u8]) -> Vec<u8> {
    let added = add(message, &parse::structure(message), &disclaimer(false));
    assert!(added.skipped.is_empty(), "{:?}", added.skipped);
    let after = added.message.unwrap();
    let again = add(&after, &parse::structure(&after), &disclaimer(false));
    assert_eq!(again.message, None, "a second pass adds nothing");
    assert!(again.skipped.iter().all(|why| *why == Skipped::Present));
    after
}

fn texts(message: &[u8]) -> Vec<String> {
    let structure = parse::structure(message);
    structure.parts().filter(|part| part.kind == "text").map(|part| content::text(message, part, 10_000)).collect()
}

#[test]
fn every_charset_and_encoding_holds_it_once() {
    for (head, body) in [
        ("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n", "Schön.\r\n".as_bytes()),
        (
            "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n",
            b"Sch=C3=B6n.\r\n",
        ),
        ("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n", b"U2Now7ZuLg0K\r\n"),
        ("Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n", b"Sch\xf6n.\r\n"),
        ("Content-Type: text/plain; charset=koi8-r\r\nContent-Transfer-Encoding: 8bit\r\n", b"\xd2\xd2Sch=\r\n"),
        ("Content-Type: text/plain\r\n", b"Schoen.\r\n"),
        ("", b"Schoen.\r\n"),
        ("Content-Type: text/plain; charset=iso-2022-jp\r\n", b"\x1b$B$\"\x1b(B.\r\n"),
        ("Content-Type: text/html; charset=us-ascii\r\n", b"<html><body><p>Schoen.</p></body></html>\r\n"),
        ("Content-Type: text/html; charset=utf-16le\r\nContent-Transfer-Encoding: base64\r\n", b"PABwAD4AeAA=\r\n"),
    ] {
        let message = [b"Subject: x\r\n", head.as_bytes(), b"\r\n", body].concat();
        let before = texts(&message);
        let after = added(&message);
        let [text] = texts(&after).try_into().unwrap();
        let shown = if head.contains("html") { html::text(&text, 10_000) } else { text };
        let said = words(&shown);
        assert!(said.contains("Grüße von uns. Vertraulich."), "{head}: {said}");
        let first = words(&if head.contains("html") { html::text(&before[0], 1000) } else { before[0].clone() });
        assert!(said.starts_with(&first), "{head}: {said}");
    }
}

#[test]
fn all_forms_of_an_alternative_get_it_and_the_attachment_does_not() {
    let message = b"Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: multipart/alternative; boundary=i\r\n\r\n\
        --i\r\n\r\nplain\r\n--i\r\nContent-Type: multipart/related; boundary=r\r\n\r\n--r\r\nContent-Type: text/html\r\n\r\n\
        <body>html</body>\r\n--r\r\nContent-Type: image/png\r\n\r\nPNG\r\n--r--\r\n--i\r\nContent-Type: text/calendar\r\n\r\n\
        BEGIN:VCALENDAR\r\n--i--\r\n--o\r\nContent-Type: application/pdf\r\n\r\n%PDF\xff\r\n--o\r\n\r\nfooter\r\n--o--\r\n";
    let after = added(message);
    let (before, now) = (parse::structure(message), parse::structure(&after));
    for (one, other) in before.parts().zip(now.parts()) {
        if !matches!((one.kind.as_str(), one.subtype.as_str()), ("text", "plain" | "html") | ("multipart", _)) {
            assert_eq!(one.whole().of(message), other.whole().of(&after), "{}/{}", one.kind, one.subtype);
        }
    }
    let texts = texts(&after);
    assert_eq!(texts.iter().filter(|text| text.contains("Vertraulich")).count(), 2, "{texts:?}");
    assert_eq!(texts.last().unwrap(), "footer");
}

#[test]
fn what_is_protected_or_has_no_text_is_left_alone() {
    let skipped = |message: &[u8]| {
        let added = add(message, &parse::structure(message), &disclaimer(false));
        assert_eq!(added.message, None);
        added.skipped[0]
    };
    let signed = b"Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\n\r\nsig\r\n--b--\r\n";
    assert_eq!(skipped(signed), Skipped::Protected("multipart/signed"));
    assert_eq!(skipped(b"\r\n-----BEGIN PGP MESSAGE-----\r\n"), Skipped::Protected("OpenPGP in the text"));
    assert_eq!(skipped(b"Content-Type: text/plain; name=a.txt\r\n\r\nx\r\n"), Skipped::NoText);
    assert_eq!(skipped(b"Content-Type: message/partial; id=a; number=1\r\n\r\nx\r\n"), Skipped::NoText);
    assert_eq!(skipped(b"Content-Type: text/plain; charset=utf-7\r\n\r\nx\r\n"), Skipped::Charset);
    assert_eq!(skipped(b"Content-Transfer-Encoding: x-odd\r\n\r\nx\r\n"), Skipped::Encoding);
    assert_eq!(
        skipped(
            "Content-Type: text/plain; charset=utf-8\r\n\r\nAnswer.\r\n> Grüße von\r\n>> uns. Vertraulich.\r\n"
                .as_bytes()
        ),
        Skipped::Present
    );
    assert_eq!(
        skipped(
            "Content-Type: text/html; charset=utf-8\r\n\r\n<blockquote>Grüße von\r\nuns.<br/>Vertraulich.".as_bytes()
        ),
        Skipped::Present
    );
}

#[test]
fn at_the_top_it_stands_above() {
    let message = b"Content-Type: text/html\r\n\r\n<body><p>x</body>\r\n";
    let after = add(message, &parse::structure(message), &disclaimer(true)).message.unwrap();
    assert!(after.ends_with(b"<body>\r\n<p>Gr&#252;&#223;e von uns.<br>Vertraulich.</p>\r\n<p>x</body>\r\n"));
    let flowed = b"Content-Type: text/plain; format=flowed\r\n\r\nx\r\n";
    let addition = Addition { text: "> no quote \nend".into(), html: String::new(), at_top: true };
    let after = add(flowed, &parse::structure(flowed), &addition).message.unwrap();
    assert!(after.ends_with(b"\r\n\r\n > no quote\r\nend\r\n\r\nx\r\n"), "{}", String::from_utf8_lossy(&after));
}

proptest! {
    #[test]
    fn the_text_that_was_there_stays(body in "[ -~äé\\r\\n<>/]{0,200}", is_html in any::<bool>(), at_top in any::<bool>()) {
        let kind = if is_html { "html" } else { "plain" };
        let message = format!("Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{body}");
        let added = add(message.as_bytes(), &parse::structure(message.as_bytes()), &disclaimer(at_top));
        if let Some(after) = added.message {
            let structure = parse::structure(&after);
            let octets = content::octets(&after, &structure.root).unwrap().into_owned();
            let mut rest = octets.as_slice();
            // Every octet that was there comes in the same order.
            for octet in body.bytes() {
                let at = rest.iter().position(|found| *found == octet);
                prop_assert!(at.is_some());
                rest = &rest[at.unwrap() + 1..];
            }
        }
    }
}
