//! Mailboxes: listing, making, renaming, subscribing; status; what sessions see of each other.

use super::House;

#[tokio::test(flavor = "multi_thread")]
async fn making_listing_and_removing() {
    let house = House::new().await;
    let mut alice = house.log_in("alice").await;
    alice.ok("CREATE a/b").await;
    alice.ok("CREATE \"Entw&APw-rfe\"").await;
    assert!(alice.refused("CREATE a/b").await.starts_with("NO [ALREADYEXISTS]"));
    let list = alice.ok("LIST \"\" *").await;
    assert!(list.iter().any(|line| line.contains("\"/\" INBOX")), "{list:?}");
    assert!(list.iter().any(|line| line.ends_with("Entw&APw-rfe")), "{list:?}");
    assert!(list.iter().any(|line| line.contains("\\Sent")), "{list:?}");
    let top = alice.ok("LIST \"\" %").await;
    assert!(top.iter().any(|line| line.ends_with(" a") && line.contains("\\HasChildren")), "{top:?}");
    assert!(!top.iter().any(|line| line.ends_with(" a/b")), "{top:?}");
    alice.ok("RENAME a c").await;
    assert_eq!(alice.ok("LIST \"\" c/*").await.len(), 1);
    assert!(alice.refused("SELECT a").await.starts_with("NO [NONEXISTENT]"));
    alice.ok("SUBSCRIBE c/b").await;
    assert!(alice.ok("LSUB \"\" *").await.iter().any(|line| line.ends_with(" c/b")));
    alice.ok("UNSUBSCRIBE c/b").await;
    alice.ok("DELETE c/b").await;
    assert!(alice.refused("DELETE INBOX").await.starts_with("NO [CANNOT]"));
    assert_eq!(alice.ok("LIST \"\" \"\"").await, ["* LIST (\\Noselect) \"/\" \"\""]);
    assert!(alice.ok("NAMESPACE").await[0].starts_with("* NAMESPACE ((\"\" \"/\"))"));
}

