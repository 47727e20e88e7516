//! Every key of the mail store. All begin with the account (32 bits, big-endian) and the store's space octet.
//!
//! | kind | rest of the key | value |
//! |---|---|---|
//! | 1 | mailbox u32 | mailbox record |
//! | 2 | name text | mailbox u32: finds a mailbox by name |
//! | 3 | mailbox u32, uid u32 | message record: what never changes |
//! | 4 | mailbox u32, uid u32 | summary: envelope, structure, preview |
//! | 5 | mailbox u32, modseq u64 | UID set: what that change touched |
//! | 6 | mailbox u32, modseq u64 | UID set: what that change expunged |
//! | 7 | expunged ms u64, mailbox u32, uid u32 | trash record |
//! | 8 | hash u128 | thread u64: the conversation of a message id and base subject |
//! | 9 | name text | empty: a subscription |
//! | 10 | mailbox u32 (0: the account), entry text | annotation |
//! | 11 | queue id u64, recipient u32 | filed ms u64: this delivery is done |
//! | 12 | identifier text, account u32, mailbox u32 | empty, below account 0: a mailbox on whose list the identifier is |
//! | 13 | mailbox u32 (0: the account), guest's account u32, entry text | a guest's private annotation |
//! | 14 | mailbox u32, page u32 | page of marks: what changes of neighbouring messages |
//! | 15 | script u32 | script record |
//! | 16 | account u32 | script u32, below account 0: the account's active script |
//! | 17 | hash u128 | memory record: what a script must not do again for a while |
//! | 18 | nothing | counter: rows of kind 17 |
//! | 19 | nothing | trouble record: the last time that a script failed |

use account::owner::Owner;
use model::{AccountId, MailboxId, Modseq, QueueId, Timestamp, Uid};
use storage::{Key, KeyParts, Space};

/// The name of the storage space.
pub const SPACE: &str = "mail";

/// The topic under which changes are published: collection is the mailbox, or 0 for the account's subscriptions and
/// annotations; sequence is the modseq.
pub const TOPIC: u8 = 1;

/// The topic under which changes of scripts are published: collection is 0, sequence is the modseq.
pub const SCRIPTS_TOPIC: u8 = 4;

/// Builds the keys of one account.
#[derive(Clone, Copy, Debug)]
pub struct Keys {
    /// The store's space.
    pub space: Space,
    /// The account.
    pub account: AccountId,
}

impl Keys {
    fn kind(&self, kind: u8) -> Key {
        self.space.key(self.account).u8(kind)
    }

    pub fn mailboxes(&self) -> Key {
        self.kind(1)
    }

    pub fn mailbox(&self, mailbox: MailboxId) -> Key {
        self.kind(1).u32(mailbox.0)
    }

    pub fn name(&self, name: &str) -> Key {
        self.kind(2).text(name)
    }

    pub fn messages(&self, mailbox: MailboxId) -> Key {
        self.kind(3).u32(mailbox.0)
    }

    pub fn message(&self, mailbox: MailboxId, uid: Uid) -> Key {
        self.messages(mailbox).u32(uid.0)
    }

    pub fn summaries(&self, mailbox: MailboxId) -> Key {
        self.kind(4).u32(mailbox.0)
    }

    pub fn summary(&self, mailbox: MailboxId, uid: Uid) -> Key {
        self.kind(4).u32(mailbox.0).u32(uid.0)
    }

    pub fn changed(&self, mailbox: MailboxId, modseq: Modseq) -> Key {
        self.kind(5).u32(mailbox.0).u64(modseq.0)
    }

    pub fn all_changed(&self, mailbox: MailboxId) -> Key {
        self.kind(5).u32(mailbox.0)
    }

    pub fn vanished(&self, mailbox: MailboxId, modseq: Modseq) -> Key {
        self.kind(6).u32(mailbox.0).u64(modseq.0)
    }

    pub fn all_vanished(&self, mailbox: MailboxId) -> Key {
        self.kind(6).u32(mailbox.0)
    }

