//! Flags, copies, moves, expunges and what brings back.

use crate::ground::*;
use account::owner::Owner;
use mail::change::Expunge;
use mail::deliver::Quota;
use mail::error::Error;
use mail::flags::{FlagMode, Flags, SystemFlags};
use model::{AccountId, Modseq, Uid};

fn seen() -> Flags {
    Flags::system(SystemFlags::SEEN)
}

#[tokio::test]
async fn a_conditional_store_leaves_alone_what_changed_since() {
    let ground = Ground::new();
    let inbox = place(&owner(1), INBOX);
    for number in 0..3 {
        append(&ground.mail, &inbox, &text(&number.to_string(), "a", ""), Flags::default()).await;
    }
    let known = ground.mail.view(&inbox).unwrap().highest_modseq;
    ground.mail.store_flags(&inbox, vec![Uid(2)], FlagMode::Add, seen(), None).await.unwrap();
    let all = vec![Uid(3), Uid(1), Uid(2), Uid(1), Uid(9)];
    let stored = ground.mail.store_flags(&inbox, all, FlagMode::Add, seen(), Some(known)).await.unwrap().value;
    assert_eq!((stored.done, stored.modified), (vec![Uid(1), Uid(3)], vec![Uid(2)]));
    let view = ground.mail.view(&inbox).unwrap();
    assert!(view.rows().all(|row| row.flags.has(SystemFlags::SEEN)));
    assert_eq!(ground.mail.mailbox(&owner(1), INBOX).unwrap().unwrap().row.unseen, 0);
    // What changes nothing is no change.
    ground.mail.store_flags(&inbox, vec![Uid(1)], FlagMode::Add, seen(), None).await.unwrap();
    assert_eq!(ground.mail.view(&inbox).unwrap().highest_modseq, view.highest_modseq);
}

#[tokio::test]
async fn keywords_are_added_removed_and_replaced() {
    let ground = Ground::new();
    let inbox = place(&owner(1), INBOX);
    append(&ground.mail, &inbox, &text("1", "a", ""), seen()).await;
    let flags =
        |names: &[&str]| Flags { keywords: names.iter().map(|name| (*name).to_owned()).collect(), ..Flags::default() };
    for (mode, names, expected) in [
        (FlagMode::Add, &["a", "B"][..], &["a", "B"][..]),
        (FlagMode::Remove, &["A", "unknown"], &["B"]),
        (FlagMode::Replace, &["c", "b"], &["B", "c"]),
    ] {
        ground.mail.store_flags(&inbox, vec![Uid(1)], mode, flags(names), None).await.unwrap();
        let view = ground.mail.view(&inbox).unwrap();
        let row = view.get(0).unwrap();
        assert_eq!(view.keywords.names_of(row.keywords).collect::<Vec<_>>(), expected);
    }
    assert_eq!(ground.mail.view(&inbox).unwrap().get(0).unwrap().flags, SystemFlags::default());
    let bad = ground.mail.store_flags(&inbox, vec![Uid(1)], FlagMode::Add, flags(&["no space"]), None).await;
    assert!(matches!(bad, Err(Error::BadKeyword)));
}

#[tokio::test]
async fn a_copy_is_all_or_nothing() {
    let ground = Ground::new();
    let bob = owner(1);
    let (inbox, archive) = (place(&bob, INBOX), place(&bob, model::MailboxId(2)));
    let message = text("1", "a", "");
    for _ in 0..3 {
        append(&ground.mail, &inbox, &message, seen()).await;
    }
    let quota = Quota { octets: Some(message.len() as u64 * 5), messages: None };
    let all = vec![Uid(1), Uid(2), Uid(3)];
    let refused = ground.mail.copy(&inbox, all.clone(), &archive, quota).await;
    assert!(matches!(refused, Err(Error::OverQuota)));
    assert_eq!(uids(&ground.mail, &archive), [] as [u32; 0]);
    let copied = ground.mail.copy(&inbox, all.clone(), &archive, Quota::default()).await.unwrap().value;
    assert_eq!((copied.from, copied.to.unwrap().uids), (all.clone(), all.clone()));
    let (view, copy) = (ground.mail.view(&inbox).unwrap(), ground.mail.view(&archive).unwrap());
    let (old, new) = (view.get(0).unwrap(), copy.get(0).unwrap());
    assert_eq!(
        (old.blob, old.thread, old.flags, old.internal_date),
        (new.blob, new.thread, new.flags, new.internal_date)
    );
    // Over the quota, moving within the account still works.
    let moved = ground.mail.move_messages(&inbox, all, &archive, quota).await.unwrap().value;
    assert_eq!(moved.to.unwrap().uids, [Uid(4), Uid(5), Uid(6)]);
    let none = ground.mail.copy(&inbox, vec![Uid(1)], &archive, Quota::default()).await.unwrap().value;
    assert_eq!((none.from, none.to), (Vec::new(), None));
    ground.assert_clean();
}

