//! Opening a partition: lock, format, a usable index, and the log replayed from where the index is.
//!
//! An index that is missing, damaged or too old is rebuilt from a snapshot and the log, or from the log alone. Damage of
//! the log itself is never passed over: the opening fails, and `repair` says what can be saved.

use std::collections::BTreeSet;
use std::io::IoSlice;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::{Disk, DiskFile, DiskLock, LockError};
use crate::dump::DumpFolder;
use crate::error::Error;
use crate::index::Index;
use crate::index::memory::MemoryIndex;
use crate::index::sqlite::{SqliteIndex, set_aside};
use crate::log::scan::{Scanner, Step, StoredGroup};
use crate::log::segment::{CurrentSegment, HEADER_OCTETS, Header, HeaderFault, LogFolder, OpenSegment};
use crate::log::walk::is_followed;
use crate::options::{Engine, Options};
use crate::replay::Replay;
use crate::rows::Position;

/// What `format` holds.
const FORMAT_VERSION: u32 = 1;
const FORMAT_WORD: &str = "heliograph-partition";

/// The files of a partition.
#[derive(Clone)]
pub struct Place {
    /// Its folder.
    pub folder: PathBuf,
    /// The disk it is on.
    pub disk: Arc<dyn Disk>,
    /// Its segments.
    pub log: LogFolder,
    /// Its snapshots.
    pub dumps: DumpFolder,
    /// How it is opened.
    pub options: Options,
}

/// A partition that was opened and brought up to date.
pub struct Opened {
    /// The index, at the end of the log.
    pub index: Arc<dyn Index>,
    /// Held until the partition is closed.
    pub lock: Box<dyn DiskLock>,
    /// The end of the log; the offset is 0 if the next group must begin a segment.
    pub end: Position,
    /// How far the index has followed it.
    pub applied: Position,
    /// The highest number a segment has had.
    pub last_segment: u64,
    /// The segment that may be gone on with.
    pub current: Option<CurrentSegment>,
}

impl Place {
    /// The partition in `folder`.
    pub fn new(folder: &Path, options: Options, disk: Arc<dyn Disk>) -> Place {
        Place {
            folder: folder.to_path_buf(),
            disk,
            log: LogFolder::new(folder),
            dumps: DumpFolder::new(folder),
            options,
        }
    }

    /// The file of the index.
    pub fn index_path(&self) -> PathBuf {
        self.folder.join("index.sqlite")
    }

    /// Opens it.
    pub fn open(&self) -> Result<Opened, Error> {
        let lock = self.enter()?;
        let log = self.survey()?;
        let index = self.index(&log)?;
        let mut replay = Replay::new(index.as_ref())?;
        let last = follow(&log, &mut replay)?;
        let mut last_segment = log.last_number;
        let mut current = None;
        if let Some((segment, group)) = last {
            current = self.confirm_last(&log, segment, group, &mut replay)?;
            last_segment += u64::from(current.is_some());
        }
        if replay.groups() > 0 {
            replay.flush()?;
            tracing::info!(groups = replay.groups(), folder = %self.folder.display(), "replayed the log");
        }
        if let Some(hash) = replay.homeless().first() {
            return Err(Error::Corrupt { what: "the log", location: format!("no record of blob {hash}") });
        }
        let applied = replay.position();
        let mut end = applied;
        if current.is_none() {
            end.offset = 0;
        }
        drop(replay);
        Ok(Opened { index, lock, end, applied, last_segment, current })
    }

    /// Makes the folder if it is new, takes the lock, and refuses what is not ours.
    pub fn enter(&self) -> Result<Box<dyn DiskLock>, Error> {
        let disk = self.disk.as_ref();
        let io = |operation, path: &Path| {
            let path = path.to_path_buf();
            move |source| Error::io(operation, &path, source)
        };
        disk.create_folder(&self.folder).map_err(io("creating", &self.folder))?;
        let lock_path = self.folder.join("lock");
        let lock = disk.lock(&lock_path).map_err(|error| match error {
            LockError::Held { pid } => Error::Locked { pid },
            LockError::Io(source) => Error::io("locking", &lock_path, source),
        })?;
        self.check_format()?;
        for folder in [self.log.path(), self.dumps.path()] {
            disk.create_folder(folder).map_err(io("creating", folder))?;
        }
        disk.sync_folder(&self.folder).map_err(io("synchronising", &self.folder))?;
        if let Some(parent) = self.folder.parent() {
            disk.sync_folder(parent).map_err(io("synchronising", parent))?;
        }
        Ok(lock)
    }

