//! The storage of a data folder: its partitions, opened, repaired and closed.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use storage::{Layout, Options, Partition, Partitions, RealDisk};

use crate::compose::private::make_private;
use crate::failure::Failure;
use crate::settings::Settings;

/// The store of a data folder, opened under its locks.
#[derive(Clone)]
pub struct Store {
    /// Where everything lies.
    pub layout: Layout,
    /// Directory and queue.
    pub system: Partition,
    /// Mail.
    pub partitions: Partitions,
}

impl Store {
    /// Closes all partitions, each at a point from which it opens without replay.
    pub fn close(self) {
        for (_, partition) in self.partitions.iter() {
            partition.clone().close();
        }
        self.system.close();
    }
}

/// Opens the store of a data folder, making what is not there.
///
/// # Errors
/// The folder cannot be used, or another process has it open (temporary).
pub fn open(settings: &Settings) -> Result<Store, Failure> {
    let layout = Layout::new(&settings.server.data);
    for folder in [layout.data().to_owned(), layout.partitions(), layout.run()] {
        make_private(&folder)?;
    }
    let system = open_partition(&layout.system(), settings)?;
    let mut by_nick = BTreeMap::new();
    for nick in nicks(&layout, &settings.storage.default_partition)? {
        let path = layout.partition(&nick).map_err(|error| Failure::failed("cannot open the store").because(error))?;
        by_nick.insert(nick, open_partition(&path, settings)?);
    }
    let partitions = Partitions::new(by_nick, &settings.storage.default_partition)
        .map_err(|error| Failure::failed("cannot open the store").because(error))?;
    Ok(Store { layout, system, partitions })
}

/// The folders in `partitions/`, and the default one in any case.
fn nicks(layout: &Layout, default: &str) -> Result<Vec<String>, Failure> {
    let failed = |error| Failure::failed(format!("cannot read {}", layout.partitions().display())).because(error);
    let mut nicks = vec![default.to_owned()];
    for entry in std::fs::read_dir(layout.partitions()).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
        if name != default && storage::is_nickname(&name) {
            nicks.push(name);
        }
    }
    Ok(nicks)
}

fn options(settings: &Settings) -> Options {
    Options {
        segment_octets: settings.storage.segment_octets,
        index_cache_octets: settings.storage.index_cache_octets,
        ..Options::default()
    }
}

/// Rebuilds a closed partition from its log; `system` is the one of directory and queue.
///
/// # Errors
/// There is no such partition, somebody has it open, or it cannot be rebuilt.
pub fn repair_partition(
    settings: &Settings,
    name: &str,
    progress: &mut dyn FnMut(storage::CheckProgress),
) -> Result<storage::RepairReport, Failure> {
    let layout = Layout::new(&settings.server.data);
    let path = match name {
        "system" => layout.system(),
        nick => layout.partition(nick).map_err(|error| Failure::usage(error.to_string()))?,
    };
    if !path.is_dir() {
        return Err(Failure::failed(format!("there is no partition {name}: {} is no folder", path.display())));
    }
    Partition::repair(&path, options(settings), Arc::new(RealDisk), progress).map_err(|error| {
        let message = format!("cannot repair the partition {}", path.display());
        let failure = if error.is_temporary() { Failure::temporary(message) } else { Failure::failed(message) };
        failure.because(error)
    })
}

fn open_partition(path: &Path, settings: &Settings) -> Result<Partition, Failure> {
    Partition::open(path, options(settings), Arc::new(RealDisk)).map_err(|error| {
        let message = format!("cannot open the partition {}", path.display());
        let failure = if error.is_temporary() { Failure::temporary(message) } else { Failure::failed(message) };
        failure.because(error)
    })
}