#[tokio::test]
async fn a_copy_in_batches_is_taken_back_when_a_later_one_fails() {
    let ground = Ground::new();
    let bob = owner(1);
    let (inbox, archive) = (place(&bob, INBOX), place(&bob, model::MailboxId(2)));
    let message = mail::deliver::NewMessage::new(text("1", "a", "")).unwrap();
    let count = mail::limits::MESSAGES_A_BATCH + 5;
    let appends = (0..count).map(|_| mail::deliver::Append {
        message: message.clone(),
        flags: Flags::default(),
        internal_date: None,
    });
    let placed = ground.mail.append(&bob, INBOX, appends.collect(), Quota::default()).await.unwrap().value;
    let quota = Quota { octets: None, messages: Some(2 * count as u64 - 1) };
    assert!(matches!(ground.mail.copy(&inbox, placed.uids.clone(), &archive, quota).await, Err(Error::OverQuota)));
    assert_eq!(uids(&ground.mail, &archive), [] as [u32; 0]);
    assert_eq!(ground.mail.trash(&bob, START, 10).unwrap(), [], "and leaves nothing to bring back");
    let copied = ground.mail.copy(&inbox, placed.uids.clone(), &archive, Quota::default()).await.unwrap().value;
    assert_eq!(copied.to.unwrap().uids.len(), count);
    let stored = ground.mail.store_flags(&inbox, placed.uids.clone(), FlagMode::Add, seen(), None).await.unwrap();
    assert_eq!(stored.value.done, placed.uids);
    assert_eq!(ground.mail.expunge(&inbox, placed.uids, Expunge::All).await.unwrap().value.len(), count);
    ground.assert_clean();
}

#[tokio::test]
async fn messages_travel_between_accounts_and_partitions() {
    let ground = Ground::new();
    let (bob, near, far) = (owner(1), owner(2), Owner::new(AccountId(3), "b"));
    let inbox = place(&bob, INBOX);
    let flags = Flags { system: SystemFlags::FLAGGED, keywords: vec!["k".to_owned()] };
    for number in 0..4 {
        append(&ground.mail, &inbox, &text(&number.to_string(), "a", ""), flags.clone()).await;
    }
    for (uid, other) in [(1, &near), (2, &far)] {
        let there = place(other, INBOX);
        ground.mail.prepare(other).await.unwrap();
        let moved = ground.mail.move_messages(&inbox, vec![Uid(uid)], &there, Quota::default()).await.unwrap().value;
        assert_eq!((moved.from, moved.to.unwrap().uids), (vec![Uid(uid)], vec![Uid(1)]));
        ground.mail.copy(&inbox, vec![Uid(3)], &there, Quota::default()).await.unwrap();
        let view = ground.mail.view(&there).unwrap();
        let row = view.get(0).unwrap();
        assert_eq!((row.flags, row.internal_date.0), (SystemFlags::FLAGGED, 77_000));
        assert_eq!(view.keywords.names_of(row.keywords).collect::<Vec<_>>(), ["k"]);
        assert_eq!(ground.mail.body(other, &row.blob).unwrap(), text(&(uid - 1).to_string(), "a", ""));
        assert_eq!(ground.mail.usage(other).unwrap().items, 2);
    }
    assert_eq!(uids(&ground.mail, &inbox), [3, 4]);
    assert_eq!(ground.mail.trash(&bob, START, 10).unwrap(), []);
    ground.assert_clean();
}

#[tokio::test]
async fn what_was_expunged_is_known_and_can_be_brought_back() {
    let ground = Ground::new();
    let bob = owner(1);
    let inbox = place(&bob, INBOX);
    for number in 0..4 {
        append(&ground.mail, &inbox, &text(&number.to_string(), "a", ""), Flags::default()).await;
    }
    let known = ground.mail.view(&inbox).unwrap();
    let deleted = Flags::system(SystemFlags::DELETED);
    ground.mail.store_flags(&inbox, vec![Uid(2), Uid(4)], FlagMode::Add, deleted, None).await.unwrap();
    let every = vec![Uid(1), Uid(2), Uid(4)];
    let gone = ground.mail.expunge(&inbox, every, Expunge::Deleted).await.unwrap().value;
    assert_eq!(gone, [Uid(2), Uid(4)]);
    let view = ground.mail.view(&inbox).unwrap();
    let changes = known.changes_to(&view);
    assert_eq!((changes.expunged, changes.changed, changes.added), (vec![1, 3], vec![], 2..2));
    let since = |modseq| ground.mail.vanished_since(&inbox, modseq).unwrap();
    assert_eq!(since(known.highest_modseq), Some(vec![Uid(2), Uid(4)]));
    assert_eq!(since(view.highest_modseq), Some(vec![]));
    assert_eq!(since(Modseq(0)), Some(vec![Uid(2), Uid(4)]));
    let trash = ground.mail.trash(&bob, START, 10).unwrap();
    ground.mail.undelete(&bob, trash).await.unwrap();
    let back = ground.mail.view(&inbox).unwrap();
    assert_eq!(back.rows().map(|row| row.uid.0).collect::<Vec<_>>(), [1, 3, 5, 6]);
    assert_eq!(back.get(2).unwrap().internal_date.0, 77_000);
    assert_eq!(back.get(2).unwrap().flags, SystemFlags::default());
    ground.assert_clean();
}
