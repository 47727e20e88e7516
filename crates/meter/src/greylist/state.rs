//! The memory in a file, over restarts.
//!
//! A file and not the store: a verdict must not wait for a sync, and losing the last minute in a crash only means that some
//! senders come once more. The file is written beside the old one, synced and renamed, so there is always a whole one.
//!
//! ```text
//! "HGREYST1"  milliseconds since 1970 (8)  triplets (4)  known (4)  entries of 20 octets  CRC-32C of all that (4)
//! ```
//! Numbers have their high octet first; an entry is 10 octets of digest, 6 of milliseconds of the first moment and 4 of
//! seconds of the last.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::greylist::backlog::{Change, Part};
use crate::greylist::judge::Greylist;
use crate::greylist::limits::{ENTRIES_MAX, SWEEP_EVERY};
use crate::greylist::memory::Entry;
use net::ShutdownToken;
use std::sync::Arc;

const MAGIC: &[u8; 8] = b"HGREYST1";
const HEADER_OCTETS: usize = 24;
const CHECKSUM_OCTETS: usize = 4;

/// Why a file is not a memory.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be read or written.
    #[error("cannot {what} {path}", path = path.display())]
    File {
        /// "read", "write" or "put aside".
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is something else.
    #[error("it does not begin as a greylister's memory does")]
    Foreign,
    /// It has more entries than any settings allow.
    #[error("it has {entries} entries, and {entries_max} are allowed")]
    TooLarge {
        /// How many.
        entries: u64,
        /// How many may be.
        entries_max: u64,
    },
    /// It is shorter or longer than it says.
    #[error("its length is not what it says")]
    Length,
    /// Its checksum is wrong.
    #[error("its checksum is wrong")]
    Checksum,
}

/// The entries of a file, still as octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contents<'a> {
    triplets: &'a [u8],
    known: &'a [u8],
}

impl<'a> Contents<'a> {
    /// Reads a whole file, of at most `entries_max` entries in each part.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(octets: &'a [u8], entries_max: usize) -> Result<Contents<'a>, Error> {
        let (magic, rest) = octets.split_first_chunk::<8>().ok_or(Error::Foreign)?;
        if magic != MAGIC {
            return Err(Error::Foreign);
        }
        let (_saved_at, rest) = rest.split_first_chunk::<8>().ok_or(Error::Length)?;
        let (triplets, rest) = rest.split_first_chunk::<4>().ok_or(Error::Length)?;
        let (known, rest) = rest.split_first_chunk::<4>().ok_or(Error::Length)?;
        let counts = [u32::from_be_bytes(*triplets), u32::from_be_bytes(*known)];
        if let Some(entries) = counts.into_iter().find(|count| *count as usize > entries_max) {
            return Err(Error::TooLarge { entries: entries.into(), entries_max: entries_max as u64 });
        }
        let [triplets, known] = counts.map(|count| count as usize * Entry::OCTETS);
        let (triplets, rest) = rest.split_at_checked(triplets).ok_or(Error::Length)?;
        let (known, rest) = rest.split_at_checked(known).ok_or(Error::Length)?;
        let checksum: [u8; CHECKSUM_OCTETS] = rest.try_into().map_err(|_| Error::Length)?;
        let covered = octets.len().saturating_sub(CHECKSUM_OCTETS);
        if crc32c::crc32c(octets.get(..covered).unwrap_or_default()) != u32::from_be_bytes(checksum) {
            return Err(Error::Checksum);
        }
        Ok(Contents { triplets, known })
    }

    /// All entries.
    pub fn entries(self) -> impl Iterator<Item = (Part, Entry)> {
        let of = |part, octets: &'a [u8]| {
            let (entries, _) = octets.as_chunks::<{ Entry::OCTETS }>();
            entries.iter().map(move |entry| (part, Entry::from_octets(*entry)))
        };
        of(Part::Triplets, self.triplets).chain(of(Part::Known, self.known))
    }
}

