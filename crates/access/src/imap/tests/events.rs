//! What sessions tell of mailboxes that have a script (RFC 6785).

use super::{Client, House};
use mail::witness::Cause::{self, Added, Copied, Flagged};

const ENTRY: &str = "/shared/imapsieve/script";
/// A message's UID, and which of its flags and keywords have changed.
type Message = (u32, u8, Vec<String>);

const MESSAGE: &str = "Subject: x\r\n\r\nbody\r\n";

impl House {
    /// What was told since the last time: cause, script, and each message with its changed flags.
    fn told(&self) -> Vec<(Cause, String, Vec<Message>)> {
        let all = std::mem::take(&mut *self.seen.0.lock().unwrap());
        all.into_iter()
            .map(|one| {
                let touched = one.messages.into_iter();
                let touched = touched.map(|one| (one.uid.0, one.changed.system.0, one.changed.keywords));
                (one.cause, one.script, touched.collect())
            })
            .collect()
    }
}

async fn attach(client: &mut Client, mailbox: &str, script: &str) {
    client.ok(&format!("SETMETADATA \"{mailbox}\" ({ENTRY} {script})")).await;
}

fn plain(uids: &[u32]) -> Vec<Message> {
    uids.iter().map(|uid| (*uid, 0, Vec::new())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mailbox_s_own_entry_comes_before_that_of_the_account() {
    let house = House::new().await;
    let mut alice = house.log_in("alice").await;
    alice.append("Archive", MESSAGE).await;
    assert_eq!(house.told(), [], "without an entry nobody is asked");
    attach(&mut alice, "", "\"all\"").await;
    attach(&mut alice, "Archive", "\"own\"").await;
    attach(&mut alice, "Sent", "\"\"").await;
    for mailbox in ["Archive", "Drafts", "Sent"] {
        alice.append(mailbox, MESSAGE).await;
    }
    assert_eq!(house.told(), [(Added, "own".to_owned(), plain(&[2])), (Added, "all".to_owned(), plain(&[1]))]);
    attach(&mut alice, "", "NIL").await;
    alice.append("Drafts", MESSAGE).await;
    assert_eq!(house.told(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_command_tells_what_it_did() {
    let house = House::new().await;
    let mut alice = house.alice_with(&[MESSAGE, MESSAGE, MESSAGE]).await;
    attach(&mut alice, "Archive", "\"a\"").await;
    let two = format!("APPEND Archive {{{0}+}}\r\n{MESSAGE} {{{0}+}}\r\n{MESSAGE}", MESSAGE.len());
    alice.ok(&two).await;
    alice.ok("COPY 1:2 Archive").await;
    alice.ok("UID MOVE 2 Archive").await;
    alice.ok(&format!("REPLACE 1 Archive {{{}+}}\r\n{MESSAGE}", MESSAGE.len())).await;
    let a = || "a".to_owned();
    let expected = [
        (Added, a(), plain(&[1, 2])),
        (Copied, a(), plain(&[3, 4])),
        (Copied, a(), plain(&[5])),
        (Added, a(), plain(&[6])),
    ];
    assert_eq!(house.told(), expected);
    alice.ok("STORE 1 +FLAGS (\\Flagged)").await;
    assert_eq!(house.told(), [], "INBOX has no script");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_flags_that_changed_are_told() {
    let house = House::new().await;
    let mut alice = house.alice_with(&[MESSAGE, MESSAGE]).await;
    alice.ok("STORE 1 FLAGS (\\Answered $one)").await;
    attach(&mut alice, "INBOX", "\"i\"").await;
    alice.ok("STORE 1:2 +FLAGS.SILENT (\\Answered $one)").await;
    let (i, answered, seen) = (|| "i".to_owned(), 2, 1);
    assert_eq!(house.told(), [(Flagged, i(), vec![(2, answered, vec!["$one".to_owned()])])]);
    alice.ok("STORE 1 FLAGS ($one $two)").await;
    assert_eq!(house.told(), [(Flagged, i(), vec![(1, answered, vec!["$two".to_owned()])])]);
    alice.ok("STORE 1 +FLAGS ($one)").await;
    assert_eq!(house.told(), []);
    alice.ok("FETCH 1:2 BODY[TEXT]").await;
    assert_eq!(house.told(), [(Flagged, i(), vec![(1, seen, Vec::new()), (2, seen, Vec::new())])]);
    alice.ok("FETCH 1:2 BODY[TEXT]").await;
    assert_eq!(house.told(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_is_named_and_the_owner_s_script_meant() {
    let house = House::new().await;
    let mut alice = house.log_in("alice").await;
    attach(&mut alice, "Archive", "\"own\"").await;
    alice.ok("SETACL Archive bob@b.test lrswi").await;
    let mut bob = house.log_in("bob").await;
    bob.append("\"Other Users/alice@b.test/Archive\"", MESSAGE).await;
    let told = std::mem::take(&mut *house.seen.0.lock().unwrap());
    let owner = house.service.directory.account_named("alice@b.test").await.unwrap().unwrap().account_id();
    assert_eq!((told[0].by.as_str(), told[0].place.owner.account), ("bob@b.test", owner));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_capability_is_shown_to_those_who_are_logged_in() {
    let house = House::new().await;
    let mut client = house.call().await;
    assert!(!client.ok("CAPABILITY").await[0].contains("IMAPSIEVE"));
    client.ok("LOGIN alice@b.test secret").await;
    assert!(client.ok("CAPABILITY").await[0].contains(" IMAPSIEVE=sieve://imap.example "));
}
