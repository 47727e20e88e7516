//! Views against a plain list of messages.

use super::*;
use crate::record::MailboxRow;
use account::rights::Grants;
use proptest::prelude::*;

fn mailbox(modseq: u64) -> MailboxRow {
    MailboxRow {
        name: "INBOX".to_owned(),
        uid_validity: UidValidity(1),
        uid_next: Uid(10_000),
        highest_modseq: Modseq(modseq),
        vanished_floor: Modseq(0),
        changed_floor: Modseq(0),
        messages: 0,
        unseen: 0,
        deleted: 0,
        octets: 0,
        special_use: None,
        keywords: KeywordTable::default(),
        grants: Grants::default(),
    }
}

fn row(uid: u32, modseq: u64) -> Row {
    Row {
        uid: Uid(uid),
        octets: 1,
        flags: SystemFlags::default(),
        keywords: 0,
        modseq: Modseq(modseq),
        internal_date: Timestamp(0),
        save_date: Timestamp(0),
        thread: 0,
        blob: BlobHash([0; 32]),
    }
}

proptest! {
    #[test]
    fn a_chain_of_views_equals_the_list(
        first in 0u32..700,
        steps in proptest::collection::vec((proptest::collection::vec(0usize..800, 0..40), proptest::collection::vec(0usize..800, 0..40), 0u32..300), 1..6),
    ) {
        let mut list: Vec<Row> = (1..=first).map(|uid| row(uid, 1)).collect();
        let start = View::new(&mailbox(1), list.clone());
        let mut view = start.clone();
        let first_list = list.clone();
        let mut next_uid = first + 1;
        for (number, (removed, changed, added)) in steps.into_iter().enumerate() {
            let modseq = number as u64 + 2;
            let mut vanished: Vec<Uid> = removed.iter().filter_map(|at| list.get(*at).map(|row| row.uid)).collect();
            vanished.sort_unstable();
            vanished.dedup();
            list.retain(|row| !vanished.contains(&row.uid));
            let mut touched: Vec<Uid> = changed.iter().filter_map(|at| list.get(*at).map(|row| row.uid)).collect();
            touched.sort_unstable();
            touched.dedup();
            for row in &mut list {
                if touched.contains(&row.uid) {
                    row.modseq = Modseq(modseq);
                    row.flags = SystemFlags(row.flags.0 ^ SystemFlags::SEEN.0 ^ (SystemFlags::DELETED.0 * u8::from(row.uid.0 % 3 == 0)));
                }
            }
            list.extend((0..added).map(|offset| row(next_uid + offset, modseq)));
            next_uid += added;
            let rows: Vec<Row> = list.iter().filter(|row| row.modseq == Modseq(modseq)).cloned().collect();
            view = view.next(&mailbox(modseq), rows, &vanished);
            prop_assert_eq!(view.rows().cloned().collect::<Vec<_>>(), list.clone());
            prop_assert_eq!(view.len(), list.len());
            prop_assert_eq!(view.first_unseen(), list.iter().position(|row| !row.flags.has(SystemFlags::SEEN)));
            let deleted: Vec<&Row> = list.iter().filter(|row| row.flags.has(SystemFlags::DELETED)).collect();
            prop_assert_eq!(view.deleted().collect::<Vec<_>>(), deleted);
        }
        for (index, row) in list.iter().enumerate() {
            prop_assert_eq!(view.get(index), Some(row));
            prop_assert_eq!(view.index_of(row.uid), Some(index));
            prop_assert_eq!(view.lower_bound(row.uid), index);
        }
        let changes = start.changes_to(&view);
        let gone: Vec<usize> = (0..first_list.len()).filter(|at| !list.iter().any(|row| row.uid == first_list[*at].uid)).collect();
        prop_assert_eq!(&changes.expunged, &gone);
        let kept = first_list.len() - gone.len();
        prop_assert_eq!(changes.added, kept..list.len());
        let changed: Vec<usize> = (0..kept).filter(|at| list[*at].modseq != Modseq(1)).collect();
        prop_assert_eq!(changes.changed, changed);
    }
}

#[test]
fn a_row_stays_small() {
    // A hundred thousand messages in under ten megabytes.
    assert_eq!(size_of::<Row>(), 96);
}
