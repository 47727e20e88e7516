//! Mailboxes, groups and lists of them as header fields hold them (RFC 5322 §3.4, §4.4; RFC 6532), read so that
//! something sensible comes out of whatever is there.

/// One entry of an address list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A single mailbox.
    Mailbox(Mailbox),
    /// A named group; it may be empty, as in `undisclosed-recipients:;`.
    Group {
        /// Its name, quoting removed, encoded words as they came.
        name: String,
        /// Who is in it.
        members: Vec<Mailbox>,
    },
}

/// A mailbox with its display name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mailbox {
    /// The display name, quoting removed, encoded words as they came.
    pub name: Option<String>,
    /// The obsolete source route without its colon (RFC 5322 §4.4 `obs-route`).
    pub route: Option<String>,
    /// What stands before the `@`, quoting removed.
    pub local: String,
    /// What stands after it; empty if there was no `@`.
    pub domain: String,
}

impl Mailbox {
    /// The display name with encoded words decoded, or the address where there is none (RFC 5957 §3).
    pub fn display(&self) -> String {
        todo!()
    }

    /// `local@domain`, unquoted.
    pub fn address(&self) -> String {
        todo!()
    }
}

/// Reads an address list from the folded or unfolded value of a field.
pub fn parse(value: &[u8]) -> Vec<Entry> {
    todo!()
}

/// All mailboxes of a list, those in groups included, in order.
pub fn mailboxes(entries: &[Entry]) -> impl Iterator<Item = &Mailbox> {
    entries.iter().flat_map(|entry| match entry {
        Entry::Mailbox(mailbox) => std::slice::from_ref(mailbox),
        Entry::Group { members, .. } => members.as_slice(),
    })
}
