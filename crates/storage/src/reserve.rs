//! Room kept for the index: a group that is durable in the log must still be applied when the disk is full.

use std::io::IoSlice;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::Disk;
use crate::error::Error;

/// A file of zeros that can be given up.
pub struct Reserve {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    octets: u64,
}

impl Reserve {
    /// The reserve of the partition in `folder`; 0 octets = none.
    pub fn new(disk: Arc<dyn Disk>, folder: &Path, octets: u64) -> Reserve {
        Reserve { disk, path: folder.join("reserve"), octets }
    }

    /// Makes it whole, if it is not.
    pub fn fill(&self) -> Result<(), Error> {
        if self.octets == 0 {
            return Ok(());
        }
        let opened = self.disk.open(&self.path).or_else(|_| self.disk.create(&self.path));
        let file = opened.map_err(|source| Error::io("opening", &self.path, source))?;
        let fill = || {
            // Zeros are really written: a sparse file would keep nothing free.
            let zeros = [0; 64 * 1024];
            let mut at = file.octets()?;
            while at < self.octets {
                let octets = usize::try_from(self.octets - at).unwrap_or(zeros.len()).min(zeros.len());
                file.write_at(at, &mut [IoSlice::new(zeros.get(..octets).unwrap_or(&zeros))])?;
                at += octets as u64;
            }
            file.sync()
        };
        let outcome = fill();
        if outcome.is_err() {
            self.release();
        }
        outcome.map_err(|source| Error::io("keeping room in", &self.path, source))
    }

    /// Gives it up.
    pub fn release(&self) {
        if let Ok(file) = self.disk.open(&self.path)
            && let Err(error) = file.truncate(0)
        {
            tracing::warn!(%error, "the reserve could not be given up");
        }
    }
}
