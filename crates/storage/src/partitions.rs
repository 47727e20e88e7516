//! The partitions of one server by nickname, and where everything lies in the data folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::Error;
use crate::limits::NAME_OCTETS_MAX;
use crate::partition::Partition;

/// Where things lie in the data folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    data: PathBuf,
}

impl Layout {
    /// The layout below the folder `data`.
    pub fn new(data: impl Into<PathBuf>) -> Layout {
        Layout { data: data.into() }
    }

    /// The data folder itself.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The partition of directory and queue.
    pub fn system(&self) -> PathBuf {
        self.data.join("system")
    }

    /// The folder of all mail partitions.
    pub fn partitions(&self) -> PathBuf {
        self.data.join("partitions")
    }

    /// The mail partition `nick`; the name must be one that [`is_nickname`] allows.
    pub fn partition(&self, nick: &str) -> Result<PathBuf, Error> {
        if !is_nickname(nick) {
            return Err(Error::Name(nick.to_owned()));
        }
        Ok(self.partitions().join(nick))
    }

    /// What lives only while the server runs.
    pub fn run(&self) -> PathBuf {
        self.data.join("run")
    }

    /// The socket of the administration tools.
    pub fn admin_socket(&self) -> PathBuf {
        self.run().join("admin.sock")
    }
}

/// Whether `name` may name a partition: 1 to 64 of `a-z 0-9 - _`, beginning with a letter or a digit.
pub fn is_nickname(name: &str) -> bool {
    let letter = |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit();
    name.len() <= NAME_OCTETS_MAX
        && name.bytes().next().is_some_and(letter)
        && name.bytes().all(|octet| letter(octet) || octet == b'-' || octet == b'_')
}

/// The open mail partitions. Cheap to clone.
#[derive(Clone)]
pub struct Partitions {
    by_nick: Arc<BTreeMap<String, Partition>>,
    default_nick: Arc<str>,
}

impl Partitions {
    /// The partitions of `by_nick`; new accounts go to `default_nick`, which must be among them.
    pub fn new(by_nick: BTreeMap<String, Partition>, default_nick: &str) -> Result<Partitions, Error> {
        let strange = by_nick.keys().find(|nick| !is_nickname(nick));
        if let Some(nick) = strange {
            return Err(Error::Name(nick.clone()));
        }
        if !by_nick.contains_key(default_nick) {
            return Err(Error::Name(default_nick.to_owned()));
        }
        Ok(Partitions { by_nick: Arc::new(by_nick), default_nick: default_nick.into() })
    }

    /// One partition alone, which is the default.
    pub fn single(nick: &str, partition: Partition) -> Result<Partitions, Error> {
        Partitions::new(BTreeMap::from([(nick.to_owned(), partition)]), nick)
    }

    /// The partition `nick`.
    pub fn get(&self, nick: &str) -> Option<&Partition> {
        self.by_nick.get(nick)
    }

    /// Where new accounts go.
    pub fn default_nick(&self) -> &str {
        &self.default_nick
    }

    /// All of them by nickname.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Partition)> {
        self.by_nick.iter().map(|(nick, partition)| (nick.as_str(), partition))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nicknames_cannot_leave_their_folder() {
        assert!(is_nickname("primary") && is_nickname("0-a_b"));
        for bad in ["", "..", "a/b", "-a", "A", "a.b", &"a".repeat(65)] {
            assert!(!is_nickname(bad), "{bad:?}");
            assert!(Layout::new("/data").partition(bad).is_err(), "{bad:?}");
        }
    }
}
