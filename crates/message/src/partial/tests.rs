//! What was split is put together again; what fragments say is read with suspicion.

use super::*;
use proptest::prelude::*;

fn read_header(value: &str) -> Result<Fragment, BadFragment> {
    let message = format!("Content-Type: message/partial; {value}\r\n\r\n");
    read(&parse::structure(message.as_bytes()).root)
}

#[test]
fn fragments_are_read_with_suspicion() {
    assert_eq!(
        read_header("id=\"a@b\"; number=2; total=3"),
        Ok(Fragment { id: "a@b".into(), number: 2, total: Some(3) })
    );
    assert_eq!(read_header("id=a; number=2"), Ok(Fragment { id: "a".into(), number: 2, total: None }));
    assert_eq!(read_header("number=2"), Err(BadFragment::Id));
    assert_eq!(read_header("id=a"), Err(BadFragment::Number));
    assert_eq!(read_header("id=a; number=0"), Err(BadFragment::Number));
    assert_eq!(read_header("id=a; number=1; total=0"), Err(BadFragment::Total));
    assert_eq!(read_header("id=a; number=1; total=x"), Err(BadFragment::Total));
    assert_eq!(read_header("id=a; number=4; total=3"), Err(BadFragment::Beyond { number: 4, total: 3 }));
    assert_eq!(read_header("id=a; number=1\r\nContent-Transfer-Encoding: base64"), Err(BadFragment::Encoded));
}

/// The example of RFC 2046 §5.2.2.1.
#[test]
fn the_example_of_the_standard() {
    let first = b"X-Weird-Header-1: Foo\r\nFrom: Bill@host.com\r\nTo: joe@otherhost.com\r\nDate: Fri, 26 Mar 1993 12:59:38 -0500 (EST)\r\n\
        Subject: Audio mail (part 1 of 2)\r\nMessage-ID: <id1@host.com>\r\nMIME-Version: 1.0\r\n\
        Content-type: message/partial; id=\"ABC@host.com\"; number=1; total=2\r\n\r\n\
        X-Weird-Header-1: Bar\r\nX-Weird-Header-2: Hello\r\nMessage-ID: <anotherid@foo.com>\r\nSubject: Audio mail\r\n\
        MIME-Version: 1.0\r\nContent-type: audio/basic\r\nContent-transfer-encoding: base64\r\n\r\nFIRST\r\n";
    let second = b"From: Bill@host.com\r\nSubject: Audio mail (part 2 of 2)\r\nMIME-Version: 1.0\r\nMessage-ID: <id2@host.com>\r\n\
        Content-type: message/partial; id=\"ABC@host.com\"; number=2; total=2\r\n\r\nSECOND\r\n";
    let joined = String::from_utf8(join(&[first, second])).unwrap();
    assert_eq!(
        joined,
        "X-Weird-Header-1: Foo\r\nFrom: Bill@host.com\r\nTo: joe@otherhost.com\r\nDate: Fri, 26 Mar 1993 12:59:38 -0500 (EST)\r\n\
        Message-ID: <anotherid@foo.com>\r\nSubject: Audio mail\r\nMIME-Version: 1.0\r\nContent-type: audio/basic\r\n\
        Content-transfer-encoding: base64\r\n\r\nFIRST\r\nSECOND\r\n"
    );
}

#[test]
fn small_and_fragmented_messages_are_not_split() {
    let how = Split { octets_max: 1000, parts_max: 10, id: "i", host: "h.test" };
    assert_eq!(split(b"Subject: x\r\n\r\nx\r\n", how), Ok(Vec::new()));
    let fragment = [&b"Content-Type: message/partial; id=a; number=1\r\n\r\n"[..], &b"x\r\n".repeat(1000)].concat();
    assert_eq!(split(&fragment, how), Err(CannotSplit::Fragment));
}

#[test]
fn eight_bit_messages_are_made_seven_bit_first() {
    let how = Split { octets_max: 2000, parts_max: 100, id: "i", host: "h.test" };
    let message = ["Subject: x\r\n\r\n".as_bytes(), &"Grüße\r\n".as_bytes().repeat(1000)].concat();
    let fragments = split(&message, how).unwrap();
    assert!(fragments.len() > 3 && fragments.iter().all(|fragment| fragment.is_ascii() && fragment.len() <= 2000));
    let whole = join(&fragments.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let part = parse::structure(&whole).root;
    assert_eq!(crate::content::text(&whole, &part, 100_000), "Grüße\r\n".repeat(1000));
}

proptest! {
    #[test]
    fn what_was_split_is_put_together(lines in prop::collection::vec("[ -~]{0,78}", 0..200), octets_max in 900usize..3000) {
        let body: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let message = format!("Received: by x\r\nFrom: a@b\r\nSubject: s\r\nContent-Type: text/plain\r\nTo: c@d\r\n\r\n{body}");
        let fragments = split(message.as_bytes(), Split { octets_max, parts_max: 1000, id: "i", host: "h" }).unwrap();
        if fragments.is_empty() {
            prop_assert!(message.len() <= octets_max);
            return Ok(());
        }
        for (number, fragment) in (1u32..).zip(&fragments) {
            prop_assert!(fragment.len() <= octets_max);
            let part = parse::structure(fragment).root;
            prop_assert!(is_fragment(&part));
            let read = read(&part).unwrap();
            prop_assert_eq!((read.number, read.total), (number, u32::try_from(fragments.len()).ok()));
        }
        let whole = join(&fragments.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let expected = format!("Received: by x\r\nFrom: a@b\r\nTo: c@d\r\nSubject: s\r\nContent-Type: text/plain\r\n\r\n{body}");
        prop_assert_eq!(String::from_utf8(whole).unwrap(), expected);
    }
}
