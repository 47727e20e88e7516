//! Random operations on a real store and on plain lists: the two stay equal, through restarts, for a client that
//! catches up by views and for one that only knows numbers of changes.

use crate::ground::*;
use mail::change::Expunge;
use mail::deliver::Quota;
use mail::flags::{FlagMode, Flags, SystemFlags};
use mail::view::View;
use model::{MailboxId, Modseq, Uid};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;

const BOXES: [MailboxId; 3] = [MailboxId(1), MailboxId(2), MailboxId(3)];
const WORDS: [&str; 3] = ["red", "green", "blue"];

#[derive(Clone, Debug)]
enum Operation {
    Append { to: usize, text: u8, flags: u8, word: usize },
    Deliver { text: u8 },
    Store { at: usize, picks: u16, mode: u8, flags: u8, word: usize, only_old: bool },
    Copy { from: usize, to: usize, picks: u16 },
    Move { from: usize, to: usize, picks: u16 },
    Expunge { at: usize, picks: u16, only_deleted: bool },
    Undelete { most: usize },
    CatchUp { at: usize },
    Reopen,
}

fn operation() -> impl Strategy<Value = Operation> {
    let at = 0..BOXES.len();
    prop_oneof![
        4 => (at.clone(), any::<u8>(), 0u8..32, 0..4usize)
            .prop_map(|(to, text, flags, word)| Operation::Append { to, text, flags, word }),
        2 => any::<u8>().prop_map(|text| Operation::Deliver { text }),
        4 => (at.clone(), any::<u16>(), 0u8..3, 0u8..32, 0..4usize, any::<bool>()).prop_map(
            |(at, picks, mode, flags, word, only_old)| Operation::Store { at, picks, mode, flags, word, only_old }
        ),
        2 => (at.clone(), at.clone(), any::<u16>()).prop_map(|(from, to, picks)| Operation::Copy { from, to, picks }),
        2 => (at.clone(), at.clone(), any::<u16>()).prop_map(|(from, to, picks)| Operation::Move { from, to, picks }),
        2 => (at.clone(), any::<u16>(), any::<bool>())
            .prop_map(|(at, picks, only_deleted)| Operation::Expunge { at, picks, only_deleted }),
        1 => (1..4usize).prop_map(|most| Operation::Undelete { most }),
        2 => at.prop_map(|at| Operation::CatchUp { at }),
        1 => Just(Operation::Reopen),
    ]
}

#[derive(Clone, Debug, PartialEq)]
struct Message {
    uid: u32,
    flags: SystemFlags,
    words: BTreeSet<&'static str>,
    text: u8,
    modseq: Modseq,
}

#[derive(Default)]
struct Mailbox {
    messages: Vec<Message>,
    next: u32,
    /// What was expunged: UID and the change that did it.
    vanished: Vec<(u32, Modseq)>,
}

/// A client that has seen a mailbox at some moment.
struct Client {
    view: Arc<View>,
    shown: Vec<(u32, SystemFlags, Modseq)>,
}

struct Model {
    ground: Ground,
    boxes: Vec<Mailbox>,
    trash: Vec<(u64, usize, Message)>,
    clients: Vec<Option<Client>>,
}

fn words_of(word: usize) -> Vec<String> {
    WORDS.get(word).map(|word| (*word).to_owned()).into_iter().collect()
}

fn body(number: u8) -> String {
    text(&number.to_string(), "s", &"X: y\r\n".repeat(usize::from(number % 7)))
}

impl Model {
    fn picked(&self, at: usize, picks: u16) -> Vec<Uid> {
        let messages = self.boxes[at].messages.iter().enumerate();
        messages.filter(|(index, _)| picks & (1 << (index % 16)) != 0).map(|(_, message)| Uid(message.uid)).collect()
    }

    fn place(&self, at: usize) -> mail::change::Place {
        place(&owner(1), BOXES[at])
    }

    fn modseq(&self) -> Modseq {
        Modseq(self.ground.mail.usage(&owner(1)).unwrap().modseq)
    }

    fn add(&mut self, at: usize, message: Message) -> u32 {
        let (uid, modseq) = (self.boxes[at].next, self.modseq());
        self.boxes[at].next += 1;
        self.boxes[at].messages.push(Message { uid, modseq, ..message });
        uid
    }

    fn take(&mut self, at: usize, uid: u32) -> Message {
        let modseq = self.modseq();
        let index = self.boxes[at].messages.iter().position(|message| message.uid == uid).unwrap();
        self.boxes[at].vanished.push((uid, modseq));
        self.boxes[at].messages.remove(index)
    }

