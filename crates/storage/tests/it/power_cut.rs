//! Power cuts: a run is recorded, and the disk is taken as it may be after a cut at any moment. Everything that had
//! been acknowledged must be there, whole, and nothing half. With synchronisations ignored the same test must fail.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use storage::{Cut, Disk, Engine, Options, Partition, SimulatedDisk};

use crate::scratch::Scratch;
use crate::script::{Writer, judge};

const WRITERS: u32 = 4;

fn options(engine: Engine) -> Options {
    Options { engine, reserve_octets: 0, segment_octets: 100_000, snapshot_octets: 0, ..Options::default() }
}

fn open(folder: &Path, engine: Engine, disk: &SimulatedDisk) -> Result<Partition, storage::Error> {
    Partition::open(folder, options(engine), Arc::new(disk.clone()))
}

fn writers(partition: &Partition) -> Vec<Writer> {
    let space = partition.space("script").unwrap();
    (0..WRITERS).map(|number| Writer { number: number + 1, space }).collect()
}

/// What was acknowledged, and after how many operations of the disk.
struct Acknowledged {
    writer: usize,
    n: u32,
    operations: usize,
}

/// A recorded run: bursts of transactions, rewriting now and then. `at_rest` is called between bursts.
fn run(partition: &Partition, disk: &SimulatedDisk, from: u32, at_rest: &mut dyn FnMut(usize)) -> Vec<Acknowledged> {
    let writers = writers(partition);
    let mut acknowledged = Vec::new();
    for burst in 0..12 {
        let numbers = from + burst * 3..from + burst * 3 + 3;
        let pending: Vec<_> = numbers
            .flat_map(|n| writers.iter().enumerate().map(move |(index, writer)| (index, n, *writer)))
            .map(|(index, n, writer)| (index, n, writer.write(partition, n)))
            .collect();
        for (writer, n, pending) in pending {
            pending.wait().unwrap();
            acknowledged.push(Acknowledged { writer, n, operations: disk.operations() });
        }
        if burst % 4 == 3 {
            partition.compact(&mut |_| {}).unwrap();
        }
        at_rest(disk.operations());
    }
    acknowledged
}

/// Whether the disk after the cut holds all it must.
fn survives(folder: &Path, engine: Engine, disk: &SimulatedDisk, cut: Cut, run: &[Acknowledged]) -> Result<(), String> {
    let after = disk.after(cut);
    let partition = open(folder, engine, &after).map_err(|error| format!("it does not open: {error}"))?;
    let writers = writers(&partition);
    for one in run.iter().filter(|one| one.operations <= cut.operations) {
        let happened = writers[one.writer].happened(&partition);
        if happened < one.n {
            return Err(format!("{} of writer {} was acknowledged, {happened} are there", one.n, one.writer));
        }
    }
    judge(&partition, &writers)?;
    // Life goes on, and is found again.
    let next: Vec<u32> = writers.iter().map(|writer| writer.happened(&partition) + 1).collect();
    let pending: Vec<_> = writers.iter().zip(&next).map(|(writer, n)| writer.write(&partition, *n)).collect();
    for pending in pending {
        pending.wait().unwrap();
    }
    partition.close();
    let partition = open(folder, engine, &after).map_err(|error| format!("it does not open again: {error}"))?;
    let happened: Vec<u32> = writers.iter().map(|writer| writer.happened(&partition)).collect();
    if happened != next {
        return Err(format!("{next:?} were acknowledged after the cut, {happened:?} are there"));
    }
    judge(&partition, &writers)
}

fn cuts(operations: usize, trials: u64, ignore_syncs: bool) -> impl Iterator<Item = Cut> {
    (0..trials).map(move |seed| {
        // Multiples of the golden ratio spread evenly, however many there are.
        let fraction = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        Cut { operations: ((fraction * (operations as u64 + 1)) >> 32) as usize, seed, ignore_syncs }
    })
}

#[test]
fn acknowledged_is_there_after_any_power_cut() {
    let disk = SimulatedDisk::recording();
    let folder = Path::new("/p");
    let partition = open(folder, Engine::Memory, &disk).unwrap();
    let run = run(&partition, &disk, 1, &mut |_| {});
    partition.close();
    assert!(run.len() == 144 && disk.operations() > 60, "{} operations", disk.operations());
    for cut in cuts(disk.operations(), 220, false) {
        if let Err(text) = survives(folder, Engine::Memory, &disk, cut, &run) {
            panic!("{cut:?}: {text}");
        }
    }
}

