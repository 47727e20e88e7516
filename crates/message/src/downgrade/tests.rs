//! What changes is only what must, and what comes out is seven-bit with the same content.

use super::*;
use crate::content;
use crate::parse;
use proptest::prelude::*;

fn downgraded(message: &[u8]) -> Result<Vec<u8>, CannotDowngrade> {
    downgrade(message, &parse::structure(message)).map(Cow::into_owned)
}

#[test]
fn seven_bit_messages_stay() {
    let message = b"Subject: x\r\nContent-Transfer-Encoding: 8bit\r\n\r\nplain\r\n";
    assert!(matches!(downgrade(message, &parse::structure(message)), Ok(Cow::Borrowed(_))));
    for not in [&b"a\n"[..], b"a\rb\r\n", b"\0\r\n", b"\xe9\r\n", &b"x".repeat(999)] {
        assert!(!is_seven_bit(not));
    }
    assert!(is_seven_bit(b"") && is_seven_bit(&b"x".repeat(998)));
}

#[test]
fn only_the_parts_that_need_it_change() {
    let message = "Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: 8bit\r\nX: y\r\n\r\nprëamble\r\n--b\r\n\
        Content-Transfer-Encoding: 8bit\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nit is a cafe with é\r\n--b\r\n\
        Content-Type: text/plain\r\n\r\nplain = stays\r\n--b\r\nContent-Type: image/png\r\n\
        Content-Transfer-Encoding: binary\r\n\r\n\0\u{1}é\r\n--b--\r\n";
    let expected = "Content-Type: multipart/mixed; boundary=b\r\nX: y\r\nMIME-Version: 1.0\r\n\
        Content-Transfer-Encoding: 7bit\r\n\r\npr??amble\r\n--b\r\n\
        Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
        it is a cafe with =C3=A9\r\n--b\r\n\
        Content-Type: text/plain\r\n\r\nplain = stays\r\n--b\r\nContent-Type: image/png\r\n\
        Content-Transfer-Encoding: base64\r\n\r\nAAHDqQ==\r\n--b--\r\n";
    assert_eq!(String::from_utf8(downgraded(message.as_bytes()).unwrap()).unwrap(), expected);
}

#[test]
fn bare_text_gets_the_fields_it_needs() {
    let text = String::from_utf8(downgraded("Subject: x\r\n\r\ncafé au lait\r\n".as_bytes()).unwrap()).unwrap();
    assert_eq!(
        text,
        "Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: quoted-printable\r\n\r\ncaf=C3=A9 au lait\r\n"
    );
    assert!(String::from_utf8(downgraded(b"\r\n\xe9\r\n").unwrap()).unwrap().contains("charset=unknown-8bit"));
}

#[test]
fn embedded_messages_are_changed_inside() {
    let message = "Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\né and more text\r\n";
    let text = String::from_utf8(downgraded(message.as_bytes()).unwrap()).unwrap();
    assert!(text.ends_with("Content-Transfer-Encoding: quoted-printable\r\n\r\n=C3=A9 and more text\r\n"), "{text}");
    assert!(text.contains("Content-Transfer-Encoding: 7bit\r\n\r\nSubject: in\r\n"), "{text}");
}

#[test]
fn what_cannot_be_is_told() {
    assert_eq!(downgraded("Subject: é\r\n\r\n".as_bytes()), Err(CannotDowngrade::Header { at: 0 }));
    let signed = "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\né\r\n--b--\r\n";
    assert_eq!(downgraded(signed.as_bytes()), Err(CannotDowngrade::Protected { at: 0 }));
    let unknown = "Content-Transfer-Encoding: x-none\r\n\r\né\r\n";
    assert_eq!(downgraded(unknown.as_bytes()), Err(CannotDowngrade::Part { at: 0 }));
    let partial = "Content-Type: message/partial\r\n\r\né\r\n";
    assert_eq!(downgraded(partial.as_bytes()), Err(CannotDowngrade::Part { at: 0 }));
}

proptest! {
    #[test]
    fn the_content_stays_and_becomes_seven_bit(
        body in prop::collection::vec(any::<u8>(), 1..300),
        kind in prop::sample::select(vec!["text/plain", "application/octet-stream"]),
    ) {
        let header = format!("MIME-Version: 1.0\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: binary\r\n\r\n");
        let message = [header.as_bytes(), &body].concat();
        let seven = downgraded(&message).unwrap();
        prop_assert!(is_seven_bit(&seven));
        let structure = parse::structure(&seven);
        let decoded = content::octets(&seven, &structure.root).unwrap();
        prop_assert_eq!(decoded.as_ref(), &body[..]);
    }
}
