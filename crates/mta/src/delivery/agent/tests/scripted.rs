//! Scripts at delivery: each effect once, whatever the agent lives through.

use super::*;
use account::owner::Owner;
use mail::filing::Placed;
use queue::entry::State;

const MESSAGE: &str =
    "From: <carol@far.test>\r\nTo: bob@b.test\r\nSubject: hello\r\nMessage-ID: <1@far.test>\r\n\r\nbody\r\n";

impl Ground {
    async fn owner(&self, name: &str) -> Owner {
        let account = self.directory.account_named(name).await.unwrap().unwrap();
        Owner::new(account.account_id(), account.partition)
    }

    async fn script(&self, name: &str, text: &str) {
        let owner = self.owner(name).await;
        self.mail.put_script(&owner, "main", text.to_owned().into()).await.unwrap();
        self.mail.activate_script(&owner, Some("main")).await.unwrap();
    }

    async fn count(&self, name: &str, mailbox: &str) -> Option<u32> {
        let owner = self.owner(name).await;
        self.mail.find(&owner, mailbox).unwrap().map(|found| found.row.messages)
    }

    /// Puts a message from a stranger into the queue for Bob, with instructions.
    async fn bring(&self, instructions: &[&str]) {
        self.bring_to("bob@b.test", instructions).await;
    }

    async fn bring_to(&self, to: &str, instructions: &[&str]) {
        let address: model::Address = to.parse().unwrap();
        let recipients = vec![(RcptTo { address, notify: None, original: None }, Route::new(Channel::Process, ""))];
        let mail_from = MailFrom { reverse_path: Some("carol@far.test".parse().unwrap()), ..MailFrom::default() };
        let body = NewBlob::new(MESSAGE.as_bytes().to_vec());
        let mut entry = NewEntry::of(mail_from, recipients, body, TraceId(9));
        entry.instructions.insert(0, instructions.iter().map(|text| (*text).to_owned()).collect());
        self.service.parts.queue.submit(entry).await.unwrap();
    }

    /// What waits, by recipient and sender.
    fn queued(&self) -> Vec<(String, String)> {
        let listing = self.service.parts.queue.list(&Filter::default(), None, 100).unwrap();
        let from = |path: &Option<model::Address>| path.as_ref().map_or_else(String::new, ToString::to_string);
        let all = listing.entries.into_iter().flat_map(|entry| {
            let sender = from(&entry.message.mail_from.reverse_path);
            let open = entry.recipients.into_iter().filter(|one| one.state.is_open());
            open.map(move |one| (one.rcpt.address.to_string(), sender.clone()))
        });
        all.collect()
    }
}

