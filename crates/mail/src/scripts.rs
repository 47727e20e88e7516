//! Sieve scripts of an account: a collection beside its mailboxes. One of them at most is active, and what scripts must
//! remember from one message to the next lies beside them. Nothing here reads the language.

use crate::book::{Book, give_up};
use crate::error::Error;
use crate::keys::{self, Keys, Spaces};
use crate::limits::{SCRIPT_NAME_CHARACTERS_MAX, SCRIPT_NAME_OCTETS_MAX};
use crate::store::Mail;
use account::owner::Owner;
use bytes::Bytes;
use model::{AccountId, BlobHash};
use std::ops::ControlFlow;
use storage::{Committed, NewBlob, Notice, Read, Transaction};

pub(crate) mod active;
mod memory;
mod record;

use active::active;
pub use memory::Memory;
pub(crate) use memory::{is_outdated, note_trouble, remember};
pub(crate) use record::{MemoryRow, decode_trouble, encode_trouble};
pub use record::{ScriptRow, Trouble};

pub use crate::keys::SCRIPTS_TOPIC;

/// A script of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Its number, which a new name does not change.
    pub id: u32,
    /// What is stored of it.
    pub row: ScriptRow,
    /// Whether it is the one that is run.
    pub is_active: bool,
}

impl Mail {
    /// Whether the account can have an active script. `false` is certain and costs no read; `true` must be looked up.
    pub fn may_have_script(&self, account: AccountId) -> bool {
        self.inner.scripted.read().is_ok_and(|scripted| scripted.contains(&account))
    }

    /// The active script.
    pub fn active_script(&self, owner: &Owner) -> Result<Option<Script>, Error> {
        if !self.may_have_script(owner.account) {
            return Ok(None);
        }
        let (snapshot, spaces) = self.read(owner)?;
        let Some(id) = active(&snapshot, spaces, owner.account)? else { return Ok(None) };
        let row = snapshot.get(&spaces.keys(owner).script(id))?;
        row.map(|row| decode(&row).map(|row| Script { id, row, is_active: true })).transpose()
    }

    /// All scripts by name.
    pub fn scripts(&self, owner: &Owner) -> Result<Vec<Script>, Error> {
        let (snapshot, spaces) = self.read(owner)?;
        all(&snapshot, spaces, owner)
    }

    /// The script of this name.
    pub fn script(&self, owner: &Owner, name: &str) -> Result<Option<Script>, Error> {
        Ok(self.scripts(owner)?.into_iter().find(|script| script.row.name == name))
    }

    /// What a script says.
    pub fn script_text(&self, owner: &Owner, script: &Script) -> Result<Bytes, Error> {
        self.body(owner, &script.row.blob)
    }

    /// Whether a script of this name and size would be taken (RFC 5804 §2.5).
    ///
    /// # Errors
    /// Why it would not.
    pub fn has_room_for_script(&self, owner: &Owner, name: &str, octets: u64) -> Result<(), Error> {
        check_name(name)?;
        let settings = &self.inner.settings;
        if octets > settings.script_octets_max {
            return Err(Error::TooLarge("the script"));
        }
        let scripts = self.scripts(owner)?;
        let is_new = scripts.iter().all(|script| script.row.name != name);
        if is_new && scripts.len() >= settings.scripts_max { Err(Error::TooMany("scripts")) } else { Ok(()) }
    }

    /// Stores a script, in the place of one of the same name.
    ///
    /// # Errors
    /// A name that cannot be used, too many scripts or too large a one; and what stores can fail with.
    pub async fn put_script(&self, owner: &Owner, name: &str, text: Bytes) -> Result<Committed<()>, Error> {
        check_name(name)?;
        let settings = &self.inner.settings;
        if text.len() as u64 > settings.script_octets_max {
            return Err(Error::TooLarge("the script"));
        }
        let (name, scripts_max, blob) = (name.to_owned(), settings.scripts_max, NewBlob::new(text));
        self.change_scripts(owner, move |book, scripts| {
            let before = scripts.iter().find(|script| script.row.name == name);
            if before.is_none() && scripts.len() >= scripts_max {
                return Err(Error::TooMany("scripts"));
            }
            let id = before.map_or_else(|| book.ledger.next_collection(), |script| script.id);
            book.transaction.blob(&blob);
            if let Some(before) = before {
                give_up(book.transaction, &before.row.blob)?;
            }
            let octets = u32::try_from(blob.len()).map_err(|_| Error::TooLarge("the script"))?;
            let (modseq, changed) = (book.ledger.modseq(), book.now());
            put(book, id, &ScriptRow { name, octets, blob: blob.hash(), modseq, changed });
            Ok(())
        })
        .await
    }

    /// Deletes a script that is not active (RFC 5804 §2.10).
    pub async fn delete_script(&self, owner: &Owner, name: &str) -> Result<Committed<()>, Error> {
        let name = name.to_owned();
        self.change_scripts(owner, move |book, scripts| {
            let script = named(scripts, &name)?;
            if script.is_active {
                return Err(Error::ScriptActive);
            }
            give_up(book.transaction, &script.row.blob)?;
            let key = book.keys.script(script.id);
            book.transaction.delete(key);
            Ok(())
        })
        .await
    }

