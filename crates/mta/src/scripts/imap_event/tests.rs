//! Scripts that IMAP commands run, on the real mail store, directory and queue.

use super::*;
use crate::scripts::service::Parts;
use crate::scripts::settings::Settings;
use account::owner::Owner;
use directory::directory::Directory;
use directory::embedded::{Embedded, NewAccount};
use events::Bus;
use mail::change::Place;
use mail::deliver::{Append, NewMessage};
use mail::store::Mail;
use model::TraceId;
use net::random::Seeded;
use net::{Registry, SystemClock};
use queue::filter::Filter;
use storage::{Partition, Partitions};

const MESSAGE: &str = "From: <carol@far.test>\r\nSubject: hello\r\n\r\nbody\r\n";

/// Alice's INBOX, a queue, and nothing that sends.
struct Ground {
    events: ImapEvents,
    mail: Mail,
    queue: Queue,
    inbox: Place,
}

impl Ground {
    async fn new(quota_octets: Option<u64>) -> Ground {
        let system = Partition::in_memory().unwrap();
        let directory = Embedded::new(system.clone(), directory::settings::Settings::default()).unwrap();
        directory.add_domain(&"b.test".parse().unwrap(), None).await.unwrap();
        let account = NewAccount {
            address: "alice@b.test".parse().unwrap(),
            name: String::new(),
            credentials: None,
            roles: Vec::new(),
            quota_octets,
            quota_messages: None,
            partition: "primary".to_owned(),
        };
        directory.add_account(account).await.unwrap();
        let account = directory.account_named("alice@b.test").await.unwrap().unwrap();
        let owner = Owner::new(account.account_id(), account.partition.clone());
        let partitions = Partitions::single("primary", Partition::in_memory().unwrap()).unwrap();
        let mail = Mail::new(partitions, Bus::new(), mail::settings::Settings::default()).unwrap();
        mail.prepare(&owner).await.unwrap();
        let (now, random) = (|| Timestamp(1_000_000_000), || 7);
        let chosen = queue::settings::Settings::new("mx.b.test".parse().unwrap());
        let queue = Queue::open(system, chosen, Arc::new(now), Arc::new(random)).unwrap();
        let parts = Parts {
            mail: mail.clone(),
            directory: Arc::new(directory),
            clock: Arc::new(SystemClock),
            random: Arc::new(Seeded::new(2)),
        };
        let folder = std::env::temp_dir().join("heliograph-no-such-folder");
        let settings = Settings::new("mx.b.test".parse().unwrap(), folder);
        let scripts = Scripts::new(settings, parts, &Registry::new()).unwrap();
        let inbox = Place { mailbox: mail.find(&owner, "INBOX").unwrap().unwrap().id, owner };
        Ground { events: ImapEvents::new(Arc::new(scripts), queue.clone()), mail, queue, inbox }
    }

    /// Puts `count` messages into INBOX and has the script run for them.
    async fn append(&self, count: usize, script: &str) -> Vec<Uid> {
        let owner = &self.inbox.owner;
        self.mail.put_script(owner, "main", script.to_owned().into()).await.unwrap();
        let message = NewMessage::new(MESSAGE.as_bytes().to_vec()).unwrap();
        let (flags, internal_date) = (Flags::system(SystemFlags::SEEN), Some(Timestamp(86_400_000)));
        let new = || Append { message: message.clone(), flags: flags.clone(), internal_date };
        let all = std::iter::repeat_with(new).take(count).collect();
        let placed = self.mail.append(owner, self.inbox.mailbox, all, Quota::default()).await.unwrap();
        let uids = placed.value.uids;
        let touched = |uid: &Uid| Touched { uid: *uid, changed: Flags::default() };
        self.happen(Cause::Added, uids.iter().map(touched).collect()).await;
        uids
    }

    async fn happen(&self, cause: Cause, messages: Vec<Touched>) {
        let (place, script, by) = (self.inbox.clone(), "main".to_owned(), "alice@b.test".to_owned());
        self.events.witness(Happening { trace: TraceId(1), by, cause, place, script, messages }).await;
    }

    fn flags(&self, uid: Uid) -> SystemFlags {
        self.mail.message(&self.inbox, uid).unwrap().unwrap().flags
    }

    fn count(&self, mailbox: &str) -> u32 {
        self.mail.find(&self.inbox.owner, mailbox).unwrap().map_or(0, |found| found.row.messages)
    }

    fn queued(&self) -> usize {
        self.queue.list(&Filter::default(), None, 100).unwrap().entries.len()
    }

    fn trouble(&self) -> Option<String> {
        self.mail.script_trouble(&self.inbox.owner).unwrap().map(|trouble| trouble.reason)
    }
}

const GOES: SystemFlags = SystemFlags(SystemFlags::SEEN.0 | SystemFlags::DELETED.0);

