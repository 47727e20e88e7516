//! Every key of the directory, all in the system partition below account 0 and the directory's space octet.
//!
//! | kind | rest of the key | value |
//! |---|---|---|
//! | 1 | domain text | domain record |
//! | 2 | account u32 | account record |
//! | 3 | canonical address text | name record: what stands behind the address |
//! | 4 | | the last account number given out, u32 little-endian |

use model::AccountId;
use storage::{Key, KeyParts, Space};

/// The name of the storage space.
pub const SPACE: &str = "directory";

fn kind(space: Space, kind: u8) -> Key {
    space.key(AccountId(0)).u8(kind)
}

pub fn domains(space: Space) -> Key {
    kind(space, 1)
}

pub fn domain(space: Space, name: &str) -> Key {
    kind(space, 1).text(name)
}

pub fn accounts(space: Space) -> Key {
    kind(space, 2)
}

pub fn account(space: Space, id: u32) -> Key {
    kind(space, 2).u32(id)
}

pub fn names(space: Space) -> Key {
    kind(space, 3)
}

pub fn name(space: Space, address: &str) -> Key {
    kind(space, 3).text(address)
}

pub fn last_account(space: Space) -> Key {
    kind(space, 4)
}

/// The text of a key of kind 1 or 3.
pub fn text(key: &[u8]) -> Option<String> {
    let mut parts = KeyParts::after_space(key)?;
    parts.u8()?;
    parts.text()
}