    fn check_format(&self) -> Result<(), Error> {
        let path = self.folder.join("format");
        let expected = format!("{FORMAT_WORD} {FORMAT_VERSION}\n");
        let names = self.disk.list(&self.folder).map_err(|source| Error::io("listing", &self.folder, source))?;
        if names.iter().any(|name| name == "format") {
            let found = self.read_text(&path)?;
            let known = FORMAT_VERSION;
            return if found == expected { Ok(()) } else { Err(Error::UnknownFormat { path, found, known }) };
        }
        if names.iter().any(|name| name == "log" || name == "index.sqlite") {
            return Err(Error::Corrupt { what: "the partition", location: format!("{} is missing", path.display()) });
        }
        let draft = self.folder.join("format.tmp");
        let _ = self.disk.remove(&draft);
        let write = || {
            let file = self.disk.create(&draft)?;
            file.write_at(0, &mut [IoSlice::new(expected.as_bytes())])?;
            file.sync()?;
            self.disk.rename(&draft, &path)?;
            self.disk.sync_folder(&self.folder)
        };
        write().map_err(|source| Error::io("writing", &path, source))
    }

    fn read_text(&self, path: &Path) -> Result<String, Error> {
        let read = || {
            let file = self.disk.open(path)?;
            let mut octets = vec![0; usize::try_from(file.octets()?.min(200)).unwrap_or(0)];
            file.read_at(0, &mut octets)?;
            Ok(String::from_utf8_lossy(&octets).into_owned())
        };
        read().map_err(|source| Error::io("reading", path, source))
    }

    /// Reads the headers of all segments. A last segment that was never begun properly is put aside.
    fn survey(&self) -> Result<Survey, Error> {
        let disk = self.disk.as_ref();
        let (mut numbers, mut torn) = self.log.list(disk)?;
        let last_number = numbers.last().max(torn.last()).copied().unwrap_or(0);
        let mut segments = Vec::new();
        while let Some(number) = numbers.pop() {
            match self.log.open(disk, number)? {
                Ok(segment) => segments.push(segment.header),
                Err(HeaderFault::Format(found)) => {
                    let (path, found) = (self.log.file(number), format!("version {found}"));
                    return Err(Error::UnknownFormat { path, found, known: crate::log::segment::FORMAT });
                }
                Err(HeaderFault::Torn) if segments.is_empty() => {
                    self.put_torn_aside(number)?;
                    torn.push(number);
                }
                Err(HeaderFault::Torn) => return Err(damage(&self.log.file(number), "its header cannot be read")),
            }
        }
        segments.reverse();
        Ok(Survey { place: self.clone(), segments, torn, last_number })
    }

    /// The header and the first group are synchronised together, so a lost header can have cost nothing but a group that
    /// was never acknowledged. Two groups behind it prove otherwise.
    fn put_torn_aside(&self, number: u64) -> Result<(), Error> {
        let path = self.log.file(number);
        let file = self.disk.open(&path).map_err(|source| Error::io("opening", &path, source))?;
        let octets = file.octets().map_err(|source| Error::io("reading", &path, source))?;
        let header = Header { segment: number, first_sequence: 0, made: model::Timestamp(0) };
        let segment = OpenSegment { header, file, octets, path: path.clone() };
        let mut scanner = Scanner::new(&segment, 0);
        let mut first = None;
        let mut more = octets > HEADER_OCTETS && scanner.skip_damage(HEADER_OCTETS - 1)?;
        while more {
            let at = scanner.at();
            if let Some(record) = scanner.record(at)?
                && *first.get_or_insert(record.sequence) != record.sequence
            {
                return Err(damage(&path, "its header cannot be read, but groups follow it"));
            }
            more = scanner.skip_damage(at)?;
        }
        let aside = self.log.torn_file(number);
        tracing::warn!(segment = number, octets, "a segment that was never begun properly is put aside");
        self.disk.rename(&path, &aside).map_err(|source| Error::io("renaming", &path, source))
    }