    async fn run(&mut self, operation: Operation) {
        let mail = self.ground.mail.clone();
        match operation {
            Operation::Append { to, text, flags, word } => {
                let flags = Flags { system: SystemFlags(flags), keywords: words_of(word) };
                let uid = append(&mail, &self.place(to), &body(text), flags.clone()).await;
                let words = WORDS.get(word).copied().into_iter().collect();
                let message = Message { uid: 0, flags: flags.system, words, text, modseq: Modseq(0) };
                assert_eq!(self.add(to, message), uid.0);
            }
            Operation::Deliver { text } => {
                deliver_to(&mail, target(&owner(1)), &body(text)).await;
                let (flags, words) = (SystemFlags::default(), BTreeSet::new());
                self.add(0, Message { uid: 0, flags, words, text, modseq: Modseq(0) });
            }
            Operation::Store { at, picks, mode, flags, word, only_old } => {
                let since = only_old.then(|| Modseq(self.modseq().0.saturating_sub(2)));
                let uids = self.picked(at, picks);
                self.store(at, uids, usize::from(mode), (SystemFlags(flags), word), since).await;
            }
            Operation::Copy { from, to, picks } => {
                let uids = self.picked(from, picks);
                let copied =
                    mail.copy(&self.place(from), uids.clone(), &self.place(to), Quota::default()).await.unwrap();
                let sources: Vec<Message> =
                    self.boxes[from].messages.iter().filter(|m| uids.contains(&Uid(m.uid))).cloned().collect();
                let new: Vec<Uid> = sources.into_iter().map(|message| Uid(self.add(to, message))).collect();
                assert_eq!(copied.value.to.map(|placed| placed.uids).unwrap_or_default(), new);
            }
            Operation::Move { from, to, picks } => {
                let uids = self.picked(from, picks);
                let (here, there) = (self.place(from), self.place(to));
                let moved = mail.move_messages(&here, uids.clone(), &there, Quota::default()).await.unwrap().value;
                assert_eq!(moved.from, uids);
                let taken: Vec<Message> = uids.iter().map(|uid| self.take(from, uid.0)).collect();
                taken.into_iter().for_each(|message| {
                    self.add(to, message);
                });
            }
            Operation::Expunge { at, picks, only_deleted } => {
                let which = if only_deleted { Expunge::Deleted } else { Expunge::All };
                let uids = self.picked(at, picks);
                let gone = mail.expunge(&self.place(at), uids, which).await.unwrap().value;
                for uid in gone {
                    let message = self.take(at, uid.0);
                    assert!(!only_deleted || message.flags.has(SystemFlags::DELETED));
                    self.trash.push((self.ground.now().0, at, message));
                }
            }
            Operation::Undelete { most } => self.undelete(most).await,
            Operation::CatchUp { at } => self.catch_up(at),
            Operation::Reopen => self.ground.reopen(),
        }
        self.ground.pass_secs(1);
    }

    async fn store(
        &mut self,
        at: usize,
        uids: Vec<Uid>,
        mode: usize,
        (flags, word): (SystemFlags, usize),
        since: Option<Modseq>,
    ) {
        let mode = [FlagMode::Add, FlagMode::Remove, FlagMode::Replace][mode];
        let named = Flags { system: flags, keywords: words_of(word) };
        let (mail, place) = (self.ground.mail.clone(), self.place(at));
        let stored = mail.store_flags(&place, uids.clone(), mode, named, since).await.unwrap().value;
        let modseq = self.modseq();
        let words: BTreeSet<&str> = WORDS.get(word).copied().into_iter().collect();
        for message in self.boxes[at].messages.iter_mut().filter(|message| uids.contains(&Uid(message.uid))) {
            let is_old = since.is_none_or(|since| message.modseq <= since);
            assert_eq!(stored.done.contains(&Uid(message.uid)), is_old);
            assert_eq!(stored.modified.contains(&Uid(message.uid)), !is_old);
            if !is_old {
                continue;
            }
            let before = (message.flags, message.words.clone());
            match mode {
                FlagMode::Add => {
                    message.flags = message.flags.with(flags);
                    message.words.extend(&words);
                }
                FlagMode::Remove => {
                    message.flags = message.flags.without(flags);
                    message.words.retain(|word| !words.contains(word));
                }
                FlagMode::Replace => (message.flags, message.words) = (flags, words.clone()),
            }
            if before != (message.flags, message.words.clone()) {
                message.modseq = modseq;
            }
        }
    }

