//! What every test stands on: a folder with partitions, a clock that is told the time, and messages to file.

use account::owner::Owner;
use events::Bus;
use mail::change::Place;
use mail::deliver::{Append, Filed, NewMessage, Quota, Rule, Target};
use mail::flags::Flags;
use mail::settings::Settings;
use mail::store::Mail;
use model::{AccountId, MailboxId, Timestamp, Uid};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use storage::{Options, Partition, Partitions, RealDisk};

pub const INBOX: MailboxId = MailboxId(1);
pub const START: Timestamp = Timestamp(1_790_000_000_000);

/// A folder with the partitions `a` and `b`; removed at the end.
pub struct Ground {
    folder: PathBuf,
    clock: Arc<AtomicU64>,
    pub bus: Bus,
    pub mail: Mail,
    settings: Settings,
}

impl Ground {
    pub fn new() -> Ground {
        Ground::with(Settings::default())
    }

    pub fn with(settings: Settings) -> Ground {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("heliograph-mail-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        let clock = Arc::new(AtomicU64::new(START.0));
        let bus = Bus::new();
        let mail = open(&folder, &clock, &bus, &settings);
        Ground { folder, clock, bus, mail, settings }
    }

    /// Closes all and opens it again, as a restart does.
    pub fn reopen(&mut self) {
        self.mail.partitions().iter().for_each(|(_, partition)| partition.clone().close());
        self.bus = Bus::new();
        self.mail = open(&self.folder, &self.clock, &self.bus, &self.settings);
    }

    pub fn pass_secs(&self, secs: u64) {
        self.clock.fetch_add(secs * 1000, Ordering::Relaxed);
    }

    pub fn now(&self) -> Timestamp {
        Timestamp(self.clock.load(Ordering::Relaxed))
    }

    /// Nothing is wrong on either partition.
    pub fn assert_clean(&self) {
        for nick in ["a", "b"] {
            let report = self.mail.check(nick, &[]).unwrap();
            assert_eq!(report.findings, [] as [&str; 0], "partition {nick}");
        }
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        self.mail.partitions().iter().for_each(|(_, partition)| partition.clone().close());
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn open(folder: &std::path::Path, clock: &Arc<AtomicU64>, bus: &Bus, settings: &Settings) -> Mail {
    let mut by_nick = BTreeMap::new();
    for nick in ["a", "b"] {
        let clock = clock.clone();
        let clock: storage::Clock = Arc::new(move || Timestamp(clock.load(Ordering::Relaxed)));
        let options = Options { clock, reserve_octets: 0, ..Options::default() };
        let partition = Partition::open(&folder.join(nick), options, Arc::new(RealDisk)).unwrap();
        by_nick.insert(nick.to_owned(), partition);
    }
    Mail::new(Partitions::new(by_nick, "a").unwrap(), bus.clone(), settings.clone()).unwrap()
}

/// An owner on partition `a`.
pub fn owner(account: u32) -> Owner {
    Owner::new(AccountId(account), "a")
}

pub fn place(owner: &Owner, mailbox: MailboxId) -> Place {
    Place { owner: owner.clone(), mailbox }
}

pub fn text(message_id: &str, subject: &str, more: &str) -> String {
    format!("Message-ID: <{message_id}@x>\r\nSubject: {subject}\r\n{more}\r\nHello from {message_id}\r\n")
}

pub fn target(owner: &Owner) -> Target {
    Target {
        owner: owner.clone(),
        mailbox: None,
        poster: None,
        flags: Flags::default(),
        quota: Quota::default(),
        delivery: None,
    }
}

pub async fn deliver_to(mail: &Mail, target: Target, message: &str) -> Filed {
    let message = NewMessage::new(message.to_owned()).unwrap();
    let partition = target.owner.partition.clone();
    mail.deliver(&partition, message, vec![target], Rule::Each).await.unwrap().value[0]
}

pub async fn append(mail: &Mail, place: &Place, message: &str, flags: Flags) -> Uid {
    let append =
        Append { message: NewMessage::new(message.to_owned()).unwrap(), flags, internal_date: Some(Timestamp(77_000)) };
    mail.append(&place.owner, place.mailbox, vec![append], Quota::default()).await.unwrap().value.uids[0]
}

/// The UIDs of a mailbox as its view shows them.
pub fn uids(mail: &Mail, place: &Place) -> Vec<u32> {
    mail.view(place).unwrap().rows().map(|row| row.uid.0).collect()
}