    /// An index from which the log can be followed: the one that is there, or one made anew.
    fn index(&self, log: &Survey) -> Result<Arc<dyn Index>, Error> {
        match self.open_index() {
            Ok(index) => match index.view()?.position() {
                Ok(Some(position)) if log.reaches(position)? => return Ok(index),
                // The position row is written with the first rows, so without it there is nothing to lose.
                Ok(None) if log.reaches(Position::default())? && is_empty(index.as_ref())? => return Ok(index),
                Ok(position) => {
                    if let Some(position) = position
                        && log.is_behind(position)?
                    {
                        return Err(Error::Corrupt {
                            what: "the log",
                            location: format!("it ends before {position:?}, which the index has reached"),
                        });
                    }
                    tracing::warn!(?position, "the log does not reach back to the index; it is made anew");
                }
                Err(error @ (Error::Corrupt { .. } | Error::Row(_))) => {
                    tracing::warn!(%error, "the index is damaged; it is made anew");
                }
                Err(error) => return Err(error),
            },
            Err(error @ Error::Corrupt { .. }) => tracing::warn!(%error, "the index is damaged; it is made anew"),
            Err(error) => return Err(error),
        }
        self.rebuild(log)
    }

    fn rebuild(&self, log: &Survey) -> Result<Arc<dyn Index>, Error> {
        for sequence in self.dumps.list(self.disk.as_ref())? {
            let position = self.dumps.position(self.disk.as_ref(), sequence)?;
            if !position.map_or(Ok(false), |position| log.reaches(position))? {
                continue;
            }
            let index = self.new_index()?;
            if self.dumps.load(self.disk.as_ref(), sequence, index.as_ref())? {
                tracing::info!(sequence, "the index is made from a snapshot");
                return Ok(index);
            }
            tracing::warn!(sequence, "a snapshot of the index is damaged");
        }
        if log.reaches(Position::default())? {
            return self.new_index();
        }
        Err(Error::Corrupt {
            what: "the index",
            location: "there is no whole snapshot of it, and the log does not reach back to its beginning".to_owned(),
        })
    }

    /// Opens the index as it is.
    pub fn open_index(&self) -> Result<Arc<dyn Index>, Error> {
        match self.options.engine {
            Engine::Sqlite => Ok(Arc::new(SqliteIndex::open(&self.index_path(), &self.options)?)),
            Engine::Memory => Ok(Arc::new(MemoryIndex::new())),
        }
    }

    /// Puts the index aside and begins an empty one.
    pub fn new_index(&self) -> Result<Arc<dyn Index>, Error> {
        if self.options.engine == Engine::Sqlite {
            set_aside(&self.index_path())?;
        }
        self.open_index()
    }

