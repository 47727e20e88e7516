//! Writes groups to the log and synchronises once for each.
//!
//! A group that does not fit on the disk is cut off again and refused; the log goes on behind the one before. Any other
//! failure stops the partition: what a failed synchronisation left behind is only known after a new opening.

use std::io::{self, IoSlice};
use std::sync::Arc;

use crate::disk::Disk;
use crate::error::Error;
use crate::log::segment::{CurrentSegment, LogFolder};
use crate::pipeline::group::Group;
use crate::pipeline::state::Shared;
use crate::reserve::Reserve;

/// Writes the log.
pub struct Writer {
    /// Where.
    pub disk: Arc<dyn Disk>,
    /// In which folder.
    pub folder: LogFolder,
    /// What all threads know.
    pub shared: Arc<Shared>,
    /// Room for the index, refilled before anything new is taken.
    pub reserve: Arc<Reserve>,
    /// The segment that is written to, once there is one.
    pub current: Option<CurrentSegment>,
}

impl Writer {
    /// Makes a group durable and gives it back. `None` if that was not to be: then it has been answered.
    pub fn commit(&mut self, group: Group) -> Option<Group> {
        let state = self.shared.lock().clone();
        if group.epoch != state.epoch || state.stopped.is_some() {
            group.refuse(&state);
            return None;
        }
        if !group.pieces.is_empty()
            && let Err(error) = self.write(&group)
        {
            self.give_up(error);
            group.refuse(&self.shared.lock().clone());
            return None;
        }
        Some(group)
    }

    fn give_up(&self, error: Error) {
        match error {
            Error::NoSpace { .. } => {
                tracing::warn!("the disk is full: a group was refused");
                self.shared.change(|state| {
                    state.epoch += 1;
                    state.is_full = true;
                });
            }
            error => self.shared.stop(&error),
        }
    }

    fn write(&mut self, group: &Group) -> Result<(), Error> {
        if self.shared.lock().is_full {
            self.reserve.fill()?;
        }
        let segment = group.position.segment;
        if group.start == 0 {
            self.begin_segment(segment)?;
        }
        let path = self.folder.file(segment);
        let Some((_, file)) = self.current.as_ref().filter(|(current, _)| *current == segment) else {
            return Err(Error::Corrupt { what: "the order of groups", location: path.display().to_string() });
        };
        let mut pieces: Vec<IoSlice<'_>> = group.pieces.iter().map(|piece| IoSlice::new(piece)).collect();
        if let Err(source) = file.write_at(group.start, &mut pieces) {
            return Err(self.take_back(group, source));
        }
        // A full disk that shows up only here is a failed synchronisation like any other.
        file.sync().map_err(|source| Error::Io { operation: "synchronising", path: path.clone(), source })?;
        if group.start == 0 {
            let folder = self.folder.path();
            self.disk.sync_folder(folder).map_err(|source| Error::Io {
                operation: "synchronising",
                path: folder.to_path_buf(),
                source,
            })?;
        }
        self.shared.change(|state| {
            state.durable = group.position;
            state.last_segment = state.last_segment.max(segment);
            state.is_full = false;
            state.groups += 1;
            state.appended_octets += group.position.offset - group.start;
        });
        Ok(())
    }

    fn begin_segment(&mut self, segment: u64) -> Result<(), Error> {
        let path = self.folder.file(segment);
        let file = self.disk.create(&path).map_err(|source| Error::io("creating", &path, source))?;
        self.current = Some((segment, file));
        Ok(())
    }

    /// Removes what was written of a group for which there was no room.
    fn take_back(&mut self, group: &Group, source: io::Error) -> Error {
        let path = self.folder.file(group.position.segment);
        let full = match Error::io("writing", &path, source) {
            full @ Error::NoSpace { .. } => full,
            other => return other,
        };
        let taken = if group.start == 0 {
            self.current = None;
            self.disk.remove(&path)
        } else if let Some((_, file)) = &self.current {
            file.truncate(group.start).and_then(|()| file.sync())
        } else {
            Ok(())
        };
        match taken {
            Ok(()) => full,
            Err(source) => Error::Io { operation: "cutting off", path, source },
        }
    }
}