    /// Gives a script another name; the active one stays active (RFC 5804 §2.11.1).
    pub async fn rename_script(&self, owner: &Owner, from: &str, to: &str) -> Result<Committed<()>, Error> {
        check_name(to)?;
        let (from, to) = (from.to_owned(), to.to_owned());
        self.change_scripts(owner, move |book, scripts| {
            let script = named(scripts, &from)?;
            if from != to && scripts.iter().any(|other| other.row.name == to) {
                return Err(Error::ScriptExists);
            }
            let (modseq, changed) = (book.ledger.modseq(), book.now());
            put(book, script.id, &ScriptRow { name: to, modseq, changed, ..script.row.clone() });
            Ok(())
        })
        .await
    }

    /// Makes a script the active one, or none (RFC 5804 §2.8).
    pub async fn activate_script(&self, owner: &Owner, name: Option<&str>) -> Result<Committed<()>, Error> {
        let name = name.map(str::to_owned);
        if name.is_some()
            && let Ok(mut scripted) = self.inner.scripted.write()
        {
            // Before it is written, so that nobody passes over a script that is active.
            scripted.insert(owner.account);
        }
        self.change_scripts(owner, move |book, scripts| {
            let key = keys::active_script(book.keys.space, book.keys.account);
            match name {
                None => book.transaction.delete(key),
                Some(name) => book.transaction.put(key, named(scripts, &name)?.id.to_le_bytes()),
            }
            Ok(())
        })
        .await
    }

    /// Runs `work` on the account's book and its scripts; whatever it does is one change of the collection.
    async fn change_scripts(
        &self,
        owner: &Owner,
        work: impl FnOnce(&mut Book<'_, '_>, &[Script]) -> Result<(), Error> + Send + 'static,
    ) -> Result<Committed<()>, Error> {
        let (_, spaces) = self.partition(&owner.partition)?;
        let whose = owner.clone();
        self.in_book(owner, move |book| {
            let scripts = all(book.transaction, spaces, &whose)?;
            work(book, &scripts)?;
            let sequence = book.ledger.modseq().0;
            let account = whose.account;
            book.transaction.notify(Notice { account, topic: SCRIPTS_TOPIC, collection: 0, sequence });
            Ok(())
        })
        .await
    }
}

/// Takes all that belongs to scripts off an account in its last transaction.
pub(crate) fn forget_all(transaction: &mut Transaction<'_>, spaces: Spaces, owner: &Owner) -> Result<(), Error> {
    for script in all(transaction, spaces, owner)? {
        give_up(transaction, &script.row.blob)?;
    }
    transaction.delete(keys::active_script(spaces.mail, owner.account));
    Ok(())
}

/// Tells what is wrong with an account's scripts, and counts the octets that they hold.
pub(crate) fn check(
    reader: &dyn Read,
    spaces: Spaces,
    keys: Keys,
    hold: &mut dyn FnMut(BlobHash),
    find: &mut dyn FnMut(String),
) -> Result<(), Error> {
    let mut ids = Vec::new();
    reader.each(keys.scripts().range(), &mut |key, value| {
        ids.extend(keys::rest(key).and_then(|mut parts| parts.u32()));
        match ScriptRow::decode(value) {
            Ok(row) => hold(row.blob),
            Err(error) => find(format!("account {}: a script: {error}", keys.account)),
        }
        Ok(ControlFlow::Continue(()))
    })?;
    if active(reader, spaces, keys.account)?.is_some_and(|id| !ids.contains(&id)) {
        find(format!("account {}: the active script is not there", keys.account));
    }
    reader.each(keys.memories().range(), &mut |_, value| {
        if let Err(error) = MemoryRow::decode(value) {
            find(format!("account {}: what a script remembers: {error}", keys.account));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(())
}

fn all(reader: &dyn Read, spaces: Spaces, owner: &Owner) -> Result<Vec<Script>, Error> {
    let active = active(reader, spaces, owner.account)?;
    let mut found = Vec::new();
    reader.each(spaces.keys(owner).scripts().range(), &mut |key, value| {
        let id = keys::rest(key).and_then(|mut parts| parts.u32()).ok_or(storage::Error::Row("scripts"))?;
        let row = ScriptRow::decode(value).map_err(|_| storage::Error::Row("scripts"))?;
        found.push(Script { id, row, is_active: active == Some(id) });
        Ok(ControlFlow::Continue(()))
    })?;
    found.sort_by(|left, right| left.row.name.cmp(&right.row.name));
    Ok(found)
}

fn decode(row: &[u8]) -> Result<ScriptRow, Error> {
    ScriptRow::decode(row).map_err(|_| storage::Error::Row("scripts").into())
}

fn named<'a>(scripts: &'a [Script], name: &str) -> Result<&'a Script, Error> {
    scripts.iter().find(|script| script.row.name == name).ok_or(Error::NoScript)
}

fn put(book: &mut Book<'_, '_>, id: u32, row: &ScriptRow) {
    let key = book.keys.script(id);
    book.transaction.put(key, row.encode());
}

/// RFC 5804 §1.6.
fn check_name(name: &str) -> Result<(), Error> {
    let is_wrong = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let is_long = name.len() > SCRIPT_NAME_OCTETS_MAX || name.chars().count() > SCRIPT_NAME_CHARACTERS_MAX;
    if name.is_empty() || is_long || name.chars().any(is_wrong) { Err(Error::BadScriptName) } else { Ok(()) }
}
