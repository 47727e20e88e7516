//! Files in memory that remember what was done to them, and what of it a power cut may leave.
//!
//! What was synchronised survives. Of what was not, each 4 KiB page of a write survives, or not, or is torn at a sector;
//! lengths and names that were not synchronised may be as before or as after.

use std::collections::BTreeMap;
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::disk::{Disk, DiskFile, DiskLock, LockError};

const PAGE_OCTETS: u64 = 4096;
const SECTOR_OCTETS: u64 = 512;

/// A disk in memory. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct SimulatedDisk {
    state: Arc<Mutex<State>>,
}

/// A moment at which the power fails, and the dice that decide what of the unsynchronised is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// How many of the recorded operations had happened.
    pub operations: usize,
    /// Seed of the dice.
    pub seed: u64,
    /// As if no synchronisation had ever worked: the negative control.
    pub ignore_syncs: bool,
}

#[derive(Debug, Default)]
struct State {
    names: BTreeMap<PathBuf, usize>,
    files: Vec<Vec<u8>>,
    locked: Vec<PathBuf>,
    capacity: Option<u64>,
    fail_syncs: bool,
    is_recording: bool,
    operations: Vec<Operation>,
}

#[derive(Clone, Debug)]
enum Operation {
    Create { path: PathBuf, file: usize },
    Rename { from: PathBuf, to: PathBuf },
    Remove { path: PathBuf },
    SyncFolder { folder: PathBuf },
    Write { file: usize, offset: u64, octets: Vec<u8> },
    Truncate { file: usize, octets: u64 },
    Sync { file: usize },
}

impl SimulatedDisk {
    /// An empty disk that records nothing.
    pub fn new() -> SimulatedDisk {
        SimulatedDisk::default()
    }

    /// An empty disk that records every operation, so that `after` can be asked.
    pub fn recording() -> SimulatedDisk {
        let disk = SimulatedDisk::new();
        disk.lock_state().is_recording = true;
        disk
    }

    /// Lets all files together have no more than `octets`.
    pub fn limit(&self, octets: Option<u64>) {
        self.lock_state().capacity = octets;
    }

    /// Octets of all files.
    pub fn used(&self) -> u64 {
        used(&self.lock_state())
    }

    /// Lets every synchronisation fail from now on, or work again.
    pub fn fail_syncs(&self, fail: bool) {
        self.lock_state().fail_syncs = fail;
    }

    /// How many operations were recorded.
    pub fn operations(&self) -> usize {
        self.lock_state().operations.len()
    }

    /// Flips bits of one octet of a file, as a bad disk does.
    pub fn damage(&self, path: &Path, offset: u64, bits: u8) {
        let mut state = self.lock_state();
        let Some(file) = state.names.get(path).copied() else { return };
        let at = usize::try_from(offset).unwrap_or(usize::MAX);
        if let Some(octet) = state.files.get_mut(file).and_then(|file| file.get_mut(at)) {
            *octet ^= bits;
        }
    }

    /// The disk as it may be found after the power failed at `cut`. It records, too.
    pub fn after(&self, cut: Cut) -> SimulatedDisk {
        let state = self.lock_state();
        let mut survivor = Survivor::new(cut);
        for operation in state.operations.iter().take(cut.operations) {
            survivor.perform(operation);
        }
        SimulatedDisk { state: Arc::new(Mutex::new(survivor.power_cut())) }
    }

    fn lock_state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn used(state: &State) -> u64 {
    state.names.values().filter_map(|file| state.files.get(*file)).map(|file| file.len() as u64).sum()
}

impl State {
    fn record(&mut self, operation: impl FnOnce() -> Operation) {
        if self.is_recording {
            self.operations.push(operation());
        }
    }