#[tokio::test(flavor = "multi_thread")]
async fn rfc6785_section_3_what_cancels_the_keep_marks_the_message() {
    let ground = Ground::new(None).await;
    let cases = [
        ("keep;", SystemFlags::SEEN),
        ("discard;", GOES),
        ("discard; keep;", SystemFlags::SEEN),
        ("require \"fileinto\"; fileinto \"Archive\";", GOES),
        ("require [\"fileinto\", \"copy\"]; fileinto :copy \"Archive\";", SystemFlags::SEEN),
        ("require \"fileinto\"; fileinto \"Archive\"; keep;", SystemFlags::SEEN),
        ("redirect \"x@far.test\";", GOES),
        ("require \"copy\"; redirect :copy \"x@far.test\";", SystemFlags::SEEN),
        ("require \"imap4flags\"; removeflag \"\\\\Seen\";", SystemFlags::default()),
        ("require \"imap4flags\"; setflag \"\\\\Draft\";", SystemFlags::DRAFT),
    ];
    for (script, expected) in cases {
        let uids = ground.append(1, script).await;
        assert_eq!(ground.flags(uids[0]), expected, "{script}");
    }
    assert_eq!((ground.count("Archive"), ground.queued(), ground.trouble()), (3, 2, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_keeps_flags_and_time_of_its_original() {
    let ground = Ground::new(None).await;
    ground.append(1, "require [\"fileinto\", \"imap4flags\"]; addflag \"$Mine\"; fileinto \"Archive\";").await;
    let archive = ground.mail.find(&ground.inbox.owner, "Archive").unwrap().unwrap();
    let place = Place { owner: ground.inbox.owner.clone(), mailbox: archive.id };
    let row = ground.mail.message(&place, Uid(1)).unwrap().unwrap();
    assert_eq!((row.flags, row.internal_date), (SystemFlags::SEEN, Timestamp(86_400_000)));
    assert_eq!(archive.row.keywords.names_of(row.keywords).collect::<Vec<_>>(), ["$Mine"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc6785_section_3_11_what_is_for_delivery_alone_ends_the_script() {
    let ground = Ground::new(None).await;
    let cases = [
        ("require [\"fileinto\", \"reject\"]; fileinto \"Archive\";", "reject"),
        ("require [\"fileinto\", \"ereject\"]; fileinto \"Archive\";", "ereject"),
        ("require [\"fileinto\", \"vacation-seconds\"]; fileinto \"Archive\";", "vacation"),
        ("require \"ihave\"; if ihave \"vacation\" { vacation \"away\"; }", "delivery"),
        ("require [\"envelope\", \"fileinto\"]; fileinto \"Archive\"; if envelope \"to\" \"x\" { keep; }", "envelope"),
        ("require \"fileinto\"; fileinto \"gone\";", "no mailbox"),
        ("no script", ""),
    ];
    for (script, reason) in cases {
        let uids = ground.append(1, script).await;
        assert_eq!(ground.flags(uids[0]), SystemFlags::SEEN, "{script}");
        let trouble = ground.trouble().unwrap();
        assert!(trouble.contains(reason), "{script}: {trouble}");
    }
    assert_eq!((ground.count("Archive"), ground.queued()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_included_script_is_bound_as_well() {
    let ground = Ground::new(None).await;
    let other = "require \"vacation\"; vacation \"away\";".to_owned();
    ground.mail.put_script(&ground.inbox.owner, "other", other.into()).await.unwrap();
    ground.append(1, "require \"include\"; include \"other\";").await;
    assert!(ground.trouble().unwrap().contains("vacation"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_room_for_the_copy_the_message_stays() {
    let ground = Ground::new(Some(10)).await;
    let uids = ground.append(1, "require \"fileinto\"; redirect \"x@far.test\"; fileinto \"Archive\";").await;
    assert_eq!((ground.flags(uids[0]), ground.count("Archive"), ground.queued()), (SystemFlags::SEEN, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_messages_are_looked_at_than_the_bound() {
    let ground = Ground::new(None).await;
    let uids = ground.append(MESSAGES_MAX + 1, "discard;").await;
    assert_eq!(ground.flags(uids[MESSAGES_MAX - 1]), GOES);
    assert_eq!(ground.flags(uids[MESSAGES_MAX]), SystemFlags::SEEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_has_gone_is_passed_over() {
    let ground = Ground::new(None).await;
    ground.append(1, "require \"imap4flags\"; addflag \"\\\\Flagged\";").await;
    let touched = |uid| Touched { uid: Uid(uid), changed: Flags::system(SystemFlags::SEEN) };
    ground.happen(Cause::Flagged, vec![touched(9), touched(1)]).await;
    assert_eq!((ground.flags(Uid(1)), ground.trouble()), (SystemFlags::SEEN.with(SystemFlags::FLAGGED), None));
}
