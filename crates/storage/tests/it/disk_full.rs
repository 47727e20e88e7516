//! A real full disk: a small tmpfs, where the user may mount one; elsewhere the simulated disk's tests must do.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use storage::{Options, Partition, RealDisk, WriteError};

use crate::scratch::Scratch;
use crate::script::{Writer, judge};

/// A tmpfs of some megabytes, unmounted when dropped.
struct Mount<'a>(&'a Path);

impl Mount<'_> {
    fn new(path: &Path) -> Option<Mount<'_>> {
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"]).arg(path).status();
        mount.is_ok_and(|status| status.success()).then_some(Mount(path))
    }
}

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}

#[test]
fn a_full_disk_is_survived_and_left_behind() {
    let scratch = Scratch::new();
    let Some(_mount) = Mount::new(scratch.path()) else { return };
    let folder = scratch.path().join("partition");
    let options = Options { reserve_octets: 512 * 1024, segment_octets: 1024 * 1024, ..Options::default() };
    let open = || Partition::open(&folder, options.clone(), Arc::new(RealDisk)).unwrap();
    let partition = open();
    let space = partition.space("script").unwrap();
    let writer = Writer { number: 1, space };
    let ballast = scratch.path().join("ballast");
    // What is removed each time is less than the time before, since the store keeps what it took.
    for (round, octets) in [2048, 1024, 512].into_iter().enumerate() {
        std::fs::write(&ballast, vec![1; octets * 1024]).unwrap();
        let mut n = writer.happened(&partition) + 1;
        let refusal = loop {
            match writer.write(&partition, n).wait() {
                Ok(_) => n += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(refusal, WriteError::NoSpace), "round {round}: {refusal:?}");
        assert_eq!(writer.happened(&partition), n - 1, "reads go on, and show what was acknowledged");
        assert!(matches!(writer.write(&partition, n).wait(), Err(WriteError::NoSpace)));
        std::fs::remove_file(&ballast).unwrap();
        writer.write(&partition, n).wait().unwrap();
        judge(&partition, &[writer]).unwrap();
    }
    let happened = writer.happened(&partition);
    partition.close();
    let partition = open();
    assert_eq!(writer.happened(&partition), happened);
    judge(&partition, &[writer]).unwrap();
}
