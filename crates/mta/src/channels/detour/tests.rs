//! A passage comes back as it went, however the field was folded on its way, and nothing else is taken for one.

use super::*;
use proptest::prelude::*;
use smtp::envelope::BodyKind;

const NOW: Timestamp = Timestamp(1_000_000);

fn key() -> Key {
    Key::new(vec![7; 32])
}

fn passage() -> Passage {
    let rcpt = RcptTo {
        address: "x@far.test".parse().unwrap(),
        notify: Some(Notify { success: true, failure: false, delay: false }),
        original: Some(OriginalRecipient { kind: "rfc822".to_owned(), address: "X+y@Far.test".to_owned() }),
    };
    let other = RcptTo { address: "y@far.test".parse().unwrap(), notify: None, original: None };
    let brought = Brought { channel: "tcp_submit".to_owned(), ..Brought::by("submission") };
    Passage {
        brought: brought.through("tcp_scanner".parse().unwrap()).unwrap(),
        until: Timestamp(NOW.0 + 10),
        login: Some("alice@ours.test".to_owned()),
        mail_from: MailFrom {
            reverse_path: Some("alice@ours.test".parse().unwrap()),
            envelope_id: Some("QQ 314159".to_owned()),
            returned: Some(Returned::Headers),
            deliver_by: Some(DeliverBy { secs: 100, mode: DeliverByMode::Return, trace: true }),
            priority: Some(-3),
            require_tls: true,
            body: BodyKind::SevenBit,
            ..MailFrom::default()
        },
        deliver_from: NOW,
        scores: Scores { spam_percent: Some(40), virus: None },
        recipients: vec![
            (rcpt, vec!["require \"fileinto\";\r\nfileinto \"Junk\";\r\n".to_owned()]),
            (other, Vec::new()),
        ],
    }
}

fn value(field: &[u8]) -> &[u8] {
    field.strip_prefix(b"Heliograph-Detour:").unwrap()
}

#[test]
fn a_passage_comes_back_as_it_went() {
    let field = passage().field(&key()).unwrap();
    assert!(
        message::edit::begins_with_field(&field) && field.split(|octet| *octet == b'\n').all(|line| line.len() < 80)
    );
    assert_eq!(Passage::read(value(&field), &key(), NOW), Ok(passage()));
    let refolded: Vec<u8> = value(&field).iter().flat_map(|octet| [*octet, b' ']).collect();
    assert_eq!(Passage::read(&refolded, &key(), NOW), Ok(passage()));
    let unfolded: Vec<u8> = value(&field).iter().copied().filter(|octet| !octet.is_ascii_whitespace()).collect();
    assert_eq!(Passage::read(&unfolded, &key(), NOW), Ok(passage()));
    assert_eq!(passage().mail_from_at(Timestamp(NOW.0 + 30_000)).deliver_by.unwrap().secs, 70);
    assert!(passage().recipient(&"X@FAR.test".parse().unwrap()).is_some());
}

#[test]
fn what_is_not_ours_is_not_believed() {
    let field = passage().field(&key()).unwrap();
    let late = Timestamp(NOW.0 + 11);
    assert_eq!(Passage::read(value(&field), &key(), late), Err(NotOurs::Expired));
    assert_eq!(Passage::read(value(&field), &Key::new(vec![8; 32]), NOW), Err(NotOurs::Signature));
    assert_eq!(Passage::read(&[b'a'; FIELD_OCTETS_MAX + 1], &key(), NOW), Err(NotOurs::Length));
    for wrong in ["", "1", "1.e30", "1.e30.%", "2.e30.e30", "\u{e4}.\u{e4}.\u{e4}"] {
        assert_eq!(Passage::read(wrong.as_bytes(), &key(), NOW), Err(NotOurs::Form), "{wrong}");
    }
}

#[test]
fn the_largest_field_is_bounded() {
    let long = |number: usize| RcptTo {
        address: format!("{}{number:02}@{}.test", "l".repeat(60), "d".repeat(60)).parse().unwrap(),
        notify: Some(Notify::default()),
        original: Some(OriginalRecipient { kind: "rfc822".to_owned(), address: "\"".repeat(480) }),
    };
    let all: Vec<(RcptTo, Vec<String>)> = (0..90).map(|number| (long(number), Vec::new())).collect();
    let lent: Vec<(&RcptTo, &[String])> = all.iter().map(|(rcpt, fragments)| (rcpt, fragments.as_slice())).collect();
    let count = Passage::fitting(&lent);
    assert!((10..=DETOUR_RECIPIENTS_MAX).contains(&count), "{count}");
    let some = Passage { recipients: all.into_iter().take(count).collect(), ..passage() };
    let field = some.field(&key()).unwrap();
    assert!(field.len() <= FIELD_OCTETS_MAX);
    assert_eq!(Passage::read(value(&field), &key(), NOW), Ok(some));
    // One alone with all the fragments that a recipient can carry.
    let heavy = vec![(long(1), vec!["\n".repeat(512); 32])];
    let heavy = Passage { recipients: heavy, ..passage() };
    assert!(heavy.field(&key()).is_some());
}

proptest! {
    #[test]
    fn no_octet_can_be_changed(at in 0usize..4000, octet: u8) {
        let mut field = passage().field(&key()).unwrap();
        let at = "Heliograph-Detour:".len() + at % (field.len() - "Heliograph-Detour:".len());
        let before = field.get(at).copied();
        field[at] = octet;
        let read = Passage::read(value(&field), &key(), NOW);
        let is_space = |octet: u8| octet.is_ascii_whitespace();
        prop_assume!(before != Some(octet) && !(is_space(octet) && before.is_some_and(is_space)));
        prop_assert!(read.is_err());
    }

    #[test]
    fn any_octets_may_stand_in_the_field(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Passage::read(&octets, &key(), NOW).is_err());
        crate::channels::fuzz::fuzz_detour_field(&octets);
    }
}
