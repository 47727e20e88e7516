//! Access control lists: who may do what with a collection (RFC 4314).

use crate::octets::{Reader, RecordError, Writer};
use std::fmt;

/// A set of rights (RFC 4314 §2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rights(u16);

const LETTERS: [(char, Rights); 11] = [
    ('l', Rights::LOOKUP),
    ('r', Rights::READ),
    ('s', Rights::SEEN),
    ('w', Rights::WRITE),
    ('i', Rights::INSERT),
    ('p', Rights::POST),
    ('k', Rights::CREATE),
    ('x', Rights::DELETE_COLLECTION),
    ('t', Rights::DELETE_ITEMS),
    ('e', Rights::EXPUNGE),
    ('a', Rights::ADMINISTER),
];

impl Rights {
    /// Nothing.
    pub const NONE: Rights = Rights(0);
    /// `l`: see that it is there.
    pub const LOOKUP: Rights = Rights(1);
    /// `r`: read it.
    pub const READ: Rights = Rights(2);
    /// `s`: keep the seen flag.
    pub const SEEN: Rights = Rights(4);
    /// `w`: change other flags.
    pub const WRITE: Rights = Rights(8);
    /// `i`: put items in.
    pub const INSERT: Rights = Rights(16);
    /// `p`: send mail to it.
    pub const POST: Rights = Rights(32);
    /// `k`: make collections below it.
    pub const CREATE: Rights = Rights(64);
    /// `x`: delete it.
    pub const DELETE_COLLECTION: Rights = Rights(128);
    /// `t`: mark items deleted.
    pub const DELETE_ITEMS: Rights = Rights(256);
    /// `e`: expunge.
    pub const EXPUNGE: Rights = Rights(512);
    /// `a`: change these rights.
    pub const ADMINISTER: Rights = Rights(1024);
    /// Everything, as the owner has.
    pub const ALL: Rights = Rights(2047);

    /// Whether all of `other` are here.
    pub fn has(self, other: Rights) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both together.
    #[must_use]
    pub fn with(self, other: Rights) -> Rights {
        Rights(self.0 | other.0)
    }

    /// These without `other`.
    #[must_use]
    pub fn without(self, other: Rights) -> Rights {
        Rights(self.0 & !other.0)
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Reads letters; the virtual `c` and `d` of RFC 2086 mean `kx` and `et` (RFC 4314 §2.1.1). `None` for an unknown letter.
    pub fn parse(text: &str) -> Option<Rights> {
        let mut rights = Rights::NONE;
        for letter in text.chars() {
            rights = rights.with(match letter {
                'c' => Rights::CREATE.with(Rights::DELETE_COLLECTION),
                'd' => Rights::EXPUNGE.with(Rights::DELETE_ITEMS),
                other => LETTERS.iter().find(|(known, _)| *known == other)?.1,
            });
        }
        Some(rights)
    }

    /// The letters for a client that knows only RFC 2086: with `c` and `d` where they apply.
    pub fn with_virtual_letters(self) -> String {
        let mut text = self.to_string();
        if self.0 & (Rights::CREATE.0 | Rights::DELETE_COLLECTION.0) != 0 {
            text.push('c');
        }
        if self.0 & (Rights::EXPUNGE.0 | Rights::DELETE_ITEMS.0) != 0 {
            text.push('d');
        }
        text
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        LETTERS.iter().filter(|(_, right)| self.has(*right)).try_for_each(|(letter, _)| write!(f, "{letter}"))
    }
}

/// Who is asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The address with which the person logged in.
    pub address: String,
    /// Groups the person belongs to, by address.
    pub groups: Vec<String>,
}

/// The entries of one collection: identifier and rights. Identifiers are `anyone`, `anyone@domain`, an address, or
/// `group=address`; a leading `-` takes rights away (RFC 4314 §2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants(Vec<(String, Rights)>);

impl Grants {
    /// The entries in the order in which they were made.
    pub fn entries(&self) -> &[(String, Rights)] {
        &self.0
    }

    /// Sets the rights of `identifier`; none removes the entry.
    pub fn set(&mut self, identifier: &str, rights: Rights) {
        self.0.retain(|(name, _)| name != identifier);
        if !rights.is_empty() {
            self.0.push((identifier.to_owned(), rights));
        }
    }