#[tokio::test(flavor = "multi_thread")]
async fn status_counts() {
    let house = House::new().await;
    let mut alice = house.log_in("alice").await;
    alice.append("INBOX", "Subject: x\r\n\r\nbody\r\n").await;
    let status = alice.ok("STATUS inbox (MESSAGES UNSEEN UIDNEXT SIZE)").await;
    assert_eq!(status, ["* STATUS INBOX (MESSAGES 1 UNSEEN 1 UIDNEXT 2 SIZE 20)"]);
    let listed = alice.ok("LIST \"\" INBOX RETURN (STATUS (MESSAGES))").await;
    assert!(listed.iter().any(|line| line == "* STATUS INBOX (MESSAGES 1)"), "{listed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_see_each_other() {
    let house = House::new().await;
    let mut one = house.alice_with(&["Subject: 1\r\n\r\n", "Subject: 2\r\n\r\n"]).await;
    let mut two = house.log_in("alice").await;
    two.ok("SELECT INBOX").await;
    one.say("i IDLE\r\n").await;
    assert!(one.line().await.starts_with('+'));
    two.ok("STORE 1 +FLAGS (\\Flagged)").await;
    assert_eq!(one.line().await, "* 1 FETCH (UID 1 FLAGS (\\Flagged))");
    two.ok("STORE 1 +FLAGS (\\Deleted)").await;
    assert_eq!(one.line().await, "* 1 FETCH (UID 1 FLAGS (\\Flagged \\Deleted))");
    assert_eq!(two.ok("EXPUNGE").await, ["* 1 EXPUNGE"]);
    assert_eq!(one.line().await, "* 1 EXPUNGE");
    two.append("INBOX", "Subject: 3\r\n\r\n").await;
    assert_eq!(one.line().await, "* 2 EXISTS");
    one.say("DONE\r\n").await;
    assert!(one.rest("i").await.1.starts_with("OK"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_loses_the_selected_mailbox_hears_it() {
    let house = House::new().await;
    let mut one = house.log_in("alice").await;
    one.ok("CREATE away").await;
    one.ok("SELECT away").await;
    house.log_in("alice").await.ok("DELETE away").await;
    one.say("x NOOP\r\n").await;
    assert_eq!(one.line().await, "* BYE the selected mailbox was deleted");
    assert_eq!(one.line().await, "", "the connection ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn expunges_wait_while_numbers_are_in_use() {
    let house = House::new().await;
    let mut one = house.alice_with(&["Subject: 1\r\n\r\n", "Subject: 2\r\n\r\n"]).await;
    let mut two = house.log_in("alice").await;
    two.ok("SELECT INBOX").await;
    two.ok("STORE 1 +FLAGS.SILENT (\\Deleted)").await;
    two.ok("EXPUNGE").await;
    assert_eq!(one.ok("FETCH 2 (UID)").await, ["* 2 FETCH (UID 2)"]);
    assert_eq!(one.ok("SEARCH UID 2").await, ["* SEARCH 2"]);
    assert_eq!(one.ok("NOOP").await, ["* 1 EXPUNGE"]);
    assert_eq!(one.ok("SEARCH UID 2").await, ["* SEARCH 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_catches_up_with_qresync() {
    let house = House::new().await;
    let mut one = house.alice_with(&["Subject: 1\r\n\r\n", "Subject: 2\r\n\r\n", "Subject: 3\r\n\r\n"]).await;
    let select = one.ok("SELECT INBOX").await;
    let code = |name: &str| {
        let line = select.iter().find(|line| line.contains(name)).unwrap();
        line.split(name).nth(1).unwrap().trim_start().split(']').next().unwrap().to_owned()
    };
    let (validity, modseq) = (code("[UIDVALIDITY"), code("[HIGHESTMODSEQ"));
    one.ok("STORE 2 +FLAGS (\\Deleted)").await;
    one.ok("EXPUNGE").await;
    one.ok("STORE 2 +FLAGS (\\Seen)").await;
    let mut two = house.log_in("alice").await;
    assert_eq!(two.ok("ENABLE QRESYNC").await, ["* ENABLED QRESYNC"]);
    let told = two.ok(&format!("SELECT INBOX (QRESYNC ({validity} {modseq} 1:*))")).await;
    assert!(told.iter().any(|line| line == "* VANISHED (EARLIER) 2"), "{told:?}");
    assert!(told.iter().any(|line| line.starts_with("* 2 FETCH (UID 3 FLAGS (\\Seen) MODSEQ (")), "{told:?}");
    let changed = two.ok(&format!("UID FETCH 1:* (FLAGS) (CHANGEDSINCE {modseq} VANISHED)")).await;
    assert!(changed.iter().any(|line| line == "* VANISHED (EARLIER) 2"), "{changed:?}");
    assert_eq!(changed.iter().filter(|line| line.contains("FETCH")).count(), 1, "{changed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_is_shared() {
    let house = House::new().await;
    let mut alice = house.log_in("alice").await;
    let mut bob = house.log_in("bob").await;
    alice.append("Archive", "Subject: shared\r\n\r\n").await;
    let theirs = "\"Other Users/alice@b.test/Archive\"";
    assert!(bob.refused(&format!("SELECT {theirs}")).await.starts_with("NO [NONEXISTENT]"));
    alice.ok("SETACL Archive bob@b.test lrs").await;
    assert!(alice.ok("GETACL Archive").await[0].contains("bob@b.test lrs"));
    assert_eq!(bob.ok(&format!("MYRIGHTS {theirs}")).await, [format!("* MYRIGHTS {theirs} lrs")]);
    let listed = bob.ok("LIST \"\" \"Other Users/*\"").await;
    assert!(listed.iter().any(|line| line.ends_with(theirs)), "{listed:?}");
    bob.ok(&format!("SELECT {theirs}")).await;
    assert_eq!(bob.ok("FETCH 1 UID").await, ["* 1 FETCH (UID 1)"]);
    bob.ok("STORE 1 +FLAGS (\\Seen)").await;
    assert!(bob.refused("STORE 1 +FLAGS (\\Deleted)").await.starts_with("NO [NOPERM]"));
    assert!(bob.refused(&format!("APPEND {theirs} {{1+}}\r\nx")).await.starts_with("NO [NOPERM]"));
    alice.ok("SETACL Archive bob@b.test \"\"").await;
    assert!(bob.refused(&format!("STATUS {theirs} (MESSAGES)")).await.starts_with("NO [NONEXISTENT]"));
}

#[tokio::test(flavor = "multi_thread")]
async fn annotations_are_kept() {
    let house = House::new().await;
    let mut alice = house.log_in("alice").await;
    alice.ok("SETMETADATA INBOX (/private/comment \"mine\" /shared/x {2+}\r\nhi)").await;
    assert_eq!(alice.ok("GETMETADATA INBOX /private/comment").await, ["* METADATA INBOX (/private/comment \"mine\")"]);
    alice.ok("SETMETADATA INBOX (/private/comment NIL)").await;
    assert_eq!(
        alice.ok("GETMETADATA (DEPTH infinity) INBOX (/private /shared)").await,
        ["* METADATA INBOX (/shared/x \"hi\")"]
    );
    let listed = alice.ok("LIST \"\" (INBOX Sent) RETURN (METADATA (/shared/x))").await;
    assert!(listed.iter().any(|line| line == "* METADATA INBOX (/shared/x \"hi\")"), "{listed:?}");
    assert!(listed.iter().any(|line| line == "* METADATA Sent (/shared/x NIL)"), "{listed:?}");
    assert_eq!(alice.ok("GETQUOTAROOT INBOX").await[0], "* QUOTAROOT INBOX \"\"");
}
