//! Check finds what is wrong, and repair makes right what can be computed again.

use crate::ground::*;
use account::rights::Rights;
use mail::flags::Flags;
use mail::store::Mail;
use model::Uid;
use storage::{Key, Read, Space};

fn space(mail: &Mail) -> Space {
    mail.partitions().get("a").unwrap().space("mail").unwrap()
}

async fn damage(mail: &Mail, key: Key, change: impl FnOnce(Vec<u8>) -> Option<Vec<u8>> + Send + 'static) {
    let partition = mail.partitions().get("a").unwrap();
    let damaging = partition.write(move |transaction| {
        let value = transaction.get(&key)?.unwrap_or_default();
        match change(value) {
            Some(value) => transaction.put(key, value),
            None => transaction.delete(key),
        }
        Ok(())
    });
    damaging.await.unwrap();
}

async fn filled() -> Ground {
    let ground = Ground::new();
    for number in 0..3 {
        append(&ground.mail, &place(&owner(1), INBOX), &text(&number.to_string(), "a", ""), Flags::default()).await;
    }
    ground.mail.grant(&owner(1), INBOX, "anyone", Rights::READ).await.unwrap();
    ground.assert_clean();
    ground
}

#[tokio::test]
async fn a_lost_message_row_is_found_and_the_counts_are_made_right() {
    let mut ground = filled().await;
    let key = space(&ground.mail).key(owner(1).account).u8(3).u32(1).u32(2);
    damage(&ground.mail, key, |_| None).await;
    let findings = ground.mail.check("a", &[]).unwrap().findings.join("\n");
    let lost = "flags of 1 messages that are not there";
    for expected in ["counts differ", lost, "summaries without", "held 0 times", "are counted"] {
        assert!(findings.contains(expected), "{expected}: {findings}");
    }
    let repairs = ground.mail.repair("a").await.unwrap();
    assert_eq!(repairs.len(), 3, "{repairs:?}");
    assert_eq!(ground.mail.repair("a").await.unwrap(), [] as [&str; 0]);
    ground.reopen();
    let row = ground.mail.mailbox(&owner(1), INBOX).unwrap().unwrap().row;
    assert_eq!((row.messages, row.unseen, row.uid_next), (2, 2, Uid(4)));
    assert_eq!(uids(&ground.mail, &place(&owner(1), INBOX)), [1, 3]);
}

#[tokio::test]
async fn lost_flags_are_found_and_the_messages_stay() {
    let mut ground = filled().await;
    for damaged in [None, Some(vec![9])] {
        let key = space(&ground.mail).key(owner(1).account).u8(14).u32(1).u32(0);
        damage(&ground.mail, key, |_| damaged).await;
        let findings = ground.mail.check("a", &[]).unwrap().findings.join("\n");
        assert!(findings.contains("UID 2 has no flags"), "{findings}");
        ground.reopen();
        ground.mail.view(&place(&owner(1), INBOX)).unwrap_err();
        let repairs = ground.mail.repair("a").await.unwrap();
        assert_eq!(repairs, ["account 1: INBOX: 3 messages lost their flags"]);
        assert_eq!(uids(&ground.mail, &place(&owner(1), INBOX)), [1, 2, 3]);
        ground.assert_clean();
    }
}

#[tokio::test]
async fn names_and_shares_are_made_findable_again() {
    let ground = filled().await;
    let space = space(&ground.mail);
    damage(&ground.mail, space.key(owner(1).account).u8(2).text("INBOX"), |_| None).await;
    let share = space.key(model::AccountId(0)).u8(12).text("anyone").u32(1).u32(1);
    damage(&ground.mail, share, |_| None).await;
    assert!(ground.mail.check("a", &[]).unwrap().findings.join("\n").contains("cannot be found by its name"));
    assert_eq!(ground.mail.repair("a").await.unwrap().len(), 2);
    assert_eq!(ground.mail.find(&owner(1), "INBOX").unwrap().unwrap().id, INBOX);
    ground.assert_clean();
}

#[tokio::test]
async fn what_is_lost_of_one_account_does_not_stop_the_upkeep_of_others() {
    let ground = filled().await;
    let mail = &ground.mail;
    for account in [1, 2] {
        deliver_to(mail, target(&owner(account)), &text(&format!("own-{account}"), "a", "")).await;
        let uids = mail.view(&place(&owner(account), INBOX)).unwrap().rows().map(|row| row.uid).collect();
        mail.expunge(&place(&owner(account), INBOX), uids, mail::change::Expunge::All).await.unwrap();
    }
    let first = mail.trash(&owner(1), START, 1).unwrap().remove(0);
    let key = space(mail).key(owner(1).account).u8(7).u64(first.when.0).u32(1).u32(first.uid.0);
    damage(mail, key, |_| Some(vec![9])).await;
    ground.pass_secs(30 * 86_400);
    assert_eq!(mail.upkeep("a", ground.now()).await.unwrap().purged, 1);
    assert!(mail.check("a", &[]).unwrap().findings.join("\n").contains("a trash row"));
}

#[tokio::test]
async fn damaged_rows_are_told_and_never_panic() {
    let ground = filled().await;
    let key = space(&ground.mail).key(owner(1).account).u8(3).u32(1).u32(2);
    damage(&ground.mail, key, |mut value| {
        value.truncate(20);
        Some(value)
    })
    .await;
    let place = place(&owner(1), INBOX);
    assert!(matches!(ground.mail.view(&place), Err(mail::error::Error::Unavailable(_))));
    assert!(ground.mail.message(&place, Uid(2)).is_err());
    assert!(ground.mail.message(&place, Uid(3)).unwrap().is_some());
    let findings = ground.mail.check("a", &[]).unwrap().findings.join("\n");
    assert!(findings.contains("UID 2 cannot be read"), "{findings}");
}
