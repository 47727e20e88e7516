//! Sets of UIDs as rows hold them: what one change touched, or made vanish.
//!
//! On disk: version u8, then of each run of neighbours its distance to the end of the last one and its length, in
//! seven-bit groups.

use crate::limits::CHANGE_UIDS_MAX;
use account::octets::{Reader, RecordError, Writer};
use model::Uid;

const VERSION: u8 = 1;

/// UIDs in ascending order, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UidSet(Vec<(u32, u32)>);

impl UidSet {
    /// A set of these, in any order.
    pub fn new(mut uids: Vec<Uid>) -> UidSet {
        uids.sort_unstable();
        uids.dedup();
        let mut runs: Vec<(u32, u32)> = Vec::new();
        for Uid(uid) in uids {
            match runs.last_mut() {
                Some((_, last)) if last.checked_add(1) == Some(uid) => *last = uid,
                _ => runs.push((uid, uid)),
            }
        }
        UidSet(runs)
    }

    /// Every UID, ascending.
    pub fn uids(&self) -> impl Iterator<Item = Uid> + '_ {
        self.0.iter().flat_map(|(first, last)| (*first..=*last).map(Uid))
    }

    /// The stored form.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new(VERSION);
        let mut end = 0;
        for (first, last) in &self.0 {
            writer.groups(u128::from(first - end)).groups(u128::from(last - first));
            end = *last;
        }
        writer.finish()
    }

    /// Reads the stored form.
    pub fn decode(bytes: &[u8]) -> Result<UidSet, RecordError> {
        let mut reader = Reader::new(bytes, VERSION)?;
        let mut runs: Vec<(u32, u32)> = Vec::new();
        let mut end = 0u32;
        let mut count = 0u64;
        while !reader.is_at_end() {
            let mut number = || reader.groups().and_then(|n| u32::try_from(n).map_err(|_| RecordError::Value));
            let (gap, length) = (number()?, number()?);
            let first = end.checked_add(gap).ok_or(RecordError::Value)?;
            let last = first.checked_add(length).ok_or(RecordError::Value)?;
            count += u64::from(length) + 1;
            if count > CHANGE_UIDS_MAX || (gap == 0 && !runs.is_empty()) {
                return Err(RecordError::Value);
            }
            runs.push((first, last));
            end = last;
        }
        Ok(UidSet(runs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_set_has_its_golden_octets() {
        let set = UidSet::new([5, 3, 4, 5, 200].map(Uid).to_vec());
        assert_eq!(set.encode(), [1, 3, 2, 0xc3, 1, 0]);
        assert_eq!(set.uids().map(|uid| uid.0).collect::<Vec<_>>(), [3, 4, 5, 200]);
    }

    #[test]
    fn a_run_beyond_the_last_uid_is_damage() {
        assert_eq!(UidSet::decode(&[1, 0xff, 0xff, 0xff, 0xff, 0x0f, 1]), Err(RecordError::Value));
    }

    proptest! {
        #[test]
        fn reading_undoes_writing(uids in proptest::collection::vec(1u32..5000, 0..300), far: u32) {
            let set = UidSet::new(uids.into_iter().chain([far.max(1)]).map(Uid).collect());
            prop_assert_eq!(UidSet::decode(&set.encode()), Ok(set));
        }
    }
}