async fn ground() -> Ground {
    Ground::new(&[], Vec::new()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_filed_sent_on_and_answered_once() {
    let ground = ground().await;
    ground
        .script(
            "bob@b.test",
            "require [\"fileinto\", \"mailbox\", \"copy\", \"imap4flags\", \"vacation\"];\r\n\
             redirect :copy \"else@far.test\";\r\n\
             vacation \"away\";\r\n\
             fileinto :create :flags \"\\\\Seen\" \"Sorted/far\";\r\n",
        )
        .await;
    // The same message twice: the second time the sender was answered lately.
    for round in 1..=2 {
        ground.bring(&[]).await;
        ground.run(Channel::Process).await;
        assert_eq!(ground.count("bob@b.test", "Sorted/far").await, Some(round));
    }
    assert_eq!(ground.count("bob@b.test", "INBOX").await, Some(0));
    let mut queued = ground.queued();
    queued.sort();
    let copy = ("else@far.test".to_owned(), "carol@far.test".to_owned());
    assert_eq!(queued, [("carol@far.test".to_owned(), String::new()), copy.clone(), copy]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_died_after_filing_is_made_again_without_doubles() {
    let ground = ground().await;
    ground
        .script(
            "bob@b.test",
            "require [\"duplicate\", \"fileinto\", \"vacation\", \"copy\"];\r\n\
             if duplicate { discard; stop; }\r\n\
             redirect :copy \"else@far.test\";\r\nvacation \"away\";\r\n",
        )
        .await;
    ground.bring(&[]).await;
    let lease = ground.service.take(Channel::Process).unwrap().unwrap();
    // Filed, and then the agent is gone before the queue has heard of it.
    let first = crate::delivery::local::attempt(&ground.service, &lease).await;
    assert_eq!(first.caused.len(), 2);
    drop(lease);
    assert_eq!((ground.inbox("bob@b.test").await, ground.queued().len()), (1, 1));
    ground.run(Channel::Process).await;
    assert_eq!(ground.inbox("bob@b.test").await, 1);
    let to: Vec<String> = ground.queued().into_iter().map(|(to, _)| to).collect();
    assert_eq!(to.len(), 2, "{to:?}");
    // Another message with the same Message-ID is a duplicate.
    ground.bring(&[]).await;
    ground.run(Channel::Process).await;
    assert_eq!((ground.inbox("bob@b.test").await, ground.queued().len()), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_told_to_the_sender() {
    let ground = ground().await;
    ground.script("bob@b.test", "require \"reject\"; reject \"no, thanks\";").await;
    ground.bring(&[]).await;
    let lease = ground.service.take(Channel::Process).unwrap().unwrap();
    attempt(&ground.service, lease, &ShutdownToken::never()).await.unwrap();
    assert_eq!(ground.inbox("bob@b.test").await, 0);
    assert_eq!(ground.queued(), [("carol@far.test".to_owned(), String::new())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_fails_keeps_the_mail_and_its_owner_can_see_why() {
    let ground = ground().await;
    ground
        .script("bob@b.test", "require [\"include\", \"fileinto\"];\r\nfileinto \"Junk\";\r\ninclude \"gone\";\r\n")
        .await;
    ground.bring(&[]).await;
    ground.run(Channel::Process).await;
    assert_eq!(
        (ground.count("bob@b.test", "INBOX").await, ground.count("bob@b.test", "Junk").await),
        (Some(1), Some(0))
    );
    let trouble = ground.mail.script_trouble(&ground.owner("bob@b.test").await).unwrap().unwrap();
    assert_eq!((trouble.script.as_str(), trouble.line), ("main", 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn instructions_run_first_and_hold_once() {
    let ground = ground().await;
    ground.bring(&["require \"fileinto\"; fileinto \"Junk\";"]).await;
    ground.run(Channel::Process).await;
    assert_eq!(ground.count("bob@b.test", "Junk").await, Some(1));
    ground.bring(&["require \"vnd.heliograph.system\"; hold \"look at it\";"]).await;
    ground.run(Channel::Process).await;
    let waiting = ground.waiting();
    assert_eq!(waiting.iter().map(|one| (one.state, one.instructions.len())).collect::<Vec<_>>(), [(State::Held, 0)]);
    assert_eq!(ground.inbox("bob@b.test").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn junk_goes_into_junk_unless_its_owner_says_where() {
    let ground = ground().await;
    let junk = "require \"vnd.heliograph.system\"; junk;";
    let scripts = [
        ("if header \"x\" \"y\" { discard; }", (0, 1)),
        ("keep;", (1, 1)),
        ("require \"fileinto\"; fileinto \"INBOX\";", (2, 1)),
        ("require \"imap4flags\"; addflag \"\\\\Seen\";", (2, 2)),
        ("discard;", (2, 2)),
    ];
    for (script, expected) in scripts {
        ground.script("bob@b.test", script).await;
        ground.bring(&[junk]).await;
        ground.run(Channel::Process).await;
        let count = async |name| ground.count("bob@b.test", name).await.unwrap();
        let there = (count("INBOX").await, count("Junk").await);
        assert_eq!(there, expected, "{script}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_that_was_here_before_is_kept_rather_than_sent_on_for_ever() {
    let ground = ground().await;
    ground.script("alice@b.test", "redirect \"bob@b.test\";").await;
    ground.script("bob@b.test", "redirect \"alice@b.test\";").await;
    ground.bring(&[]).await;
    ground.run(Channel::Process).await;
    assert!(ground.queued().is_empty());
    assert_eq!((ground.inbox("alice@b.test").await, ground.inbox("bob@b.test").await), (0, 1));
}

#[test]
fn a_place_is_told_as_one_filing() {
    let placed = Placed::Done { copies: Vec::new(), missing: Vec::new() };
    assert!(matches!(mail::deliver::Filed::from(&placed), mail::deliver::Filed::Done { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_member_s_script_sends_goes_once_although_another_member_has_to_wait() {
    let ground = ground().await;
    ground.script("alice@b.test", "require \"copy\"; redirect :copy \"else@far.test\";").await;
    let bob: model::Address = "bob@b.test".parse().unwrap();
    let room = |messages| directory::embedded::AccountChange { quota_messages: Some(messages), ..Default::default() };
    ground.directory.change_account(&bob, room(Some(0))).await.unwrap();
    let members = vec!["alice@b.test".to_owned(), "bob@b.test".to_owned()];
    let group = Name::Group { title: String::new(), members };
    ground.directory.set_name(&"both@b.test".parse().unwrap(), group).await.unwrap();
    ground.bring_to("both@b.test", &[]).await;
    ground.run(Channel::Process).await;
    assert_eq!((ground.inbox("alice@b.test").await, ground.inbox("bob@b.test").await), (1, 0));
    assert_eq!(ground.queued().len(), 1, "the message itself");
    ground.directory.change_account(&bob, room(None)).await.unwrap();
    ground.pass(3600);
    ground.run(Channel::Process).await;
    assert_eq!((ground.inbox("alice@b.test").await, ground.inbox("bob@b.test").await), (1, 1));
    assert_eq!(ground.queued(), [("else@far.test".to_owned(), "carol@far.test".to_owned())]);
}