/// A file's octets.
pub fn compose(saved_at_ms: u64, triplets: &[Entry], known: &[Entry]) -> Vec<u8> {
    let entries = triplets.len() + known.len();
    let mut octets = Vec::with_capacity(HEADER_OCTETS + entries * Entry::OCTETS + CHECKSUM_OCTETS);
    octets.extend_from_slice(MAGIC);
    octets.extend_from_slice(&saved_at_ms.to_be_bytes());
    for part in [triplets, known] {
        octets.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
    }
    for entry in triplets.iter().chain(known) {
        octets.extend_from_slice(&entry.to_octets());
    }
    let checksum = crc32c::crc32c(&octets);
    octets.extend_from_slice(&checksum.to_be_bytes());
    octets
}

/// Writes the memory into its file, if it has one. Blocks; not for tokio's own threads.
///
/// # Errors
/// Which file could not be written and why; it is counted and logged, and the next time is tried again.
pub fn save(greylist: &Greylist) -> Result<(), Error> {
    let Some(file) = &greylist.settings().state_file else { return Ok(()) };
    let _what_changes_from_here_on_is_for_the_next_time = greylist.take_dirty();
    let now = greylist.now();
    let all = |part| -> Vec<Entry> {
        let memory = greylist.memory(part);
        (0..memory.parts()).flat_map(|number| memory.part(number, now)).collect()
    };
    let (triplets, known) = (all(Part::Triplets), all(Part::Known));
    match write(file, &compose(now.0, &triplets, &known)) {
        Ok(()) => {
            greylist.signals().saved(file, triplets.len() + known.len());
            Ok(())
        }
        Err(source) => {
            greylist.set_dirty();
            let error = Error::File { what: "write", path: file.clone(), source };
            greylist.signals().save_failed(file, &error);
            Err(error)
        }
    }
}

fn write(file: &Path, octets: &[u8]) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let beside = beside(file, "new");
    let mut options = std::fs::OpenOptions::new();
    let mut new = options.write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    new.write_all(octets)?;
    new.sync_all()?;
    std::fs::rename(&beside, file)?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(folder)?.sync_all()
}

fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}

/// Reads the memory from its file, if there is one. One that cannot be understood is put aside as `FILE.damaged`, which is
/// logged, and everything begins anew: then some senders come once more.
///
/// # Errors
/// A file that is there but cannot be read or put aside.
pub fn load(greylist: &Greylist) -> Result<(), Error> {
    let Some(file) = &greylist.settings().state_file else { return Ok(()) };
    let failed = |what| move |source| Error::File { what, path: file.clone(), source };
    let octets_max = HEADER_OCTETS + CHECKSUM_OCTETS + 2 * ENTRIES_MAX * Entry::OCTETS;
    let length = match std::fs::metadata(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(failed("read"))?.len(),
    };
    // A file that is too long is not read at all: not even its beginning fits.
    let octets = if length <= octets_max as u64 { std::fs::read(file).map_err(failed("read"))? } else { Vec::new() };
    match Contents::parse(&octets, ENTRIES_MAX) {
        Ok(contents) => {
            let mut count = 0;
            for (part, entry) in contents.entries() {
                greylist.take_in(Change::Seen(part, entry));
                count += 1;
            }
            greylist.signals().loaded(file, count);
        }
        Err(error) => {
            greylist.signals().damaged(file, &error);
            std::fs::rename(file, beside(file, "damaged")).map_err(failed("put aside"))?;
        }
    }
    Ok(())
}

/// Looks after the memory until the program ends: what is over is given up, what is new is written down.
pub async fn keep(greylist: Arc<Greylist>, token: ShutdownToken) {
    let save_every = greylist.settings().save_every;
    let mut sweeps = tokio::time::interval(SWEEP_EVERY);
    let mut saves = tokio::time::interval(save_every);
    saves.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = token.draining() => return,
            _ = sweeps.tick() => greylist.sweep(),
            _ = saves.tick() => {
                let greylist = Arc::clone(&greylist);
                let saving = tokio::task::spawn_blocking(move || {
                    if greylist.take_dirty() {
                        // What went wrong is counted and logged where it happens, and tried again.
                        let _logged = save(&greylist);
                    }
                });
                let _panicked = saving.await;
            }
        }
    }
}

#[cfg(test)]
mod tests;
