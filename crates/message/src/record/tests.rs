//! A golden record, damage of every kind, and that decoding undoes encoding.

use super::*;
use crate::parse;
use crate::summary::Summary;
use proptest::prelude::*;

const MESSAGE: &[u8] =
    b"From: A Group: b <c@d>;, <@r:e@f>\r\nSubject: s\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
    --b\r\nContent-Disposition: inline; filename=x\r\nContent-Language: de\r\n\r\n1\r\n\
    --b\r\nContent-Type: message/rfc822\r\n\r\nSubject: t\r\n\r\n2\r\n--b--\r\n";

#[test]
fn a_golden_record_is_written_and_read_for_ever() {
    let envelope = Envelope::of(b"From: \"b\" <c@d>\r\nTo: \r\n\r\n");
    assert_eq!(envelope.encode(), b"\x02\x00\x00\x01\x00\x02b\x00\x01c\x01d\x00\x00\x00\x00\x00\x00\x00");
    let structure = parse::structure(b"A: b\r\n\r\nx\r\n");
    let golden = b"\x02\x00\x08\x03\x01\x04text\x05plain\x00\x00\x00\x047bit\x00\x00\x00\x00\x00";
    assert_eq!(structure.encode(), golden);
    assert_eq!(Structure::decode(golden), Ok(structure));
}

#[test]
fn damage_is_told() {
    let record = Summary::of(MESSAGE).encode();
    for end in 0..record.len() {
        assert!(Summary::decode(&record[..end]).is_err(), "cut at {end}");
    }
    assert_eq!(Summary::decode(&[9]), Err(RecordError::UnknownVersion { found: 9 }));
    assert!(Summary::decode(&[&record[..], b"x"].concat()).is_err());
    assert!(Structure::decode(&[&[VERSION][..], &[0xff; 11]].concat()).is_err());
}

proptest! {
    #[test]
    fn decoding_undoes_encoding_and_bears_any_octet(at in any::<prop::sample::Index>(), octet in any::<u8>()) {
        let summary = Summary::of(MESSAGE);
        let mut record = summary.encode();
        prop_assert_eq!(Summary::decode(&record), Ok(summary));
        let at = at.index(record.len());
        record[at] = octet;
        if let Ok(other) = Summary::decode(&record) {
            prop_assert_eq!(Summary::decode(&other.encode()), Ok(other));
        }
    }

    #[test]
    fn any_octets_are_borne(record in prop::collection::vec(any::<u8>(), 0..200)) {
        crate::fuzz::fuzz_record(&[&[VERSION][..], &record].concat());
    }
}
