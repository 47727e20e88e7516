//! Entry points for fuzzing: each takes any octets and panics only if a law of this crate is broken.

use crate::addition::{self, Addition};
use crate::address;
use crate::content;
use crate::date;
use crate::downgrade;
use crate::edit;
use crate::envelope::Envelope;
use crate::header;
use crate::html;
use crate::parameter;
use crate::parse;
use crate::partial;
use crate::rewrite::Rewriter;
use crate::search::Needle;
use crate::structure::{Content, Part, Structure};
use crate::summary::Summary;
use crate::terms::Terms;
use crate::thread;
use crate::transfer::{self, Encoding};
use crate::word;

/// Any octets are a message: its places lie in it and in each other, and its record gives it back.
pub fn fuzz_structure(data: &[u8]) {
    let structure = parse::structure(data);
    assert_eq!(structure.root.whole().range(), 0..data.len() as u64, "the root is the whole message");
    check_part(&structure.root);
    assert_eq!(Structure::decode(&structure.encode()), Ok(structure), "the record gives the structure back");
}

fn check_part(part: &Part) {
    assert!(part.header.start <= part.header.end && part.header.end == part.body.start, "the body follows the header");
    assert!(part.body.start <= part.body.end, "places do not run backwards");
    let children = match &part.content {
        Content::Leaf => return,
        Content::Multipart(children) => children.as_slice(),
        Content::Message(embedded) => {
            assert_eq!(embedded.root.whole(), part.body, "an embedded message is the whole body");
            std::slice::from_ref(&embedded.root)
        }
    };
    assert!(!children.is_empty(), "a multipart has parts");
    let mut at = part.body.start;
    for child in children {
        assert!(child.header.start >= at && child.body.end <= part.body.end, "parts lie in their parent, in order");
        at = child.body.end;
        check_part(child);
    }
}

/// A summary of any octets survives its record.
pub fn fuzz_summary(data: &[u8]) {
    let summary = Summary::of(data);
    assert!(summary.preview.chars().count() <= crate::limits::PREVIEW_CHARACTERS_MAX, "previews are short");
    assert_eq!(Summary::decode(&summary.encode()), Ok(summary), "the record gives the summary back");
}

/// Any octets may stand where a record should.
pub fn fuzz_record(data: &[u8]) {
    if let Ok(summary) = Summary::decode(data) {
        assert_eq!(Terms::of_record(data).as_ref(), Ok(&summary.terms), "terms can be read alone");
        assert_eq!(Summary::decode(&summary.encode()), Ok(summary), "what was read can be written and read");
    }
    if let Ok(structure) = Structure::decode(data) {
        assert_eq!(Structure::decode(&structure.encode()), Ok(structure), "what was read can be written and read");
    }
    if let Ok(envelope) = Envelope::decode(data) {
        assert_eq!(Envelope::decode(&envelope.encode()), Ok(envelope), "what was read can be written and read");
    }
}

/// Values of single fields: addresses, parameters, dates, encoded words, message ids, subjects.
pub fn fuzz_field(data: &[u8]) {
    let entries = address::parse(data);
    assert!(address::mailboxes(&entries).count() <= crate::limits::ADDRESSES_MAX, "address lists are bounded");
    let (_, parameters) = parameter::parse(data);
    for parameter in &parameters {
        let (name, value) = parameter.ascii();
        assert!(value.is_ascii(), "{name}: only ASCII is written");
    }
    let text = String::from_utf8_lossy(data);
    let _ = date::parse(&text);
    let _ = thread::message_ids(&text);
    let base = thread::base_subject(&text);
    assert!(base.text.len() <= 4 * data.len() + 16, "a base subject does not grow");
    assert!(word::encode(&text).is_ascii(), "encoded words are ASCII");
    let _ = word::decode(&text);
    let _ = html::text(&text, 1000);
}

/// Transfer encodings: pieces of any size decode as the whole does, and decoding undoes encoding.
pub fn fuzz_transfer(data: &[u8]) {
    let piece = usize::from(data.first().copied().unwrap_or(0)) + 1;
    for encoding in [Encoding::Identity, Encoding::Base64, Encoding::QuotedPrintable] {
        let mut decoder = transfer::Decoder::new(encoding);
        let mut output = Vec::new();
        data.chunks(piece).for_each(|piece| decoder.push(piece, &mut output));
        decoder.finish(&mut output);
        assert_eq!(output, transfer::decode(encoding, data), "pieces do not matter");
    }
    assert_eq!(transfer::decode(Encoding::Base64, &transfer::base64_lines(data)), data, "base64 is undone");
    assert_eq!(transfer::decode(Encoding::QuotedPrintable, &transfer::quoted_printable(data)), data, "QP is undone");
}

