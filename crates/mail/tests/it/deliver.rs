//! New messages: filed once, within the quota, in the right mailbox, in the right conversation.

use crate::ground::*;
use account::rights::{Asker, Rights};
use events::{Filter, Signal};
use mail::deliver::{Filed, NewMessage, Quota, Rule, Target};
use mail::error::Error;
use model::{MailboxId, QueueId, Uid};

#[tokio::test]
async fn a_message_is_filed_for_many_owners_and_stored_once() {
    let ground = Ground::new();
    let message = text("1", "hi", "");
    let targets = (1..=5).map(|account| target(&owner(account))).collect();
    let filed = ground.mail.deliver("a", NewMessage::new(message.clone()).unwrap(), targets, Rule::Each).await.unwrap();
    assert_eq!(filed.value, [Filed::Done { mailbox: INBOX, uid: Uid(1) }; 5]);
    for account in 1..=5 {
        let view = ground.mail.view(&place(&owner(account), INBOX)).unwrap();
        let row = view.get(0).unwrap();
        assert_eq!(ground.mail.body(&owner(account), &row.blob).unwrap(), message);
        assert_eq!((row.internal_date, row.save_date, row.octets as usize), (START, START, message.len()));
        assert_eq!(ground.mail.usage(&owner(account)).unwrap().octets, message.len() as u64);
    }
    let blobs = ground.mail.partitions().get("a").unwrap().snapshot().unwrap().blobs(None, 10).unwrap();
    assert_eq!(blobs.iter().map(|blob| blob.count).collect::<Vec<_>>(), [5]);
    ground.assert_clean();
}

#[tokio::test]
async fn a_delivery_of_one_name_is_filed_once_even_after_a_restart() {
    let mut ground = Ground::new();
    let named = Target { delivery: Some((QueueId(9), 2)), ..target(&owner(1)) };
    let first = deliver_to(&ground.mail, named.clone(), &text("1", "hi", "")).await;
    assert!(matches!(first, Filed::Done { .. }));
    assert_eq!(deliver_to(&ground.mail, named.clone(), &text("1", "hi", "")).await, Filed::Before);
    ground.reopen();
    assert_eq!(deliver_to(&ground.mail, named.clone(), &text("1", "hi", "")).await, Filed::Before);
    let other = Target { delivery: Some((QueueId(9), 3)), ..named };
    assert!(matches!(deliver_to(&ground.mail, other, &text("1", "hi", "")).await, Filed::Done { .. }));
    assert_eq!(uids(&ground.mail, &place(&owner(1), INBOX)), [1, 2]);
}

#[tokio::test]
async fn a_full_mailbox_does_not_hold_up_the_others() {
    let ground = Ground::new();
    let message = text("1", "hi", "");
    let quota = Quota { octets: Some(message.len() as u64 + 10), messages: None };
    let full = Target { quota, ..target(&owner(1)) };
    assert!(matches!(deliver_to(&ground.mail, full.clone(), &message).await, Filed::Done { .. }));
    let both = vec![full.clone(), target(&owner(2))];
    let filed =
        ground.mail.deliver("a", NewMessage::new(message.clone()).unwrap(), both, Rule::Each).await.unwrap().value;
    assert_eq!(filed, [Filed::OverQuota, Filed::Done { mailbox: INBOX, uid: Uid(1) }]);
    assert!(!ground.mail.has_room(&owner(1), quota, 11).unwrap());
    assert!(ground.mail.has_room(&owner(1), quota, 10).unwrap());
    let few = Quota { octets: None, messages: Some(1) };
    assert_eq!(deliver_to(&ground.mail, Target { quota: few, ..full }, &message).await, Filed::OverQuota);
    ground.assert_clean();
}

#[tokio::test]
async fn one_answer_for_all_is_all_or_none() {
    let ground = Ground::new();
    let message = NewMessage::new(text("1", "hi", "")).unwrap();
    let full = Target { quota: Quota { octets: Some(1), messages: None }, ..target(&owner(2)) };
    let three = vec![target(&owner(1)), full, target(&owner(3))];
    let refused = ground.mail.deliver("a", message.clone(), three, Rule::AllOrNone).await;
    assert!(matches!(refused, Err(Error::OverQuota)));
    assert_eq!(ground.mail.accounts("a").unwrap(), []);
    // Nor is anything filed where it does not belong.
    let far = target(&account::owner::Owner::new(model::AccountId(4), "b"));
    assert!(matches!(ground.mail.deliver("a", message, vec![far], Rule::Each).await, Err(Error::NoPartition(_))));
    ground.assert_clean();
}

