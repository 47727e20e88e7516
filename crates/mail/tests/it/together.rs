//! Many at once, and the power going away: what was acknowledged is there, once, and all see the same.

use crate::ground::*;
use events::Bus;
use mail::change::Expunge;
use mail::deliver::{Filed, NewMessage, Quota, Rule, Target};
use mail::flags::{FlagMode, Flags, SystemFlags};
use mail::settings::Settings;
use mail::store::Mail;
use model::{MailboxId, QueueId, Uid};
use std::path::Path;
use std::sync::{Arc, Mutex};
use storage::{Cut, Engine, Options, Partition, Partitions, SimulatedDisk};

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn sessions_that_follow_end_equal_whatever_others_do() {
    const WRITERS: usize = 6;
    const EACH: usize = 20;
    let ground = Ground::new();
    ground.mail.prepare(&owner(1)).await.unwrap();
    let (inbox, archive) = (place(&owner(1), INBOX), place(&owner(1), MailboxId(2)));
    let mut tasks = Vec::new();
    for writer in 0..WRITERS {
        let (mail, inbox, archive) = (ground.mail.clone(), inbox.clone(), archive.clone());
        tasks.push(tokio::spawn(async move {
            for number in 0..EACH {
                let uid = append(&mail, &inbox, &text(&format!("{writer}-{number}"), "s", ""), Flags::default()).await;
                let flags = Flags::system(SystemFlags::FLAGGED);
                mail.store_flags(&inbox, vec![uid], FlagMode::Add, flags, None).await.unwrap();
                match number % 4 {
                    0 => drop(mail.expunge(&inbox, vec![uid], Expunge::All).await.unwrap()),
                    1 => drop(mail.move_messages(&inbox, vec![uid], &archive, Quota::default()).await.unwrap()),
                    _ => {}
                }
            }
        }));
    }
    let follower = tokio::spawn({
        let (mail, inbox) = (ground.mail.clone(), inbox.clone());
        async move {
            let mut view = mail.view(&inbox).unwrap();
            let mut shown: Vec<Uid> = view.rows().map(|row| row.uid).collect();
            // Every message was added once; those that stay are half of them.
            while view.uid_next.0 <= (WRITERS * EACH) as u32 || view.len() > WRITERS * EACH / 2 {
                let newer = mail.view(&inbox).unwrap();
                let changes = view.changes_to(&newer);
                changes.expunged.iter().rev().for_each(|index| {
                    shown.remove(*index);
                });
                shown.extend(changes.added.map(|index| newer.get(index).unwrap().uid));
                assert!(newer.highest_modseq >= view.highest_modseq);
                view = newer;
                tokio::task::yield_now().await;
            }
            shown
        }
    });
    for task in tasks {
        task.await.unwrap();
    }
    let shown = follower.await.unwrap();
    let view = ground.mail.view(&inbox).unwrap();
    assert_eq!(shown, view.rows().map(|row| row.uid).collect::<Vec<_>>());
    assert_eq!((view.len(), uids(&ground.mail, &archive).len()), (WRITERS * EACH / 2, WRITERS * EACH / 4));
    assert!(view.rows().all(|row| row.flags.has(SystemFlags::FLAGGED)));
    ground.assert_clean();
}

fn on(disk: &SimulatedDisk) -> Mail {
    let options =
        Options { engine: Engine::Memory, reserve_octets: 0, segment_octets: 16 * 1024, ..Options::default() };
    let partition = Partition::open(Path::new("/p"), options, Arc::new(disk.clone())).unwrap();
    Mail::new(Partitions::single("a", partition).unwrap(), Bus::new(), Settings::default()).unwrap()
}

fn named(number: u64) -> Target {
    let account = 1 + u32::try_from(number % 3).unwrap();
    Target { delivery: Some((QueueId(number), 0)), ..target(&owner(account)) }
}

async fn deliver(mail: &Mail, number: u64) -> Filed {
    let message = NewMessage::new(text(&number.to_string(), "s", "")).unwrap();
    mail.deliver("a", message, vec![named(number)], Rule::Each).await.unwrap().value[0]
}

/// A queue that delivers again what it does not know to be done files everything once, wherever the power failed.
#[tokio::test]
async fn after_a_power_cut_every_delivery_is_there_once() {
    const DELIVERIES: u64 = 40;
    let disk = SimulatedDisk::recording();
    let acknowledged = Mutex::new(Vec::new());
    let mail = on(&disk);
    for number in 0..DELIVERIES {
        deliver(&mail, number).await;
        acknowledged.lock().unwrap().push((disk.operations(), number));
    }
    mail.partitions().get("a").unwrap().clone().close();
    let acknowledged = acknowledged.into_inner().unwrap();
    for trial in 0..60 {
        let operations = 1 + disk.operations() * trial / 60;
        let after = disk.after(Cut { operations, seed: trial as u64, ignore_syncs: false });
        let mail = on(&after);
        let known: Vec<u64> =
            acknowledged.iter().filter(|(at, _)| *at <= operations).map(|(_, number)| *number).collect();
        for number in 0..DELIVERIES {
            let filed = deliver(&mail, number).await;
            let was_there = filed == Filed::Before;
            assert!(was_there || !known.contains(&number), "cut {operations}: {number} was acknowledged and is gone");
        }
        let mut found = Vec::new();
        for account in 1..=3 {
            let view = mail.view(&place(&owner(account), INBOX)).unwrap();
            for row in view.rows() {
                found.push(String::from_utf8(mail.body(&owner(account), &row.blob).unwrap().to_vec()).unwrap());
            }
        }
        found.sort_unstable();
        let mut expected: Vec<String> = (0..DELIVERIES).map(|number| text(&number.to_string(), "s", "")).collect();
        expected.sort_unstable();
        assert_eq!(found, expected, "cut {operations}");
        assert_eq!(mail.check("a", &[]).unwrap().findings, [] as [&str; 0], "cut {operations}");
        mail.partitions().get("a").unwrap().clone().close();
    }
}