#[test]
fn without_synchronisation_the_same_test_fails() {
    let disk = SimulatedDisk::recording();
    let folder = Path::new("/p");
    let partition = open(folder, Engine::Memory, &disk).unwrap();
    let run = run(&partition, &disk, 1, &mut |_| {});
    partition.close();
    // Cuts before anything was acknowledged can lose nothing.
    let first = run.iter().map(|one| one.operations).min().unwrap();
    let lossy: Vec<Cut> = cuts(disk.operations(), 40, true).filter(|cut| cut.operations >= first).collect();
    let noticed = lossy.iter().filter(|cut| survives(folder, Engine::Memory, &disk, **cut, &run).is_err()).count();
    assert!(lossy.len() > 25 && noticed * 10 >= lossy.len() * 9, "only {noticed} of {} were noticed", lossy.len());
}

#[test]
fn a_second_power_cut_during_recovery_loses_nothing_either() {
    let disk = SimulatedDisk::recording();
    let folder = Path::new("/p");
    let partition = open(folder, Engine::Memory, &disk).unwrap();
    let first_run = run(&partition, &disk, 1, &mut |_| {});
    partition.close();
    for cut in cuts(disk.operations(), 25, false) {
        let after = disk.after(cut);
        let partition = open(folder, Engine::Memory, &after).unwrap();
        let must: Vec<u32> = writers(&partition).iter().map(|writer| writer.happened(&partition)).collect();
        // What was seen once stays, also if it had never been acknowledged.
        let seen: Vec<Acknowledged> =
            (0..).zip(&must).map(|(writer, n)| Acknowledged { writer, n: *n, operations: 0 }).collect();
        let recovered = after.operations();
        let known = first_run.iter().filter(|one| one.operations <= cut.operations);
        assert!(known.into_iter().all(|one| must[one.writer] >= one.n));
        partition.close();
        for seed in 0..4 {
            let again = Cut { operations: recovered, seed, ignore_syncs: false };
            if let Err(text) = survives(folder, Engine::Memory, &after, again, &seen) {
                panic!("{cut:?}, then {again:?}: {text}");
            }
        }
    }
}

/// The index of SQLite is no part of the simulated disk: after a cut it may be missing, or as old as it ever was.
#[test]
fn an_index_of_any_age_catches_up_with_the_log() {
    let scratch = Scratch::new();
    let folder = scratch.path().join("partition");
    let disk = SimulatedDisk::recording();
    let partition = open(&folder, Engine::Sqlite, &disk).unwrap();
    let mut copies: Vec<(usize, PathBuf)> = Vec::new();
    let run = run(&partition, &disk, 1, &mut |operations| {
        let copy = scratch.path().join(format!("copy-{operations}"));
        copy_index(&folder, &copy);
        copies.push((operations, copy));
    });
    partition.close();
    for cut in cuts(disk.operations(), 60, false) {
        let old = copies.iter().filter(|(operations, _)| *operations <= cut.operations);
        // Every age comes up: none at all, the newest, and those between.
        let old: Vec<_> = old.rev().collect();
        let index = (cut.seed as usize) % (old.len() + 1);
        remove_index(&folder);
        if let Some((_, copy)) = old.get(index) {
            copy_index(copy, &folder);
        }
        if let Err(text) = survives(&folder, Engine::Sqlite, &disk, cut, &run) {
            panic!("{cut:?} with index {index} of {}: {text}", old.len());
        }
    }
}

const INDEX_FILES: [&str; 2] = ["index.sqlite", "index.sqlite-wal"];

fn copy_index(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for name in INDEX_FILES {
        let _ = std::fs::copy(from.join(name), to.join(name));
    }
}

fn remove_index(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
}

#[test]
fn a_cut_in_an_empty_store_leaves_an_empty_store() {
    let disk = SimulatedDisk::recording();
    let folder = Path::new("/p");
    open(folder, Engine::Memory, &disk).unwrap().close();
    for seed in 0..30 {
        let cut = Cut { operations: seed as usize % (disk.operations() + 1), seed, ignore_syncs: false };
        let after = disk.after(cut);
        open(folder, Engine::Memory, &after).unwrap().close();
        assert!(after.list(&folder.join("log")).unwrap().is_empty());
    }
}