    /// The rights that the list gives to `identifier` itself.
    pub fn of(&self, identifier: &str) -> Rights {
        self.0.iter().find(|(name, _)| name == identifier).map_or(Rights::NONE, |(_, rights)| *rights)
    }

    /// What `asker`, who is not the owner, may do: all that fits is added, then what negative entries name is taken away.
    pub fn effective(&self, asker: &Asker) -> Rights {
        let mut given = Rights::NONE;
        let mut taken = Rights::NONE;
        for (name, rights) in &self.0 {
            match name.strip_prefix('-') {
                Some(name) if fits(name, asker) => taken = taken.with(*rights),
                None if fits(name, asker) => given = given.with(*rights),
                _ => {}
            }
        }
        given.without(taken)
    }

    /// Appends the stored form: a count, then identifier and rights of each.
    pub fn write(&self, writer: &mut Writer) {
        writer.u32(u32::try_from(self.0.len()).unwrap_or(u32::MAX));
        for (name, rights) in &self.0 {
            writer.text(name).u32(u32::from(rights.0));
        }
    }

    /// Reads the stored form.
    pub fn read(reader: &mut Reader<'_>) -> Result<Grants, RecordError> {
        let count = reader.u32()?;
        let mut entries = Vec::new();
        for _ in 0..count {
            let name = reader.text()?;
            let bits = u16::try_from(reader.u32()?).ok().filter(|bits| bits & !Rights::ALL.0 == 0);
            entries.push((name, Rights(bits.ok_or(RecordError::Value)?)));
        }
        Ok(Grants(entries))
    }
}

fn fits(identifier: &str, asker: &Asker) -> bool {
    if identifier == "anyone" {
        return true;
    }
    if let Some(group) = identifier.strip_prefix("group=") {
        return asker.groups.iter().any(|member_of| member_of.eq_ignore_ascii_case(group));
    }
    if let Some(domain) = identifier.strip_prefix("anyone@") {
        let own = asker.address.rsplit_once('@').map_or("", |(_, domain)| domain);
        return own.eq_ignore_ascii_case(domain);
    }
    identifier.eq_ignore_ascii_case(&asker.address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asker(address: &str, groups: &[&str]) -> Asker {
        Asker { address: address.to_owned(), groups: groups.iter().map(|group| (*group).to_owned()).collect() }
    }

    #[test]
    fn letters_read_back_and_virtual_ones_are_understood() {
        assert_eq!(Rights::parse("lrswipkxtea"), Some(Rights::ALL));
        assert_eq!(Rights::ALL.to_string(), "lrswipkxtea");
        assert_eq!(Rights::parse("cd").unwrap().to_string(), "kxte");
        assert_eq!(Rights::parse("lrz"), None);
        assert_eq!(Rights::parse("lx").unwrap().with_virtual_letters(), "lxc");
    }

    #[test]
    fn rights_add_up_and_negative_ones_win() {
        let mut grants = Grants::default();
        grants.set("anyone", Rights::parse("lr").unwrap());
        grants.set("anyone@b.test", Rights::parse("s").unwrap());
        grants.set("group=staff@b.test", Rights::parse("w").unwrap());
        grants.set("-eve@b.test", Rights::parse("r").unwrap());
        assert_eq!(grants.effective(&asker("eve@b.test", &["staff@b.test"])).to_string(), "lsw");
        assert_eq!(grants.effective(&asker("x@c.test", &[])).to_string(), "lr");
        grants.set("anyone", Rights::NONE);
        assert_eq!(grants.effective(&asker("x@c.test", &[])), Rights::NONE);
    }

    #[test]
    fn stored_grants_have_pinned_bytes() {
        let mut grants = Grants::default();
        grants.set("a", Rights::READ.with(Rights::ADMINISTER));
        let mut writer = Writer::new(1);
        grants.write(&mut writer);
        assert_eq!(writer.finish(), [1, 1, 0, 0, 0, 1, 0, 0, 0, b'a', 2, 4, 0, 0]);
    }

    #[test]
    fn stored_grants_read_back() {
        let mut grants = Grants::default();
        grants.set("a@b.test", Rights::ALL);
        let mut writer = Writer::new(1);
        grants.write(&mut writer);
        let bytes = writer.finish();
        let mut reader = Reader::new(&bytes, 1).unwrap();
        assert_eq!(Grants::read(&mut reader), Ok(grants));
        assert_eq!(reader.end(), Ok(()));
    }
}
