//! Searching a real mailbox.

use super::*;
use account::owner::Owner;
use events::Bus;
use imap::parse;
use mail::deliver::{Append, NewMessage, Quota};
use mail::flags::Flags;
use model::{AccountId, MailboxId};
use std::sync::Arc;
use storage::{Partition, Partitions};

/// A mailbox with messages, arrived a day apart from 2024-01-01 on.
pub(crate) struct Stocked {
    pub(crate) mail: Mail,
    pub(crate) place: Place,
    pub(crate) view: Arc<View>,
}

const DAY_MS: u64 = 86_400_000;
/// 2024-01-01T12:00:00Z
const FIRST: u64 = 1_704_110_400_000;

impl Stocked {
    pub(crate) async fn with(messages: &[(&str, Flags)]) -> Stocked {
        let partition = Partition::in_memory().unwrap();
        let partitions = Partitions::single("main", partition).unwrap();
        let mail = Mail::new(partitions, Bus::new(), mail::settings::Settings::default()).unwrap();
        let owner = Owner::new(AccountId(1), "main");
        mail.prepare(&owner).await.unwrap();
        let inbox: MailboxId = mail.find(&owner, "INBOX").unwrap().unwrap().id;
        let appends = messages.iter().enumerate().map(|(at, (text, flags))| Append {
            message: NewMessage::new(text.as_bytes().to_vec()).unwrap(),
            flags: flags.clone(),
            internal_date: Some(Timestamp(FIRST + at as u64 * DAY_MS)),
        });
        mail.append(&owner, inbox, appends.collect(), Quota::default()).await.unwrap();
        let place = Place { owner, mailbox: inbox };
        let view = mail.view(&place).unwrap();
        Stocked { mail, place, view }
    }

    pub(crate) async fn plain(messages: &[&str]) -> Stocked {
        let messages: Vec<(&str, Flags)> = messages.iter().map(|text| (*text, Flags::default())).collect();
        Stocked::with(&messages).await
    }

    /// Message numbers, as a client writes the key.
    fn find(&self, keys: &str) -> Vec<usize> {
        let read = parse::command(format!("a SEARCH {keys}\r\n").as_bytes()).unwrap().command;
        let imap::command::Command::Search { key, .. } = read else { panic!("not a search") };
        let now = Timestamp(FIRST + 3 * DAY_MS);
        let found =
            search(&self.mail, &self.place, &self.view, Question { key: &key, now, saved: &[3, 1] }, &mut |_, _| {})
                .unwrap();
        found.into_iter().map(|index| index + 1).collect()
    }
}

async fn four() -> Stocked {
    let seen = Flags { system: SystemFlags::SEEN, keywords: vec!["$Junk".to_owned()] };
    let flagged = Flags { system: SystemFlags::SEEN.with(SystemFlags::FLAGGED), keywords: Vec::new() };
    Stocked::with(&[
        ("Subject: =?utf-8?Q?Caf=C3=A9?= one\r\nFrom: Fred <f@x>\r\nDate: Mon, 1 Jan 2024 23:00:00 -0500\r\n\r\nhello\r\n", seen),
        ("Subject: two\r\nTo: fred@x\r\nDate: Tue, 2 Jan 2024 00:30:00 +0200\r\nX-Empty:\r\n\r\nGood bye\r\n", Flags::default()),
        (
            "Subject: three\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nR3LDvMOfZQ==\r\n",
            flagged,
        ),
        ("Subject: four\r\n\r\nhello again, this one is longer than the others are by quite some octets\r\n", Flags::default()),
    ])
    .await
}

#[tokio::test]
async fn what_the_view_knows() {
    let mailbox = four().await;
    assert_eq!(mailbox.find("ALL"), [1, 2, 3, 4]);
    assert_eq!(mailbox.find("SEEN"), [1, 3]);
    assert_eq!(mailbox.find("UNSEEN NOT 2"), [4]);
    assert_eq!(mailbox.find("FLAGGED"), [3]);
    assert_eq!(mailbox.find("KEYWORD $junk"), [1]);
    assert_eq!(mailbox.find("UNKEYWORD $Junk 1:2"), [2]);
    assert_eq!(mailbox.find("KEYWORD unknown"), [] as [usize; 0]);
    assert_eq!(mailbox.find("UID 2:*"), [2, 3, 4]);
    assert_eq!(mailbox.find("$"), [1, 3]);
    assert_eq!(mailbox.find("OR 1 (3 SEEN)"), [1, 3]);
    assert_eq!(mailbox.find("BEFORE 2-Jan-2024"), [1]);
    assert_eq!(mailbox.find("ON 2-Jan-2024"), [2]);
    assert_eq!(mailbox.find("SINCE 3-Jan-2024"), [3, 4]);
    assert_eq!(mailbox.find("YOUNGER 86400"), [3, 4]);
    assert_eq!(mailbox.find("OLDER 86401"), [1, 2]);
    assert_eq!(mailbox.find("LARGER 80 SMALLER 10000 4"), [4]);
    let (email, thread) = mailbox.view.get(1).map(|row| (email_id(row), thread_id(row))).unwrap();
    assert_eq!(mailbox.find(&format!("EMAILID {email}")), [2]);
    assert_eq!(mailbox.find(&format!("THREADID {thread}")), [2]);
}

#[tokio::test]
async fn what_must_be_read() {
    let mailbox = four().await;
    assert_eq!(mailbox.find("SUBJECT \"CAF\""), [1]);
    assert_eq!(mailbox.find("CHARSET UTF-8 SUBJECT {5}\r\ncafé"), [1]);
    assert_eq!(mailbox.find("FROM fred"), [1]);
    assert_eq!(mailbox.find("OR FROM fred TO FRED"), [1, 2]);
    assert_eq!(mailbox.find("HEADER X-Empty \"\""), [2]);
    assert_eq!(mailbox.find("NOT HEADER X-Empty \"\" UNSEEN"), [4]);
    assert_eq!(mailbox.find("BODY HELLO"), [1, 4]);
    assert_eq!(mailbox.find("BODY {6}\r\ngrüß"), [3]);
    assert_eq!(mailbox.find("TEXT two"), [2]);
    assert_eq!(mailbox.find("TEXT good"), [2]);
    assert_eq!(mailbox.find("BODY two"), [] as [usize; 0]);
    assert_eq!(mailbox.find("SENTON 1-Jan-2024"), [1], "as the sender's calendar shows it");
    assert_eq!(mailbox.find("SENTSINCE 2-Jan-2024"), [2]);
    assert_eq!(mailbox.find("SENTBEFORE 1-Jan-2030"), [1, 2], "those that have a date");
}
