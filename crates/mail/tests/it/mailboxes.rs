//! Mailboxes: what every account begins with, making, renaming, deleting.

use crate::ground::*;
use account::owner::Owner;
use mail::error::Error;
use mail::flags::Flags;
use mail::mailboxes::Subscribed;
use mail::record::SpecialUse;
use mail::store::Mail;
use model::MailboxId;

fn names(mail: &Mail, owner: &Owner) -> Vec<String> {
    mail.mailboxes(owner).unwrap().into_iter().map(|mailbox| mailbox.row.name).collect()
}

#[tokio::test]
async fn an_account_begins_with_its_mailboxes_once() {
    let ground = Ground::new();
    let bob = owner(1);
    assert_eq!(names(&ground.mail, &bob), [] as [&str; 0]);
    ground.mail.prepare(&bob).await.unwrap();
    ground.mail.prepare(&bob).await.unwrap();
    assert_eq!(names(&ground.mail, &bob), ["INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash"]);
    assert_eq!(ground.mail.find(&bob, "inbox").unwrap().unwrap().id, INBOX);
    let sent = ground.mail.find(&bob, "Sent").unwrap().unwrap();
    assert_eq!(sent.row.special_use, Some(SpecialUse::Sent));
    ground.mail.delete(&bob, sent.id).await.unwrap();
    deliver_to(&ground.mail, target(&bob), &text("1", "a", "")).await;
    assert!(ground.mail.find(&bob, "Sent").unwrap().is_none(), "what was deleted stays deleted");
    ground.assert_clean();
}

#[tokio::test]
async fn uidvalidity_is_never_given_twice() {
    let mut ground = Ground::new();
    let bob = owner(1);
    ground.mail.prepare(&bob).await.unwrap();
    let mut seen: Vec<u32> =
        ground.mail.mailboxes(&bob).unwrap().iter().map(|mailbox| mailbox.row.uid_validity.0).collect();
    for round in 0..6 {
        let id = ground.mail.create(&bob, "again", None).await.unwrap().value;
        seen.push(ground.mail.mailbox(&bob, id).unwrap().unwrap().row.uid_validity.0);
        ground.mail.delete(&bob, id).await.unwrap();
        if round == 2 {
            ground.reopen();
        }
    }
    let mut unique = seen.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), seen.len(), "{seen:?}");
}

#[tokio::test]
async fn a_mailbox_is_made_with_those_above_it_and_once() {
    let ground = Ground::new();
    let bob = owner(1);
    ground.mail.create(&bob, "a/b/c", None).await.unwrap();
    assert!(names(&ground.mail, &bob).iter().any(|name| name == "a/b"));
    assert!(matches!(ground.mail.create(&bob, "a/b", None).await, Err(Error::MailboxExists)));
    assert!(matches!(ground.mail.create(&bob, "inbox", None).await, Err(Error::MailboxExists)));
    assert!(matches!(ground.mail.create(&bob, "S2", Some(SpecialUse::Sent)).await, Err(Error::SpecialUseTaken)));
    assert!(ground.mail.find(&bob, "S2").unwrap().is_none());
}

#[tokio::test]
async fn a_rename_takes_along_what_is_below_and_keeps_ids_and_uids() {
    let mut ground = Ground::new();
    let bob = owner(1);
    let top = ground.mail.create(&bob, "Work", None).await.unwrap().value;
    let below = ground.mail.create(&bob, "Work/2026", None).await.unwrap().value;
    let beside = ground.mail.create(&bob, "Workshop", None).await.unwrap().value;
    append(&ground.mail, &place(&bob, below), &text("1", "a", ""), Flags::default()).await;
    let before = ground.mail.mailbox(&bob, below).unwrap().unwrap().row;
    ground.mail.rename(&bob, top, "Old/Work").await.unwrap();
    ground.reopen();
    let name = |id: MailboxId| ground.mail.mailbox(&bob, id).unwrap().unwrap().row.name;
    assert_eq!([name(top), name(below), name(beside)], ["Old/Work", "Old/Work/2026", "Workshop"]);
    let after = ground.mail.find(&bob, "Old/Work/2026").unwrap().unwrap();
    assert_eq!((after.id, after.row.uid_validity, after.row.uid_next), (below, before.uid_validity, before.uid_next));
    assert!(ground.mail.find(&bob, "Work").unwrap().is_none());
    assert!(matches!(ground.mail.rename(&bob, top, "Old/Work/in/itself").await, Err(Error::Unmovable)));
    assert!(matches!(ground.mail.rename(&bob, top, "Workshop").await, Err(Error::MailboxExists)));
    assert!(matches!(ground.mail.rename(&bob, top, "INBOX").await, Err(Error::Unmovable)));
    ground.assert_clean();
}

#[tokio::test]
async fn renaming_inbox_moves_its_messages_and_leaves_it_there() {
    let ground = Ground::new();
    let bob = owner(1);
    for number in 0..3 {
        deliver_to(&ground.mail, target(&bob), &text(&number.to_string(), "a", "")).await;
    }
    ground.mail.rename(&bob, INBOX, "Saved").await.unwrap();
    let saved = ground.mail.find(&bob, "Saved").unwrap().unwrap().id;
    assert_eq!(uids(&ground.mail, &place(&bob, saved)), [1, 2, 3]);
    assert_eq!(uids(&ground.mail, &place(&bob, INBOX)), [] as [u32; 0]);
    deliver_to(&ground.mail, target(&bob), &text("9", "a", "")).await;
    assert_eq!(uids(&ground.mail, &place(&bob, INBOX)), [4]);
    ground.assert_clean();
}

