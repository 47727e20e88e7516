//! The bytes on disk are pinned, and what is read back is what was written.

use super::*;
use account::rights::Rights;
use proptest::prelude::*;

fn message() -> MessageRow {
    MessageRow {
        modseq: Modseq(1),
        flags: SystemFlags(2),
        keywords: 3,
        internal_date: Timestamp(4),
        save_date: Timestamp(5),
        octets: 6,
        blob: BlobHash([7; 32]),
        thread: 8,
    }
}

#[test]
fn a_message_has_pinned_bytes() {
    let mut expected = vec![2];
    expected.extend([4, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0]);
    expected.extend([7; 32]);
    expected.extend([8, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(message().encode_fixed(), expected);
    assert_eq!(MessageRow::decode(&expected, message().marks()), Ok(message()));
}

#[test]
fn a_mailbox_has_pinned_bytes() {
    let mut grants = Grants::default();
    grants.set("anyone", Rights::LOOKUP);
    let row = MailboxRow {
        name: "A".to_owned(),
        uid_validity: UidValidity(1),
        uid_next: Uid(2),
        highest_modseq: Modseq(3),
        vanished_floor: Modseq(4),
        changed_floor: Modseq(9),
        messages: 5,
        unseen: 6,
        deleted: 7,
        octets: 8,
        special_use: Some(SpecialUse::Sent),
        keywords: KeywordTable::new(vec!["k".to_owned()]),
        grants,
    };
    let expected = [
        2, 1, 0, 0, 0, 65, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0,
        0, 5, 0, 0, 0, 6, 0, 0, 0, 7, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 1, 0, 0, 0, 107, 1, 0, 0, 0, 6,
        0, 0, 0, 97, 110, 121, 111, 110, 101, 1, 0, 0, 0,
    ];
    assert_eq!(row.encode(), expected);
    assert_eq!(MailboxRow::decode(&expected), Ok(row));
}

#[test]
fn trash_reads_back() {
    let row =
        TrashRow { mailbox: MailboxId(9), name: "Old".to_owned(), keywords: vec!["x".to_owned()], message: message() };
    assert_eq!(TrashRow::decode(&row.encode()), Ok(row));
}

proptest! {
    #[test]
    fn damaged_records_never_panic(data in proptest::collection::vec(any::<u8>(), 0..200), version in 0u8..3) {
        let mut data = data;
        if let Some(first) = data.first_mut() {
            *first = version;
        }
        let _ = (MailboxRow::decode(&data), MessageRow::decode(&data, Marks::default()), TrashRow::decode(&data));
    }
}
