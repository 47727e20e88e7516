//! What time takes away, and what it must not.

use crate::ground::*;
use mail::change::Expunge;
use mail::deliver::{Append, Filed, NewMessage, Quota, Target};
use mail::flags::Flags;
use mail::limits::{DELIVERY_NAME_DAYS, VANISHED_KEPT};
use mail::settings::Settings;
use model::{AccountId, Modseq, QueueId, Uid};

const DAY_SECS: u64 = 86_400;

#[tokio::test]
async fn upkeep_gives_up_only_what_is_behind_its_window() {
    let ground = Ground::new();
    let bob = owner(1);
    let inbox = place(&bob, INBOX);
    for number in 0..3 {
        append(&ground.mail, &inbox, &text(&number.to_string(), "a", ""), Flags::default()).await;
    }
    ground.mail.expunge(&inbox, vec![Uid(1)], Expunge::All).await.unwrap();
    ground.pass_secs(4 * DAY_SECS);
    ground.mail.expunge(&inbox, vec![Uid(2)], Expunge::All).await.unwrap();
    assert_eq!(ground.mail.upkeep("a", ground.now()).await.unwrap().purged, 0);
    ground.pass_secs(4 * DAY_SECS);
    assert_eq!(ground.mail.upkeep("a", ground.now()).await.unwrap().purged, 1);
    let left: Vec<u32> =
        ground.mail.trash(&bob, model::Timestamp(0), 10).unwrap().iter().map(|trashed| trashed.uid.0).collect();
    assert_eq!(left, [2]);
    let blobs = ground.mail.partitions().get("a").unwrap().snapshot().unwrap().blobs(None, 10).unwrap();
    assert_eq!(blobs.len(), 2);
    ground.assert_clean();
}

#[tokio::test]
async fn without_a_window_expunged_octets_go_at_once() {
    let ground = Ground::with(Settings { undelete_days: 0, ..Settings::default() });
    let inbox = place(&owner(1), INBOX);
    append(&ground.mail, &inbox, &text("1", "a", ""), Flags::default()).await;
    ground.mail.expunge(&inbox, vec![Uid(1)], Expunge::All).await.unwrap();
    assert_eq!(ground.mail.trash(&owner(1), START, 10).unwrap(), []);
    assert_eq!(ground.mail.partitions().get("a").unwrap().snapshot().unwrap().blobs(None, 10).unwrap(), []);
    ground.assert_clean();
}

#[tokio::test]
async fn names_of_deliveries_are_kept_as_long_as_the_queue_tries() {
    let ground = Ground::new();
    let named = Target { delivery: Some((QueueId(1), 0)), ..target(&owner(1)) };
    deliver_to(&ground.mail, named.clone(), &text("1", "a", "")).await;
    ground.pass_secs((DELIVERY_NAME_DAYS - 1) * DAY_SECS);
    ground.mail.upkeep("a", ground.now()).await.unwrap();
    assert_eq!(deliver_to(&ground.mail, named.clone(), &text("1", "a", "")).await, Filed::Before);
    ground.pass_secs(2 * DAY_SECS);
    ground.mail.upkeep("a", ground.now()).await.unwrap();
    assert!(matches!(deliver_to(&ground.mail, named, &text("1", "a", "")).await, Filed::Done { .. }));
}

#[tokio::test]
async fn long_histories_of_expunges_are_forgotten_and_said_to_be() {
    let ground = Ground::new();
    let inbox = place(&owner(1), INBOX);
    let message = NewMessage::new(text("1", "a", "")).unwrap();
    let append = || Append { message: message.clone(), flags: Flags::default(), internal_date: None };
    let count = 2 * VANISHED_KEPT + 10;
    let appends = (0..count).map(|_| append()).collect();
    let uids = ground.mail.append(&owner(1), INBOX, appends, Quota::default()).await.unwrap().value.uids;
    let before = ground.mail.view(&inbox).unwrap();
    ground.mail.expunge(&inbox, uids, Expunge::All).await.unwrap();
    let stale = ground.mail.vanished_since(&inbox, before.highest_modseq).unwrap().unwrap();
    assert_eq!(stale.len(), count);
    assert_eq!(ground.mail.upkeep("a", ground.now()).await.unwrap().forgotten, 1);
    assert_eq!(ground.mail.upkeep("a", ground.now()).await.unwrap().forgotten, 0);
    assert_eq!(ground.mail.vanished_since(&inbox, Modseq(1)).unwrap(), None);
    let row = ground.mail.mailbox(&owner(1), INBOX).unwrap().unwrap().row;
    let kept = ground.mail.vanished_since(&inbox, row.vanished_floor).unwrap().unwrap();
    assert!((VANISHED_KEPT - mail::limits::MESSAGES_A_BATCH..=VANISHED_KEPT).contains(&kept.len()), "{}", kept.len());
    // A view from before what was forgotten is made anew, not patched.
    assert!(ground.mail.view(&inbox).unwrap().is_empty());
    ground.assert_clean();
}

#[tokio::test]
async fn a_removed_account_leaves_nothing_and_takes_nothing_of_others() {
    let ground = Ground::new();
    for account in [1, 2, u32::MAX] {
        for number in 0..3 {
            deliver_to(&ground.mail, target(&owner(account)), &text(&number.to_string(), "a", "")).await;
        }
    }
    ground.mail.expunge(&place(&owner(1), INBOX), vec![Uid(2)], Expunge::All).await.unwrap();
    let shared = ground.mail.find(&owner(1), "Archive").unwrap().unwrap().id;
    ground.mail.grant(&owner(1), shared, "anyone", account::rights::Rights::READ).await.unwrap();
    assert_eq!(ground.mail.accounts("a").unwrap(), [1, 2, u32::MAX].map(AccountId));
    ground.mail.remove_account(&owner(1)).await.unwrap();
    assert_eq!(ground.mail.accounts("a").unwrap(), [2, u32::MAX].map(AccountId));
    assert_eq!(ground.mail.mailboxes(&owner(1)).unwrap(), []);
    assert_eq!(uids(&ground.mail, &place(&owner(2), INBOX)), [1, 2, 3]);
    let blobs = ground.mail.partitions().get("a").unwrap().snapshot().unwrap().blobs(None, 10).unwrap();
    assert_eq!(blobs.iter().map(|blob| blob.count).collect::<Vec<_>>(), [2, 2, 2]);
    let report = ground.mail.check("a", &[AccountId(2)]).unwrap();
    assert_eq!((report.findings, report.strangers), (vec![], vec![AccountId(u32::MAX)]));
}