#[tokio::test]
async fn a_deleted_mailbox_comes_back_with_its_messages() {
    let ground = Ground::new();
    let bob = owner(1);
    let old = ground.mail.create(&bob, "p/Old", None).await.unwrap().value;
    ground.mail.create(&bob, "p/Old/child", None).await.unwrap();
    let flags = Flags { keywords: vec!["$Later".to_owned()], ..Flags::default() };
    append(&ground.mail, &place(&bob, old), &text("1", "a", ""), flags).await;
    ground.mail.delete(&bob, old).await.unwrap();
    assert!(matches!(ground.mail.view(&place(&bob, old)), Err(Error::NoMailbox)));
    assert!(ground.mail.find(&bob, "p/Old/child").unwrap().is_some());
    assert!(matches!(ground.mail.delete(&bob, INBOX).await, Err(Error::Unmovable)));
    assert_eq!(ground.mail.usage(&bob).unwrap().items, 0);
    let trash = ground.mail.trash(&bob, START, 10).unwrap();
    assert_eq!(ground.mail.undelete(&bob, trash.clone()).await.unwrap().value, 1);
    assert_eq!(ground.mail.undelete(&bob, trash).await.unwrap().value, 0, "it comes back once");
    let again = ground.mail.find(&bob, "p/Old").unwrap().unwrap();
    assert_ne!(again.id, old);
    assert_eq!(again.row.keywords.names(), ["$Later"]);
    assert_eq!(ground.mail.view(&place(&bob, again.id)).unwrap().get(0).unwrap().internal_date.0, 77_000);
    ground.assert_clean();
}

#[tokio::test]
async fn subscriptions_are_names_whether_or_not_the_mailbox_is_there() {
    let mut ground = Ground::new();
    let bob = owner(1);
    ground.mail.subscribe(&bob, "Somewhere", Subscribed::Yes).await.unwrap();
    ground.mail.subscribe(&bob, "Junk", Subscribed::No).await.unwrap();
    ground.reopen();
    let names = ground.mail.subscriptions(&bob).unwrap();
    assert_eq!(names, ["Archive", "Drafts", "INBOX", "Sent", "Somewhere", "Trash"]);
}

#[tokio::test]
async fn annotations_are_set_together_or_not_at_all() {
    let mut ground = Ground::new();
    let bob = owner(1);
    ground.mail.prepare(&bob).await.unwrap();
    let set = |entry: &str, value: Option<&[u8]>| (entry.to_owned(), value.map(<[u8]>::to_vec));
    let both = vec![set("/private/Comment", Some(b"mine")), set("/shared/comment", Some(b"ours"))];
    ground.mail.annotate(&bob, Some(INBOX), both).await.unwrap();
    ground.mail.annotate(&bob, None, vec![set("/shared/comment", Some(b"server"))]).await.unwrap();
    let too_large = vec![set("/private/a", Some(b"x")), set("/private/b", Some(&[0; 40_000]))];
    assert!(matches!(ground.mail.annotate(&bob, Some(INBOX), too_large).await, Err(Error::TooLarge(_))));
    let long_name = vec![set(&"x".repeat(400), Some(b"x"))];
    assert!(matches!(ground.mail.annotate(&bob, Some(INBOX), long_name).await, Err(Error::BadEntry)));
    ground.reopen();
    let held = ground.mail.annotations(&bob, Some(INBOX)).unwrap();
    let expected =
        [("/private/comment".to_owned(), b"mine".to_vec()), ("/shared/comment".to_owned(), b"ours".to_vec())];
    assert_eq!(held, expected);
    ground.mail.annotate(&bob, Some(INBOX), vec![set("/private/comment", None)]).await.unwrap();
    assert_eq!(ground.mail.annotations(&bob, Some(INBOX)).unwrap().len(), 1);
    assert_eq!(ground.mail.annotations(&bob, None).unwrap().len(), 1);
}

#[tokio::test]
async fn guests_have_private_annotations_of_their_own() {
    let ground = Ground::new();
    let (bob, carol) = (owner(1), model::AccountId(2));
    ground.mail.prepare(&bob).await.unwrap();
    let set = |entry: &str, value: &str| vec![(entry.to_owned(), Some(value.as_bytes().to_vec()))];
    ground.mail.annotate(&bob, Some(INBOX), set("/private/comment", "bob's")).await.unwrap();
    ground.mail.annotate(&bob, Some(INBOX), set("/shared/comment", "ours")).await.unwrap();
    ground.mail.annotate_as(&bob, Some(INBOX), carol, set("/Private/comment", "carol's")).await.unwrap();
    ground.mail.annotate_as(&bob, Some(INBOX), carol, set("/shared/color", "red")).await.unwrap();
    let values = |found: Vec<(String, Vec<u8>)>| -> Vec<String> {
        found.into_iter().map(|(_, value)| String::from_utf8(value).unwrap()).collect()
    };
    assert_eq!(values(ground.mail.annotations(&bob, Some(INBOX)).unwrap()), ["bob's", "red", "ours"]);
    let seen = |guest| values(ground.mail.annotations_for(&bob, Some(INBOX), guest).unwrap());
    assert_eq!(seen(carol), ["carol's", "red", "ours"]);
    assert_eq!(seen(model::AccountId(3)), ["red", "ours"]);
    assert_eq!(seen(bob.account), ["bob's", "red", "ours"]);
}