    fn file(&mut self, file: usize) -> io::Result<&mut Vec<u8>> {
        self.files.get_mut(file).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Disk for SimulatedDisk {
    fn create_folder(&self, _path: &Path) -> io::Result<()> {
        // Folders are made once, before anything is acknowledged; simulating their loss would show nothing.
        Ok(())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let state = self.lock_state();
        let mut names: Vec<String> = state
            .names
            .keys()
            .filter_map(|path| path.strip_prefix(folder).ok()?.components().next()?.as_os_str().to_str())
            .map(str::to_owned)
            .collect();
        names.dedup();
        Ok(names)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.lock_state();
        if state.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = state.files.len();
        state.files.push(Vec::new());
        state.names.insert(path.to_path_buf(), file);
        state.record(|| Operation::Create { path: path.to_path_buf(), file });
        Ok(Box::new(SimulatedFile { disk: self.clone(), file }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = self.lock_state().names.get(path).copied().ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(SimulatedFile { disk: self.clone(), file }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.lock_state();
        let file = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_path_buf(), file);
        state.record(|| Operation::Rename { from: from.to_path_buf(), to: to.to_path_buf() });
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock_state();
        state.names.remove(path).ok_or(io::ErrorKind::NotFound)?;
        state.record(|| Operation::Remove { path: path.to_path_buf() });
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.lock_state();
        if state.fail_syncs {
            return Err(io::Error::other("simulated failure of a synchronisation"));
        }
        state.record(|| Operation::SyncFolder { folder: folder.to_path_buf() });
        Ok(())
    }

    fn lock(&self, path: &Path) -> Result<Box<dyn DiskLock>, LockError> {
        let mut state = self.lock_state();
        if state.locked.iter().any(|locked| locked == path) {
            return Err(LockError::Held { pid: std::process::id() });
        }
        state.locked.push(path.to_path_buf());
        Ok(Box::new(SimulatedLock { disk: self.clone(), path: path.to_path_buf() }))
    }
}

struct SimulatedLock {
    disk: SimulatedDisk,
    path: PathBuf,
}

impl DiskLock for SimulatedLock {}

impl Drop for SimulatedLock {
    fn drop(&mut self) {
        self.disk.lock_state().locked.retain(|path| *path != self.path);
    }
}

struct SimulatedFile {
    disk: SimulatedDisk,
    file: usize,
}

impl DiskFile for SimulatedFile {
    fn write_at(&self, offset: u64, pieces: &mut [IoSlice<'_>]) -> io::Result<()> {
        let mut octets: Vec<u8> = Vec::new();
        pieces.iter().for_each(|piece| octets.extend_from_slice(piece));
        let mut state = self.disk.lock_state();
        let mut is_full = false;
        if let Some(capacity) = state.capacity {
            let room = capacity.saturating_sub(used(&state)) + state.file(self.file)?.len() as u64;
            let fits = usize::try_from(room.saturating_sub(offset)).unwrap_or(usize::MAX);
            is_full = fits < octets.len();
            octets.truncate(fits);
        }
        write(state.file(self.file)?, offset, &octets);
        state.record(|| Operation::Write { file: self.file, offset, octets });
        if is_full { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let mut state = self.disk.lock_state();
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let found = state.file(self.file)?.get(from..).and_then(|rest| rest.get(..buffer.len()));
        buffer.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn octets(&self) -> io::Result<u64> {
        Ok(self.disk.lock_state().file(self.file)?.len() as u64)
    }

    fn truncate(&self, octets: u64) -> io::Result<()> {
        let mut state = self.disk.lock_state();
        state.file(self.file)?.resize(usize::try_from(octets).unwrap_or(usize::MAX), 0);
        state.record(|| Operation::Truncate { file: self.file, octets });
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.lock_state();
        if state.fail_syncs {
            return Err(io::Error::other("simulated failure of a synchronisation"));
        }
        state.record(|| Operation::Sync { file: self.file });
        Ok(())
    }
}

fn write(file: &mut Vec<u8>, offset: u64, octets: &[u8]) {
    let from = usize::try_from(offset).unwrap_or(usize::MAX);
    if file.len() < from + octets.len() {
        file.resize(from + octets.len(), 0);
    }
    if let Some(place) = file.get_mut(from..from + octets.len()) {
        place.copy_from_slice(octets);
    }
}

/// What is on the platters, and what only the system knows.
struct Survivor {
    cut: Cut,
    dice: Dice,
    files: BTreeMap<usize, (Vec<u8>, Vec<Operation>)>,
    names: BTreeMap<PathBuf, usize>,
    unsynced_names: Vec<Operation>,
}

impl Survivor {
    fn new(cut: Cut) -> Survivor {
        let dice = Dice(cut.seed ^ 0x9e37_79b9_7f4a_7c15);
        Survivor { cut, dice, files: BTreeMap::new(), names: BTreeMap::new(), unsynced_names: Vec::new() }
    }

    fn perform(&mut self, operation: &Operation) {
        match operation {
            Operation::Create { file, .. } => {
                self.files.insert(*file, (Vec::new(), Vec::new()));
                self.unsynced_names.push(operation.clone());
            }
            Operation::Rename { .. } | Operation::Remove { .. } => self.unsynced_names.push(operation.clone()),
            Operation::Write { file, .. } | Operation::Truncate { file, .. } => {
                self.files.entry(*file).or_default().1.push(operation.clone());
            }
            Operation::Sync { file } if !self.cut.ignore_syncs => {
                let (content, unsynced) = self.files.entry(*file).or_default();
                std::mem::take(unsynced).iter().for_each(|operation| perform_whole(content, operation));
            }
            Operation::SyncFolder { folder } if !self.cut.ignore_syncs => {
                let (synced, kept): (Vec<_>, Vec<_>) =
                    std::mem::take(&mut self.unsynced_names).into_iter().partition(|name| is_in(name, folder));
                self.unsynced_names = kept;
                synced.iter().for_each(|operation| rename(&mut self.names, operation));
            }
            Operation::Sync { .. } | Operation::SyncFolder { .. } => {}
        }
    }

    fn power_cut(mut self) -> State {
        // Names are journalled in order: some first part of them is left.
        let names_left = self.dice.below(self.unsynced_names.len() as u64 + 1);
        for operation in self.unsynced_names.iter().take(usize::try_from(names_left).unwrap_or(0)) {
            rename(&mut self.names, operation);
        }
        let count = self.files.keys().next_back().map_or(0, |last| last + 1);
        let mut state = State { files: vec![Vec::new(); count], ..State::default() };
        for (file, (mut content, unsynced)) in self.files {
            // Half of the time everything unsynchronised is simply gone, which is what most real cuts look like.
            let is_gone = self.dice.below(2) == 0;
            for operation in unsynced.iter().filter(|_| !is_gone) {
                perform_torn(&mut content, operation, &mut self.dice);
            }
            if let Some(place) = state.files.get_mut(file) {
                *place = content;
            }
        }
        state.names = self.names;
        // The next life can be cut off too: what is there now counts as synchronised.
        for (path, file) in &state.names {
            let octets = state.files.get(*file).cloned().unwrap_or_default();
            let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
            state.operations.extend([
                Operation::Create { path: path.clone(), file: *file },
                Operation::Write { file: *file, offset: 0, octets },
                Operation::Sync { file: *file },
                Operation::SyncFolder { folder },
            ]);
        }
        state.is_recording = true;
        state
    }
}

fn is_in(operation: &Operation, folder: &Path) -> bool {
    let path = match operation {
        Operation::Create { path, .. } | Operation::Remove { path } => path,
        Operation::Rename { to, .. } => to,
        _ => return false,
    };
    path.parent() == Some(folder)
}

fn rename(names: &mut BTreeMap<PathBuf, usize>, operation: &Operation) {
    match operation {
        Operation::Create { path, file } => {
            names.insert(path.clone(), *file);
        }
        Operation::Rename { from, to } => {
            if let Some(file) = names.remove(from) {
                names.insert(to.clone(), file);
            }
        }
        Operation::Remove { path } => {
            names.remove(path);
        }
        _ => {}
    }
}

fn perform_whole(content: &mut Vec<u8>, operation: &Operation) {
    match operation {
        Operation::Write { offset, octets, .. } => write(content, *offset, octets),
        Operation::Truncate { octets, .. } => content.resize(usize::try_from(*octets).unwrap_or(usize::MAX), 0),
        _ => {}
    }
}

/// Leaves each page, or not, or a part of it; the length grows whether or not the pages are there.
fn perform_torn(content: &mut Vec<u8>, operation: &Operation, dice: &mut Dice) {
    let Operation::Write { offset, octets, .. } = operation else {
        if dice.below(2) == 0 {
            perform_whole(content, operation);
        }
        return;
    };
    let end = offset + octets.len() as u64;
    let mut at = *offset;
    while at < end {
        let page_end = ((at / PAGE_OCTETS + 1) * PAGE_OCTETS).min(end);
        let kept_end = match dice.below(4) {
            0 => at,
            1 => at.max((at / SECTOR_OCTETS + dice.below(8)) * SECTOR_OCTETS).min(page_end),
            _ => page_end,
        };
        let part = |at: u64| usize::try_from(at - offset).unwrap_or(usize::MAX);
        if let Some(kept) = octets.get(part(at)..part(kept_end)) {
            write(content, at, kept);
        }
        at = page_end;
    }
    let length = usize::try_from(end).unwrap_or(usize::MAX);
    if dice.below(2) == 0 && content.len() < length {
        content.resize(length, 0);
    }
}

/// A small generator (xorshift), so that every cut can be repeated from its seed.
#[derive(Clone, Debug)]
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d).rotate_left(32) % limit.max(1)
    }
}
