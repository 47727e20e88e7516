//! Scripts beside mailboxes, what they remember, and filing as they want it.

use crate::ground::*;
use mail::deliver::{NewMessage, Quota, Rule};
use mail::error::Error;
use mail::filing::{Destination, Filing, Placed, Placement};
use mail::flags::Flags;
use mail::record::SpecialUse;
use mail::scripts::{Memory, Trouble};
use model::{AccountId, QueueId, Timestamp};

fn filing(account: u32, placements: Vec<Placement>) -> Filing {
    let quota = Quota::default();
    let (delivery, internal_date, remember, trouble) = (None, None, Vec::new(), None);
    Filing { owner: owner(account), quota, delivery, internal_date, placements, remember, trouble }
}

fn chosen(message: &NewMessage, mailbox: &str, creates: bool, special_use: Option<SpecialUse>) -> Placement {
    let destination = Destination::Chosen { id: None, special_use, mailbox: mailbox.to_owned(), creates };
    let keywords = vec!["$Fits".to_owned(), "does not fit".to_owned()];
    Placement { message: message.clone(), destination, flags: Flags { keywords, ..Flags::default() } }
}

#[tokio::test]
async fn scripts_are_kept_and_one_is_active_even_after_a_restart() {
    let mut ground = Ground::new();
    let bob = owner(1);
    assert!(!ground.mail.may_have_script(bob.account));
    ground.mail.put_script(&bob, "a", "keep;".into()).await.unwrap();
    ground.mail.put_script(&bob, "b", "keep;".into()).await.unwrap();
    assert!(ground.mail.active_script(&bob).unwrap().is_none());
    ground.mail.activate_script(&bob, Some("a")).await.unwrap();
    ground.mail.rename_script(&bob, "a", "c").await.unwrap();
    ground.assert_clean();
    ground.reopen();
    assert!(ground.mail.may_have_script(bob.account) && !ground.mail.may_have_script(AccountId(2)));
    let active = ground.mail.active_script(&bob).unwrap().unwrap();
    assert_eq!((active.row.name.as_str(), active.row.octets), ("c", 5));
    assert_eq!(ground.mail.script_text(&bob, &active).unwrap(), "keep;");
    assert!(matches!(ground.mail.delete_script(&bob, "c").await, Err(Error::ScriptActive)));
    assert!(matches!(ground.mail.rename_script(&bob, "c", "b").await, Err(Error::ScriptExists)));
    assert!(matches!(ground.mail.activate_script(&bob, Some("a")).await, Err(Error::NoScript)));
    assert!(matches!(ground.mail.put_script(&bob, "x\u{7}", "keep;".into()).await, Err(Error::BadScriptName)));
    ground.mail.put_script(&bob, "c", "discard;".into()).await.unwrap();
    assert_eq!(ground.mail.script_text(&bob, &ground.mail.active_script(&bob).unwrap().unwrap()).unwrap(), "discard;");
    ground.assert_clean();
    // They go with the account, and leave nothing behind.
    ground.mail.remove_account(&bob).await.unwrap();
    assert!(ground.mail.active_script(&bob).unwrap().is_none() && ground.mail.scripts(&bob).unwrap().is_empty());
    ground.assert_clean();
    let left = ground.mail.partitions().get("a").unwrap().snapshot().unwrap().blobs(None, 10).unwrap();
    assert_eq!(left.len(), 0);
}

#[tokio::test]
async fn copies_are_filed_where_they_belong_and_once() {
    let ground = Ground::new();
    let message = NewMessage::new(text("1", "hi", "")).unwrap();
    let placements = vec![
        chosen(&message, "New/Deep", true, None),
        chosen(&message, "New/Deep", true, None),
        chosen(&message, "Rubbish", false, Some(SpecialUse::Junk)),
        chosen(&message, "Nowhere", false, None),
        chosen(&message, "bad//name", true, None),
    ];
    let named = Filing { delivery: Some((QueueId(7), 1)), ..filing(1, placements) };
    let placed = ground.mail.place("a", vec![named.clone()], Rule::Each).await.unwrap().value;
    let [Placed::Done { copies, missing }] = placed.as_slice() else { panic!("{placed:?}") };
    assert_eq!((copies.len(), missing.as_slice()), (3, &["Nowhere".to_owned(), "bad//name".to_owned()][..]));
    let messages = |name: &str| ground.mail.find(&owner(1), name).unwrap().unwrap().row;
    let deep = messages("New/Deep");
    assert_eq!((deep.messages, deep.keywords.names()), (1, &["$Fits".to_owned()][..]));
    assert_eq!((messages("Junk").messages, messages("INBOX").messages), (1, 1));
    assert_eq!(ground.mail.place("a", vec![named], Rule::Each).await.unwrap().value, [Placed::Before]);
    let full = Filing {
        quota: Quota { octets: None, messages: Some(4) },
        ..filing(1, vec![chosen(&message, "INBOX", false, None), chosen(&message, "Junk", false, None)])
    };
    assert_eq!(ground.mail.place("a", vec![full], Rule::Each).await.unwrap().value, [Placed::OverQuota]);
    ground.assert_clean();
}

#[tokio::test]
async fn what_is_remembered_ends_and_does_not_count_for_the_delivery_that_caused_it() {
    let ground = Ground::new();
    let bob = owner(1);
    let until = Timestamp(START.0 + 10_000);
    let trouble = Trouble { at: START, script: "s".to_owned(), line: 3, reason: "why".to_owned() };
    let remember = vec![Memory { key: 5, until, is_new: true }];
    let delivery = Some((QueueId(7), 1));
    let one = Filing { remember, delivery, trouble: Some(trouble.clone()), ..filing(1, Vec::new()) };
    ground.mail.place("a", vec![one], Rule::Each).await.unwrap();
    let remembers = |by| ground.mail.remembers(&bob, 5, ground.now(), by).unwrap();
    assert!(remembers(None) && remembers(Some((QueueId(7), 2))) && !remembers(delivery));
    assert_eq!(ground.mail.script_trouble(&bob).unwrap(), Some(trouble));
    // Two that decided at the same time: the second must decide again, unless it knew.
    let again = |is_new, key| {
        let remember = vec![Memory { key, until, is_new }];
        ground.mail.place("a", vec![Filing { remember, ..filing(1, Vec::new()) }], Rule::Each)
    };
    assert!(matches!(again(true, 5).await, Err(Error::Outdated)));
    assert!(again(true, 6).await.is_ok() && again(false, 5).await.is_ok());
    ground.pass_secs(11);
    assert!(!remembers(None));
    ground.mail.upkeep("a", ground.now()).await.unwrap();
    ground.assert_clean();
}

#[tokio::test]
async fn of_too_much_the_things_that_end_soonest_are_forgotten() {
    let ground = Ground::new();
    let max = u128::from(mail::limits::MEMORIES_MAX.unsigned_abs());
    let all = 0..=max;
    let remember = all
        .map(|key| {
            let until = Timestamp(START.0 + 1_000 + u64::try_from(key).unwrap());
            Memory { key, until, is_new: true }
        })
        .collect();
    ground.mail.place("a", vec![Filing { remember, ..filing(1, Vec::new()) }], Rule::Each).await.unwrap();
    let remembers = |key| ground.mail.remembers(&owner(1), key, START, None).unwrap();
    assert!(!remembers(0) && remembers(max) && remembers(max / 2));
}
