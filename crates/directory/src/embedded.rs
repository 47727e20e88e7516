//! The directory in the system partition: how it is read, and how operators change it.

mod changes;
mod groups;

use crate::directory::{Answer, Directory};
use crate::entry::{Account, Domain, Name, Role, canonical};
use crate::error::Error;
use crate::keys;
use crate::resolve::{Entries, Resolution, resolve};
use crate::settings::Settings;
use model::{AccountId, Address};
use net::{Counter, Registry};
use serde::de::DeserializeOwned;
use std::ops::ControlFlow;
use storage::{Partition, Read, Space};

pub use changes::{AccountChange, NewAccount};

/// The directory in the system partition. Cheap to clone.
#[derive(Clone)]
pub struct Embedded {
    partition: Partition,
    space: Space,
    settings: Settings,
    unavailable: Counter,
}

impl Embedded {
    /// Opens the directory. Blocks while its space is made.
    pub fn new(partition: Partition, settings: Settings) -> Result<Embedded, Error> {
        let space = partition.space(keys::SPACE)?;
        Ok(Embedded { partition, space, settings, unavailable: Counter::default() })
    }

    /// The same directory, whose questions without an answer are counted where operators look.
    #[must_use]
    pub fn counted_in(mut self, registry: &Registry) -> Embedded {
        self.unavailable = registry.counter(
            "heliograph_directory_unavailable_total",
            "Questions to the directory that it could not answer: whoever asked is told to come again.",
            &[],
        );
        self
    }

    fn counted<T>(&self, answer: Result<T, Error>) -> Result<T, Error> {
        if let Err(Error::Unavailable(_)) = &answer {
            self.unavailable.add(1);
        }
        answer
    }

    fn account_behind(&self, name: &str) -> Result<Option<Account>, Error> {
        let Ok(address) = name.parse::<Address>() else { return Ok(None) };
        let rows = self.entries()?;
        let mut wanted = canonical(&address);
        // An alias of one account alone may be used to log in; a chain of them may not.
        if let Some(Name::Alias { targets }) = rows.name(&wanted)?
            && let [target] = targets.as_slice()
        {
            wanted.clone_from(target);
        }
        match rows.name(&wanted)? {
            Some(Name::Account { id }) => rows.account(id),
            _ => Ok(None),
        }
    }

    /// The settings it runs on.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    fn entries(&self) -> Result<Rows<storage::Snapshot>, Error> {
        Ok(Rows { reader: self.partition.snapshot()?, space: self.space })
    }

    /// Every domain by name.
    pub fn domains(&self) -> Result<Vec<(String, Domain)>, Error> {
        let mut found = Vec::new();
        self.partition.snapshot()?.each(keys::domains(self.space).range(), &mut |key, value| {
            let name = keys::text(key).ok_or(storage::Error::Row("domains"))?;
            found.push((name, record(value, "domains")?));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    /// Every account by number, deleted ones among them.
    pub fn accounts(&self) -> Result<Vec<Account>, Error> {
        let mut found = Vec::new();
        self.partition.snapshot()?.each(keys::accounts(self.space).range(), &mut |_, value| {
            found.push(record(value, "accounts")?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    /// Every address with what stands behind it, by address.
    pub fn names(&self) -> Result<Vec<(String, Name)>, Error> {
        let mut found = Vec::new();
        self.partition.snapshot()?.each(keys::names(self.space).range(), &mut |key, value| {
            let address = keys::text(key).ok_or(storage::Error::Row("names"))?;
            found.push((address, record(value, "names")?));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    /// What stands behind an address of ours, if anything has this very name.
    pub fn name(&self, address: &Address) -> Result<Option<Name>, Error> {
        self.entries()?.name(&canonical(address))
    }

    /// What does not fit together, in words, one each.
    pub fn check(&self) -> Result<Vec<String>, Error> {
        let mut findings = Vec::new();
        let rows = self.entries()?;
        for (address, name) in self.names()? {
            let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
            if rows.domain(domain)?.is_none() {
                findings.push(format!("{address}: the domain {domain} is not ours"));
            }
            match name {
                Name::Account { id } => match rows.account(id)? {
                    Some(account) if account.address == address => {}
                    Some(_) => findings.push(format!("{address}: account {id} has another address")),
                    None => findings.push(format!("{address}: there is no account {id}")),
                },
                Name::Alias { targets: members } | Name::Group { members, .. } => {
                    let broken = members.iter().filter(|member| member.parse::<Address>().is_err());
                    findings.extend(broken.map(|member| format!("{address}: {member} is no address")));
                }
            }
        }
        for account in self.accounts()? {
            let named = rows.name(&account.address)?;
            if account.is_active() && named != Some(Name::Account { id: account.id }) {
                findings.push(format!("account {}: its address {} does not lead to it", account.id, account.address));
            }
        }
        Ok(findings)
    }
}

/// The directory's rows as they can be resolved.
struct Rows<R> {
    reader: R,
    space: Space,
}

fn record<T: DeserializeOwned>(value: &[u8], what: &'static str) -> Result<T, storage::Error> {
    serde_json::from_slice(value).map_err(|_| storage::Error::Row(what))
}

fn get<T: DeserializeOwned>(reader: &dyn Read, key: &[u8], what: &'static str) -> Result<Option<T>, Error> {
    Ok(match reader.get(key)? {
        None => None,
        Some(value) => Some(record(&value, what)?),
    })
}

impl<R: Read> Entries for Rows<R> {
    fn domain(&self, domain: &str) -> Result<Option<Domain>, Error> {
        get(&self.reader, &keys::domain(self.space, domain), "domains")
    }

    fn name(&self, address: &str) -> Result<Option<Name>, Error> {
        get(&self.reader, &keys::name(self.space, address), "names")
    }

    fn account(&self, id: u32) -> Result<Option<Account>, Error> {
        get(&self.reader, &keys::account(self.space, id), "accounts")
    }

    fn postmaster(&self) -> Result<Option<Account>, Error> {
        let mut found: Option<Account> = None;
        self.reader.each(keys::accounts(self.space).range(), &mut |_, value| {
            let account: Account = record(value, "accounts")?;
            if account.is_active() && account.has_role(Role::Administrator) {
                found = Some(account);
                return Ok(ControlFlow::Break(()));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }
}

impl Directory for Embedded {
    fn is_local_domain<'a>(&'a self, domain: &'a model::Domain) -> Answer<'a, bool> {
        let find = || Ok(self.entries()?.domain(domain.as_str())?.is_some());
        Box::pin(async move { self.counted(find()) })
    }

    fn resolve<'a>(&'a self, address: &'a Address) -> Answer<'a, Resolution> {
        let find = || resolve(&self.entries()?, address, self.settings.subaddress_separator);
        Box::pin(async move { self.counted(find()) })
    }

    fn account_named<'a>(&'a self, name: &'a str) -> Answer<'a, Option<Account>> {
        Box::pin(async move { self.counted(self.account_behind(name)) })
    }

    fn account(&self, id: AccountId) -> Answer<'_, Option<Account>> {
        let find = move || self.entries()?.account(id.0);
        Box::pin(async move { self.counted(find()) })
    }

    fn groups_of<'a>(&'a self, address: &'a str) -> Answer<'a, Vec<String>> {
        let find = || groups::containing(&self.names()?, address);
        Box::pin(async move { self.counted(find()) })
    }
}

#[cfg(test)]
mod tests;
