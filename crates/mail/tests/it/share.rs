//! What is shared, with whom, and how it is found.

use crate::ground::*;
use account::owner::Owner;
use account::rights::{Asker, Rights};
use mail::error::Error;
use model::AccountId;

fn asker(address: &str, groups: &[&str]) -> Asker {
    Asker { address: address.to_owned(), groups: groups.iter().map(|group| (*group).to_owned()).collect() }
}

#[tokio::test]
async fn shared_mailboxes_are_found_by_every_identifier_that_fits() {
    let mut ground = Ground::new();
    let (bob, far) = (owner(1), Owner::new(AccountId(7), "b"));
    let team = ground.mail.create(&bob, "Team", None).await.unwrap().value;
    let board = ground.mail.create(&far, "Board", None).await.unwrap().value;
    let public = ground.mail.create(&far, "Public", None).await.unwrap().value;
    let rights = |letters| Rights::parse(letters).unwrap();
    ground.mail.grant(&bob, team, "Group=Staff@b.test", rights("lrs")).await.unwrap();
    ground.mail.grant(&bob, team, "-eve@b.test", rights("r")).await.unwrap();
    ground.mail.grant(&far, board, "carol@b.test", rights("lr")).await.unwrap();
    ground.mail.grant(&far, public, "anyone@b.test", rights("lrs")).await.unwrap();
    ground.reopen();
    let seen = |who: &Asker, own: u32| -> Vec<(String, String)> {
        let shared = ground.mail.shared_with(who, AccountId(own)).unwrap();
        shared.into_iter().map(|shared| (shared.mailbox.row.name, shared.rights.to_string())).collect()
    };
    let pairs = |list: &[(&str, &str)]| -> Vec<(String, String)> {
        list.iter().map(|(name, rights)| ((*name).to_owned(), (*rights).to_owned())).collect()
    };
    let carol = asker("Carol@B.test", &["staff@b.test"]);
    assert_eq!(seen(&carol, 9), pairs(&[("Team", "lrs"), ("Board", "lr"), ("Public", "lrs")]));
    assert_eq!(seen(&asker("eve@b.test", &["staff@b.test"]), 9), pairs(&[("Team", "ls"), ("Public", "lrs")]));
    assert_eq!(seen(&asker("x@c.test", &[]), 9), []);
    assert_eq!(seen(&carol, 7), pairs(&[("Team", "lrs")]), "one's own mailboxes are not others'");
    assert_eq!(ground.mail.rights(&place(&bob, team), &carol, AccountId(9)).unwrap().to_string(), "lrs");
    assert_eq!(ground.mail.rights(&place(&bob, team), &carol, AccountId(1)).unwrap(), Rights::ALL);
    ground.mail.grant(&far, public, "ANYONE@b.test", Rights::NONE).await.unwrap();
    ground.mail.delete(&bob, team).await.unwrap();
    let carol_now = ground.mail.shared_with(&carol, AccountId(9)).unwrap();
    assert_eq!(carol_now.len(), 1);
    ground.assert_clean();
}

#[tokio::test]
async fn an_access_control_list_is_bounded() {
    let ground = Ground::new();
    let bob = owner(1);
    let team = ground.mail.create(&bob, "Team", None).await.unwrap().value;
    for bad in ["", "-", &"x".repeat(400), "a\nb"] {
        let refused = ground.mail.grant(&bob, team, bad, Rights::READ).await;
        assert!(matches!(refused, Err(Error::BadIdentifier)), "{bad:?}");
    }
    let mut granted = 0;
    for number in 0..400 {
        match ground.mail.grant(&bob, team, &format!("{number}{}", "x".repeat(280)), Rights::READ).await {
            Ok(_) => granted += 1,
            Err(Error::TooMany(_)) => break,
            Err(error) => panic!("{error}"),
        }
    }
    assert!((100..400).contains(&granted), "{granted}");
    ground.assert_clean();
}
