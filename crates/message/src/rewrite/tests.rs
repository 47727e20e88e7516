//! Parts that nobody asked to change are the same octets afterwards.

use super::*;
use crate::content;
use crate::parse;
use proptest::prelude::*;

const MIXED: &[u8] = b"Subject: x\nContent-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n--b \r\n\r\none\r\n--b\r\n\
    Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nUERG\r\n--b\r\nContent-Type: text/html\r\n\r\n\
    <p>three\r\n--b--\r\nepilogue";

fn child(structure: &Structure, index: usize) -> &Part {
    match &structure.root.content {
        Content::Multipart(children) => &children[index],
        _ => panic!("no multipart"),
    }
}

#[test]
fn without_a_change_nothing_changes() {
    let structure = parse::structure(MIXED);
    assert_eq!(Rewriter::new(MIXED, &structure).finish(), MIXED);
}

#[test]
fn content_and_fields_of_one_part_change() {
    let structure = parse::structure(MIXED);
    let mut rewriter = Rewriter::new(MIXED, &structure);
    rewriter.set_content(child(&structure, 2), "<p>drei ä".as_bytes(), None);
    rewriter.set_type(
        child(&structure, 2),
        "text",
        "html",
        &[Parameter { name: "charset".into(), value: "utf-8".into() }],
    );
    let after = rewriter.finish();
    let text = String::from_utf8(after.clone()).unwrap();
    assert!(text.contains("--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>drei =C3=A4\r\n--b--\r\nepilogue"), "{text}");
    let changed = parse::structure(&after);
    assert_eq!(child(&changed, 1).whole().of(&after), child(&structure, 1).whole().of(MIXED));
}

#[test]
fn parts_go_with_one_delimiter_each() {
    let structure = parse::structure(MIXED);
    for (gone, left) in [
        (vec![0], "UERG|<p>three"),
        (vec![1], "one|<p>three"),
        (vec![2], "one|UERG"),
        (vec![1, 2], "one"),
        (vec![0, 2], "UERG"),
        (vec![0, 1], "<p>three"),
        (vec![0, 1, 2], ""),
    ] {
        let mut rewriter = Rewriter::new(MIXED, &structure);
        gone.iter().for_each(|index| rewriter.remove(child(&structure, *index)));
        let after = rewriter.finish();
        let changed = parse::structure(&after);
        let Content::Multipart(children) = &changed.root.content else { panic!("no multipart") };
        let bodies: Vec<_> =
            children.iter().map(|part| String::from_utf8_lossy(part.body.of(&after)).into_owned()).collect();
        assert_eq!(bodies.join("|"), left, "{gone:?}: {}", String::from_utf8_lossy(&after));
        assert!(after.ends_with(b"--b--\r\nepilogue") && after.starts_with(b"Subject: x\n"));
    }
    let single = b"Subject: x\r\nContent-Type: application/zip\r\n\r\nPK\r\n";
    let structure = parse::structure(single);
    let mut rewriter = Rewriter::new(single, &structure);
    rewriter.remove(&structure.root);
    assert_eq!(rewriter.finish(), b"Subject: x\r\n\r\n");
}

#[test]
fn a_line_that_looks_like_a_delimiter_is_hidden() {
    let structure = parse::structure(MIXED);
    let mut rewriter = Rewriter::new(MIXED, &structure);
    rewriter.set_content(child(&structure, 0), b"x\r\n--b--\r\ny", None);
    let after = rewriter.finish();
    let changed = parse::structure(&after);
    assert_eq!(content::octets(&after, child(&changed, 0)).unwrap().as_ref(), b"x\r\n--b--\r\ny");
    assert_eq!(child(&changed, 2).body.of(&after), b"<p>three");
}

#[test]
fn a_header_without_an_end_gets_one() {
    let message = b"Subject: x";
    let structure = parse::structure(message);
    let mut rewriter = Rewriter::new(message, &structure);
    rewriter.set_content(&structure.root, "é".as_bytes(), Some(Transfer::EightBit));
    let text = String::from_utf8(rewriter.finish()).unwrap();
    assert_eq!(text, "Subject: x\r\nContent-Transfer-Encoding: 8bit\r\nMIME-Version: 1.0\r\n\r\né");
}