    pub fn pages(&self, mailbox: MailboxId) -> Key {
        self.kind(14).u32(mailbox.0)
    }

    pub fn page(&self, mailbox: MailboxId, number: u32) -> Key {
        self.pages(mailbox).u32(number)
    }

    pub fn trash(&self) -> Key {
        self.kind(7)
    }

    pub fn trashed(&self, when: Timestamp, mailbox: MailboxId, uid: Uid) -> Key {
        self.kind(7).u64(when.0).u32(mailbox.0).u32(uid.0)
    }

    pub fn threads(&self) -> Key {
        self.kind(8)
    }

    pub fn thread(&self, hash: u128) -> Key {
        self.threads().raw(&hash.to_be_bytes())
    }

    pub fn subscriptions(&self) -> Key {
        self.kind(9)
    }

    pub fn subscription(&self, name: &str) -> Key {
        self.kind(9).text(name)
    }

    pub fn annotations(&self, mailbox: MailboxId) -> Key {
        self.kind(10).u32(mailbox.0)
    }

    pub fn all_guest_annotations(&self, mailbox: MailboxId) -> Key {
        self.kind(13).u32(mailbox.0)
    }

    pub fn guest_annotations(&self, mailbox: MailboxId, guest: AccountId) -> Key {
        self.all_guest_annotations(mailbox).u32(guest.0)
    }

    pub fn delivery(&self, queue_id: QueueId, recipient: u32) -> Key {
        self.kind(11).u64(queue_id.0).u32(recipient)
    }

    pub fn deliveries(&self) -> Key {
        self.kind(11)
    }

    pub fn scripts(&self) -> Key {
        self.kind(15)
    }

    pub fn script(&self, id: u32) -> Key {
        self.kind(15).u32(id)
    }

    pub fn memories(&self) -> Key {
        self.kind(17)
    }

    pub fn memory(&self, hash: u128) -> Key {
        self.memories().raw(&hash.to_be_bytes())
    }

    pub fn memory_count(&self) -> Key {
        self.kind(18)
    }

    pub fn trouble(&self) -> Key {
        self.kind(19)
    }
}

/// The spaces of a partition that the store writes in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spaces {
    pub(crate) account: Space,
    pub(crate) mail: Space,
}

impl Spaces {
    pub(crate) fn keys(self, owner: &Owner) -> Keys {
        Keys { space: self.mail, account: owner.account }
    }
}

/// The mailboxes of the partition on whose access control lists `identifier` (lower case) is.
pub fn shared_with(space: Space, identifier: &str) -> Key {
    space.key(AccountId(0)).u8(12).text(identifier)
}

/// One of them.
pub fn share(space: Space, identifier: &str, account: AccountId, mailbox: MailboxId) -> Key {
    shared_with(space, identifier).u32(account.0).u32(mailbox.0)
}

/// The active scripts of the partition's accounts.
pub fn active_scripts(space: Space) -> Key {
    space.key(AccountId(0)).u8(16)
}

/// The active script of an account.
pub fn active_script(space: Space, account: AccountId) -> Key {
    active_scripts(space).u32(account.0)
}

/// The part of a key behind account, space and kind.
pub fn rest(key: &[u8]) -> Option<KeyParts<'_>> {
    let mut parts = KeyParts::after_space(key)?;
    parts.u8()?;
    Some(parts)
}

/// The modseq at the end of a key of kind 5 or 6.
pub fn last_modseq(key: &[u8]) -> Option<Modseq> {
    key.last_chunk::<8>().map(|octets| Modseq(u64::from_be_bytes(*octets)))
}

/// The number at the end of a key of kind 14.
pub fn last_page(key: &[u8]) -> Option<u32> {
    key.last_chunk::<4>().map(|octets| u32::from_be_bytes(*octets))
}

/// The UID at the end of a key of kind 3, 4 or 7.
pub fn last_uid(key: &[u8]) -> Option<Uid> {
    key.last_chunk::<4>().map(|octets| Uid(u32::from_be_bytes(*octets)))
}
