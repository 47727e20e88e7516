//! The bytes on disk are pinned, and what is read back is what was written.

use super::*;
use proptest::prelude::*;

fn message() -> Message {
    Message {
        mail_from: MailFrom {
            reverse_path: Some("a@b.test".parse().unwrap()),
            size_octets: Some(9),
            body: BodyKind::EightBitMime,
            smtputf8: true,
            returned: Some(Returned::Headers),
            envelope_id: Some("e".to_owned()),
            require_tls: true,
            hold: None,
            deliver_by: Some(DeliverBy { secs: -1, mode: DeliverByMode::Notify, trace: true }),
            priority: Some(-2),
            submitter: None,
        },
        body: BlobHash([7; 32]),
        octets: 1,
        arrived_at: Timestamp(2),
        counts_from: Timestamp(3),
        trace: TraceId(4),
        received_from: "h".to_owned(),
        subject: "s".to_owned(),
        scores: Scores { spam_percent: Some(99), virus: None },
        authenticated: Some("u".to_owned()),
    }
}

fn recipient() -> Recipient {
    Recipient {
        rcpt: RcptTo {
            address: "x@y.test".parse().unwrap(),
            notify: Some(Notify { success: true, failure: false, delay: true }),
            original: Some(OriginalRecipient { kind: "rfc822".to_owned(), address: "o".to_owned() }),
        },
        route: Route::new(Channel::Smtp, "y.test"),
        state: State::Due(Timestamp(5)),
        attempts: 6,
        notices: 1,
        heard: Some(Heard {
            at: Timestamp(7),
            host: "mx".to_owned(),
            code: 450,
            status: "4.2.0".to_owned(),
            text: "no".to_owned(),
        }),
        instructions: vec!["keep;".to_owned()],
        is_released: true,
    }
}

#[test]
fn a_message_has_pinned_bytes() {
    let mut expected = vec![3, 1, 8, 0, 0, 0];
    expected.extend(b"a@b.test");
    expected.extend([1, 9, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 1, 1, 0, 0, 0, b'e', 1]);
    expected.extend([1, 255, 255, 255, 255, 255, 255, 255, 255, 1, 1, 1, 254]);
    expected.extend([7; 32]);
    for number in [1u64, 2, 3, 4] {
        expected.extend(number.to_le_bytes());
    }
    expected.extend([1, 0, 0, 0, b'h', 1, 0, 0, 0, b's']);
    let of_version_1 = expected.clone();
    expected.extend([1, 99, 0]);
    let of_version_2 = expected.clone();
    expected.extend([1, 1, 0, 0, 0, b'u']);
    assert_eq!(encode_message(&message()), expected);
    assert_eq!(decode_message(&expected), Ok(message()));
    let before = Message { authenticated: None, ..message() };
    assert_eq!(decode_message(&older(2, of_version_2)), Ok(before.clone()));
    assert_eq!(decode_message(&older(1, of_version_1)), Ok(Message { scores: Scores::default(), ..before }));
}

#[test]
fn a_recipient_has_pinned_bytes() {
    let mut expected = vec![3, 8, 0, 0, 0];
    expected.extend(b"x@y.test");
    expected.extend([5, 1, 6, 0, 0, 0]);
    expected.extend(b"rfc822");
    expected.extend([1, 0, 0, 0, b'o', 2, 6, 0, 0, 0]);
    expected.extend(b"y.test");
    expected.extend([0, 5, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 1]);
    expected.extend([1, 7, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, b'm', b'x', 194, 1]);
    expected.extend([5, 0, 0, 0]);
    expected.extend(b"4.2.0");
    expected.extend([2, 0, 0, 0, b'n', b'o']);
    let of_version_1 = expected.clone();
    expected.extend([1, 0, 0, 0, 5, 0, 0, 0]);
    expected.extend(b"keep;");
    let of_version_2 = expected.clone();
    expected.push(1);
    assert_eq!(encode_recipient(&recipient()), expected);
    assert_eq!(decode_recipient(&expected), Ok(recipient()));
    let before = Recipient { is_released: false, ..recipient() };
    assert_eq!(decode_recipient(&older(2, of_version_2)), Ok(before.clone()));
    assert_eq!(decode_recipient(&older(1, of_version_1)), Ok(Recipient { instructions: Vec::new(), ..before }));
}

/// The same record as an older version wrote it.
fn older(version: u8, mut octets: Vec<u8>) -> Vec<u8> {
    octets[0] = version;
    octets
}

#[test]
fn an_event_has_pinned_bytes() {
    let event = Event { at: Timestamp(1), text: "t".to_owned() };
    assert_eq!(encode_event(&event), [1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, b't']);
    assert_eq!(decode_event(&encode_event(&event)), Ok(event));
}

proptest! {
    #[test]
    fn damaged_records_never_panic(at in 0usize..200, octet in any::<u8>(), cut in 0usize..200) {
        for bytes in [encode_message(&message()), encode_recipient(&recipient())] {
            let mut bytes = bytes;
            if let Some(place) = bytes.get_mut(at) {
                *place = octet;
            }
            bytes.truncate(cut);
            crate::fuzz::fuzz_queue_record(&bytes);
        }
    }
}

#[test]
fn a_named_channel_stands_with_its_name() {
    let named = Recipient { route: Route::new("tcp_scanner".parse().unwrap(), "y.test"), ..recipient() };
    let (plain, octets) = (encode_recipient(&recipient()), encode_recipient(&named));
    let at = plain.windows(5).position(|window| window == [2, 6, 0, 0, 0]).unwrap();
    let expected = [&plain[..at], &[7, 11, 0, 0, 0], b"tcp_scanner", &plain[at + 1..]].concat();
    assert_eq!(octets, expected);
    assert_eq!(decode_recipient(&octets), Ok(named));
    for name in [&b"tcp/scanner"[..], b"smtp"] {
        let length = u8::try_from(name.len()).unwrap();
        let wrong = [&plain[..at], &[7, length, 0, 0, 0], name, &plain[at + 1..]].concat();
        assert_eq!(decode_recipient(&wrong), Err(RecordError::Value));
    }
}