    /// The last group was read, but it may stand in the system's memory only: a synchronisation that failed before a
    /// restart leaves pages that look written. It is written once more, elsewhere, before anybody sees it.
    fn confirm_last(
        &self,
        log: &Survey,
        segment: u64,
        group: StoredGroup,
        replay: &mut Replay<'_>,
    ) -> Result<Option<CurrentSegment>, Error> {
        let old = log.open(segment)?;
        let number = log.last_number + 1;
        match self.copy_group(&old, &group, number) {
            Ok((file, copy)) => {
                replay.apply(number, copy)?;
                Ok(Some((number, file)))
            }
            Err(Error::NoSpace { .. }) => {
                // Reads must go on when the disk is full: this is the best that can be had then.
                let _ = self.disk.remove(&self.log.file(number));
                old.file.sync().map_err(|source| Error::io("synchronising", &old.path, source))?;
                replay.apply(segment, group)?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn copy_group(
        &self,
        old: &OpenSegment,
        group: &StoredGroup,
        number: u64,
    ) -> Result<(Box<dyn DiskFile>, StoredGroup), Error> {
        let path = self.log.file(number);
        let header = Header { segment: number, first_sequence: group.sequence, made: group.commit.time };
        let mut octets = vec![0; usize::try_from(group.end - group.start).unwrap_or(0)];
        old.file.read_at(group.start, &mut octets).map_err(|source| Error::io("reading", &old.path, source))?;
        let write = || {
            let file = self.disk.create(&path)?;
            file.write_at(0, &mut [IoSlice::new(&header.encode()), IoSlice::new(&octets)])?;
            file.sync()?;
            self.disk.sync_folder(self.log.path())?;
            Ok(file)
        };
        let file = write().map_err(|source| Error::io("writing", &path, source))?;
        let mut copy = group.clone();
        copy.start = HEADER_OCTETS;
        copy.end = HEADER_OCTETS + (group.end - group.start);
        for (_, location) in &mut copy.blobs {
            location.segment = number;
            location.offset = location.offset - group.start + HEADER_OCTETS;
        }
        Ok((file, copy))
    }
}

fn is_empty(index: &dyn Index) -> Result<bool, Error> {
    let page = index.view()?.scan(&crate::key::KeyRange::prefix(&[]), crate::read::Scan::first(1))?;
    Ok(page.rows.is_empty())
}

/// The segments of a log.
struct Survey {
    place: Place,
    segments: Vec<Header>,
    /// Numbers of segments that were never begun properly.
    torn: Vec<u64>,
    last_number: u64,
}

impl Survey {
    fn open(&self, number: u64) -> Result<OpenSegment, Error> {
        let opened = self.place.log.open(self.place.disk.as_ref(), number)?;
        opened.map_err(|_| damage(&self.place.log.file(number), "its header cannot be read"))
    }

    /// Whether the log can be followed from `position`.
    fn reaches(&self, position: Position) -> Result<bool, Error> {
        if position.sequence == 0 {
            let begins = self.segments.first().is_none_or(|header| header.first_sequence == 1);
            return Ok(begins && self.is_unbroken(0));
        }
        let is_there = self.segments.iter().any(|header| header.segment == position.segment);
        if !is_there || !self.is_unbroken(position.segment) {
            return Ok(false);
        }
        Ok(self.open(position.segment)?.octets >= position.offset)
    }

    /// Whether no segment behind `segment` was removed, as rewriting does in any order.
    fn is_unbroken(&self, segment: u64) -> bool {
        let numbers: BTreeSet<u64> =
            self.segments.iter().map(|header| header.segment).chain(self.torn.iter().copied()).collect();
        let first = numbers.range(segment..).next().copied().unwrap_or(0);
        (first..).zip(numbers.range(first..)).all(|(expected, number)| expected == *number)
    }

    /// Whether the log ends before `position`: then it has lost something.
    fn is_behind(&self, position: Position) -> Result<bool, Error> {
        match self.segments.last() {
            None => Ok(position.sequence > 0),
            Some(last) if last.segment == position.segment => Ok(self.open(last.segment)?.octets < position.offset),
            Some(last) => Ok(last.segment < position.segment),
        }
    }
}

/// Applies what the index has not seen. The very last group is not applied but returned, with its segment.
fn follow(log: &Survey, replay: &mut Replay<'_>) -> Result<Option<(u64, StoredGroup)>, Error> {
    let begin = replay.position();
    let mut held: Option<(u64, StoredGroup)> = None;
    let mut sequence = begin.sequence;
    let behind = log.segments.iter().filter(|header| header.segment >= begin.segment);
    for header in behind {
        let segment = log.open(header.segment)?;
        if header.first_sequence > sequence + 1 {
            let text = format!("groups {} to {} are missing before it", sequence + 1, header.first_sequence - 1);
            return Err(damage(&segment.path, &text));
        }
        let offset = if header.segment == begin.segment { begin.offset } else { 0 };
        let mut scanner = Scanner::new(&segment, offset);
        loop {
            match scanner.step()? {
                Step::End => break,
                Step::Broken { record, .. } => {
                    refuse_damage(&segment, record, sequence)?;
                    break;
                }
                Step::Group(group) => {
                    // A group that was confirmed at an opening stands twice; the second is the one that counts.
                    if group.sequence != sequence + 1 && (group.sequence != sequence || group.start != HEADER_OCTETS) {
                        let text = format!("group {} follows group {sequence}", group.sequence);
                        return Err(damage(&segment.path, &text));
                    }
                    sequence = group.sequence;
                    if let Some((segment, group)) = held.replace((header.segment, *group)) {
                        replay.apply(segment, group)?;
                    }
                }
            }
        }
    }
    Ok(held)
}

/// A torn tail is one group that was never acknowledged. If a later group follows it, it is damage.
fn refuse_damage(segment: &OpenSegment, record: u64, sequence: u64) -> Result<(), Error> {
    if is_followed(segment, record, sequence + 1)? {
        return Err(damage(&segment.path, &format!("it cannot be read at {record}, and later groups follow")));
    }
    Ok(())
}

fn damage(path: &Path, text: &str) -> Error {
    Error::Corrupt { what: "the log", location: format!("{}: {text}", path.display()) }
}
