//! Damaged files: noticed, named, repaired as far as can be, never passed over.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use storage::{Disk, Engine, Error, Options, Partition, RealDisk, SimulatedDisk};

use crate::scratch::Scratch;
use crate::script::{Writer, judge};

fn options(engine: Engine) -> Options {
    Options { engine, reserve_octets: 0, segment_octets: 100_000, snapshot_octets: 0, ..Options::default() }
}

fn write(partition: &Partition, from: u32, to: u32) -> Vec<Writer> {
    let space = partition.space("script").unwrap();
    let writer = Writer { number: 1, space };
    for n in from..to {
        writer.write(partition, n).wait().unwrap();
    }
    vec![writer]
}

fn segment(number: u32) -> PathBuf {
    PathBuf::from(format!("/p/log/{number:016x}.seg"))
}

fn simulated(disk: &SimulatedDisk) -> Result<Partition, Error> {
    Partition::open(Path::new("/p"), options(Engine::Memory), Arc::new(disk.clone()))
}

#[test]
fn a_damaged_index_is_made_anew_from_the_log() {
    let scratch = Scratch::new();
    let open = || Partition::open(scratch.path(), options(Engine::Sqlite), Arc::new(RealDisk)).unwrap();
    let partition = open();
    let writers = write(&partition, 1, 30);
    partition.close();
    let index = scratch.path().join("index.sqlite");
    std::fs::write(&index, vec![0xa5; 50_000]).unwrap();
    let partition = open();
    assert_eq!(writers[0].happened(&partition), 29);
    judge(&partition, &writers).unwrap();
    assert!(scratch.path().join("index.sqlite.old").exists(), "the damaged one is kept");
}

#[test]
fn damage_in_the_middle_of_the_log_is_no_torn_tail() {
    for offset in [70, 90, 20_000, 60_000] {
        let disk = SimulatedDisk::new();
        let partition = simulated(&disk).unwrap();
        write(&partition, 1, 30);
        assert!(partition.check(&mut |_| {}).unwrap().is_clean());
        disk.damage(&segment(2), offset, 4);
        let report = partition.check(&mut |_| {}).unwrap();
        assert!(report.findings.iter().any(|finding| finding.lost), "offset {offset}: {report:?}");
        partition.close();
        let outcome = simulated(&disk).map(|_| ());
        assert!(matches!(outcome, Err(Error::Corrupt { .. })), "offset {offset}: {outcome:?}");
    }
}

#[test]
fn damage_in_the_last_segment_is_noticed_unless_it_is_its_last_group() {
    let disk = SimulatedDisk::new();
    let partition = simulated(&disk).unwrap();
    write(&partition, 1, 4);
    partition.close();
    disk.damage(&segment(1), 100, 1);
    assert!(matches!(simulated(&disk).map(|_| ()), Err(Error::Corrupt { .. })));
}

#[test]
fn a_lost_segment_is_noticed() {
    let disk = SimulatedDisk::new();
    let partition = simulated(&disk).unwrap();
    write(&partition, 1, 30);
    disk.remove(&segment(2)).unwrap();
    assert!(!partition.check(&mut |_| {}).unwrap().is_clean());
    partition.close();
    assert!(matches!(simulated(&disk).map(|_| ()), Err(Error::Corrupt { .. })));
}

#[test]
fn repair_saves_what_can_be_read_and_lists_the_rest() {
    let scratch = Scratch::new();
    let disk = SimulatedDisk::new();
    let folder = scratch.path();
    let open = || Partition::open(folder, options(Engine::Sqlite), Arc::new(disk.clone()));
    let partition = open().unwrap();
    write(&partition, 1, 40);
    partition.close();
    let segment = folder.join("log/0000000000000002.seg");
    disk.damage(&segment, 20_000, 4);
    std::fs::remove_file(folder.join("index.sqlite")).unwrap();
    assert!(matches!(open().map(|_| ()), Err(Error::Corrupt { .. })));
    let repair = || Partition::repair(folder, options(Engine::Sqlite), Arc::new(disk.clone()), &mut |_| {}).unwrap();
    let report = repair();
    assert!(report.findings.iter().any(|finding| finding.lost), "{report:?}");
    assert!(report.groups > 30, "{report:?}");
    let partition = open().unwrap();
    let space = partition.space("script").unwrap();
    let writer = Writer { number: 1, space };
    assert!(writer.happened(&partition) == 39, "the newest rows are there");
    writer.write(&partition, 40).wait().unwrap();
    // The damage is still there, and is still said.
    let findings = partition.check(&mut |_| {}).unwrap().findings;
    assert!(findings.iter().any(|finding| finding.lost), "{findings:?}");
    partition.close();
    open().unwrap().close();
    // A second repair finds a whole index, and nothing new.
    let again = repair();
    assert_eq!(again.source, "the index as it was");
    assert_eq!(again.groups, 0);
}

#[test]
fn repair_of_a_whole_store_finds_nothing() {
    let scratch = Scratch::new();
    let open = || Partition::open(scratch.path(), options(Engine::Sqlite), Arc::new(RealDisk)).unwrap();
    let partition = open();
    write(&partition, 1, 20);
    partition.close();
    let report = Partition::repair(scratch.path(), options(Engine::Sqlite), Arc::new(RealDisk), &mut |_| {}).unwrap();
    assert_eq!(report.findings, []);
    let partition = open();
    let writers = write(&partition, 20, 25);
    judge(&partition, &writers).unwrap();
}

#[test]
fn a_log_shorter_than_the_index_is_refused_and_can_be_repaired() {
    let scratch = Scratch::new();
    let disk = SimulatedDisk::new();
    let folder = scratch.path();
    let open = || Partition::open(folder, options(Engine::Sqlite), Arc::new(disk.clone()));
    let partition = open().unwrap();
    write(&partition, 1, 3);
    partition.close();
    let path = folder.join("log/0000000000000001.seg");
    let file = disk.open(&path).unwrap();
    file.truncate(file.octets().unwrap() - 300).unwrap();
    assert!(matches!(open().map(|_| ()), Err(Error::Corrupt { .. })));
    let report = Partition::repair(folder, options(Engine::Sqlite), Arc::new(disk.clone()), &mut |_| {}).unwrap();
    assert!(report.findings.iter().any(|finding| finding.lost), "{report:?}");
    let partition = open().unwrap();
    write(&partition, 3, 5);
    partition.close();
    open().unwrap().close();
}

#[test]
fn a_segment_of_another_format_is_refused() {
    let disk = SimulatedDisk::new();
    let partition = simulated(&disk).unwrap();
    write(&partition, 1, 3);
    partition.close();
    let file = disk.open(&segment(1)).unwrap();
    let mut header = [0; 64];
    file.read_at(0, &mut header).unwrap();
    header[8] = 2;
    let crc = crc32c::crc32c(&header[..60]);
    header[60..].copy_from_slice(&crc.to_le_bytes());
    file.write_at(0, &mut [std::io::IoSlice::new(&header)]).unwrap();
    assert!(matches!(simulated(&disk).map(|_| ()), Err(Error::UnknownFormat { .. })));
}