    async fn undelete(&mut self, most: usize) {
        let listed = self.ground.mail.trash(&owner(1), model::Timestamp(0), most).unwrap();
        self.ground.mail.undelete(&owner(1), listed.clone()).await.unwrap();
        for trashed in listed {
            let is_it = |(when, at, message): &(u64, usize, Message)| {
                (*when, BOXES[*at], message.uid) == (trashed.when.0, trashed.row.mailbox, trashed.uid.0)
            };
            let index = self.trash.iter().position(is_it).unwrap();
            let (_, at, message) = self.trash.remove(index);
            let flags = message.flags.without(SystemFlags::DELETED);
            self.add(at, Message { flags, ..message });
        }
    }

    /// The client tells itself what the views say has changed, and then has what is there.
    fn catch_up(&mut self, at: usize) {
        let view = self.ground.mail.view(&self.place(at)).unwrap();
        let entry = |index: usize| view.get(index).map(|row| (row.uid.0, row.flags, row.modseq)).unwrap();
        let shown = match self.clients[at].take() {
            None => (0..view.len()).map(entry).collect(),
            Some(client) => {
                let changes = client.view.changes_to(&view);
                let mut shown = client.shown;
                changes.expunged.iter().rev().for_each(|index| {
                    shown.remove(*index);
                });
                changes.changed.iter().for_each(|index| shown[*index] = entry(*index));
                assert_eq!(changes.added.start, shown.len());
                shown.extend(changes.added.map(entry));
                shown
            }
        };
        assert_eq!(shown, (0..view.len()).map(entry).collect::<Vec<_>>());
        self.clients[at] = Some(Client { view, shown });
    }

    fn compare(&self) {
        let mail = &self.ground.mail;
        let mut octets = 0;
        for (at, expected) in self.boxes.iter().enumerate() {
            let view = mail.view(&self.place(at)).unwrap();
            let found: Vec<Message> = view.rows().map(|row| self.message_of(&view, row)).collect();
            assert_eq!(found, expected.messages, "mailbox {at}");
            let row = mail.mailbox(&owner(1), BOXES[at]).unwrap().unwrap().row;
            let unseen = expected.messages.iter().filter(|message| !message.flags.has(SystemFlags::SEEN)).count();
            assert_eq!((row.unseen as usize, row.uid_next.0), (unseen, expected.next));
            octets += row.octets;
            let since = Modseq(row.highest_modseq.0 / 2);
            let mut vanished: Vec<Uid> =
                expected.vanished.iter().filter(|(_, modseq)| *modseq > since).map(|(uid, _)| Uid(*uid)).collect();
            vanished.sort_unstable();
            assert_eq!(mail.vanished_since(&self.place(at), since).unwrap(), Some(vanished));
        }
        let bodies = self.boxes.iter().flat_map(|mailbox| &mailbox.messages).map(|message| body(message.text).len());
        assert_eq!(octets, bodies.sum::<usize>() as u64);
        assert_eq!(mail.usage(&owner(1)).unwrap().octets, octets);
    }

    fn message_of(&self, view: &View, row: &mail::view::Row) -> Message {
        let octets = self.ground.mail.body(&owner(1), &row.blob).unwrap();
        let text = (0..=255u8).find(|number| body(*number).as_bytes() == octets).unwrap();
        let names: Vec<&str> = view.keywords.names_of(row.keywords).collect();
        let words = WORDS.into_iter().filter(|word| names.contains(word)).collect();
        Message { uid: row.uid.0, flags: row.flags, words, text, modseq: row.modseq }
    }
}

fn run(operations: Vec<Operation>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let ground = Ground::new();
        ground.mail.prepare(&owner(1)).await.unwrap();
        let mailbox = || Mailbox { next: 1, ..Mailbox::default() };
        let mut model = Model {
            ground,
            boxes: BOXES.iter().map(|_| mailbox()).collect(),
            trash: Vec::new(),
            clients: BOXES.iter().map(|_| None).collect(),
        };
        for operation in operations {
            model.run(operation).await;
            model.compare();
        }
        model.ground.reopen();
        (0..BOXES.len()).for_each(|at| model.catch_up(at));
        model.compare();
        model.ground.assert_clean();
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]
    #[test]
    fn a_store_equals_its_model(operations in proptest::collection::vec(operation(), 1..50)) {
        run(operations);
    }
}
