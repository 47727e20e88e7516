//! Keys: account first, then the owner's space, then what the owner likes. Order is that of the octets, so all
//! numbers are big-endian and texts end in a mark that sorts below every continuation.

use model::AccountId;

/// One octet that one crate owns below every account. Got from `Partition::space`, remembered in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Space(pub(crate) u8);

impl Space {
    /// The beginning of every key of this space below `account`. `AccountId(0)` is the partition itself.
    pub fn key(self, account: AccountId) -> Key {
        let mut octets = Vec::with_capacity(40);
        octets.extend_from_slice(&account.0.to_be_bytes());
        octets.push(self.0);
        Key(octets)
    }

    /// The octet itself, for listings.
    pub fn octet(self) -> u8 {
        self.0
    }
}

/// A key under construction. `space.key(account).u8(1).u32(7).text("x").into()`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Vec<u8>);

impl Key {
    /// Appends one octet.
    #[must_use]
    pub fn u8(mut self, value: u8) -> Key {
        self.0.push(value);
        self
    }

    /// Appends 16 bits.
    #[must_use]
    pub fn u16(mut self, value: u16) -> Key {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    /// Appends 32 bits.
    #[must_use]
    pub fn u32(mut self, value: u32) -> Key {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    /// Appends 64 bits.
    #[must_use]
    pub fn u64(mut self, value: u64) -> Key {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    /// Appends octets with an end mark: any content, order kept, no text a prefix of another.
    #[must_use]
    pub fn bytes(mut self, value: &[u8]) -> Key {
        for &octet in value {
            self.0.push(octet);
            if octet == 0 {
                self.0.push(0xff);
            }
        }
        self.0.extend_from_slice(&[0, 0]);
        self
    }

    /// Appends a text with an end mark, as [`Key::bytes`].
    #[must_use]
    pub fn text(self, value: &str) -> Key {
        self.bytes(value.as_bytes())
    }

    /// Appends octets as they are: for the last part of a key, a hash, or the beginning of a text to look up.
    #[must_use]
    pub fn raw(mut self, value: &[u8]) -> Key {
        self.0.extend_from_slice(value);
        self
    }

    /// All keys that begin with this one, itself included.
    pub fn range(&self) -> KeyRange {
        KeyRange::prefix(&self.0)
    }

    /// The octets.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

impl From<Key> for Vec<u8> {
    fn from(key: Key) -> Vec<u8> {
        key.0
    }
}

impl AsRef<[u8]> for Key {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl std::ops::Deref for Key {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// Takes a key apart again, in the order in which it was built. `None` where the key is shorter than asked.
#[derive(Clone, Copy, Debug)]
pub struct KeyParts<'a>(&'a [u8]);

impl<'a> KeyParts<'a> {
    /// Begins at the first octet: the account.
    pub fn new(key: &'a [u8]) -> KeyParts<'a> {
        KeyParts(key)
    }

    /// Begins behind account and space.
    pub fn after_space(key: &'a [u8]) -> Option<KeyParts<'a>> {
        key.get(5..).map(KeyParts)
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk::<N>()?;
        self.0 = tail;
        Some(*head)
    }

    /// One octet.
    pub fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(|[octet]| octet)
    }

    /// 16 bits.
    pub fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_be_bytes)
    }

    /// 32 bits.
    pub fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    /// 64 bits.
    pub fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    /// Octets written by [`Key::bytes`].
    pub fn bytes(&mut self) -> Option<Vec<u8>> {
        let mut value = Vec::new();
        loop {
            match (self.u8()?, self.0.first()) {
                (0, Some(0)) => {
                    self.u8();
                    return Some(value);
                }
                (0, Some(0xff)) => {
                    self.u8();
                    value.push(0);
                }
                (0, _) => return None,
                (octet, _) => value.push(octet),
            }
        }
    }

    /// A text written by [`Key::text`].
    pub fn text(&mut self) -> Option<String> {
        String::from_utf8(self.bytes()?).ok()
    }

    /// What is left, as it stands.
    pub fn rest(self) -> &'a [u8] {
        self.0
    }
}

/// Keys from `start` (included) to `end` (not included, or no end).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    /// The first key that belongs to the range.
    pub start: Vec<u8>,
    /// The first key behind the range; `None` = to the end of all keys.
    pub end: Option<Vec<u8>>,
}

impl KeyRange {
    /// From `start` (included) to `end` (not included).
    pub fn new(start: impl Into<Vec<u8>>, end: impl Into<Vec<u8>>) -> KeyRange {
        KeyRange { start: start.into(), end: Some(end.into()) }
    }

    /// All keys that begin with `prefix`.
    pub fn prefix(prefix: &[u8]) -> KeyRange {
        KeyRange { start: prefix.to_vec(), end: after_prefix(prefix) }
    }

    /// The part of this range that begins at `key`.
    #[must_use]
    pub fn starting_at(mut self, key: impl Into<Vec<u8>>) -> KeyRange {
        let key = key.into();
        if key > self.start {
            self.start = key;
        }
        self
    }

    /// The part of this range behind `key`.
    #[must_use]
    pub fn after(self, key: impl Into<Vec<u8>>) -> KeyRange {
        let mut key = key.into();
        key.push(0);
        self.starting_at(key)
    }

    /// The part of this range before `key`.
    #[must_use]
    pub fn before(mut self, key: impl Into<Vec<u8>>) -> KeyRange {
        let key = key.into();
        if self.end.as_ref().is_none_or(|end| key < *end) {
            self.end = Some(key);
        }
        self
    }

    /// What is left behind a page of a scan in this range (see `Page::next`).
    #[must_use]
    pub fn resume(self, next: Vec<u8>, reverse: bool) -> KeyRange {
        if reverse { self.before(next) } else { self.starting_at(next) }
    }

    /// Whether `key` lies in the range.
    pub fn contains(&self, key: &[u8]) -> bool {
        key >= self.start.as_slice() && self.end.as_deref().is_none_or(|end| key < end)
    }

    /// Whether no key can lie in the range.
    pub fn is_empty(&self) -> bool {
        self.end.as_ref().is_some_and(|end| *end <= self.start)
    }
}

/// The first key that is greater than all keys beginning with `prefix`.
fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|&octet| octet != 0xff)?;
    let mut end = prefix.get(..=last)?.to_vec();
    *end.last_mut()? += 1;
    Some(end)
}

#[cfg(test)]
mod tests;