#[test]
fn a_part_whose_last_field_has_no_line_end_gets_a_body() {
    let message =
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nX-A: 1\r\nContent-Type: text/html\r\n--b\r\n\r\n\
        two\r\n--b--\r\n";
    let structure = parse::structure(message);
    type Change = fn(&mut Rewriter<'_>, &Part);
    let changes: [(Change, &str, &[&str]); 5] = [
        (|_, _| (), "text/html", &["X-A: 1", "Content-Type: text/html"]),
        (
            |rewriter, part| rewriter.set_field(part, "X-B", "2"),
            "text/html",
            &["X-A: 1", "Content-Type: text/html", "X-B: 2"],
        ),
        (
            |rewriter, part| rewriter.set_field(part, "Content-Type", "text/css"),
            "text/css",
            &["X-A: 1", "Content-Type: text/css"],
        ),
        (|rewriter, part| rewriter.remove_field(part, "Content-Type"), "text/plain", &["X-A: 1"]),
        (|rewriter, part| rewriter.remove_field(part, "X-A"), "text/html", &["Content-Type: text/html"]),
    ];
    for (change, kind, fields) in changes {
        for is_body_first in [false, true] {
            let mut rewriter = Rewriter::new(message, &structure);
            let part = child(&structure, 0);
            if is_body_first {
                rewriter.set_content(part, b"new", None);
            }
            change(&mut rewriter, part);
            if !is_body_first {
                rewriter.set_content(part, b"new", None);
            }
            let after = rewriter.finish();
            let changed = parse::structure(&after);
            let part = child(&changed, 0);
            let text = String::from_utf8_lossy(&after);
            assert_eq!(part.body.of(&after), b"new", "{text}");
            assert_eq!(format!("{}/{}", part.kind, part.subtype), kind, "{text}");
            assert_eq!(part.header.of(&after), [&fields.join("\r\n"), "\r\n\r\n"].concat().as_bytes(), "{text}");
            assert_eq!(child(&changed, 1).body.of(&after), b"two");
        }
    }
}

#[test]
fn a_field_that_is_set_twice_stands_once() {
    let message = b"X-A: 1\r\nSubject: s\r\nx-a: 2\r\n\r\ntext";
    let structure = parse::structure(message);
    let mut rewriter = Rewriter::new(message, &structure);
    for value in ["3", "4"] {
        rewriter.set_field(&structure.root, "X-A", value);
        rewriter.set_field(&structure.root, "X-B", value);
        rewriter.set_field(&structure.root, "X-C", value);
    }
    rewriter.remove_field(&structure.root, "x-b");
    assert_eq!(rewriter.finish(), b"X-A: 4\r\nSubject: s\r\nX-C: 4\r\n\r\ntext");
}

/// A part of a multipart: header fields and a body without delimiters of ours.
fn part() -> impl Strategy<Value = Vec<u8>> {
    let kinds = prop::sample::select(vec![
        "",
        "Content-Type: text/plain\r\n",
        "X-Odd : y\nContent-Type: text/html; charset=latin1\n",
        "Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n",
        "Content-Type: multipart/alternative; boundary=in\r\n",
    ]);
    let bodies = prop::sample::select(vec![
        &b""[..],
        b"text",
        b"two\nlines\n",
        b"\xff\x00\xfe",
        b"--in\r\n\r\na\r\n--in\r\n\r\nb\r\n--in--",
        b"UERG\r\n\r\n",
    ]);
    (kinds, bodies).prop_map(|(kind, body)| [kind.as_bytes(), b"\r\n", body].concat())
}

proptest! {
    #[test]
    fn parts_that_are_not_asked_to_change_are_the_same_octets(
        parts in prop::collection::vec(part(), 1..6),
        choices in prop::collection::vec(0u8..4, 6),
        content in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let mut message = b"Subject: s\r\nContent-Type: multipart/mixed; boundary=out\r\n\r\n".to_vec();
        for part in &parts {
            message.extend_from_slice(b"--out\r\n");
            message.extend_from_slice(part);
            message.extend_from_slice(b"\r\n");
        }
        message.extend_from_slice(b"--out--\r\n");
        let structure = parse::structure(&message);
        let Content::Multipart(children) = &structure.root.content else { panic!("no multipart") };
        let mut rewriter = Rewriter::new(&message, &structure);
        let mut expected = Vec::new();
        for (child, choice) in children.iter().zip(&choices) {
            match choice {
                0 => expected.push(Err(child.whole().of(&message).to_vec())),
                1 => rewriter.remove(child),
                2 => {
                    rewriter.set_field(child, "Content-Description", "changed");
                    expected.push(Err(Vec::new()));
                }
                _ => {
                    rewriter.set_content(child, &content, None);
                    expected.push(Ok(()));
                }
            }
        }
        let after = rewriter.finish();
        let changed = parse::structure(&after);
        let Content::Multipart(found) = &changed.root.content else { panic!("no multipart") };
        if expected.is_empty() {
            prop_assert_eq!(found.len(), 1);
        } else {
            prop_assert_eq!(found.len(), expected.len());
        }
        for (child, expected) in found.iter().zip(&expected) {
            match expected {
                Err(octets) if octets.is_empty() => prop_assert_eq!(child.description.as_deref(), Some("changed")),
                Err(octets) => prop_assert_eq!(child.whole().of(&after), octets.as_slice()),
                Ok(()) if matches!(child.content, Content::Leaf) => {
                    let got = content::octets(&after, child).unwrap();
                    prop_assert_eq!(got.as_ref(), content.as_slice());
                }
                Ok(()) => {}
            }
        }
    }
}
