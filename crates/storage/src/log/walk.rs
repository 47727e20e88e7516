//! Reading a segment to its end, whatever is in between: for checks, repairs and rewriting.

use model::BlobHash;

use crate::blob::Location;
use crate::error::Error;
use crate::log::scan::{Content, Scanner, Step, StoredGroup};
use crate::log::segment::{HEADER_OCTETS, OpenSegment};

/// What a walk through a segment meets.
pub enum Walked {
    /// A whole group, or what can be read of one behind damage.
    Group(StoredGroup),
    /// Octets that cannot be read although they were acknowledged: a later group follows.
    Damage {
        /// The first.
        from: u64,
        /// Behind the last.
        to: u64,
    },
    /// From here on there is at most a part of one group: what a power cut leaves.
    Torn {
        /// The first octet that cannot be read.
        from: u64,
    },
}

/// Shows everything in a segment in order.
pub fn walk(segment: &OpenSegment, visit: &mut dyn FnMut(Walked) -> Result<(), Error>) -> Result<(), Error> {
    let mut scanner = Scanner::new(segment, 0);
    let mut next_sequence = segment.header.first_sequence;
    loop {
        match scanner.step()? {
            Step::End => return Ok(()),
            Step::Group(group) => {
                next_sequence = group.sequence + 1;
                visit(Walked::Group(*group))?;
            }
            Step::Broken { record, .. } => {
                if !is_followed(segment, record, next_sequence)? || !scanner.skip_damage(record)? {
                    return visit(Walked::Torn { from: record });
                }
                visit(Walked::Damage { from: record, to: scanner.at() })?;
            }
        }
    }
}

/// Whether a group behind `sequence` was committed after what cannot be read at `record`: then that was no torn tail,
/// because a group is written only after the one before it was synchronised.
pub fn is_followed(segment: &OpenSegment, record: u64, sequence: u64) -> Result<bool, Error> {
    let mut scanner = Scanner::new(segment, record);
    let mut at = record;
    while scanner.skip_damage(at)? {
        at = scanner.at();
        if let Some(found) = scanner.record(at)?
            && matches!(found.content, Content::Commit(_))
            && found.sequence > sequence
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// All blobs that can be read in a segment, also those of groups that are not whole.
pub fn blobs_of(segment: &OpenSegment) -> Result<Vec<(BlobHash, Location)>, Error> {
    let mut scanner = Scanner::new(segment, 0);
    let mut found = Vec::new();
    let mut at = HEADER_OCTETS;
    while at < segment.octets {
        match scanner.record(at)? {
            Some(record) => {
                if let Content::Blob(hash, octets) = record.content {
                    let location = Location { segment: segment.header.segment, offset: at, octets };
                    found.push((hash, location));
                }
                at = record.end;
            }
            None if scanner.skip_damage(at)? => at = scanner.at(),
            None => break,
        }
    }
    Ok(found)
}
