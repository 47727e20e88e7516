//! Names on the wire to mailboxes, and what the user may do with them.

use crate::imap::session::Session;
use account::owner::Owner;
use account::rights::Rights;
use directory::entry::Account;
use imap::mailbox_name;
use mail::change::Place;
use mail::deliver::Quota;
use mail::error::Error;
use mail::mailboxes::Mailbox;

/// Below it stand the mailboxes of others: `Other Users/address/name`.
pub(crate) const OTHERS: &str = "Other Users/";

/// A mailbox that the user named.
pub(crate) struct Found {
    pub owner: Owner,
    /// The owner's address.
    pub address: String,
    pub mailbox: Mailbox,
    pub rights: Rights,
    pub is_own: bool,
    /// The owner's, which holds for everything that others put in too.
    pub quota: Quota,
}

impl Found {
    pub fn place(&self) -> Place {
        Place { owner: self.owner.clone(), mailbox: self.mailbox.id }
    }
}

impl Session<'_> {
    /// A name from the wire: modified UTF-7 unless UTF-8 is enabled.
    pub fn decode_name(&self, name: &str) -> Result<String, Error> {
        if self.utf8 {
            return Ok(name.to_owned());
        }
        // A client that sends UTF-8 nevertheless is understood.
        if !name.is_ascii() {
            return Ok(name.to_owned());
        }
        mailbox_name::decode(name).ok_or(Error::BadName("it is not modified UTF-7"))
    }

    /// Writes a name for the wire.
    pub fn write_name(&mut self, name: &str) {
        if self.utf8 {
            imap::write::astring(&mut self.line.output, name, true);
        } else {
            imap::write::astring(&mut self.line.output, &mailbox_name::encode(name), false);
        }
    }

    /// Whose mailbox a decoded name means, and its name there.
    pub async fn whose(&self, name: &str) -> Result<(Owner, String, bool), Error> {
        self.owner_of(name).await.map(|named| (named.owner, named.inner, named.is_own))
    }

    async fn owner_of(&self, name: &str) -> Result<Named, Error> {
        let user = self.user.as_ref().ok_or(Error::NoMailbox)?;
        let Some(rest) = name.strip_prefix(OTHERS) else {
            return Ok(Named {
                owner: user.owner.clone(),
                address: user.asker.address.clone(),
                inner: name.to_owned(),
                is_own: true,
                quota: user.quota,
            });
        };
        let (address, inner) = rest.split_once('/').ok_or(Error::NoMailbox)?;
        let account = self.service.directory.account_named(address).await.map_err(|_| Error::Closed)?;
        let account = account.filter(Account::is_active).ok_or(Error::NoMailbox)?;
        let quota = quota_of(&account);
        let owner = Owner::new(account.account_id(), account.partition);
        let is_own = owner == user.owner;
        Ok(Named { owner, address: account.address, inner: inner.to_owned(), is_own, quota })
    }

    /// The mailbox of a name from the wire. One that the user may not even see is not there.
    pub async fn find(&self, name: &str) -> Result<Found, Error> {
        let name = self.decode_name(name)?;
        let Named { owner, address, inner, is_own, quota } = self.owner_of(&name).await?;
        let mailbox = self.service.mail.find(&owner, &inner)?.ok_or(Error::NoMailbox)?;
        let user = self.user.as_ref().ok_or(Error::NoMailbox)?;
        let rights = if is_own { Rights::ALL } else { mailbox.row.grants.effective(&user.asker) };
        if !rights.has(Rights::LOOKUP) {
            return Err(Error::NoMailbox);
        }
        Ok(Found { owner, address, mailbox, rights, is_own, quota })
    }
}

/// Whose mailbox a name means, whether or not it is there.
struct Named {
    owner: Owner,
    address: String,
    inner: String,
    is_own: bool,
    quota: Quota,
}

/// What an account may keep.
pub(crate) fn quota_of(account: &Account) -> Quota {
    Quota { octets: account.quota_octets, messages: account.quota_messages }
}