#[tokio::test]
async fn a_subaddress_reaches_a_mailbox_that_is_there_and_lets_the_poster_post() {
    let ground = Ground::new();
    let (mail, bob) = (&ground.mail, owner(1));
    let lists = mail.create(&bob, "Lists/rust", None).await.unwrap().value;
    let to = |mailbox: &str| Target { mailbox: Some(mailbox.to_owned()), ..target(&bob) };
    let filed = |mailbox: MailboxId, uid| Filed::Done { mailbox, uid: Uid(uid) };
    assert_eq!(deliver_to(mail, to("Lists/rust"), &text("1", "a", "")).await, filed(lists, 1));
    assert_eq!(deliver_to(mail, to("Nowhere"), &text("2", "a", "")).await, filed(INBOX, 1));
    assert_eq!(deliver_to(mail, to("a//b"), &text("3", "a", "")).await, filed(INBOX, 2));
    let eve = Asker { address: "eve@b.test".to_owned(), groups: Vec::new() };
    let posted = Target { poster: Some(eve), ..to("Lists/rust") };
    assert_eq!(deliver_to(mail, posted.clone(), &text("4", "a", "")).await, filed(INBOX, 3));
    mail.grant(&bob, lists, "anyone", Rights::POST).await.unwrap();
    assert_eq!(deliver_to(mail, posted, &text("5", "a", "")).await, filed(lists, 2));
}

#[tokio::test]
async fn replies_join_their_conversation_and_new_subjects_begin_one() {
    let ground = Ground::new();
    let inbox = place(&owner(1), INBOX);
    for message in [
        text("1", "Plans", ""),
        text("2", "Re: plans", "In-Reply-To: <1@x>\r\n"),
        text("3", "Fwd: Plans", "References: <0@x> <1@x> <2@x>\r\n"),
        text("4", "Something else", "References: <1@x>\r\n"),
        text("5", "Plans", ""),
        // Its parents are not here, but another child of theirs is.
        text("7", "Re: Far", "References: <r@x> <s@x>\r\n"),
        text("8", "Re: far", "References: <r@x> <t@x>\r\n"),
    ] {
        deliver_to(&ground.mail, target(&owner(1)), &message).await;
    }
    let threads: Vec<u64> = ground.mail.view(&inbox).unwrap().rows().map(|row| row.thread).collect();
    assert_eq!(threads, [1, 1, 1, 2, 3, 4, 4]);
}

#[tokio::test]
async fn what_was_computed_at_delivery_is_read_back() {
    let ground = Ground::new();
    let inbox = place(&owner(1), INBOX);
    for number in 0..40 {
        deliver_to(&ground.mail, target(&owner(1)), &text(&number.to_string(), &format!("s{number}"), "")).await;
    }
    // Too long to be kept: it is computed again.
    let long = text("long", "s40", &format!("To: {}\r\n", "someone@example.org, ".repeat(4_000)));
    deliver_to(&ground.mail, target(&owner(1)), &long).await;
    let view = ground.mail.view(&inbox).unwrap();
    let one = ground.mail.summary(&inbox, Uid(1), &view.get(0).unwrap().blob).unwrap();
    assert_eq!(one.envelope.subject.as_deref(), Some("s0"));
    for indices in [vec![3, 4, 5, 40], (0..41).collect(), vec![40], vec![]] {
        let mut seen = Vec::new();
        let visited = ground.mail.summaries(&inbox, &view, &indices, &mut |index, summary| {
            assert_eq!(summary.envelope.subject, Some(format!("s{index}")));
            seen.push(index);
            std::ops::ControlFlow::Continue(())
        });
        visited.unwrap();
        assert_eq!(seen, indices);
    }
}

#[tokio::test]
async fn the_bus_tells_of_a_delivery() {
    let ground = Ground::new();
    ground.mail.prepare(&owner(1)).await.unwrap();
    let mut heard = ground.bus.subscribe(Filter { account: Some(owner(1).account), topic: Some(mail::store::TOPIC) });
    deliver_to(&ground.mail, target(&owner(2)), &text("1", "a", "")).await;
    deliver_to(&ground.mail, target(&owner(1)), &text("1", "a", "")).await;
    let Signal::Changed(notice) = heard.next().await else { panic!("one change is one notice") };
    assert_eq!((notice.account, notice.collection), (owner(1).account, INBOX.0));
    assert_eq!(heard.try_next(), None);
    ground.mail.subscribe(&owner(1), "Elsewhere", mail::mailboxes::Subscribed::Yes).await.unwrap();
    assert!(matches!(heard.try_next(), Some(Signal::Changed(notice)) if notice.collection == 0));
}