/// Searching, decoding and selecting in any octets.
pub fn fuzz_content(data: &[u8]) {
    let (needle, message) = data.split_at_checked(3).unwrap_or((data, data));
    let needle = Needle::new(&String::from_utf8_lossy(needle));
    let structure = parse::structure(message);
    let in_body = needle.is_in_body(message, &structure);
    assert!(!in_body || needle.is_in_message(message, &structure), "what the body contains, the message does");
    let _ = header::only(message, &["subject", "from"]);
    let _ = header::except(message, &["subject", "from"]);
    let _ = edit::hops(message);
    for part in structure.parts() {
        let _ = content::text(message, part, 10_000);
        let octets = content::octets(message, part);
        let size = content::size_octets(message, part);
        assert_eq!(octets.map(|octets| octets.len() as u64), size, "the announced size is the size");
    }
}

/// A downgraded message is seven-bit and has the same parts with the same content.
pub fn fuzz_downgrade(data: &[u8]) {
    let structure = parse::structure(data);
    let Ok(downgraded) = downgrade::downgrade(data, &structure) else { return };
    assert!(downgraded.is_ascii(), "nothing beyond ASCII is left");
}

/// Changing parts of any octets: nothing asked for changes nothing, and an added text is added once.
pub fn fuzz_rewrite(data: &[u8]) {
    let structure = parse::structure(data);
    assert_eq!(Rewriter::new(data, &structure).finish(), data, "nothing asked for, nothing changed");
    let mut rewriter = Rewriter::new(data, &structure);
    for (index, part) in structure.parts().enumerate() {
        match data.get(index).map(|octet| octet % 4) {
            Some(0) => rewriter.remove(part),
            Some(1) => rewriter.set_content(part, b"--b\r\n\xff", None),
            Some(2) => rewriter.set_field(part, "Content-Description", "x"),
            _ => {}
        }
    }
    let _ = rewriter.finish();
    let addition = Addition {
        text: "Added. é".to_owned(),
        html: "<p>Added. é</p>".to_owned(),
        at_top: data.len().is_multiple_of(2),
    };
    if let Some(after) = addition::add(data, &structure, &addition).message {
        assert!(after.len() > data.len() / 4, "nothing large is lost");
        let _ = addition::add(&after, &parse::structure(&after), &addition);
    }
}

/// Any octets may be a fragment, or a message to be split.
pub fn fuzz_partial(data: &[u8]) {
    let structure = parse::structure(data);
    if let Ok(fragment) = partial::read(&structure.root) {
        assert!(
            fragment.number > 0 && fragment.total.is_none_or(|total| fragment.number <= total),
            "numbers make sense"
        );
    }
    let (first, second) = data.split_at(data.len() / 2);
    let _ = partial::join(&[first, second]);
    let how = partial::Split { octets_max: 64, parts_max: 20, id: "i", host: "h" };
    if let Ok(fragments) = partial::split(data, how) {
        assert!(fragments.len() <= 40, "fragments are few");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Every entry point on octets that look like mail more often than random ones do.
    fn mail_like() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop::sample::select(vec![
            &b"\r\n"[..],
            b"\n",
            b"--b",
            b"--b\r\n",
            b"--b--\r\n",
            b"Content-Type: multipart/mixed; boundary=b\r\n",
            b"Content-Type: message/rfc822\r\n",
            b"Content-Type: text/html; charset=utf-16\r\n",
            b"\0",
            b"\xe9",
            b"\xc3\xa9",
            b"Subject: =?utf-8?Q?=C3?= =?utf-8?B?qQ==?=\r\n",
            b"From: a (b) <c@d>, e: f;\r\n",
            b"<b>",
            b"&amp;",
            b"=3D",
            b"QUJD",
            b"Content-Transfer-Encoding: quoted-printable\r\n",
            b"Content-Transfer-Encoding: base64\r\n",
            b" ",
            b"; x*0*=u''%C3",
            b"Date: 1 Jan 2020 10:00\r\n",
            b"[",
            b"] re: ",
            b"(fwd)",
            b"=",
            b"\"",
            b"\\",
            b":",
            b",",
            b"<",
            b">",
            b"@",
        ]);
        prop::collection::vec(piece, 0..50).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn no_law_is_broken(data in mail_like()) {
            fuzz_structure(&data);
            fuzz_summary(&data);
            fuzz_record(&data);
            fuzz_field(&data);
            fuzz_transfer(&data);
            fuzz_content(&data);
            fuzz_downgrade(&data);
            fuzz_rewrite(&data);
            fuzz_partial(&data);
        }
    }
}
